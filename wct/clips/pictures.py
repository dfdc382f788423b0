"""Clips of single pictures: animated GIF, WebP and PNG, read by pillow, and folders of numbered frames."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import partial
from pathlib import Path

from PIL import Image

from wct.clips.clip import Clip, ClipError, Frame
from wct.images import PictureError, find_pictures, open_picture, with_alpha

RATE = Fraction(24)  # of numbered frames, unless the caller says otherwise
SLOW = Fraction(1, 10)  # seconds of a frame that asks for next to none, as browsers show it
FEW = Fraction(1, 100)  # seconds up to which they do

NUMBER = re.compile(r"(\d+)(?!.*\d)")


def open_animation(path) -> Clip:
    """The Clip of an animated picture."""
    try:
        with Image.open(path) as image:
            count = getattr(image, "n_frames", 1)
            durations = [_duration(image, i) for i in range(count)]
            loop = image.info.get("loop", 0)
            if image.format == "GIF":  # which counts repetitions, where there are any
                loop = 1 if "loop" not in image.info else loop and loop + 1
            return Clip(path, image.size, count / sum(durations), count, float(sum(durations)), _shown, loop=loop,
                        last=durations[-1])
    except Exception as error:  # on a broken file pillow raises nearly anything
        raise ClipError(f"{path} cannot be read: it is damaged, or no animation; replace it with a whole copy"
                        ) from error


def _duration(image, i):
    """Seconds for which frame i is shown."""
    image.seek(i)
    if image.format == "WEBP":
        image.load()  # which tells it
    seconds = Fraction(round(image.info.get("duration") or 0), 1000)
    return seconds if seconds > FEW else SLOW


def _shown(clip):
    time = Fraction(0)
    with Image.open(clip.path) as image:
        for i in range(clip.count):
            try:
                duration = _duration(image, i)
                whole = image.convert("RGBA" if image.has_transparency_data else "RGB")
            except Exception:  # as above
                clip.note(f"breaks off after frame {i} of {clip.count}; what comes before was read")
                return
            yield Frame(time, duration, partial(_scaled, whole))
            time += duration


def _scaled(image, size):
    return image if size in (None, image.size) else image.resize(size, Image.Resampling.LANCZOS)


def open_folder(path, rate=None) -> Clip:
    """The Clip of a folder of pictures, in the order of the last numbers in their names; rate: frames a second."""
    rate = Fraction(rate or RATE).limit_denominator(1000)
    try:
        pictures = sorted(find_pictures(path), key=_order)
    except PictureError as error:
        raise ClipError(str(error)) from error
    clip = Clip(Path(path), (0, 0), rate, len(pictures), float(len(pictures) / rate),
                partial(_numbered, pictures=pictures))
    clip.size = _opened(0, pictures, clip).rgb.size
    return clip


def _order(path):
    number = NUMBER.search(path.stem)
    return (path.stem[:number.start()] if number else path.stem, int(number[0]) if number else -1, path.name)


def _numbered(clip, pictures):
    for i in range(len(pictures)):
        yield Frame(i / clip.rate, 1 / clip.rate, partial(_fitted, i, pictures, clip))


def _fitted(i, pictures, clip, size):
    """A numbered frame, as large as the first one."""
    picture = _opened(i, pictures, clip)
    return _scaled(with_alpha(picture.rgb, picture.alpha), size or clip.size)


def _opened(i, pictures, clip):
    """The Picture of a numbered frame; for one that cannot be read stands the one before, or else the next."""
    for path in (*pictures[i::-1], *pictures[i + 1:]):
        try:
            return open_picture(path)
        except PictureError as error:
            clip.note(f"has broken frames, for which others stand ({error})")
            last = error
    raise ClipError(str(last)) from last

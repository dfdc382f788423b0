"""Which files are clips, and how each is opened."""

from __future__ import annotations

import os
from pathlib import Path

from wct.clips.clip import Clip, ClipError
from wct.clips.movies import open_movie
from wct.clips.pictures import open_animation, open_folder
from wct.images.formats import SUFFIXES

MOVIES = frozenset((
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".wmv", ".flv", ".ogv",
    ".3gp", ".3g2", ".vob", ".mxf", ".y4m",
))
ANIMATIONS = frozenset((".gif", ".webp", ".png", ".apng"))


def open_clip(path: str | os.PathLike, rate: float | None = None) -> Clip:
    """Open a film, an animated GIF, WebP or PNG, or a folder of numbered frames.

    rate: frames a second of a folder, by default 24. Raises ClipError, its message one sentence, for what is none.

    >>> clip = open_clip("examples/video/big-buck-bunny.mp4")
    >>> clip.size, clip.count, float(clip.rate)
    ((640, 360), 240, 24.0)
    """
    path = Path(path)
    if path.is_dir():
        return open_folder(path, rate)
    if path.suffix.lower() in ANIMATIONS:
        return open_animation(path)
    return open_movie(path)


def find_clips(path: str | os.PathLike) -> list[Path]:
    """The clips that a path stands for: a file, or a folder that holds numbered frames, itself; of a folder that holds
    films or animations, these, sorted. Raises ClipError where there are none."""
    path = Path(path)
    if not path.is_dir():
        return [path]
    try:
        inside = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    except OSError as error:
        raise ClipError(f"{path} may not be searched ({error.strerror}); change its permissions") from error
    clips = [p for p in inside if p.is_file() and (p.suffix.lower() in MOVIES or _is_animated(p))]
    if not clips and not any(p.suffix.lower() in SUFFIXES for p in inside):
        raise ClipError(f"{path} holds neither clips nor numbered frames (folders inside were not searched); name "
                        "another folder")
    return clips or [path]


def _is_animated(path):
    """Whether a file is a picture of several frames, as a GIF is in any case."""
    from PIL import Image

    if path.suffix.lower() not in ANIMATIONS:
        return False
    try:
        with Image.open(path) as image:
            return image.format == "GIF" or getattr(image, "is_animated", False)
    except Exception:  # opening it will say what is wrong
        return False

"""What the page, its API and its tools make a picture at a time: a photo in a painting, in several, a texture."""

import errno
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from PIL import ExifTags, Image, ImageChops

from wct.images import open_picture, save_picture
from wct.options import NETWORK, STAGES
from wct.runtime.files import NoSpaceError
from wct.runtime.names import joined
from wct.web.gradio_internals import somebody_waits
from wct.web.turns import Cancelled, Pace, Turns
from wct.web.uploads import FULL, Ledger, keep, new_folder, without_folders

LEVELS = ("colours", "grain", "small strokes", "strokes", "shapes")  # what relu1_1 ... relu5_1 show of a painting
SLOTS = 3  # for paintings to mix
CANCELLED = "Cancelled."


@dataclass(frozen=True)
class Made:
    """A result: its picture, the name of its file, the photo it was made of, what there is to say."""

    picture: Image.Image
    name: str
    content: str | None
    told: str


def sentence(error):
    """What went wrong, for the one who asked."""
    if isinstance(error, Cancelled):
        return CANCELLED
    if isinstance(error, MemoryError):
        return "Not enough memory for this picture; choose a smaller size."
    return FULL if _is_full(error) else without_folders(str(error))


def _is_full(error):
    """Whether it is for want of room on a disk."""
    return error is not None and (
        isinstance(error, NoSpaceError) or getattr(error, "errno", None) == errno.ENOSPC or _is_full(error.__cause__))


def named(*paths, suffix=".png"):
    """The name of a result of these pictures, which fits into a folder."""
    return joined(*(Path(path).stem for path in paths)) + suffix


def need(**paths):
    """See to it that every picture is there: photo=..., painting=..."""
    for name, path in paths.items():
        if not path:
            raise ValueError(f"Choose a {name} first.")
    keep(paths.values())


def _painted(value, number):
    """The mask painted on a gr.ImageEditor, white where a layer covers its background; None where nothing is."""
    alphas = [layer.getchannel("A") for layer in (value or {}).get("layers") or []]
    mask = reduce(ImageChops.lighter, alphas) if alphas else None
    if not mask or not mask.getbbox():
        return None
    mask.filename = f"What is painted for painting {number}"
    return mask


def saved(made):
    """The path of a result, written where Gradio serves it from."""
    path = new_folder() / made.name
    save_picture(made.picture, path)
    return str(path)


class Web:
    """Makes single pictures, one at a time, with the Stylizers that all clients share: {network: Stylizer}."""

    def __init__(self, stylizers, queue=40):
        self.stylizers, self.most = stylizers, stylizers[NETWORK.default].max_pixels
        self.turns, self.ledger = Turns(queue), Ledger()
        self._paces = {network: Pace() for network in stylizers}

    @contextmanager
    def turn(self, progress, network, megapixels, over=lambda: False, i=0, count=1, thing="picture"):
        """The turn of one picture, number i of `count` things of a kind.

        Gives a Stylizer, and a progress callback for it, which ends the run where nobody waits for it any more.
        """
        waits, pace = somebody_waits(), self._paces[network]

        def tell(share, stage):
            progress((i + share) / count, desc=f"{thing} {i + 1} of {count}: {stage}" if count > 1 else stage)

        def ended():
            return over() or not waits()

        def report(share, stage):
            if ended():
                raise Cancelled
            tell(share, stage)

        with self.turns.turn(pace.expected(megapixels), lambda line: tell(0.0, line), ended, count - i, i == 0):
            report(0.0, "start")
            began = time.monotonic()
            yield self.stylizers[network], report
            pace.learn(megapixels, time.monotonic() - began)

    def dimensions(self, path):
        """(width, height) of a picture. Raises PictureError."""
        try:
            with Image.open(path) as image:
                turned = image.getexif().get(ExifTags.Base.Orientation, 1) > 4
                return image.size[::-1] if turned else image.size
        except Exception:  # other formats, and what is none
            return open_picture(path).size

    def largest(self, dimensions):
        """The longest side that a result of this shape may have."""
        longest, shortest = max(dimensions), min(dimensions)
        side = int((self.most * longest / shortest) ** 0.5)
        while side > 1 and side * max(1, round(side * shortest / longest)) > self.most:
            side -= 1
        return side

    def fitting(self, content, size):
        """The size to ask for, the megapixels it comes to, and a sentence where it is less than what was wanted."""
        dimensions = self.dimensions(content)
        most, wanted = self.largest(dimensions), int(size) if size else max(dimensions)
        side = min(wanted, most)
        scale = side / max(dimensions)
        width, height = (max(1, round(length * scale)) for length in dimensions)
        note = "" if wanted <= most else f" Made {side} pixels long, the most that this page makes of this photo."
        return side if size or note else None, width * height / 1e6, note

    def _stylised(self, content, styles, name, network, size, progress, over, options):
        keep([content])
        side, megapixels, note = self.fitting(content, size)
        with self.turn(progress, network, passes(options) * megapixels, over) as (stylizer, report):
            result = stylizer.stylise(content, styles, size=side, timed=True, progress=report, **options)
        return Made(result.picture, name, content, _told(result) + note)

    def stylised(self, content, style, levels, size, progress, over=lambda: False, network=NETWORK.default, **options):
        """The photo in the style, Made."""
        need(photo=content, painting=style)
        most = self.stylizers[network].levels
        if not any(levels):
            raise ValueError(f"Raise at least one of {', '.join(LEVELS[:most])}.")
        if any(levels[most:]):
            other = next(name for name, stylizer in self.stylizers.items() if stylizer.levels == len(LEVELS))
            raise ValueError(f"{NETWORK.choices[network]} has no {LEVELS[most]}: set them to 0, or take "
                             f"{NETWORK.choices[other]}.")
        options["levels"] = levels[:most]
        return self._stylised(content, style, named(content, style), network, size, progress, over, options)

    def mixed(self, content, slots, size, progress, over=lambda: False, network=NETWORK.default, **options):
        """The photo in several styles, Made; slots: (painting, weight, mask, part, painted mask) for each."""
        keep(path for style, _, mask, part, _ in slots for path in (style, mask, part) if path)
        slots = [(style, weight, mask or _painted(painted, number), part)
                 for number, (style, weight, mask, part, painted) in enumerate(slots, 1)]
        chosen = [slot for slot in slots if slot[0]]
        need(photo=content, painting=chosen and chosen[0][0])
        styles, weights, masks, parts = map(list, zip(*chosen))
        if not any(weights):
            raise ValueError("Raise the weight of at least one painting.")
        options |= {"weights": weights, "masks": masks, "style_masks": parts}
        try:
            return self._stylised(content, styles, named(content, "mix"), network, size, progress, over, options)
        except ValueError as error:
            if "painted for painting" not in str(error):
                raise
            raise ValueError(f"{str(error).rstrip('.')}. Paint more of the photo, or clear the canvas.") from error

    def textured(self, style, width, height, stroke, seed, network, progress, over=lambda: False):
        """A texture, Made."""
        need(painting=style)
        width, height, seed = int(width), int(height), int(seed or 0) % 2**63
        with self.turn(progress, network, 4 * width * height / 1e6, over) as (stylizer, report):
            result = stylizer.texture(style, (width, height), seed, stroke=stroke, timed=True, progress=report)
        return Made(result.picture, named("texture", style), None, _told(result))


def passes(options):
    """How often the networks run through for a picture, about."""
    return 4 if options.get("mode") == "cascade" else 1


def _told(result):
    """The seconds of a result, and what there is to say about its pictures."""
    seconds = result.seconds
    told = f"{sum(seconds.values()):.2f} s ({', '.join(f'{stage} {seconds[stage]:.2f}' for stage in STAGES)})"
    return " ".join([told, *(without_folders(f"{note.rstrip('.')}.") for note in result.notes)])

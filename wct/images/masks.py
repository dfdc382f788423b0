"""Masks as networks and people make them: where a style applies.

A mask is data. Its numbers are taken as they are in the file, without profiles, and what they stand for is told.
"""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageStat

from wct.images.light import render, to_samples
from wct.images.picture import Picture, ReadError
from wct.images.png import Png
from wct.images.reading import decoded, explained, name_of, turned
from wct.images.tiff import Tiff

CLASSES = 32  # numbers up to this one are those of classes; as light, they would be next to black
FEW = 64  # values: a soft edge has more
TINT = 24  # levels between a pixel's channels: JPEG tints black and white by that much


@dataclass(frozen=True, eq=False)
class Mask:
    """Where a style applies. image: PIL image of mode L, the size of its picture, 255 where it applies as a whole.

    name: what messages call it. share: of the picture that is selected, 0 to 1, where it is known. notes: sentences on
    what its numbers were taken for, and how much it selects.
    """

    image: Image.Image
    name: str
    share: float | None = None
    notes: tuple[str, ...] = ()


def open_mask(source, picture: Picture, fewest: int = 256) -> Mask:
    """The mask for a Picture, fitted to its size, turned upright by its EXIF, black where it is transparent.

    source: as for `open_picture`; white is selected, black is not, and between them it is soft. So are other pairs:
    0 and 1, 0 and one class's number, black and one colour. Numbers or colours of several classes are refused, as they
    do not say which is meant. Of a cut-out, a coloured picture with transparency, the opaque part is selected. A Mask
    is fitted alone.
    Raises PictureError for these, where its shape is another than the picture's, and where it selects less than
    `fewest` pixels.
    """
    if isinstance(source, Mask):
        return replace(source, image=source.image.resize(picture.size, Image.Resampling.BOX))
    name = name_of(source)
    with explained(name), decoded(source, name) as (image, _, orientation, notes):
        grey, taken = _grey(_in_8_bits(image))
        grey = turned(grey, orientation)
        (a, b), (width, height) = grey.size, picture.size
        if abs(a * height - b * width) > max(a, b, width, height):  # further off than rounding to whole pixels takes it
            raise ReadError(f"is {a} x {b}, {picture.name} {width} x {height}: "
                            "a mask must have the shape of its picture")
        grey = grey.resize(picture.size, Image.Resampling.BOX)
        selected = ImageStat.Stat(grey).sum[0] / 255
        share = selected / (width * height)
        if selected < fewest:
            raise ReadError(f"selects {selected:.0f} pixels of {picture.name}; select {fewest} at least, in white")
        told = [*notes, *taken, f"selects {100 * share:.3g} % of {picture.name}"]
        return Mask(grey, name, share, tuple(f"{name} {note}" for note in told))


def _grey(image):
    """(mask of mode L, notes) of an image. Raises ReadError where it does not say what is selected."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        if _coloured(image, alpha):
            return alpha, ["has colours and transparency: its opaque part was taken"]
        return _of_numbers(Image.composite(image.convert("L"), Image.new("L", image.size), alpha))
    if image.mode == "P":
        if not _coloured(image.convert("RGB")):
            return _of_numbers(image.convert("L"))
        numbers = Image.fromarray(np.array(image))
        return _of_classes(numbers, [f"{value}" for value in _values(numbers)], "numbers")
    if image.mode in ("1", "L") or not _coloured(image := image.convert("RGB")):
        return _of_numbers(image.convert("L"))
    colours = image.getcolors(FEW)
    if colours is None:
        raise ReadError("holds colours; a mask is white where the style applies and black elsewhere")
    order = sorted(colour for _, colour in colours)
    codes = np.asarray(image).astype(np.int32) @ (65536, 256, 1)
    known = [(r << 16) + (g << 8) + b for r, g, b in order]
    numbers = Image.fromarray((np.searchsorted(known, codes) + (known[0] > 0)).astype(np.uint8))
    return _of_classes(numbers, ["#{:02x}{:02x}{:02x}".format(*colour) for colour in order], "colours")


def _of_numbers(image):
    """(mask, notes) of an image of mode L, whose values are light, or the numbers of classes."""
    values = _values(image)
    lit = [value for value in values if value]
    if not lit:
        raise ReadError("selects nothing: all of it is black; paint in white where the style applies")
    small = sum(image.histogram()[1 : CLASSES + 1]) > 1e-3 * image.size[0] * image.size[1]
    stepped = lit[0] >= 8 and lit[-1] > CLASSES and lit == list(range(lit[0], lit[-1] + 1, lit[0]))  # greys by hand
    between = any(CLASSES < value < 255 for value in lit)
    several = small and len(values) <= FEW and not stepped and (lit[-1] < 255 or not between)
    if several or (len(lit) == 1 and lit[0] <= CLASSES):
        return _of_classes(image, [f"{value}" for value in values], "numbers")
    if lit[-1] < 250:
        return image, [f"is no lighter than {lit[-1]} of 255: there the style applies by {lit[-1] / 2.55:.0f} %"]
    return image, []


def _of_classes(image, names, kind):
    """(mask, notes) of an image of mode L that holds the numbers of classes, 0 for none, whose names are given."""
    lit = [value for value in _values(image) if value]
    if len(lit) != 1:
        listed = ", ".join(names[:8]) + ", ..." * (len(names) > 8)
        raise ReadError(f"holds the {kind} of classes ({listed}); "
                        "save the one that is meant in white, the rest in black")
    return image.point([0] + [255] * 255), [f"holds {' and '.join(names)}: {names[-1]} was taken for white"]


def _in_8_bits(image):
    """The image with 8 bits a channel. Numbers of one channel that go up to 255 at most stay as they are."""
    samples = image.samples() if isinstance(image, (Png, Tiff)) else None
    if samples and samples[0].shape[-1] > 1:
        return render(samples[0])
    if image.mode[0] not in "IF":
        return image
    numbers = np.asarray(image.copy()) if image.mode == "F" or not samples else samples[0][..., 0]
    numbers = np.nan_to_num(numbers, posinf=0, neginf=0).clip(0)
    top = numbers.max(initial=0)
    whole = image.mode != "F" or (top > 1 and (numbers == np.round(numbers)).all())
    if not (whole and top <= 255):
        white = None if image.mode == "F" else 65535 if top <= 65535 else 2**31 - 1
        numbers = np.round(to_samples(numbers[..., None], 1, white)[0][..., 0] / 257)
    return Image.fromarray(numbers.astype(np.uint8))


def _values(image):
    return [value for value, count in enumerate(image.histogram()[:256]) if count]


def _coloured(image, alpha=None):
    """Whether an image has colours beyond a tint, among its visible pixels."""
    pixels = np.asarray(image.convert("RGB")).astype(np.int16)
    tinted = pixels.max(axis=-1) - pixels.min(axis=-1) > TINT
    if alpha is not None:
        tinted &= np.asarray(alpha) > 127
    return tinted.mean() > 1e-3

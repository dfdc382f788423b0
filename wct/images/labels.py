"""Label maps as networks and people make them: which region of a picture each pixel belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from wct.images.masks import TINT, _coloured, _in_8_bits
from wct.images.picture import Picture, PictureError, ReadError
from wct.images.reading import decoded, explained, name_of, turned

LEAST = 5e-3  # the share of a picture that a region has at least; fewer pixels are specks, or the edges of JPEG
MOST = 64  # regions of a map


@dataclass(frozen=True, eq=False)
class Labels:
    """The regions of a picture: {label: PIL image of mode L, 255 inside, soft by a pixel or two at the edge}.

    The labels are numbers, or colours as (red, green, blue). name: what messages call the map.
    """

    regions: dict[int | tuple[int, int, int], Image.Image]
    name: str


def open_labels(source, picture: Picture) -> Labels:
    """The label map of a Picture, fitted to its size.

    source: as for `open_picture`; its pixels are colours, one for each region, or the numbers of classes. Colours that
    a JPEG or a soft edge has changed are taken for the nearest that are frequent. Raises PictureError for a map of
    another shape than the picture's, and for what is no map: it has more colours than regions.
    """
    name = name_of(source)
    with explained(name), decoded(source, name) as (image, _, orientation, _notes):
        image = _in_8_bits(image)
        (a, b), (width, height) = turned(image, orientation).size, picture.size
        if abs(a * height - b * width) > max(a, b, width, height):
            raise ReadError(f"is {a} x {b}, {picture.name} {width} x {height}: "
                            "a label map must have the shape of its picture")
        grey = image.mode in ("1", "L") or not _coloured(image.convert("RGB"))
        numbers, labels = _by_number(image) if grey else _by_colour(image.convert("RGB"))
        numbers = turned(Image.fromarray(numbers), orientation).resize(picture.size, Image.Resampling.NEAREST)
        soft = ImageFilter.GaussianBlur(max(picture.size) / 800)
        regions = {label: numbers.point([255 * (i == k) for i in range(256)]).filter(soft)
                   for k, label in enumerate(labels)}
        return Labels(regions, name)


def match(photo: Labels, style: Labels) -> tuple[list[tuple[Image.Image, Image.Image | None]], list[str]]:
    """([(region of the photo, that of the style with its label)], sentences on labels that one side lacks).

    A label that the style lacks takes the whole style, None. Raises PictureError where the two have none in common.
    """
    of = {label: next((other for other in style.regions if _same(label, other)), None) for label in photo.regions}
    if not any(other is not None for other in of.values()):
        raise PictureError(f"{photo.name} and {style.name} have no label in common: {_told(photo.regions)} and "
                           f"{_told(style.regions)}; give regions that belong together the same number or colour")
    lacking = [label for label, other in of.items() if other is None]
    unused = [label for label in style.regions if label not in of.values()]
    notes = [f"{style.name} lacks {_told(lacking)} of {photo.name}: there the whole style applies"] if lacking else []
    notes += [f"{photo.name} lacks {_told(unused)} of {style.name}, which were not used"] if unused else []
    return [(photo.regions[label], style.regions.get(other)) for label, other in of.items()], notes


def _by_number(image):
    """(numbers of regions (h, w), their labels) of an image of mode 1, L, or others in grey."""
    values = np.asarray(image.convert("L") if image.mode != "1" else image).astype(np.uint8)
    counts = np.bincount(values.ravel(), minlength=256)
    labels = [int(value) for value in np.flatnonzero(counts >= LEAST * values.size)]
    if len(labels) > MOST or counts[labels].sum() < 0.9 * values.size:
        raise ReadError("has more shades than regions; a label map has one number or colour for each region")
    places = np.full(256, 255, np.uint8)
    places[labels] = np.arange(len(labels))
    return places[values], labels


def _by_colour(image):
    """(numbers of regions (h, w), their labels) of an image of mode RGB: every pixel has that of the nearest colour."""
    pixels = np.asarray(image).astype(np.int32)
    codes, places, counts = np.unique(pixels @ (65536, 256, 1), return_inverse=True, return_counts=True)
    colours = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], 1)
    labels = []
    for i in np.argsort(-counts):
        if counts[i] < LEAST * places.size or len(labels) > MOST:
            break
        if not any(_same(colours[i], label) for label in labels):
            labels.append(tuple(int(channel) for channel in colours[i]))
    far = np.abs(colours[:, None] - np.reshape(labels or [(0, 0, 0)], (1, -1, 3))).max(-1)
    if not 1 <= len(labels) <= MOST or counts[far.min(1) <= 2 * TINT].sum() < 0.9 * places.size:
        raise ReadError("has more colours than regions; a label map has one number or colour for each region")
    return far.argmin(1).astype(np.uint8)[places].reshape(pixels.shape[:2]), labels


def _same(a, b):
    """Whether two labels are one: the same number, or colours that differ by no more than a JPEG's."""
    if isinstance(a, int) or isinstance(b, int):
        return type(a) is type(b) and a == b
    return bool(np.abs(np.subtract(a, b)).max() <= TINT)


def _told(labels):
    """Labels as a sentence has them."""
    names = [f"{label}" if isinstance(label, int) else "#{:02x}{:02x}{:02x}".format(*label) for label in labels]
    return "label" + "s" * (len(names) > 1) + " " + ", ".join(names[:8]) + ", ..." * (len(names) > 8)

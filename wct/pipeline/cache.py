"""Pictures as the pipeline holds them: encoded, identified, and kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from os import PathLike, fspath, stat
from typing import Any

from PIL import Image

from wct.images import Mask, Picture, PictureError, match, open_labels, open_picture, with_alpha
from wct.pipeline import plain
from wct.pipeline.tiles import Tile
from wct.transform import Statistics

MAX_STYLE_SIDE = 1024  # longer styles are reduced: statistics gain nothing from more
KEPT = 2**29  # bytes of features that a content keeps for other options
AT_ONCE = 2**27  # bytes that it keeps when it is drawn for the first time: it may be the last


@dataclass
class Content:
    """A content picture, and what the next run with other options need not work out again.

    small: it as the networks see it in mode photo. whole: it as one tile with its features, where it was worked on as a
    whole and they are no larger than `keeps`. drawn: whether it was drawn before.
    known: by level the Statistics of the features of the deepest that took part: they are the same at any strength.
    """

    picture: Picture
    small: Content | None = None
    whole: Tile | None = None
    known: dict[int, list[Statistics]] = field(default_factory=dict)
    drawn: bool = False

    @cached_property
    def grounds(self):
        """Its plain grounds, as `wct.pipeline.plain` has them."""
        return plain.grounds(self.picture.rgb)

    @property
    def keeps(self):
        """How many bytes of features may stay."""
        return KEPT if self.drawn else AT_ONCE


class Recent:
    """The last few results of slow functions; the oldest is let go before a new one is made."""

    def __init__(self, most: int):
        self.most, self._values = most, OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        if key not in self._values:
            while self._values and len(self._values) >= self.most:
                self._values.popitem(last=False)
            self._values[key] = make()
        self._values.move_to_end(key)
        return self._values[key]

    def clear(self) -> None:
        self._values.clear()


def identified(value):
    """A picture's identity, for the caches, and what `open_picture` is to open: the path, the PIL image or the Picture.

    A file is the same while its path, time and length are, a PIL image while its upright sRGB pixels are.
    """
    if isinstance(value, (str, PathLike)):
        try:
            info = stat(value)
        except (OSError, ValueError):
            return fspath(value), value  # opening it will say what is wrong
        return (fspath(value), info.st_mtime_ns, info.st_size), value
    if isinstance(value, Picture):
        return value, value
    if isinstance(value, Mask):
        return identified(value.image)[0], value
    if isinstance(value, Image.Image):
        picture = open_picture(value)
        image = with_alpha(picture.rgb, picture.alpha)
        return (image.size, blake2b(image.tobytes()).digest()), image
    raise TypeError(f"a picture is a path or a PIL image, not {type(value).__name__}")


def fitted(picture, size, usual, largest):
    """The Picture with its longest side `size` long, or with `usual` pixels at most where size is None.

    Raises PictureError where it would have more than `largest` pixels.
    """
    width, height = picture.size
    scale = size / max(width, height) if size else min(1, (min(usual, largest) / (width * height)) ** 0.5)
    whole = round if size else int  # rounded up, it would be more than `usual`
    to = max(1, whole(width * scale)), max(1, whole(height * scale))
    if size and to[0] * to[1] > largest:
        raise PictureError(f"{picture.name}: {to[0]} x {to[1]} pixels are too many to stylise; ask for a smaller size")
    if to == picture.size:
        return picture
    rgb, alpha = (im and im.resize(to, Image.Resampling.LANCZOS) for im in (picture.rgb, picture.alpha))
    return replace(picture, rgb=rgb, alpha=alpha)


def labelled(style: Any, labels: Any, style_labels: Any, picture: Picture
             ) -> tuple[list, list[Image.Image], list[Mask | None], list[str]]:
    """By two label maps, for every region of a picture the style, the mask (PIL image, mode L) and the part of the
    style, None for all of it; and notes."""
    own, other = open_labels(labels, picture), open_labels(style_labels, open_picture(style, max_size=MAX_STYLE_SIDE))
    pairs, notes = match(own, other)
    masks, parts = zip(*pairs)
    return [style] * len(pairs), list(masks), [part and Mask(part, other.name) for part in parts], notes

"""A clip between its file and the pipeline: frames with their times, upright, 8-bit sRGB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from PIL import Image

Size = tuple[int, int]  # (width, height) in pixels


class ClipError(ValueError):
    """A clip that cannot be read or written: one sentence naming the file and the way out."""


@dataclass(frozen=True)
class Frame:
    """A frame of a clip. time, duration: in seconds, from the clip's beginning.

    decode: called with a size or None for its own, it gives the PIL image, RGB, or RGBA where there is transparency.
    """

    time: Fraction
    duration: Fraction
    decode: Callable[[Size | None], Image.Image] = field(repr=False)

    def image(self, size: Size | None = None) -> Image.Image:
        """The frame as a PIL image, RGB or RGBA; size: scaled to that."""
        return self.decode(size)


@dataclass
class Clip:
    """What `open_clip` gives. Iterating over it reads its frames in order, from the beginning every time.

    size: of its frames, upright, in pixels. rate: frames a second, on the average. count: how many frames the file says
    it has, or what follows from its duration; None where it does not say. duration: seconds, None likewise.
    film: whether it is one, which may have sound and chapters. loop: of an animation, how often it is shown, 0 for
    ever; last: seconds of its last frame. notes: sentences on what its reader should know; reading the frames may add
    some.
    """

    path: Path
    size: Size
    rate: Fraction
    count: int | None
    duration: float | None
    read: Callable[[Clip], Iterator[Frame]] = field(repr=False)
    film: bool = False
    loop: int = 0
    last: Fraction | None = None
    notes: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Frame]:
        return self.read(self)

    def note(self, sentence: str) -> None:
        """Say something about the file, once."""
        told = f"{self.path} {sentence}"
        if told not in self.notes:
            self.notes.append(told)

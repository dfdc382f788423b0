"""Where the shots of a clip begin, and the key frames that the maps of each are fitted to.

A cut is a lasting jump of the picture's statistics: with the means and deviations s_n of a frame's colours in GRID x
GRID cells, d(m, n) = |s_m - s_n| (root mean square, colours in [0, 1]), frame n begins a shot where

    d(n - 1, n) > JUMP,   d(n - 1, n) > CONTRAST max d(k - 1, k) over the MEMORY frames before,   and
    d(n - 1, n + LASTING) > JUMP:

the second tells a cut from motion, the third from a flash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

GRID, CELL = 4, 8  # cells a side, pixels a side of each, of the small picture that is looked at
GLANCE = GRID * CELL, GRID * CELL  # its size
JUMP, CONTRAST = 0.08, 2.5
MEMORY, LASTING = 8, 2  # frames
SPAN = 48  # frames between the anchors of a shot, between which the maps glide
STEP = 24  # frames between key frames; an anchor has its own and those one step to either side


@dataclass
class Anchor:
    """A place in a clip that has its own maps. frame: its number in the clip. shot: the number of its shot. keys: the
    key frames that they are fitted to. still: whether its shot, as far as it was read, shows one and the same picture.
    fit: what was fitted, once it was, and distinct the key frames that differ."""

    frame: int
    shot: int
    keys: list
    still: bool = True
    distinct: list = field(default_factory=list, repr=False)
    fit: Any = field(default=None, repr=False)


def signature(image: Image.Image) -> np.ndarray:
    """The statistics of a picture that cuts are seen by: (2, GRID, GRID, 3), means and deviations of its cells."""
    small = np.asarray(image.convert("RGB").resize(GLANCE, Image.Resampling.BOX), np.float32) / 255
    cells = small.reshape(GRID, CELL, GRID, CELL, 3)
    return np.stack([cells.mean((1, 3)), cells.std((1, 3))])


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Between two signatures."""
    return float(np.sqrt(np.square(a - b).mean()))


def begins(signatures: Iterable[np.ndarray]) -> Iterator[bool]:
    """Of each frame of a clip, by its signature, whether it begins a shot; it is told LASTING frames later."""
    window, recent, last = deque(), deque(maxlen=MEMORY), None

    def judged():
        nonlocal last
        now, later = window.popleft(), window[-1] if window else None
        if last is None:
            cut = True
        else:
            step = distance(last, now)
            cut = step > JUMP and step > CONTRAST * max(recent, default=0) and (
                later is None or distance(last, later) > JUMP)
            recent.append(step)
        if cut:
            recent.clear()
        last = now
        return cut

    for one in signatures:
        window.append(one)
        if len(window) > LASTING:
            yield judged()
    while window:
        yield judged()


def anchors(frames: Iterable[tuple[Image.Image, Callable]]) -> Iterator[Anchor]:
    """The Anchors of a clip, in order, each as soon as its last key frame was read: one at the beginning of every shot,
    and one every SPAN frames in it. frames: of each a picture, which may be small, and what gives the key frame."""
    waiting, shot, start, keys, pending, still, last = deque(), -1, 0, {}, deque(), True, None

    def signatures():
        for image, whole in frames:
            waiting.append((image, whole))
            yield signature(image)

    def ready(i, ended):
        """The anchors of the shot that is at its frame i whose key frames are all there."""
        while pending and (ended or pending[0] + STEP <= i):
            at = pending.popleft()
            around = [keys[j] for j in (at - STEP, at, at + STEP) if j in keys]
            for j in [j for j in keys if j < at + SPAN - STEP]:
                del keys[j]
            yield Anchor(start + at, shot, around, still)

    for number, begun in enumerate(begins(signatures())):
        if begun:
            yield from ready(None, True)
            keys.clear()
            shot, start, still, last = shot + 1, number, True, None
        (image, whole), i = waiting.popleft(), number - start
        still, last = still and last in (None, image), image
        if i % STEP == 0:
            keys[i] = whole()
        if i % SPAN == 0:
            pending.append(i)
        yield from ready(i, False)
    yield from ready(None, True)

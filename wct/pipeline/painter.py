"""What draws the frames of a clip by maps that are fitted to key frames of a shot together, as to tiles of one picture.

Between two anchors of a shot (`wct.pipeline.shots`) the maps glide:

    T(n) = T_a + (n - a) / (b - a) (T_b - T_a)   for frame n between the anchors a and b.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any

import torch
from PIL import Image

from wct.images import to_pil
from wct.options import MAX_PIXELS, Options
from wct.pipeline import bands, photo, plain, tiles
from wct.pipeline.mapping import Maps
from wct.pipeline.motion import moved
from wct.pipeline.passes import PASSES
from wct.pipeline.plain import Colour
from wct.pipeline.rendering import Rendering, finished, lights
from wct.pipeline.shots import Anchor

SAMPLE = 2**20  # pixels of the key frames of an anchor together that maps are fitted to
EVERY = 6  # frames from one to the next that a change of light and colour is fitted to


@dataclass(frozen=True)
class Shown:
    """A frame as the passes see it: RGB, its alpha or None, its masks or None (PIL images of mode L, or None each)."""

    image: Image.Image
    alpha: Image.Image | None
    masks: list[Image.Image | None] | None
    frame: Any = field(default=None, repr=False)  # what it was made of

    def same(self, other: Shown | None) -> bool:
        """Whether another frame has the same pixels."""
        return other is not None and _alike(self.image, other.image) and self.same_masks(other)

    def same_masks(self, other: Shown) -> bool:
        """Whether another frame has the same masks."""
        return all(map(_alike, self.masks or [], other.masks or []))


def _alike(a, b):
    return a is b or (a is not None and b is not None and a.tobytes() == b.tobytes())


@dataclass(frozen=True)
class Task:
    """A frame to draw. left, right, share: its anchors, which may be one, and how far it is on the way to the right
    one. again: whether it is the same as the frame before, and need not be drawn. placed: where its scene lies on the
    cells of the networks, if not where it is, and corner, where the frame's own corner lies there. motion: as
    `motion.Steady` has it."""

    shown: Shown
    left: Anchor
    right: Anchor
    share: float
    again: bool
    placed: Shown | None = None
    corner: tuple[float, float] = (0, 0)
    motion: tuple | None = None

    def back(self, drawn: Image.Image) -> Image.Image:
        """What was drawn where it was placed, where the frame is."""
        if self.placed is None:
            return drawn
        return moved(drawn, *(-way for way in self.corner), self.shown.image.size)


@dataclass(frozen=True)
class Fit:
    """What is fitted to the key frames of an anchor: the maps, `colours.light` of both where colours are kept, and the
    plain grounds (`wct.pipeline.plain`)."""

    maps: Maps
    lights: list | None
    grounds: list[Colour]

    def towards(self, other: Fit, share: float) -> Fit:
        """The part `share` of the way to another."""
        if other is self or share == 0:
            return self
        between = self.lights and [tuple(torch.lerp(a, b, share) for a, b in zip(*both))
                                   for both in zip(self.lights, other.lights)]
        return Fit(self.maps.towards(other.maps, share), between, list(dict.fromkeys(self.grounds + other.grounds)))


class Painter:
    """Fits maps to key frames, and draws the frames of a clip by them.

    encoder, decoder: as `models` has them. maps: those of the styles, not fitted.
    """

    strokes = True  # whether it draws some, which are to stay where the scene is
    size = staticmethod(lambda size: size)  # of what is drawn of frames of a size

    def __init__(self, encoder: torch.nn.Module, decoder: torch.nn.Module, maps: Maps, options: Options):
        self.encoder, self.decoder, self.maps, self.options = encoder, decoder, maps, options
        self.levels = len(maps.strengths)
        self.device = next(encoder.parameters()).device

    def paint(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Image.Image | None]]:
        """Every task with what was drawn, mode RGB, where it was placed; None where nothing need be."""
        for task in tasks:
            yield task, None if task.again else self.draw(task.placed or task.shown, self.glide(task))

    def place(self, shown: Shown, offset: tuple[float, float]) -> tuple[Shown | None, tuple[float, float]]:
        """(placed, corner) of a Task; offset: how far the scene has moved from the cells of the networks, in pixels."""
        cell = 2 ** (self.levels - 1)
        left, top = (-way % cell for way in offset)
        if not (left or top):
            return None, (0, 0)
        size = tuple(-(-math.ceil(side + way) // cell) * cell for side, way in zip(shown.image.size, (left, top)))
        masks = shown.masks and [mask and moved(mask, left, top, size) for mask in shown.masks]
        return replace(shown, image=moved(shown.image, left, top, size), masks=masks), (left, top)

    def glide(self, task: Task) -> Fit:
        """The Fit of a frame between its anchors."""
        for anchor, other in ((task.left, None), (task.right, task.left)):
            if anchor.fit is None:
                keys = [key for i, key in enumerate(anchor.keys)
                        if not any(key.same(before) for before in anchor.keys[:i])]
                known = other and other.still == anchor.still and len(keys) == len(other.distinct) and all(
                    a.same(b) for a, b in zip(keys, other.distinct))
                anchor.fit = other.fit if known else self.fit(keys, anchor.still)
                anchor.distinct, anchor.keys = keys, []
        return task.left.fit.towards(task.right.fit, task.share)

    @torch.inference_mode()
    def fit(self, keys: list[Shown], still: bool) -> Fit:
        """The Fit of key frames; still: whether other frames are to be the same."""
        keys = _usable(keys)
        maps = replace(self.maps, others=not still, known={}, _moments={}, _fitted={})
        width, height = keys[0].image.size
        sampled = width * height * len(keys) > SAMPLE

        def boxes(key):
            if sampled:
                return tiles.sample((width, height), SAMPLE // len(keys), key.masks)
            return [(0, 0, width, height)]

        loaded = [self._tile(key, box, 0) for key in keys for box in boxes(key)]
        grounds = list(dict.fromkeys(colour for key in keys for colour in plain.grounds(key.image)))
        with maps.clock("decode"):
            drawn = self._run(maps, loaded)
            if self.options.keep_colors:
                calm = self._calm(maps, keys[0].masks, grounds)
                drawn = [calm(tile, x) for tile, x in zip(loaded, drawn)]
            return Fit(maps, lights(loaded, drawn, self.options), grounds)

    @torch.inference_mode()
    def draw(self, shown: Shown, fit: Fit) -> Image.Image:
        """A frame, mode RGB."""
        size = shown.image.size
        side = self.options.tile or (tiles.SIDE if size[0] * size[1] > MAX_PIXELS else max(size))
        canvas, calm = Image.new("RGB", size), self._calm(fit.maps, shown.masks, fit.grounds)
        for box in tiles.grid(size, side):
            tile = self._tile(shown, box, tiles.margin(self.levels, self.options.mode))
            with fit.maps.clock("decode"):
                x = calm(tile, *self._run(fit.maps, [tile]))
                tiles.paste(canvas, box, to_pil(tile.within(finished(tile, x, fit.lights))))
        return canvas

    def _calm(self, maps, masks, grounds):
        rendering = Rendering(self.encoder, self.decoder, None, masks, maps, self.options)
        return rendering.calm(partial(self._run, maps), grounds)

    def _run(self, maps, loaded):
        return PASSES[self.options.mode](self.encoder, self.decoder, maps, self.options)(loaded)

    def _tile(self, shown, box, around):
        with self.maps.clock("encode"):
            tile = tiles.cut(shown.image, box, around, self.levels, self.device)
            features = bands.encode(self.encoder, tile.pixels, self.levels)
            masks = shown.masks and tile.masked(shown.masks, self.levels)
            return replace(tile, features=features, spare=True, masks=masks)


class Photographer(Painter):
    """A Painter for mode photo: what it draws is small, and what changed is carried to the frame (`photo`).

    A change is fitted to every EVERY-th frame of a shot under the same masks, and to the last; in between it glides.
    """

    strokes, size = False, staticmethod(photo.reduced)

    def __init__(self, encoder: torch.nn.Module, decoder: torch.nn.Module, maps: Maps, options: Options):
        self.strength = options.strength
        super().__init__(encoder, decoder, maps, photo.seen(options))

    def paint(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Image.Image | None]]:
        run, left = [], None  # frames, and the changes of the first of them
        for task in chain(tasks, [None]):
            ended = task is None or (run and not _goes_on(run[-1], task))
            if run and (ended or len(run) > EVERY):
                left = left or self._changes(run[0])
                right = self._changes(run[-1]) if len(run) > 1 else left
                for i, one in enumerate(run if ended else run[:-1]):
                    yield one, None if one.again else self._carried(one, left, right, i / max(1, len(run) - 1))
                run, left = ([], None) if ended else (run[-1:], right)
            run.append(task)

    def fit(self, keys: list[Shown], still: bool) -> Fit:
        return super().fit([_reduced(key) for key in keys], still)

    @torch.inference_mode()
    def _changes(self, task):
        small = _reduced(task.shown)
        return photo.changes(small.image, self.draw(small, self.glide(task)), small.masks, self.maps.clock)

    @torch.inference_mode()
    def _carried(self, task, left, right, share):
        changes = [a.towards(b, share) for a, b in zip(left, right)]
        return photo.carried(changes, task.shown.image, self.strength, task.shown.masks, self.maps.shares,
                             self.maps.clock)


def _goes_on(before, task):
    """Whether changes may glide from the frame before to that of a task."""
    return before.left.shot == task.left.shot and before.shown.same_masks(task.shown)


def _reduced(shown):
    """The frame as mode photo looks at it."""
    size = photo.reduced(shown.image.size)
    return replace(shown, image=shown.image.resize(size, Image.Resampling.LANCZOS),
                   masks=shown.masks and [mask and mask.resize(size, Image.Resampling.BOX) for mask in shown.masks])


def _usable(keys):
    """The key frames, masks that select nothing in any of them taken for all of it: there is no map for nothing."""
    if keys[0].masks is None:
        return keys
    empty = [all(mask is not None and not mask.getbbox() for mask in masks) for masks in zip(*(k.masks for k in keys))]
    return [replace(key, masks=[None if no else mask for mask, no in zip(key.masks, empty)]) for key in keys]

"""Clips: every frame through maps that belong to its shot, so that what does not move stays as it was.

A map that is fitted to one frame follows its noise and whatever passes by. Here maps are fitted to key frames of a shot
together, as to the tiles of one picture (`shots`), and glide from one anchor of the shot to the next:

    T(n) = T_a + (n - a) / (b - a) (T_b - T_a)   for frame n between the anchors a and b of one shot.

So the networks are one function for a while; `motion` keeps what they draw where the scene is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import repeat, tee
from typing import Any

import torch
from PIL import Image

from wct.images import to_pil, with_alpha
from wct.images.colour import fill_invisible
from wct.options import MAX_PIXELS, Options
from wct.pipeline import bands, photo, plain, tiles
from wct.pipeline.mapping import Maps
from wct.pipeline.motion import Steady, moved
from wct.pipeline.passes import PASSES
from wct.pipeline.plain import Colour
from wct.pipeline.rendering import Rendering, finished, lights
from wct.pipeline.shots import Anchor, anchors
from wct.runtime.threads import ahead

SAMPLE = 2**20  # pixels of the key frames of an anchor together that maps are fitted to
READ_AHEAD = 3  # frames


@dataclass(frozen=True)
class Shown:
    """A frame as the passes see it: RGB, its alpha or None, its masks or None (PIL images of mode L, or None each)."""

    image: Image.Image
    alpha: Image.Image | None
    masks: list[Image.Image | None] | None
    frame: Any = field(default=None, repr=False)  # what it was made of

    def same(self, other: Shown | None) -> bool:
        """Whether another frame has the same pixels."""
        return other is not None and all(
            (a is b) or (a is not None and b is not None and a.tobytes() == b.tobytes())
            for a, b in zip((self.image, *(self.masks or [])), (other.image, *(other.masks or []))))


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


    def __init__(self, encoder: torch.nn.Module, decoder: torch.nn.Module, maps: Maps, options: Options):
        self.encoder, self.decoder, self.maps, self.options = encoder, decoder, maps, options
        self.levels = len(maps.strengths)
        self.device = next(encoder.parameters()).device

    def glide(self, left: Anchor, right: Anchor, share: float) -> Fit:
        """The Fit of a frame between two anchors of a shot, which may be one; share: of the way to the right one."""
        for anchor, other in ((left, None), (right, left)):
            if anchor.fit is None:
                keys = [key for i, key in enumerate(anchor.keys)
                        if not any(key.same(before) for before in anchor.keys[:i])]
                known = other and len(keys) == len(other.distinct) and all(
                    a.same(b) for a, b in zip(keys, other.distinct))
                anchor.fit, anchor.distinct, anchor.keys = other.fit if known else self.fit(keys), keys, []
        return left.fit.towards(right.fit, share)

    @torch.inference_mode()
    def fit(self, keys: list[Shown]) -> Fit:
        """The Fit of key frames."""
        keys = _usable(keys)
        maps = replace(self.maps, known={}, _moments={}, _fitted={})
        width, height = keys[0].image.size
        boxes = [(0, 0, width, height)]
        if width * height * len(keys) > SAMPLE:
            boxes = tiles.sample((width, height), SAMPLE // len(keys))
        loaded = [self._tile(key, box, 0) for key in keys for box in boxes]
        grounds = list(dict.fromkeys(colour for key in keys for colour in plain.grounds(key.image)))
        with maps.clock("decode"):
            drawn = self._run(maps, loaded)
            if self.options.keep_colors:
                calm = self._calm(maps, keys[0].masks, grounds)
                drawn = [calm(tile, x) for tile, x in zip(loaded, drawn)]
            return Fit(maps, lights(loaded, drawn, self.options), grounds)

    @torch.inference_mode()
    def draw(self, shown: Shown, fit: Fit, offset: tuple[float, float] = (0, 0)) -> Image.Image:
        """A frame, mode RGB; offset: how far its scene has moved from the cells of the networks, in pixels."""
        cell = 2 ** (self.levels - 1)
        left, top = (-way % cell for way in offset)
        if left or top:
            placed = _placed(shown, left, top, cell)
            return moved(self._drawn(placed, fit), -left, -top, shown.image.size)
        return self._drawn(shown, fit)

    def _drawn(self, shown, fit):
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
    """A Painter for mode photo: what it fits and draws is small, and what changed is carried to the frame."""

    def __init__(self, encoder: torch.nn.Module, decoder: torch.nn.Module, maps: Maps, options: Options):
        self.strength = options.strength
        super().__init__(encoder, decoder, maps, photo.seen(options))

    def fit(self, keys: list[Shown]) -> Fit:
        return super().fit([_reduced(key) for key in keys])

    def draw(self, shown: Shown, fit: Fit, offset: tuple[float, float] = (0, 0)) -> Image.Image:
        small = _reduced(shown)
        scale = small.image.width / shown.image.width
        drawn = super().draw(small, fit, tuple(scale * way for way in offset))
        with torch.inference_mode():
            return photo.transfer(shown.image, small.image, drawn, shown.masks, self.maps.shares, self.strength,
                                  self.maps.clock)


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


def _placed(shown, left, top, cell):
    """The frame where the cells of the networks lie as they should: moved right and down, its edges mirrored."""
    width, height = (-(-math.ceil(side + way) // cell) * cell for side, way in zip(shown.image.size, (left, top)))
    return replace(shown, image=moved(shown.image, left, top, (width, height)),
                   masks=shown.masks and [mask and moved(mask, left, top, (width, height)) for mask in shown.masks])


def stylised(painter: Painter, frames: Iterable, size: tuple[int, int], masks: list | None = None,
             steady: bool = True, start: int = 0) -> Iterator[tuple]:
    """(frame, result) for every frame from number `start` on, in order; a result is a PIL image, RGB or RGBA.

    frames: PIL images, or objects whose `image(size)` gives one, as `wct.clips.Frame` has it; what can be iterated over
    twice is read twice, of what cannot be, some SPAN frames are kept. size: of the results. masks: of every style a
    PIL image of mode L, an iterable of images, one for each frame, of which the last one stays, or None. steady:
    without, every frame stands for itself.
    """
    first, second = tee(frames) if iter(frames) is frames else (frames, frames)
    plan = anchors(_seen(first, size, masks)) if steady else None
    smoother, result = Steady(), None
    for shown, place, way in ahead(_followed(_seen(second, size, masks), plan, start), READ_AHEAD):
        if way:
            offset, motion = way
            result = smoother.smooth(painter.draw(shown, painter.glide(*place), offset), motion)
        yield shown.frame, with_alpha(result, shown.alpha)


def _seen(frames, size, masks):
    """Every frame as Shown."""
    for frame, chosen in zip(frames, _masks(masks, size)):
        image = frame.image(size) if hasattr(frame, "image") else frame
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        image = image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)
        rgb, alpha = image.convert("RGB"), image.getchannel("A") if image.mode == "RGBA" else None
        if alpha:
            fill_invisible(rgb, alpha)
        yield Shown(rgb, alpha, chosen, frame)


def _masks(masks, size):
    """The masks of every frame, without end."""
    def lasting(mask):
        image = None
        for one in [mask] if mask is None or isinstance(mask, Image.Image) else mask:
            image = one.image(size) if hasattr(one, "image") else one
            image = image and image.convert("L").resize(size, Image.Resampling.BOX)
            yield image
        while True:
            yield image

    if masks is None:
        return repeat(None)
    return map(list, zip(*map(lasting, masks)))


def _followed(seen, plan, start):
    """(Shown, place, (offset, motion)) of every frame: place is what `Painter.glide` takes. Of a frame that is the same
    as the one before, there is None for the last."""
    steady, left, right, shot, before = Steady(), None, plan and next(plan, None), None, None
    for n, shown in enumerate(seen):
        if plan is None:
            left = Anchor(n, n, [shown])
        while right is not None and right.frame <= n:
            left, right = right, next(plan, None)
        if n < start:
            continue
        goes_on = right is not None and right.shot == left.shot
        share = (n - left.frame) / (right.frame - left.frame) if goes_on else 0.0
        way = None
        if not shown.same(before):
            way = steady.move(shown.image, left.shot != shot, shown.masks) if plan else ((0, 0), None)
        shot, before = left.shot, shown
        yield shown, (left, right if goes_on else left, share), way

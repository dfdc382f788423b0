"""A picture on its way: measured, the maps fitted, drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from PIL import Image

from wct.images import to_pil
from wct.options import Options
from wct.pipeline import bands, colours, plain, tiles
from wct.pipeline.cache import Content
from wct.pipeline.mapping import Maps, coverage, regions
from wct.pipeline.passes import PASSES
from wct.pipeline.tiles import Tile
from wct.runtime import memory


@dataclass
class Rendering:
    """A content, with masks (PIL images of mode L, or None for all) or None, in the style of `maps`."""

    encoder: torch.nn.Module
    decoder: torch.nn.Module
    content: Content
    masks: list[Image.Image | None] | None
    maps: Maps
    options: Options

    def draw(self, side: int, most: int, more: int = 0) -> Image.Image:
        """The whole picture, mode RGB, from tiles of that side and statistics of `most` pixels.

        more: the steps of the work that are to follow.
        """
        size, clock, levels = self.content.picture.size, self.maps.clock, len(self.maps.strengths)
        boxes = tiles.grid(size, side)
        sampled = len(boxes) > 1 and size[0] * size[1] > most
        # the deepest level has few positions for its channels: no sample there
        unmeasured = boxes if sampled and levels > 1 and self.maps.wants(levels) else []
        first = tiles.sample(size, most, self.masks) if sampled else boxes
        steps = (levels + 1) * sum(map(tiles.area, first + boxes * sampled)) + sum(map(tiles.area, unmeasured))
        clock.begin(steps + more)
        for box in unmeasured:
            tile = self._load(box)
            self.maps.measure(levels, tile, tile.features[-1])
        if unmeasured:
            self.maps.fit(levels)
        loaded = [self._load(box, 0 if sampled else None) for box in first]
        canvas = Image.new("RGB", size)
        run = PASSES[self.options.mode](self.encoder, self.decoder, self.maps, self.options)
        with clock("decode"):
            drawn = run(loaded)
            calm = self.calm(run, self.content.grounds)
            drawn = [calm(tile, x) for tile, x in zip(loaded, drawn)]
            finish = partial(_finish, canvas, lights(loaded, drawn, self.options))
            if not sampled:
                for tile, x in zip(loaded, drawn):
                    finish(tile, x)
                return canvas
            del loaded, drawn
            memory.release()
            for box in boxes:
                tile = self._load(box)
                finish(tile, calm(tile, *run([tile])))
        return canvas

    def calm(self, run: Callable, grounds: Sequence[plain.Colour]) -> Callable:
        """What gives a tile's result, called with both, the colours of plain grounds; once the maps are fitted."""
        becomes = [(colour, self._plain(run, colour)) for colour in grounds]

        def calm(tile, x):
            if not becomes:
                return x
            if not self.masks:
                return plain.calmed(x, tile.pixels, [(colour, results[0]) for colour, results in becomes])
            shares = regions(tile.masks, self.maps.shares)
            inside = sum(shares)
            whole = inside.clamp(min=1e-6)
            return plain.calmed(x, tile.pixels, [
                (colour, torch.where(inside > 0, sum(share / whole * y for share, y in zip(shares, results)), x))
                for colour, results in becomes])

        return calm

    def _plain(self, run, colour):
        """What becomes of a colour, (1, 3, 1, 1), alone: under each mask, or without masks."""
        levels = len(self.maps.strengths)
        side = 2 ** (levels + 1)
        tile = tiles.cut(Image.new("RGB", (side, side), colour), (0, 0, side, side), 0, levels,
                         next(self.encoder.parameters()).device)
        found = []
        for only in range(len(self.masks)) if self.masks else [None]:
            tile.features = bands.encode(self.encoder, tile.pixels, levels)
            if self.masks:
                one = torch.ones_like(tile.pixels[:, :1])
                tile.masks = [one if i == only else one - 1 for i in range(len(self.masks))]
            found.append(run([tile])[0].mean((2, 3), keepdim=True))
        return found

    def _load(self, box, around=None):
        """The Tile in a box, with its features; around: pixels of margin, by default as many as the passes look at."""
        picture, clock, mode = self.content.picture, self.maps.clock, self.options.mode
        levels = len(self.maps.strengths)
        with clock("encode"):
            clock.advance(tiles.area(box))
            whole = box == (0, 0, *picture.size)
            tile = self.content.whole if whole else None
            if tile is None:
                around = tiles.margin(levels, mode) if around is None else around
                tile = tiles.cut(picture.rgb, box, around, levels, next(self.encoder.parameters()).device)
                tile.features = bands.encode(self.encoder, tile.pixels, levels)
                tile.spare = True
                if whole and sum(f.nbytes for f in tile.features if f is not None) <= self.content.keeps:
                    tile.spare, self.content.whole = False, tile
                elif mode == "cascade":
                    tile.features = tile.features[-1:]
            return replace(tile, features=list(tile.features), masks=self.masks and tile.masked(self.masks, levels))


def _finish(canvas, lights, tile, x):
    """Put a tile's pixels into the canvas, with the content's colours and outside the masks as asked for."""
    tiles.paste(canvas, tile.box, to_pil(tile.within(finished(tile, x, lights))))


def lights(loaded: Sequence[Tile], drawn: Sequence[torch.Tensor], options: Options) -> list | None:
    """`colours.light` of the stylised picture and of the content, where its colours are kept."""
    if not options.keep_colors:
        return None
    return [colours.light([tile.within(x) for tile, x in zip(loaded, pictures)])
            for pictures in (drawn, [tile.pixels for tile in loaded])]


def finished(tile: Tile, x: torch.Tensor, lights=None) -> torch.Tensor:
    """Pixels (B, 3, H, W) of a tile, with the content's colours where there are lights, and outside masks itself."""
    if lights:
        x = colours.keep_colours(x, tile.pixels, lights)
    return torch.lerp(tile.pixels, x, coverage(tile.masks)) if tile.masks else x

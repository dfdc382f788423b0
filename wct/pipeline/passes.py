"""The ways through the networks, over all the tiles of a picture at once: between levels they share their maps.

With the content's features f_k of relu{k}_1, the maps T_k (`wct.transform`), the decoder's blocks D_k from relu{k}_1
to relu{k-1}_1, `reach` a, strengths s_k of the levels and detail d, the single pass over levels 1 ... L is

    x_L = f_L,   x_{k-1} = (1 - p) f_{k-1} + p D_k(M_k x_k),   M_k = (1 - a s_k) I + a s_k T_k,   p = a (1 - d)

and gives D_1(M_1 x_1) + (1 - a) (f_0 - D_1(f_1)), where f_0 is the content itself: at a = 0 nothing else is left. The
cascade (Li et al. 2017) has the encoder E_k and the whole decoder D_k ... D_1 at each level, deepest first,

    y_L = f_0,   y_{k-1} = D_1(... D_k(M_k E_k(y_k))),   M_k = (1 - s_k) I + s_k T_k,

and gives (1 - s) f_0 + s y_0 for strength s.
"""

from collections.abc import Sequence

import torch

from wct.options import Options
from wct.pipeline import bands
from wct.pipeline.mapping import Maps
from wct.pipeline.tiles import Tile
from wct.runtime import memory


def reach(strength: float) -> float:
    """a, so that equal steps of strength are about equal steps of the Gram matrices towards the style's.

    By the full network they have gone a^1.35 of the way, by the small one a^0.95 (docs/pictures.md).
    """
    return strength ** 0.85


def map_strengths(options: Options, levels: Sequence[float]) -> list[float]:
    """How far M_k goes from I to T_k; levels: s_1, s_2, ... In the other modes strength comes last."""
    return [reach(options.strength) * level if options.mode == "single" else level for level in levels]


class SinglePass:
    """Transform and decode level by level, each block's output joined by a share of the content's own features.

    Called with tiles that have their features, it gives the pixels of each, (B, 3, H, W), not clamped; features that
    are spare are written over on the way.
    """

    def __init__(self, encoder: torch.nn.Module, decoder: torch.nn.Module, maps: Maps, options: Options):
        self.encoder, self.decoder, self.maps = encoder, decoder, maps
        self.strength = reach(options.strength)
        self.share = self.strength * (1 - options.detail)

    def __call__(self, tiles: Sequence[Tile]) -> list[torch.Tensor]:
        levels = len(self.maps.strengths)
        xs = [tile.features[-1] for tile in tiles]
        for level in range(levels, 1, -1):
            if self.maps.wants(level):
                for tile, x in zip(tiles, xs):
                    self.maps.measure(level, tile, x)
            self.maps.fit(level)
            for i, tile in enumerate(tiles):
                own = tile.features[level - 2]
                if own is not None:  # what leads to relu1_1 is left to `_finest` where it is too large to keep
                    xs[i] = self._next(level, tile, xs[i], own)
                self.maps.clock.advance(tile.area)
        return self._finest(tiles, xs)

    def _next(self, level, tile, x, own):
        """x_{k-1} of a tile from x_k and f_{k-1}, band by band."""
        step = 2 ** (level - 1)

        def part(x, start, stop):
            y = self.decoder.block(level)(self.maps(level, tile.rows(step * start, step * stop), x))
            return torch.lerp(bands.wide(own[:, :, 2 * start:2 * stop]), y, self.share)

        if not tile.spare:
            return bands.banded(part, x, 2)
        tile.features[level - 1] = None
        return bands.banded(part, x, 2, out=own)

    def _finest(self, tiles, xs):
        """The pixels of every tile from x_1, or from x_2 where f_1 is not kept."""
        if self.maps.wants(1):
            for tile, x in zip(tiles, xs):
                for start, stop in tile.bands():
                    self.maps.measure(1, tile.rows(start, stop), self._relu1_1(tile, x, start, stop)[0])
        self.maps.fit(1)
        return [self._whole(tile, x) for tile, x in zip(tiles, xs)]

    def _whole(self, tile, x):
        """The result of a tile."""
        parts = bands.rows(tile.pixels, 1)
        if len(parts) == 1:
            return self._pixels(tile, x, *parts[0])
        result = torch.empty_like(tile.pixels)  # beforehand: what stays among the bands would break their memory up
        for start, stop in parts:
            result[:, :, start:stop] = self._pixels(tile, x, start, stop)
        memory.release()
        return result

    def _pixels(self, tile, x, start, stop):
        """Some rows of the result."""
        above, below = max(0, start - 2), min(tile.pixels.shape[2], stop + 2)
        mixture, own = self._relu1_1(tile, x, above, below)
        part = tile.rows(above, below)
        y = self.decoder.block(1)(self.maps(1, part, mixture))
        if self.strength < 1:
            y = y + (1 - self.strength) * (part.pixels - self.decoder.block(1)(own))
        self.maps.clock.advance(tile.rows(start, stop).area)
        return y[:, :, start - above:stop - above]

    def _relu1_1(self, tile, x, start, stop):
        """Some rows of x_1 and of f_1."""
        own = tile.features[0]
        if own is not None:
            return bands.wide(x[:, :, start:stop]), bands.wide(own[:, :, start:stop])
        own = bands.relu1_1(self.encoder, tile.pixels, start, stop)
        if x is None:  # relu1_1 alone takes part
            return own, own
        first, last = max(0, start // 2 - bands.HALO), min(x.shape[2], -(-stop // 2) + bands.HALO)
        y = self.decoder.block(2)(self.maps(2, tile.rows(2 * first, 2 * last), bands.wide(x[:, :, first:last])))
        return torch.lerp(own, y[:, :, start - 2 * first:stop - 2 * first], self.share), own


class Cascade:
    """Encode, transform and decode once per level, deepest first; called as `SinglePass`, and gives pixels clamped.

    Of the tiles' features only the deepest are used.
    """

    def __init__(self, encoder: torch.nn.Module, decoder: torch.nn.Module, maps: Maps, options: Options):
        self.encoder, self.decoder, self.maps, self.strength = encoder, decoder, maps, options.strength

    def __call__(self, tiles: Sequence[Tile]) -> list[torch.Tensor]:
        levels = len(self.maps.strengths)
        ys = [tile.pixels for tile in tiles]
        for level in range(levels, 0, -1):
            features = [tile.features[-1] if level == levels else None for tile in tiles]
            features = [self._encoded(y, level) if known is None else known for y, known in zip(ys, features)]
            if self.maps.wants(level):
                for tile, x in zip(tiles, features):
                    self.maps.measure(level, tile, x)
            self.maps.fit(level)
            for i, tile in enumerate(tiles):
                mapped = self.maps(level, tile, bands.wide(features[i]))
                ys[i] = bands.decode(self.decoder, mapped, level).clamp(0, 1)
                self.maps.clock.advance(tile.area)
        return [torch.lerp(tile.pixels, y, self.strength) for tile, y in zip(tiles, ys)]

    def _encoded(self, y, level):
        with self.maps.clock("encode"):
            features = bands.encode(self.encoder, y, level)[-1]
            return self.encoder.stages["relu1_1"](y) if features is None else features


PASSES = {"single": SinglePass, "cascade": Cascade}

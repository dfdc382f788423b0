"""What happens to the features of one picture at each level: one affine map, or one per style and region."""

import math
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from numbers import Integral

from torch.nn import functional as F

from wct.pipeline.tiles import area, blocks
from wct.sqrtm import residual
from wct.transform import Pool, blend, colouring, map_between, regularised, renormalisation, transport, whitening


@dataclass
class Mapping:
    """Maps features of the levels to those of the styles; fitted by the first tiles it is called with.

    styles: of each the wct.transform.Statistics per level, with its share, a number; the shares sum to one. strengths:
    of relu1_1, relu2_1, ...; ridge, backend, transform: as `Stylizer.stylise` has them. clock: told when a stage
    begins, and how many pixels have passed a level. deepest: Statistics of the content by level, where they are known,
    one of the whole or one under each mask; those of the deepest level are added. residuals: where a list, it gets
    those of the whitening matrices.
    """

    styles: list
    shares: list
    strengths: list
    ridge: float
    backend: str
    transform: str
    clock: object
    deepest: dict = field(default_factory=dict)
    residuals: list | None = None
    _pools: dict = field(default_factory=dict)
    _fitted: dict = field(default_factory=dict)

    def __call__(self, tiles, xs, level):
        """For features (1, n, h, w) of tiles at a level: a function for each that maps them.

        tiles: wct.pipeline.tiles.Tile, all with a mask for each style or none with any.
        """
        if self.strengths[level - 1] and level not in self._fitted:
            if level not in self.deepest:
                for tile, x in zip(tiles, xs):
                    self.measure(tile, x, level)
            self.fit(level)
        return [partial(self._apply, tile, level) for tile in tiles]

    def measure(self, tile, x, level):
        """Take a tile's features (1, n, h, w) at a level into account, as a whole or under each mask."""
        with self.clock("transform"):
            masks = tile.masks or [None]
            for pool, mask in zip(self._pools.setdefault(level, [Pool() for _ in masks]), masks):
                gather(pool, tile, x, mask)

    def fit(self, level):
        """Fit one map for all styles, or under masks one for each, to what was measured at a level or is known."""
        with self.clock("transform"):
            sources = self.deepest.get(level) or [pool.statistics() for pool in self._pools.pop(level)]
            if level == len(self.strengths):
                self.deepest[level] = sources
            maps = [self._map(style, source, level) for style, source in zip(self.styles, cycle(sources))]
            if len(sources) < len(maps):
                maps = [blend(maps, self.shares)]
            self._fitted[level] = [one.weakened(self.strengths[level - 1]) for one in maps]

    def _apply(self, tile, level, x):
        with self.clock("transform"):
            self.clock.advance(area(tile.box))
            if level not in self._fitted:
                return x
            maps = self._fitted[level]
            if tile.masks is None:
                return maps[0](x)
            shares = [F.interpolate(share, x.shape[2:], mode="area") for share in regions(tile.masks, self.shares)]
            rest = (1 - sum(shares)).to(x.dtype)
            return rest * x + sum(share.to(x.dtype) * change(x) for change, share in zip(maps, shares))

    def _map(self, style, source, level):
        target = style[level - 1]
        if self.transform == "adain":
            return renormalisation(source, target)
        if self.transform == "transport":
            mapping, white = transport(source, target, self.ridge, self.backend)
        else:
            white = source.kept(whitening, self.ridge, self.backend)
            mapping = map_between(source, target, white, target.kept(colouring, self.ridge, self.backend))
        if self.residuals is not None:
            with self.clock("measure"):
                self.residuals.append(float(residual(regularised(source.covariance, self.ridge)[0], white).max()))
        return mapping


def level_strengths(levels, most):
    """The strengths of relu1_1, relu2_1, ... as a list, without levels at the end that take no part.

    levels: how many take part, with strength 1; or their strengths; None for four. most: how many there are.
    Raises ValueError.
    """
    levels = min(4, most) if levels is None else levels
    strengths = [1.0] * int(levels) if isinstance(levels, Integral) else [float(strength) for strength in levels]
    if not all(0 <= strength <= 1 for strength in strengths):
        raise ValueError(f"the strengths of levels must lie between 0 and 1, not {levels}")
    while strengths and strengths[-1] == 0:
        strengths.pop()
    if not 1 <= len(strengths) <= most:
        raise ValueError(f"levels must be 1 to {most}, or the strengths of as many and not all zero, not {levels}")
    return strengths


def normalised(weights, count):
    """The weights of `count` styles, made to sum to one; all the same where there are none. Raises ValueError."""
    weights = [1.0] * count if weights is None else [float(weight) for weight in weights]
    if len(weights) != count:
        raise ValueError(f"{count} styles take {count} weights, not {len(weights)}")
    if not all(0 <= weight < math.inf for weight in weights) or sum(weights) == 0:
        raise ValueError(f"weights must be numbers from 0, and not all zero: {weights}")
    return [weight / sum(weights) for weight in weights]


def coverage(masks):
    """How much of every pixel the masks (1, 1, H, W) take together: soft edges that meet leave nothing between."""
    return sum(masks).clamp(max=1)


def regions(masks, shares):
    """The share (1, 1, H, W) of each style at every pixel, under masks of that shape; nothing outside all of them."""
    weighted = [share * mask for share, mask in zip(shares, masks)]
    scale = coverage(masks) / sum(weighted).clamp(min=1e-6)
    return [scale * part for part in weighted]


def gather(pool, tile, x, mask=None):
    """Add a tile's features (1, n, h, w) without its margins to a Pool, block by block.

    mask: how much each of the tile's pixels counts, (1, 1, H, W); by default all the same.
    """
    weights = None if mask is None else blocks(tile, F.interpolate(mask, x.shape[2:], mode="area"))
    for block, weight in zip(blocks(tile, x), weights or cycle([None])):
        pool.add(block, weight)

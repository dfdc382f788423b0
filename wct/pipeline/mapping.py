"""What happens to the features of a picture at each level: one affine map, or one per style and region."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle

import torch
from torch.nn import functional as F

from wct.options import LARGE, Options
from wct.pipeline import bands
from wct.pipeline.tiles import Tile
from wct.runtime.clock import Clock
from wct.sqrtm import residual
from wct.transform import (
    AffineMap,
    Moments,
    Statistics,
    adain,
    colouring,
    mixed,
    regularised,
    transport,
    whitening,
    zca,
)


@dataclass
class Maps:
    """The maps of every level: `measure` the content's features at a level, `fit`, then call.

    styles: of each the Statistics per level, with its share, a number; the shares sum to one. strengths: of the maps
    at relu1_1, relu2_1, ... known: Statistics of the content by level where they are known already, one of the whole or
    one under each mask; those of the deepest level are added. residuals: where a list, it gets those of the whitening
    matrices. others: whether the maps are for more pictures than are measured. What N positions show of n channels is
    too little along the faint ones, which other pictures would have at several times their contrast: n / N is added to
    the ridge.
    """

    styles: Sequence[Sequence[Statistics]]
    shares: Sequence[float]
    strengths: Sequence[float]
    options: Options
    clock: Clock
    known: dict[int, list[Statistics]] = field(default_factory=dict)
    residuals: list[float] | None = None
    others: bool = False
    _moments: dict[int, list[Moments]] = field(default_factory=dict)
    _fitted: dict[int, list[AffineMap]] = field(default_factory=dict)

    def wants(self, level: int) -> bool:
        """Whether the content must be measured at a level before it can be mapped."""
        return bool(self.strengths[level - 1]) and level not in self._fitted and level not in self.known

    def measure(self, level: int, tile: Tile, x: torch.Tensor) -> None:
        """Take a tile's features (B, n, h, w) at a level into account, as a whole or under each mask."""
        with self.clock("transform"):
            found = [gather(tile, x, mask) for mask in tile.masks or [None]]
            before = self._moments.get(level)
            self._moments[level] = found if before is None else [a + b for a, b in zip(before, found)]

    def fit(self, level: int) -> None:
        """Fit one map for all styles, or under masks one for each, to what was measured at a level or is known."""
        if level in self._fitted or not self.strengths[level - 1]:
            return
        with self.clock("transform"):
            device = self.styles[0][0].mean.device
            measured = self._moments.pop(level, [])
            sources = self.known.get(level) or [moments.statistics(device) for moments in measured]
            if level == len(self.strengths):
                self.known[level] = sources
            few = [moments.few() for moments in measured] if self.others else [0]
            maps = [self._map(style[level - 1], source, self.options.ridge + more)
                    for style, source, more in zip(self.styles, cycle(sources), cycle(few))]
            if len(sources) < len(maps):
                maps = [mixed(maps, self.shares)]
            self._fitted[level] = [one.at(self.strengths[level - 1]) for one in maps]

    def __call__(self, level: int, tile: Tile, x: torch.Tensor) -> torch.Tensor:
        """A tile's features (B, n, h, w) at a level, mapped; as they are where the level takes no part."""
        with self.clock("transform"):
            maps = self._fitted.get(level)
            if maps is None:
                return x
            if tile.masks is None:
                return maps[0](x)
            shares = [F.interpolate(share, x.shape[2:], mode="area") for share in regions(tile.masks, self.shares)]
            rest = (1 - sum(shares)).to(x.dtype)
            return rest * x + sum(share.to(x.dtype) * change(x) for change, share in zip(maps, shares))

    def towards(self, other: Maps, share: float) -> Maps:
        """Maps that go the part `share`, 0 to 1, of the way from these to others, both fitted at all levels."""
        fitted = {level: [a.towards(b, share) for a, b in zip(maps, other._fitted[level])]
                  for level, maps in self._fitted.items()}
        return replace(self, _fitted=fitted)

    def _map(self, style, source, ridge):
        method = self.options.backend
        if method == "auto" and source.mean.shape[-1] >= LARGE:  # below, wct.sqrtm has an "auto" of its own
            method = "mpa"
        if self.options.transform == "adain":
            return adain(source, style)
        if self.options.transform == "transport":
            mapping, white = transport(source, style, ridge, method)
        else:
            white = source.kept(whitening, ridge, method)
            mapping = zca(source, style, white, style.kept(colouring, ridge, method))
        if self.residuals is not None:
            with self.clock("measure"):
                self.residuals.append(float(residual(regularised(source.covariance, ridge)[0], white).max()))
        return mapping


def gather(tile: Tile, x: torch.Tensor, mask: torch.Tensor | None = None) -> Moments:
    """The Moments of a tile's features (B, n, h, w) without its margins, block by block.

    mask: how much each of the tile's pixels counts, (1 or B, 1, H, W); by default all the same.
    """
    weights = cycle([None]) if mask is None else tile.blocks(F.interpolate(mask, x.shape[2:], mode="area"))
    first, *others = (Moments.of(block, weight) for block, weight in zip(tile.blocks(x), weights))
    return sum(others, first)


def checked(style, masks, style_masks, weights, labels=False):
    """Lists of the styles, the masks and the style masks (None where there are none), and the shares of the styles."""
    styles = listed(style)
    if not styles:
        raise ValueError("name one style at least")
    if labels and (len(styles) > 1 or not all(maps and None not in maps for maps in map(listed, (masks, style_masks)))):
        raise ValueError("labels need one style, a label map of the content (masks) and one of the style (style_masks)")
    masks, style_masks = (value if value is None else listed(value) for value in (masks, style_masks))
    for name, value in (("masks", masks), ("style_masks", style_masks)):
        if value is not None and len(value) != len(styles):
            raise ValueError(f"{len(styles)} styles take {len(styles)} {name}, not {len(value)}")
    return styles, masks, style_masks, normalised(weights, len(styles))


def listed(value):
    """The list of a value or of several."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def gather_levels(encoder: torch.nn.Module, tile: Tile, levels: int, mask: torch.Tensor | None = None
                  ) -> list[Moments]:
    """The Moments of a tile's features at relu1_1 ... relu{levels}_1, as `gather` has them."""
    features = bands.encode(encoder, tile.pixels, levels)
    deeper = [gather(tile, x, mask) for x in features[1:]]
    if features[0] is not None:
        return [gather(tile, features[0], mask), *deeper]
    first, *others = (gather(tile.rows(start, stop), bands.relu1_1(encoder, tile.pixels, start, stop),
                             mask if mask is None else mask[:, :, start:stop]) for start, stop in tile.bands())
    return [sum(others, first), *deeper]


def normalised(weights: Sequence[float] | None, count: int) -> list[float]:
    """The weights of `count` styles, made to sum to one; all the same where there are none. Raises ValueError."""
    weights = [1.0] * count if weights is None else [float(weight) for weight in weights]
    if len(weights) != count:
        raise ValueError(f"{count} styles take {count} weights, not {len(weights)}")
    if not all(0 <= weight < math.inf for weight in weights) or sum(weights) == 0:
        raise ValueError(f"weights must be numbers from 0, and not all zero: {weights}")
    return [weight / sum(weights) for weight in weights]


def coverage(masks: Sequence[torch.Tensor]) -> torch.Tensor:
    """How much of every pixel the masks (1, 1, H, W) take together: soft edges that meet leave nothing between."""
    return sum(masks).clamp(max=1)


def regions(masks: Sequence[torch.Tensor], shares: Sequence[float]) -> list[torch.Tensor]:
    """The share (1, 1, H, W) of each style at every pixel, under masks of that shape; nothing outside all of them."""
    weighted = [share * mask for share, mask in zip(shares, masks)]
    scale = coverage(masks) / sum(weighted).clamp(min=1e-6)
    return [scale * part for part in weighted]

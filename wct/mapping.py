"""What happens to the features of one picture at each level: one affine map, or one per style and region."""

import math
from dataclasses import dataclass

from torch.nn import functional as F

from wct.sqrtm import residual
from wct.transform import blend, map_between, regularised, renormalisation, statistics, transport, whitening


@dataclass
class Mapping:
    """Maps features (1, n, h, w) of a level to those of the styles: `mapping(x, level)`.

    styles: wct.encoded.Style, each with its share, a number; the shares sum to one. regions: None, or for each style
    the mask its content statistics are taken under and its share at every pixel, both (1, 1, H, W).
    strengths: of relu1_1, relu2_1, ...; ridge, backend, transform: as `Stylizer.stylise` has them.
    clock: told when a stage begins. residuals: where a list, it gets those of the whitening matrices.
    """

    styles: list
    shares: list
    regions: list | None
    strengths: list
    ridge: float
    backend: str
    transform: str
    clock: object
    residuals: list | None = None

    def __call__(self, x, level):
        self.clock.share = (len(self.strengths) - level + 1) / (len(self.strengths) + 1)
        strength = self.strengths[level - 1]
        if strength == 0:
            return x
        with self.clock("transform"):
            if self.regions is None:
                source = statistics(x)
                maps = [self._map(style, source, level) for style in self.styles]
                return blend(maps, self.shares).weakened(strength)(x)
            y = x
            for style, region in zip(self.styles, self.regions):
                mask, share = (F.interpolate(m, x.shape[2:], mode="area") for m in region)
                change = self._map(style, statistics(x, mask), level).weakened(strength)(x) - x
                y = y + share * change
            return y

    def _map(self, style, source, level):
        target = style.statistics[level - 1]
        if self.transform == "adain":
            return renormalisation(source, target)
        if self.transform == "transport":
            mapping, white = transport(source, target, self.ridge, self.backend)
        else:
            white = whitening(source, self.ridge, self.backend)
            mapping = map_between(source, target, white, style.root(level, self.ridge, self.backend))
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
    strengths = [1.0] * levels if isinstance(levels, int) else [float(strength) for strength in levels]
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
    """For each style the mask (1, 1, H, W) and its share at every pixel, which is nothing outside all masks."""
    weighted = [share * mask for share, mask in zip(shares, masks)]
    scale = coverage(masks) / sum(weighted).clamp(min=1e-6)
    return [(mask, scale * part) for mask, part in zip(masks, weighted)]

"""A change of light and colour: fitted to a small photo and its stylised picture, carried to the photo at any size.

Nothing is drawn. For every place (x, y) and every luminance Y there,

    Y' = v(x, y, Y),   a curve that rises everywhere,      (Cb', Cr') = B(x, y, Y) (Cb, Cr) + d(x, y, Y),

so that edges, letters and grain stay where they are. v, d and B are the values at the nodes of a coarse grid over x, y
and Y, a bilateral grid (Chen, Paris and Durand, "Real-time edge-aware image processing with the bilateral grid", 2007),
with trilinear interpolation between. At a node, weighted by the tent functions w_p of the pixels p around it, with y
the stylised picture's luminance or chroma and x the photo's, the map is the affine one of least squares in closed form,

    y = A (x - mean x) + mean y,   A = (C_yx + eps I) (C_xx + eps I)^{-1},

means and covariances from sum_p w_p (1, x, x x^T, y x^T), plus a share of the sums of the same luminance anywhere, and
of those of all pixels, which speak where a node has few. The ridge eps is the same on both sides: a picture in its own
style stays itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch.nn import functional as F

from wct.images import to_pil, to_tensor
from wct.options import MAX_PIXELS, Options
from wct.pipeline.cache import Content, fitted
from wct.pipeline.mapping import regions
from wct.pipeline.tiles import Tile
from wct.runtime.clock import Clock
from wct.transform.statistics import off_mps

SIDE = 512  # longest side of the picture that is stylised
NODES, LIGHTS = 8, 8  # of the grid: along the longer side, and along luminance
LIGHT_SHARE, COLOUR_SHARE = 0.3, 3.0  # of pixels of the same luminance anywhere, in the sums of a node
ALL = 0.003  # the share of all pixels
NOISE = 3e-4  # variance of chroma that says nothing: differences of 4 of 255
FLATTEST, STEEPEST = 0.25, 2.5  # slopes of the curve of the whole photo; steeper ones show the steps of 8 bits
BENT = 4  # times flatter or steeper than that of the whole photo a curve may be in places
TOE = 0.1  # the least slope, also where a curve would leave the range of light
STRONGEST = 3  # factor of chroma
DETAIL = 0.4  # times the usual share of the photo's features: nothing is drawn that they would have to hold together
PIXELS = 2**17  # of the bands that a photo is worked on in

_YCBCR = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])  # BT.601


@dataclass(frozen=True)
class Change:
    """A change of light and colour: nodes (B, 7, L, H, W), of v, d (2) and B (2 x 2, by rows)."""

    nodes: torch.Tensor

    def towards(self, other: Change, share: float) -> Change:
        """The part `share`, 0 to 1, of the way to another."""
        return Change(torch.lerp(self.nodes, other.nodes, share))

    def __call__(self, photo: torch.Tensor, start: int = 0, height: int | None = None) -> torch.Tensor:
        """The photo (B, 3, h, w), RGB in [0, 1], changed; not clamped.

        start, height: the photo is the rows from `start` of one of that height; by default it is whole.
        """
        b, _, h, w = photo.shape
        y, cb, cr = _turned(photo, _YCBCR).split(1, 1)  # (B, 1, h, w)
        rows, columns = (torch.arange(side).to(photo) for side in (h, w))
        # between nodes one above the other first, for a row of pixels at a time; then beside and in luminance
        between = _tents((start + rows) / max(1, (height or h) - 1), self.nodes.shape[3])  # (h, H)
        nodes = torch.einsum("hr, bclrw -> bhclw", between, self.nodes.to(photo)).expand(b, -1, -1, -1, -1)
        columns = (2 * columns / max(1, w - 1) - 1).expand(b, h, w)
        where = torch.stack([columns, 2 * y[:, 0] - 1], -1).view(b * h, 1, w, 2)
        read = F.grid_sample(nodes.flatten(0, 1), where, padding_mode="border", align_corners=True)
        v, d_b, d_r, bb, br, rb, rr = read.view(b, h, -1, w).transpose(1, 2).split(1, 1)
        return _turned(torch.cat([v, d_b + bb * cb + br * cr, d_r + rb * cb + rr * cr], 1), torch.linalg.inv(_YCBCR))


def fit(photo: torch.Tensor, stylised: torch.Tensor, weight: torch.Tensor | None = None) -> Change:
    """The Change that takes a photo to its stylised picture, both (B, 3, h, w), RGB in [0, 1].

    weight: how much each pixel counts, (1 or B, 1, h, w). The result is differentiable in all three; where they come
    from a fixed map of features, as in a clip, it is a fixed function of the frame, and as steady as its averages are.

        >>> photo = torch.rand(1, 3, 48, 64)
        >>> fit(photo, photo)(photo).sub(photo).abs().max() < 1e-3
        tensor(True)
    """
    sums = _sums(_turned(photo, _YCBCR), _turned(stylised, _YCBCR), weight)
    n, mean, goal, var, cov = _moments(sums, LIGHT_SHARE)
    v = _curves(n, mean[:, 0], var[:, 0, 0], goal[:, 0], cov[:, 0, 0])
    n, mean, goal, var, cov = _moments(sums, COLOUR_SHARE)
    noise = NOISE * torch.eye(2).to(var)[:, :, None, None, None]
    own, crossed = ((x[:, 1:, 1:] + noise).movedim((1, 2), (-2, -1)) for x in (var, cov))
    B = torch.linalg.solve(own, crossed, left=False)
    B = B * (STRONGEST / torch.linalg.matrix_norm(B).clamp(min=STRONGEST))[..., None, None]
    d = goal[:, 1:].movedim(1, -1) - (B @ mean[:, 1:].movedim(1, -1)[..., None])[..., 0]
    return Change(torch.cat([v[..., None], d, B.flatten(-2)], -1).movedim(-1, 1).to(photo))


def _sums(x, y, weight):
    """Around every node the sums (B, 25, L, H, W) of the weights of pixels, and of these times x, y, x x^T and y x^T,
    of pictures (B, 3, h, w); 1 is the weight of an average node."""
    height, width = x.shape[2:]
    longer = max(height, width)
    H, W = (max(2, round(NODES * side / longer)) for side in (height, width))
    one = torch.ones_like(x[:, :1]) if weight is None else weight.expand_as(x[:, :1])
    terms = torch.cat([one, one * x, one * y, *(one * a * x for a in (*x.split(1, 1), *y.split(1, 1)))], 1)
    above, beside = (_tents(torch.linspace(0, 1, side).to(x), count) for side, count in ((height, H), (width, W)))
    # nodes of luminance one by one, or the sums of a pixel would be there as many times
    parts = [above.mT @ (terms * tent[:, None]) @ beside for tent in _tents(x[:, 0].clamp(0, 1), LIGHTS).unbind(-1)]
    sums = _softened(off_mps(torch.stack(parts, 2)).double())
    return sums / sums[:, :1].mean((2, 3, 4), keepdim=True).clamp(min=1e-9)


def _moments(sums, share):
    """At the nodes: weight (B, L, H, W), means of x and y (B, 3, ...), covariance of x, and of y with x (B, 3, 3, ...),
    with that share of all the pixels of the same luminance."""
    sums = sums + share * sums.mean((3, 4), keepdim=True) + ALL * sums.mean((2, 3, 4), keepdim=True)
    _, mean, goal, second, product = (sums / sums[:, :1].clamp(min=1e-9)).split([1, 3, 3, 9, 9], 1)
    var, cov = (x.unflatten(1, (3, 3)) - a[:, :, None] * mean[:, None] for x, a in ((second, mean), (product, goal)))
    return sums[:, 0], mean, goal, var, cov


def _tents(x, count):
    """The tent functions (..., count) of `count` nodes from 0 to 1, at x."""
    return (1 - (x[..., None] * (count - 1) - torch.arange(count).to(x)).abs()).clamp(min=0)


def _softened(grid):
    """The sums (B, n, L, H, W), each a little of its neighbours' in every direction: (1, 2, 1) / 4."""
    for dim in (2, 3, 4):
        first, last = grid.narrow(dim, 0, 1), grid.narrow(dim, -1, 1)
        grid = (torch.cat([first, grid], dim).narrow(dim, 0, grid.shape[dim]) + 2 * grid
                + torch.cat([grid, last], dim).narrow(dim, 1, grid.shape[dim])) / 4
    return grid


def _curves(n, mean, var, goal, cov):
    """The curves v (B, L, H, W) of luminance: the fits at the nodes, with bounded slopes in between."""
    lights = torch.linspace(0, 1, LIGHTS).to(n)[:, None, None]
    v = goal + (cov + 1e-6) / (var + 1e-6) * (lights - mean)

    def whole(x):
        return (n * x).sum((1, 2, 3), keepdim=True) / n.sum((1, 2, 3), keepdim=True)

    centre, target = whole(mean), whole(goal)
    rise = whole(cov + goal * mean) - target * centre
    slope = (rise / (whole(var + mean**2) - centre**2 + 1e-6)).clamp(FLATTEST, STEEPEST)
    steps = v.diff(dim=1) * (LIGHTS - 1)
    steps = steps.maximum((slope / BENT).clamp(min=TOE)).minimum((slope * BENT).clamp(max=STEEPEST)) / (LIGHTS - 1)
    rising = F.pad(steps.cumsum(1), (0, 0, 0, 0, 1, 0))
    v = rising + (n * (v - rising)).sum(1, keepdim=True) / n.sum(1, keepdim=True)  # no lighter or darker for it
    return v.maximum(TOE * lights).minimum(1 - TOE * (1 - lights))


def carry(changes: Sequence[Change], photo: torch.Tensor, strength: float, shares: Sequence[torch.Tensor] | None = None,
          start: int = 0, height: int | None = None) -> torch.Tensor:
    """The photo (B, 3, h, w) or some rows of it, f -> f + a sum_k share_k (change_k(f) - f); not clamped.

    shares: of each change at every pixel (1 or B, 1, h, w), where there are several.
    """
    total = 0
    for change, share in zip(changes, shares or [None] * len(changes)):
        if share is None or share.any():
            difference = change(photo, start, height) - photo
            total = total + (difference if share is None else share * difference)
    return photo + strength * total


def rendered(draw: Callable[..., torch.Tensor], content: torch.Tensor | Tile, masks: Sequence[torch.Tensor] | None,
             weights: Sequence[float], strength: float) -> torch.Tensor:
    """Contents (B, 3, H, W), RGB in [0, 1], in the light and colours that draw(content, masks=) gives them when small.

    masks: of the styles, (1 or B, 1, H, W), with their weights; or None.
    """
    if isinstance(content, Tile):
        width, height = content.box[2:]
        photo = small = content.pixels[:, :, :height, :width]
    else:
        photo = content
        small = content = _shrunk(photo)
    drawn = draw(content, masks=masks and [_fitting(mask, small) for mask in masks])
    photo, small = photo.to(drawn), small.to(drawn)
    changes = [fit(small, drawn.clamp(0, 1), mask if mask is None else _fitting(mask, small).to(drawn))
               for mask in masks or [None]]
    return carry(changes, photo, strength, masks and regions([mask.to(drawn) for mask in masks], weights))


def seen(options: Options) -> Options:
    """Those by which the small photo is stylised."""
    return replace(options, mode="single", strength=1.0, detail=DETAIL * options.detail)


def reduced(size: tuple[int, int]) -> tuple[int, int]:
    """The size at which a photo is stylised: its longest side is SIDE long at most."""
    scale = min(1.0, SIDE / max(size))
    return tuple(max(1, round(scale * side)) for side in size)


def _shrunk(photo):
    """Pictures (B, 3, H, W) as they are stylised."""
    size = reduced(photo.shape[2:])
    return F.interpolate(photo, size, mode="bilinear", antialias=True).clamp(0, 1) if size != photo.shape[2:] else photo


def _fitting(mask, photo):
    """A mask (1 or B, 1, H, W) as large as pictures (B, 3, h, w) that are no larger."""
    return F.interpolate(mask, photo.shape[2:], mode="area")


def photograph(draw: Callable[..., Image.Image], content: Content, masks: Sequence[Image.Image | None] | None,
               weights: Sequence[float], options: Options, clock: Clock) -> Image.Image:
    """The content, mode RGB, in the light and colours that draw(content, masks, options, more) gives it when small.

    masks: of the styles, PIL images of mode L and the content's size, None for all, with their weights; or None.
    """
    picture, kept = content.picture, content.small
    if kept is None:
        small = fitted(picture, max(reduced(picture.size)), MAX_PIXELS, MAX_PIXELS)
        kept = content.small = Content(replace(small, alpha=None))
    small = kept.picture.rgb
    small_masks = masks and [mask and mask.resize(small.size, Image.Resampling.BOX) for mask in masks]
    drawn = draw(kept, small_masks, seen(options), picture.size[0] * picture.size[1])
    return carried(changes(small, drawn, small_masks, clock), picture.rgb, options.strength, masks, weights, clock)


def changes(small: Image.Image, drawn: Image.Image, masks: Sequence[Image.Image | None] | None, clock: Clock
            ) -> list[Change]:
    """The Changes from a small photo to what was drawn of it, under each mask, or one; PIL images of one size."""
    with clock("transform"):
        return [fit(to_tensor(small), to_tensor(drawn), mask and to_tensor(mask)) for mask in masks or [None]]


def carried(changes: Sequence[Change], photo: Image.Image, strength: float, masks: Sequence[Image.Image | None] | None,
            weights: Sequence[float], clock: Clock) -> Image.Image:
    """`carry` for a PIL image of mode RGB, in bands; masks, weights: as for `photograph`."""
    width, height = photo.size
    canvas, step = Image.new("RGB", photo.size), max(1, PIXELS // width)
    with clock("decode"):
        for start in range(0, height, step):
            box = 0, start, width, min(height, start + step)
            part = to_tensor(photo.crop(box))
            shares = masks and regions([to_tensor(mask.crop(box)) if mask else torch.ones_like(part[:, :1])
                                        for mask in masks], weights)
            canvas.paste(to_pil(carry(changes, part, strength, shares, start, height)), box[:2])
            clock.advance((box[3] - start) * width)
    return canvas


def _turned(x, matrix):
    """Pixels (B, 3, h, w) multiplied by a matrix."""
    return F.conv2d(x, matrix.to(x)[:, :, None, None])

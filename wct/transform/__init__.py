"""Whitening and colouring of features, as one affine map per level.

For content features f with mean mu_c and covariance C_c, and style features with mu_s and C_s, the whitening and
colouring transform (Li et al., "Universal Style Transfer via Feature Transforms", 2017) is

    f -> T (f - mu_c) + mu_s,    T = (C_s + eps_s I)^{1/2} (C_c + eps_c I)^{-1/2},

with symmetric square roots ("ZCA" whitening). Every covariance gets a ridge eps relative to its own mean variance,
so that a picture's transform into its own style is the identity. Two more maps give the content the style's
statistics: the optimal transport between Gaussians, which moves the content least,

    T = C_c^{-1/2} (C_c^{1/2} C_s C_c^{1/2})^{1/2} C_c^{-1/2},

and AdaIN's (Huang and Belongie, 2017), T = diag(sigma_s / sigma_c), which sees each channel alone.
"""

from dataclasses import dataclass, field

import torch
from torch.nn import functional as F

from wct.sqrtm import matrix_inverse_sqrt, matrix_sqrt, matrix_sqrt_pair

RIDGE = 1e-2  # relative to the mean variance of the channels
VARIANCE_FLOOR = 1e-5  # added to every variance; the encoder's channels have unit mean square over natural pictures


@dataclass(frozen=True)
class Statistics:
    """Mean (..., n) and covariance (..., n, n) of features, float32 or float64."""

    mean: torch.Tensor
    covariance: torch.Tensor
    _kept: dict = field(default_factory=dict, repr=False)

    def kept(self, function, ridge, method):
        """`whitening` or `colouring` of these, of each method the latest remembered."""
        known, matrix = self._kept.get((function, method), (None, None))
        if known != ridge:
            matrix = function(self, ridge, method)
            self._kept[function, method] = ridge, matrix
        return matrix


@dataclass(frozen=True)
class AffineMap:
    """f -> matrix f + offset on the channels of features: matrix (..., n, n), offset (..., n)."""

    matrix: torch.Tensor
    offset: torch.Tensor

    def __call__(self, features):
        """Map features (B, n, h, w), one map for all or one for each; computed in their dtype."""
        n = features.shape[1]
        kernels = self.matrix.to(features.dtype).view(-1, n, n, 1, 1)
        offsets = self.offset.to(features.dtype).view(-1, n)
        parts = features.chunk(len(kernels))
        mapped = [F.conv2d(part, kernel, offset) for part, kernel, offset in zip(parts, kernels, offsets)]
        return torch.cat(mapped) if len(mapped) > 1 else mapped[0]

    def weakened(self, strength):
        """The map that goes the part `strength`, 0 to 1, of the way from the identity to this one."""
        identity = torch.eye(self.matrix.shape[-1], dtype=self.matrix.dtype, device=self.matrix.device)
        return AffineMap(torch.lerp(identity, self.matrix, strength), strength * self.offset)


def blend(maps, shares):
    """The weighted sum of AffineMaps."""
    return AffineMap(sum(a * m.matrix for a, m in zip(shares, maps)), sum(a * m.offset for a, m in zip(shares, maps)))


def statistics(features, weight=None):
    """Mean and covariance over the positions of features (B, n, h, w), in float32 at least.

    weight: how much each position counts, (1, 1, h, w), not negative and not all zero; by default all the same.
    The covariance divides by the sum of the weights; a single position has covariance zero.
    """
    with torch.autocast(features.device.type, enabled=False):
        flat = features.permute(0, 2, 3, 1).to(torch.promote_types(features.dtype, torch.float32)).flatten(1, 2)
        counts = flat.new_ones(1, 1, flat.shape[1]) if weight is None else weight.to(flat.dtype).flatten(2)
        total = counts.sum()
        mean = counts @ flat / total
        centred = flat - mean
        weighted = centred if weight is None else counts.mT * centred
        return Statistics(mean[:, 0], weighted.mT @ centred / total)


class Pool:
    """Statistics of a whole, gathered from its parts: in float64, so that their order does not show."""

    def __init__(self):
        self._within, self._means, self._counts = None, [], []

    def add(self, features, weight=None):
        """Features (1, n, h, w) of a part, and how much their positions count, (1, 1, h, w); it may be nothing."""
        count = features[0, 0].numel() if weight is None else float(weight.sum())
        if count:
            part = statistics(features, weight)
            covariance = off_mps(part.covariance)
            if self._within is None:
                self._within = torch.zeros_like(covariance, dtype=torch.float64)
            self._within.add_(covariance, alpha=count)
            self._means.append(off_mps(part.mean).double())
            self._counts.append(count)
            self._device = features.device

    def statistics(self):
        """Of all that was added, in float32."""
        total, means = sum(self._counts), torch.cat(self._means)
        share = means.new_tensor(self._counts)[:, None] / total
        mean = (share * means).sum(0)
        apart = means - mean
        covariance = self._within / total + (share * apart).mT @ apart
        return Statistics(mean[None].float().to(self._device), covariance.float().to(self._device))


def off_mps(x):
    """x where there is float64: on its own device or the CPU."""
    return x.cpu() if x.device.type == "mps" else x


def regularised(covariance, ridge=RIDGE):
    """C + eps I with eps = ridge tr(C) / n + VARIANCE_FLOOR, and eps (...,) itself, a lower bound of the spectrum."""
    eps = ridge * covariance.diagonal(dim1=-2, dim2=-1).mean(-1) + VARIANCE_FLOOR
    identity = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    return covariance + eps[..., None, None] * identity, eps


def whitening(content, ridge=RIDGE, method="mpa"):
    """(C_c + eps I)^{-1/2} of the content's Statistics: (..., n, n)."""
    matrix, eps = regularised(content.covariance, ridge)
    return matrix_inverse_sqrt(matrix, method=method, lower=eps)


def colouring(style, ridge=RIDGE, method="mpa"):
    """(C_s + eps I)^{1/2} of the style's Statistics: (..., n, n)."""
    matrix, eps = regularised(style.covariance, ridge)
    return matrix_sqrt(matrix, method=method, lower=eps)


def map_between(content, style, white, root):
    """The affine map from the content's Statistics to the style's; white and root are `whitening(content)` and
    `colouring(style)`."""
    return _through_means(root @ white, content, style)


def transport(content, style, ridge=RIDGE, method="mpa"):
    """The optimal transport map between Gaussians of these Statistics, and the whitening matrix in it: (..., n, n).

    Computed in float64: the inner root's condition is the product of two.
    """
    (a, a_eps), (b, b_eps) = (regularised(off_mps(s.covariance).double(), ridge) for s in (content, style))
    root, white = matrix_sqrt_pair(a, method, lower=a_eps)
    inner = root @ b @ root
    matrix = white @ matrix_sqrt((inner + inner.mT) / 2, method, lower=a_eps * b_eps) @ white
    return _through_means(matrix.to(content.mean), content, style), white.to(content.mean)


def renormalisation(content, style):
    """The affine map that gives every channel the style's mean and deviation: AdaIN."""
    a, b = (s.covariance.diagonal(dim1=-2, dim2=-1) + VARIANCE_FLOOR for s in (content, style))
    return _through_means(torch.diag_embed((b / a).sqrt()), content, style)


def _through_means(matrix, content, style):
    return AffineMap(matrix, style.mean - (matrix @ content.mean[..., None])[..., 0])

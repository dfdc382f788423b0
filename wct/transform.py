"""Whitening and colouring of features, as one affine map per level.

For content features f with mean mu_c and covariance C_c, and style features with mu_s and C_s, the whitening and
colouring transform (Li et al., "Universal Style Transfer via Feature Transforms", 2017) is

    f -> T (f - mu_c) + mu_s,    T = (C_s + eps_s I)^{1/2} (C_c + eps_c I)^{-1/2},

with symmetric square roots ("ZCA" whitening). Every covariance gets a ridge eps relative to its own mean variance,
so that a picture's transform into its own style is the identity.
"""

from dataclasses import dataclass

import torch

from wct.sqrtm import matrix_inverse_sqrt, matrix_sqrt

RIDGE = 1e-2  # relative to the mean variance of the channels
VARIANCE_FLOOR = 1e-5  # added to every variance; the encoder's channels have unit mean square over natural pictures


@dataclass(frozen=True)
class Statistics:
    """Mean (..., n) and covariance (..., n, n) of features, float32 or float64."""

    mean: torch.Tensor
    covariance: torch.Tensor


@dataclass(frozen=True)
class AffineMap:
    """f -> matrix f + offset on the channels of features: matrix (..., n, n), offset (..., n)."""

    matrix: torch.Tensor
    offset: torch.Tensor

    def __call__(self, features):
        """Map features (B, n, h, w); computed in the map's dtype, returned in that of the features."""
        flat = features.flatten(2).to(self.matrix.dtype)
        mapped = self.offset[..., None] + self.matrix @ flat
        return mapped.view_as(features).to(features.dtype)

    def weakened(self, strength):
        """The map that goes the part `strength`, 0 to 1, of the way from the identity to this one."""
        identity = torch.eye(self.matrix.shape[-1], dtype=self.matrix.dtype, device=self.matrix.device)
        return AffineMap(torch.lerp(identity, self.matrix, strength), strength * self.offset)


def statistics(features):
    """Mean and covariance over the positions of features (B, n, h, w), in float32 at least.

    The covariance divides by the number of positions; a single position has covariance zero.
    """
    flat = features.flatten(2)
    flat = flat.to(torch.promote_types(flat.dtype, torch.float32))
    with torch.autocast(flat.device.type, enabled=False):
        mean = flat.mean(-1)
        centred = flat - mean[..., None]
        return Statistics(mean, centred @ centred.mT / flat.shape[-1])


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
    matrix = root @ white
    return AffineMap(matrix, style.mean - (matrix @ content.mean[..., None])[..., 0])

"""The affine maps that give features the statistics of a style.

For content features f of mean mu_c and covariance C_c, and a style's mu_s and C_s, each is f -> T (f - mu_c) + mu_s:

    zca        T = C_s^{1/2} C_c^{-1/2}     whitening and colouring (Li et al., "Universal Style Transfer via Feature
                                            Transforms", 2017), with symmetric roots ("ZCA" whitening)
    transport  T = C_c^{-1/2} (C_c^{1/2} C_s C_c^{1/2})^{1/2} C_c^{-1/2}
                                            optimal transport between Gaussians: moves the content least
    adain      T = diag(sigma_s / sigma_c)  adaptive instance normalisation (Huang and Belongie, 2017): single channels

Every covariance C stands for C + eps I, a ridge eps relative to its own mean variance (`regularised`), so that the map
of a picture into its own style is the identity. A content with next to no variance, a blank slide, has rounding errors
alone, which whitening would bring to full contrast: there T is weakened towards 0 (`substance`), and gives the style's
mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from wct.options import Options
from wct.sqrtm import matrix_inverse_sqrt, matrix_sqrt, matrix_sqrt_pair
from wct.transform.statistics import Statistics, off_mps

# The encoder's channels have unit mean square over natural pictures, and a mean variance of 0.1 to 1.
VARIANCE_FLOOR = 1e-5  # added to every variance
NOISE = 2e-3  # the mean variance below which there is noise more than picture: contrasts of one or two steps of 255


@dataclass(frozen=True)
class AffineMap:
    """f -> matrix f + offset on the channels of features: matrix (..., n, n), offset (..., n)."""

    matrix: torch.Tensor
    offset: torch.Tensor

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """Map features (B, n, h, w), one map for all or one for each; computed in their dtype."""
        n = features.shape[1]
        kernels = self.matrix.to(features.dtype).view(-1, n, n, 1, 1)
        offsets = self.offset.to(features.dtype).view(-1, n)
        parts = features.chunk(len(kernels))
        mapped = [F.conv2d(part, kernel, offset) for part, kernel, offset in zip(parts, kernels, offsets)]
        return torch.cat(mapped) if len(mapped) > 1 else mapped[0]

    def at(self, strength: float) -> AffineMap:
        """The map that goes the part `strength`, 0 to 1, of the way from the identity to this one."""
        identity = torch.eye(self.matrix.shape[-1], dtype=self.matrix.dtype, device=self.matrix.device)
        return AffineMap(torch.lerp(identity.expand_as(self.matrix), self.matrix, strength), strength * self.offset)

    def towards(self, other: AffineMap, share: float) -> AffineMap:
        """The map that goes the part `share`, 0 to 1, of the way from this one to another; itself where they agree."""
        return AffineMap(torch.lerp(self.matrix, other.matrix, share), torch.lerp(self.offset, other.offset, share))


def mixed(maps: Sequence[AffineMap], shares: Sequence[float]) -> AffineMap:
    """The weighted sum of maps."""
    return AffineMap(sum(a * m.matrix for a, m in zip(shares, maps)), sum(a * m.offset for a, m in zip(shares, maps)))


def regularised(covariance: torch.Tensor, ridge: float) -> tuple[torch.Tensor, torch.Tensor]:
    """C + eps I with eps = ridge tr(C) / n + VARIANCE_FLOOR, and eps (...,) itself, a lower bound of the spectrum."""
    eps = ridge * covariance.diagonal(dim1=-2, dim2=-1).mean(-1) + VARIANCE_FLOOR
    identity = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    return covariance + eps[..., None, None] * identity, eps


def whitening(content: Statistics, ridge: float = Options.ridge, method: str = "mpa") -> torch.Tensor:
    """(C_c + eps I)^{-1/2} of the content's Statistics: (..., n, n)."""
    matrix, eps = regularised(content.covariance, ridge)
    return matrix_inverse_sqrt(matrix, method=method, lower=eps)


def colouring(style: Statistics, ridge: float = Options.ridge, method: str = "mpa") -> torch.Tensor:
    """(C_s + eps I)^{1/2} of the style's Statistics: (..., n, n)."""
    matrix, eps = regularised(style.covariance, ridge)
    return matrix_sqrt(matrix, method=method, lower=eps)


def zca(content: Statistics, style: Statistics, white: torch.Tensor, root: torch.Tensor) -> AffineMap:
    """Whitening and colouring; white and root are `whitening(content)` and `colouring(style)`."""
    return _through_means(root @ white, content, style)


def transport(content: Statistics, style: Statistics, ridge: float = Options.ridge, method: str = "mpa"
              ) -> tuple[AffineMap, torch.Tensor]:
    """The optimal transport map, and the whitening matrix in it: (..., n, n).

    Computed in float64: the inner root's condition is the product of two.
    """
    (a, a_eps), (b, b_eps) = (regularised(off_mps(s.covariance).double(), ridge) for s in (content, style))
    root, white = matrix_sqrt_pair(a, method, lower=a_eps)
    inner = root @ b @ root
    matrix = white @ matrix_sqrt((inner + inner.mT) / 2, method, lower=a_eps * b_eps) @ white
    return _through_means(matrix.to(content.mean), content, style), white.to(content.mean)


def adain(content: Statistics, style: Statistics) -> AffineMap:
    """The map that gives every channel the style's mean and deviation."""
    a, b = (s.covariance.diagonal(dim1=-2, dim2=-1) + VARIANCE_FLOOR for s in (content, style))
    return _through_means(torch.diag_embed((b / a).sqrt()), content, style)


def substance(statistics: Statistics) -> torch.Tensor:
    """min(1, v / NOISE)^2 for the mean variance v: (...,), 1 for all but pictures of one colour."""
    return (statistics.covariance.diagonal(dim1=-2, dim2=-1).mean(-1) / NOISE).clamp(max=1).square()


def _through_means(matrix, content, style):
    weight = (substance(content) / substance(style).clamp(min=torch.finfo(matrix.dtype).tiny)).clamp(max=1)
    matrix = weight[..., None, None] * matrix
    return AffineMap(matrix, style.mean - (matrix @ content.mean[..., None])[..., 0])

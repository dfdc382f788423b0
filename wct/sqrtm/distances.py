"""Distances of Gaussians, by roots of their covariances."""

import torch
from torch import Tensor

from .functions import root


def bures_distance(A: Tensor, B: Tensor) -> Tensor:
    r"""The Bures distance of covariances, :math:`d^2 = \mathrm{tr}\,A + \mathrm{tr}\,B - 2\,\mathrm{tr}(A^{1/2} B
    A^{1/2})^{1/2}`.

    It is the 2-Wasserstein distance of Gaussians of equal means (Bhatia, Jain, Lim, "On the Bures-Wasserstein distance
    between positive definite matrices", 2019).

    Args:
        A, B: symmetric positive semi-definite matrices `(..., n, n)`, float32 or float64. Computed in float64.

    Returns:
        Of shape `(...)`. Differentiable, but where the distance is 0, as that of a norm is not.

    Raises:
        ValueError: as :func:`wct.sqrtm.matrix_sqrt`.

    Example:
        >>> import torch
        >>> from wct.sqrtm import bures_distance
        >>> bures_distance(4 * torch.eye(3), torch.eye(3))
        tensor(1.7321)
    """
    squared = _bures_squared(A, B)
    positive = squared > 0
    return torch.where(positive, torch.where(positive, squared, 1).sqrt(), 0).to(A.dtype)


def frechet_distance(mean_a: Tensor, A: Tensor, mean_b: Tensor, B: Tensor) -> Tensor:
    r"""The Fréchet distance of Gaussians, squared as in the FID: :math:`\|\mu_a - \mu_b\|^2 + d(A, B)^2`.

    d is :func:`bures_distance` (Dowson and Landau, 1982; for images Heusel et al., "GANs Trained by a Two Time-Scale
    Update Rule Converge to a Local Nash Equilibrium", NeurIPS 2017).

    Args:
        mean_a, mean_b: of shape `(..., n)`.
        A, B: covariances `(..., n, n)`, which may be singular. Computed in float64.

    Returns:
        Of shape `(...)`, never negative. Differentiable.

    Raises:
        ValueError: as :func:`wct.sqrtm.matrix_sqrt`.

    Example:
        >>> import torch
        >>> from wct.sqrtm import frechet_distance
        >>> frechet_distance(torch.ones(3), 4 * torch.eye(3), torch.zeros(3), torch.eye(3))
        tensor(6.)
    """
    means = (_double(mean_a) - _double(mean_b)).square().sum(-1)
    return (means + _bures_squared(A, B).clamp(min=0)).to(A.dtype)


def _double(x):
    """In float64, on the CPU where the device has none."""
    return (x.cpu() if x.device.type == "mps" else x).double()


def _bures_squared(A, B):
    eps = max(torch.finfo(A.dtype).eps, torch.finfo(B.dtype).eps)
    A, B = _double(A), _double(B)
    first = root(A, "sqrt", eps)
    inner = first @ B @ first
    trace = sum(x.diagonal(dim1=-2, dim2=-1).sum(-1) for x in (A, B))
    return trace - 2 * root((inner + inner.mT) / 2, "sqrt", eps).diagonal(dim1=-2, dim2=-1).sum(-1)

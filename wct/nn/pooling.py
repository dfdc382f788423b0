"""Second-order pooling: what channels do together, in place of their means."""

import torch
from torch import Tensor, nn

from wct.sqrtm import matrix_sqrt

from .roots import add_ridge, describe, root_options


class CovariancePooling(nn.Module):
    """The root of the covariance of features over their positions, its upper triangle as a vector:

        x -> triu((C + eps tr(C) / n I)^{1/2}),   C = 1/L sum_l (x_l - mu) (x_l - mu)^T,

    for L positions of n channels. The root makes a few strong directions count less (Lin and Maji, "Improved Bilinear
    Pooling with CNNs", BMVC 2017; Li, Xie, Wang, Gao, "Towards Faster Training of Global Covariance Pooling Networks by
    Iterative Matrix Square Root Normalization", CVPR 2018).

    Args:
        eps: what is added to every variance, relative to their mean. Fewer positions than channels leave C singular,
            and the gradient of its root without bound.
        centre: without, the second moments about zero, as in bilinear pooling.
        tokens: channels are the last dimension, as of a transformer's tokens, in place of the second.
        method, degree, scaling, steps, tolerance, check_errors: see :func:`wct.sqrtm.matrix_sqrt`. By default nothing
            is checked, and NaN stays in its own sample.

    Shape: (N, n, *) or, with tokens, (N, *, n) -> (N, n (n + 1) / 2), in the dtype of the input; computed in float32 at
    least.

    Raises:
        ValueError: for an input of less than three dimensions, or without positions; at construction for options that
            do not exist.

    Example:
        >>> import torch
        >>> from wct.nn import CovariancePooling
        >>> CovariancePooling()(torch.randn(2, 16, 7, 7)).shape
        torch.Size([2, 136])
        >>> CovariancePooling(method="mpa", tokens=True)(torch.randn(2, 50, 16)).shape
        torch.Size([2, 136])
    """

    def __init__(
        self, eps: float = 1e-3, centre: bool = True, *, tokens: bool = False, method: str = "auto",
        degree: int | None = None, scaling: str | None = None, steps: int | None = None,
        tolerance: float | None = None, check_errors: bool = False,
    ):
        super().__init__()
        if not eps > 0:
            raise ValueError(f"eps is a positive number, not {eps!r}")
        self.eps, self.centre, self.tokens = eps, centre, tokens
        self.root_options = root_options(method, degree, scaling, steps, tolerance, check_errors)

    def forward(self, x: Tensor) -> Tensor:
        """(N, n, *) -> (N, n (n + 1) / 2)."""
        if x.ndim < 3 or 0 in x.shape[1:]:
            raise ValueError(f"CovariancePooling: expected (N, n, *) with positions, got the shape {tuple(x.shape)}")
        with torch.autocast(x.device.type, enabled=False):
            X = x.flatten(1, -2).mT if self.tokens else x.flatten(2)  # (N, n, L)
            X = X.to(torch.promote_types(x.dtype, torch.float32))
            if self.centre:
                X = X - X.mean(-1, keepdim=True)
            covariance = X @ X.mT / X.shape[-1]
            ridge = self.eps * covariance.diagonal(dim1=-2, dim2=-1).mean(-1)
            root = matrix_sqrt(add_ridge(covariance, ridge), lower=ridge, **self.root_options)
            rows, columns = torch.triu_indices(*root.shape[-2:], device=root.device)
            return root[:, rows, columns].to(x.dtype)

    def extra_repr(self) -> str:
        return f"eps={self.eps}, centre={self.centre}, tokens={self.tokens}{describe(self.root_options)}"

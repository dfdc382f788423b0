"""A^{-1/2} B without A^{-1/2}: for few columns, a handful of Cholesky factors cost less than a root."""

import math

import torch
from torch import Tensor

from .approximants import minimax
from .arguments import check_matrix, checked_lower, checked_options
from .functions import matrix_inverse_sqrt
from .job import Job
from .ops import no_autocast
from .spectrum import column, condition, normalise, round_down

TOLERANCE = {torch.float32: 1e-5, torch.float64: 2e-12}  # of the eigenvalues of W A W, below 1


def matrix_inverse_sqrt_product(
    A: Tensor, B: Tensor, method: str = "auto", *, lower: float | Tensor | None = None, tolerance: float | None = None,
    check_errors: bool = True,
) -> Tensor:
    r""":math:`A^{-1/2} B`, without :math:`A^{-1/2}` where that is cheaper.

    For few columns of large matrices, "auto" applies one rational approximant, a Cholesky factor for each of its poles
    (Pleiss et al., "Fast Matrix Square Roots with Applications to Gaussian Processes and Bayesian Optimization",
    NeurIPS 2020, with the poles of Zolotarev); its gradient takes no product of whole matrices but those of the
    factors. A method by name forms the root.

    Args:
        A: as for :func:`matrix_inverse_sqrt`, real.
        B: of shape `(..., n, m)` and the dtype of `A`.
        method, lower, tolerance, check_errors: as for :func:`matrix_inverse_sqrt`; the tolerance is 1e-5 in float32
            where nothing is formed.

    Returns:
        Of shape `(..., n, m)`.

    Raises:
        ValueError: as :func:`matrix_inverse_sqrt`, or if the shapes or dtypes of `A` and `B` do not fit.

    Example:
        >>> import torch
        >>> from wct.sqrtm import matrix_inverse_sqrt_product
        >>> matrix_inverse_sqrt_product(4 * torch.eye(2), torch.tensor([[2.0], [6.0]]))
        tensor([[1.],
                [3.]])
    """
    name = "matrix_inverse_sqrt_product"
    check_matrix(A, name)
    if not isinstance(B, Tensor) or B.dtype != A.dtype or B.ndim < 2 or B.shape[-2] != A.shape[-1]:
        found = f"{tuple(B.shape)} of {B.dtype}" if isinstance(B, Tensor) else type(B).__name__
        raise ValueError(f"{name}: expected B of shape (..., {A.shape[-1]}, m) of {A.dtype}, got {found}")
    if method == "auto" and A.dtype in (torch.float32, torch.float64) and _cheaper(A, B):
        checked_options(name, method, degree=None, scaling=None, steps=None, tolerance=tolerance)
        lower = None if lower is None else checked_lower(lower, A, name)
        errors = "raise" if check_errors else "ignore"
        return _apply(A, B, lower, tolerance, errors, torch.finfo(A.dtype).eps)
    return matrix_inverse_sqrt(A, method, lower=lower, tolerance=tolerance, check_errors=check_errors) @ B


class _Solve(torch.autograd.Function):
    """S^-1 B by the Cholesky factor L of S; backward dB = S^-1 dX and dS = -dB X^T, forward S^-1 (dB - dS X)."""

    @staticmethod
    def forward(S, B, L):
        return torch.cholesky_solve(B, L)

    @staticmethod
    def setup_context(ctx, inputs, X):
        S, _, L = inputs
        ctx.save_for_backward(S, X, L)
        ctx.save_for_forward(S, X, L)

    @staticmethod
    def backward(ctx, dX):
        S, X, L = ctx.saved_tensors
        dB = _Solve.apply(S, dX, L)
        dS = -dB @ X.mT
        return (dS + dS.mT) / 2, dB, None

    @staticmethod
    def jvp(ctx, dS, dB, _):
        S, X, L = ctx.saved_tensors
        dS = torch.zeros_like(S) if dS is None else (dS + dS.mT) / 2
        right = -dS @ X if dB is None else dB - dS @ X
        return _Solve.apply(S, right, L)

    @staticmethod
    def vmap(info, in_dims, *inputs):
        size = info.batch_size
        moved = [x.expand(size, *x.shape) if d is None else x.movedim(d, 0) for x, d in zip(inputs, in_dims)]
        return _Solve.apply(*moved), 0


def _cheaper(A, B):
    """Whether to apply rather than to form, as it was measured on a CPU: for few columns of large matrices."""
    n, columns = B.shape[-2:]
    readable = not torch.compiler.is_compiling() and type(A) in (Tensor, torch.nn.Parameter) and not A.is_meta
    return readable and n >= 64 and 8 * columns <= n and A.shape[:-2] == B.shape[:-2]


def _apply(A, B, lower, tolerance, errors, eps):
    """W B = c B + sum_j w_j (A + a_j I)^-1 B for W = A^{-1/2}, A (..., n, n) and B (..., n, m): one best rational
    approximant (see `minimax`) of a degree that the conditioning asks for."""
    with no_autocast(A):
        constant, weights, shifts, scale = _poles(A.detach(), lower, tolerance, errors, eps)
        flat, right = A.reshape(-1, *A.shape[-2:]), B.reshape(-1, *B.shape[-2:])
        flat = (flat + flat.mT) / 2
        result = constant / column(scale) * right
        identity = torch.eye(A.shape[-1], dtype=A.dtype, device=A.device)
        for w, a in zip(weights, shifts):
            shifted = flat + a * column(scale.square()) * identity
            L, info = torch.linalg.cholesky_ex(shifted.detach())
            L = L.masked_fill(column(info > 0), float("nan"))
            result = result + w * column(scale) * _Solve.apply(shifted, right, L)
        return result.view(B.shape)


def _poles(A, lower, tolerance, errors, eps):
    """c, w_j, a_j for A / scale^2 of the whole batch, and scale (B,)."""
    n = A.shape[-1]
    job = Job("inverse", errors, eps, tolerance, lower=None if lower is None else lower.reshape(-1))
    M, size = job.inspect(A.reshape(-1, n, n).contiguous())
    M, job.upper, job.scale = normalise(M, size)
    if lower is not None:
        job.lower = job.lower / job.scale / job.scale
    _, low, high = condition(M, job)
    top = high.nan_to_num(1.0).max().item()
    worst = round_down(low / top)
    tolerance = tolerance or TOLERANCE[A.dtype]
    degree = next(d for d in range(1, 60) if minimax(worst, d)[1] > 1 - tolerance or d == 59)
    (_, constant, weights, shifts), _ = minimax(worst, degree)
    root = math.sqrt(top)
    return constant / root, [w * root for w in weights], [a * top for a in shifts], job.scale

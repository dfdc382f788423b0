"""Scale and bounds of the spectrum of symmetric positive semi-definite matrices (B, n, n)."""

import math

import torch
from torch.linalg import vector_norm


def symmetrise(A):
    return (A / 2).add_(A.mT, alpha=0.5)


def column(x):
    """(B,) as (B, 1, 1), to multiply matrices with."""
    return x[:, None, None]


def diagonal(A):
    """A view (..., n) to write to."""
    return A.diagonal(dim1=-2, dim2=-1)


def largest(A):
    """max |a_ij|, (B,)."""
    return A.abs().amax((-2, -1))


def upper_bound(A):
    """lambda_max <= min(||A||_F, ||A||_inf), (B,)."""
    return torch.minimum(vector_norm(A, dim=(-2, -1)), A.abs().sum(-1).amax(-1))


def _next_power_of_two(x):
    return torch.where(x > 0, torch.exp2(x.log2().ceil()), 1)


def normalise(A, size):
    """A / s, in place, and the square root of s, (B,): s >= lambda_max is a power of two, or 1 for a zero matrix.

    size: max |a_ij|, (B,). The division is exact, and nothing in between leaves the range of the dtype.
    """
    outer = _next_power_of_two(size)
    A.div_(column(outer))
    inner = _next_power_of_two(upper_bound(A))
    return A.div_(column(inner)), outer.sqrt() * inner.sqrt()


def round_down(x):
    """The power of two at or below the least of x > 0: so few distinct values that plans are reused."""
    return 2.0 ** math.floor(math.log2(x.min().item()))


def inverse(A):
    """A^-1 by Cholesky factors, any leading dimensions; NaN on the diagonal if A is not positive definite."""
    L, info = torch.linalg.cholesky_ex(A.mT)  # laid out by columns, as LAPACK wants it
    failed = (info > 0)[..., None]
    diagonal(L).masked_fill_(failed, 1)  # cholesky_inverse raises on a zero there
    V = torch.cholesky_inverse(L).mT  # the same, laid out by rows
    diagonal(V).masked_fill_(failed, float("nan"))
    return V


def inverse_by_blocks(A):
    """A^-1 by Schur complements, (B, n, n): products of whole batches, where LAPACK takes matrix by matrix.

    For well-conditioned matrices: the errors grow faster with the condition than those of `inverse`.
    """
    n = A.shape[-1]
    if n <= (16 if len(A) >= 16 else 128):
        return inverse(A)
    k = n // 2
    P = inverse_by_blocks(A[:, :k, :k])
    T = P @ A[:, :k, k:]
    Q = inverse_by_blocks(torch.baddbmm(A[:, k:, k:], A[:, k:, :k], T, alpha=-1))
    U = T @ Q
    V = torch.empty_like(A)
    torch.baddbmm(P, U, T.mT, out=V[:, :k, :k])
    V[:, :k, k:] = U.neg_()
    V[:, k:, :k] = U.mT
    V[:, k:, k:] = Q
    return V


def _inverse_bounds(A):
    """Bounds of ||A^-1||_2 from below and from above, (B,) each; NaN where A has no Cholesky factor."""
    V = inverse(A)
    x = V.sum(-1, keepdim=True)
    along_x = vector_norm(V @ x, dim=(-2, -1)) / vector_norm(x, dim=(-2, -1))
    return torch.fmax(along_x, vector_norm(V, dim=-1).amax(-1)), upper_bound(V)


def condition(A, lower=None):
    """A, regularised where it is singular, and a bound of its least eigenvalue from below, (B,).

    For A with lambda_max <= 1. What is below eps cannot be told from zero: a matrix with such eigenvalues
    gets eps I added, or as much more as it takes to have a Cholesky factor. Without a bound `lower` (B,)
    that the caller vouches for, one inverse is spent: 1 / lambda_min <= min(||A^-1||_F, ||A^-1||_inf).
    """
    eps = torch.finfo(A.dtype).eps
    if lower is not None:
        least = lower.clamp(eps / 8, 1)
        missing = torch.where(lower < least, eps, 0).to(A.dtype)
        A = A.clone()
        diagonal(A).add_(missing[:, None])
        return A, torch.maximum(least, missing)
    shift = A.new_zeros(len(A))
    while True:
        shifted = A.clone()
        diagonal(shifted).add_(shift[:, None])
        below, above = _inverse_bounds(shifted)
        singular = ~(below * eps < 2)
        if not singular.any():
            return shifted, above.reciprocal().clamp(eps / 8, 1)
        shift = torch.where(singular, (4 * shift).clamp(min=eps), shift)

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
    return torch.maximum(A.amax((-2, -1)), -A.amin((-2, -1)))


def upper_bound(A):
    """lambda_max <= min(||A||_F, ||A||_inf), (B,)."""
    return torch.minimum(vector_norm(A, dim=(-2, -1)), A.abs().sum(-1).amax(-1))


def _next_power_of_two(x):
    """The power of two at or above x, or the greatest there is; 1 for 0."""
    most = math.frexp(torch.finfo(x.dtype).max)[1] - 1
    return torch.where(x > 0, torch.exp2(x.log2().ceil().clamp(max=most)), 1)


def normalise(A, size):
    """A / s, in place, a bound of its spectrum from above in (1/2, 1], or 0 for a zero matrix, and the square root of
    s, (B,) each: s is a power of two, so that the division is exact.

    size: max |a_ij|, (B,). Nothing in between leaves the range of the dtype.
    """
    outer = _next_power_of_two(size)
    A.div_(column(outer))
    bound = upper_bound(A)
    inner = _next_power_of_two(bound)
    return A.div_(column(inner)), bound / inner, outer.sqrt() * inner.sqrt()


def round_down(x):
    """The power of 2^(1/8) at or below the least of x > 0, at most 1: so few distinct values that plans are reused."""
    return min(2.0 ** (math.floor(8 * math.log2(x.min().item())) / 8), 1.0)


def _halves(A):
    """The blocks of L^-1 for A = L L^T (B, n, n): for A = [[P, Q], [Q^T, R]] and X = L_P^-1 Q

    L^-1 = [[L_P^-1, 0], [-L_S^-1 X^T L_P^-1, L_S^-1]],   S = R - X^T X.
    """
    k = A.shape[-1] // 2
    first = _inverse_factor(A[:, :k, :k])
    X = first @ A[:, :k, k:]
    last = _inverse_factor(torch.baddbmm(A[:, k:, k:], X.mT, X, alpha=-1))
    return first, (last @ X.mT @ first).neg_(), last


def _inverse_factor(A):
    """L^-1 for A = L L^T (B, n, n); NaN where A is not positive definite."""
    n = A.shape[-1]
    if n <= (256 if len(A) <= 2 else 32):
        L, info = torch.linalg.cholesky_ex(A.mT)  # laid out by columns, as LAPACK wants it
        F = torch.linalg.solve_triangular(L, torch.eye(n, dtype=A.dtype, device=A.device).expand_as(A), upper=False)
        diagonal(F).masked_fill_((info > 0)[:, None], float("nan"))
        return F
    first, below, last = _halves(A)
    F, k = torch.empty_like(A), n // 2
    F[:, :k, :k], F[:, :k, k:], F[:, k:, :k], F[:, k:, k:] = first, 0, below, last
    return F


def inverse(A):
    """A^-1 = F^T F, F = L^-1, for A = L L^T (B, n, n); NaN where A is not positive definite.

    By halves down to small ones: products of whole batches, where LAPACK takes matrix by matrix. As accurate as
    LAPACK's inverse from Cholesky factors, to a factor of two.
    """
    n = A.shape[-1]
    if n <= 128:
        F = _inverse_factor(A)
        return F.mT @ F
    first, below, last = _halves(A)
    V, k = torch.empty_like(A), n // 2
    torch.bmm(first.mT, first, out=V[:, :k, :k]).baddbmm_(below.mT, below)
    torch.bmm(last.mT, last, out=V[:, k:, k:])
    torch.bmm(last.mT, below, out=V[:, k:, :k])
    V[:, :k, k:] = V[:, k:, :k].mT
    return V


def _inverse_bounds(A):
    """Bounds of ||A^-1||_2 from below and from above, (B,) each; NaN where A has no Cholesky factor."""
    V = inverse(A)
    x = V.sum(-1, keepdim=True)
    along_x = vector_norm(V @ x, dim=(-2, -1)) / vector_norm(x, dim=(-2, -1))
    return torch.fmax(along_x, vector_norm(V, dim=-1).amax(-1)), upper_bound(V)


def condition(A, lower, upper):
    """A, regularised where it is singular, and bounds of its spectrum from below and from above, (B,) each.

    For A with lambda_max <= upper <= 1. What is below eps cannot be told from zero: a matrix with such eigenvalues
    gets eps I added, or as much more as it takes to have a Cholesky factor. Without a bound `lower` (B,)
    that the caller vouches for, one inverse is spent: 1 / lambda_min <= min(||A^-1||_F, ||A^-1||_inf).
    """
    eps = torch.finfo(A.dtype).eps
    if lower is not None:
        least = lower.clamp(eps / 8, 1)
        shift = torch.where(lower < least, eps, 0).to(A.dtype)
        low = torch.maximum(least, shift)
        if shift.any():
            A = A.clone()
            diagonal(A).add_(shift[:, None])
    else:
        shift = A.new_zeros(len(A))
        while True:
            shifted = A.clone()
            diagonal(shifted).add_(shift[:, None])
            below, above = _inverse_bounds(shifted)
            singular = ~(below * eps < 2)
            if not singular.any():
                break
            shift = torch.where(singular, (4 * shift).clamp(min=eps), shift)
        A, low = shifted, above.reciprocal().clamp(eps / 8, 1)
    return A, low, torch.maximum(upper + shift, low)

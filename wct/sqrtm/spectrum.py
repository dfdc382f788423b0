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
    return vector_norm(A, math.inf, (-2, -1))


def upper_bound(A):
    """lambda_max <= min(||A||_F, ||A||_inf), (B,)."""
    return torch.minimum(vector_norm(A, dim=(-2, -1)), A.abs().sum(-1).amax(-1))


def _power_of_two(x):
    """The power of two above x, or the greatest there is; 1 for 0."""
    most = math.frexp(torch.finfo(x.dtype).max)[1] - 1
    return torch.ldexp(torch.ones_like(x), torch.frexp(x).exponent.clamp_(max=most))


def normalise(A, size=None):
    """A / s, in place, a bound of its spectrum from above in [1/2, 1], or 1 for a zero matrix, and the square root of
    s, (B,) each: s is a power of two, so that the division is exact.

    size: max |a_ij|, (B,), where it is known. Nothing in between leaves the range of the dtype.
    """
    outer = _power_of_two(largest(A) if size is None else size)
    A.div_(column(outer))
    bound = upper_bound(A)
    inner = _power_of_two(bound)
    bound = bound / inner
    return A.div_(column(inner)), torch.where(bound > 0, bound, 1), outer.sqrt() * inner.sqrt()


def round_down(x):
    """The power of 2^(1/8) at or below the least of x > 0, at most 1: so few distinct values that plans are reused.
    NaN is left out."""
    return min(2.0 ** (math.floor(8 * math.log2(x.nan_to_num(1.0).min().item())) / 8), 1.0)


def definite(A, shift):
    """Whether A + shift I, shift (B,), has a Cholesky factor, (B,)."""
    shifted = A.clone()
    diagonal(shifted).add_(shift[:, None])
    L, info = torch.linalg.cholesky_ex(shifted.mT)  # laid out by columns, as LAPACK wants it
    return (info == 0) & L[:, -1, -1].isfinite()


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


def rounding(n, eps):
    """What is below this, relative to lambda_max, cannot be told from zero: an eigenvalue of -lambda_max times it is
    rounding, one beyond is not. `eps` is that of the dtype the matrix came in."""
    return max(n, 32) * eps


def condition(A, job):
    """A, regularised where it is singular, and bounds of its spectrum from below and from above, (B,) each.

    For A with lambda_max <= job.upper <= 1. What is below eps cannot be told from zero: a matrix with such
    eigenvalues gets eps I added, or as much more as it takes to have a Cholesky factor; one that would need more than
    rounding explains becomes NaN. Without a bound `lower` that is to be trusted, one inverse is spent:
    1 / lambda_min <= min(||A^-1||_F, ||A^-1||_inf).
    """
    eps = torch.finfo(A.dtype).eps
    lower = job.trusted(A)
    if lower is not None:
        job.certify(A, lower)
        low, shift = lower.clamp(eps / 8, 1), 0
        if not job.reads(A):
            shift = torch.where(lower < eps, 4 * rounding(A.shape[-1], job.eps), 0).to(A.dtype)
            A = _shifted(A, shift)
        return A, low, torch.maximum(job.upper, low) + shift
    below, above = _inverse_bounds(A)
    singular = ~(below * eps < 2)
    shift = 0
    if not job.reads(A):
        job.certify(A)
        shift = torch.where(singular, 4 * rounding(A.shape[-1], job.eps), 0).to(A.dtype)
        A, above = _shifted(A, shift), torch.where(singular, 1 / eps, above)
    elif singular.any():
        job.certify(A)
        A, above, shift = A.clone(), above.clone(), torch.zeros_like(above)
        A[singular], above[singular], shift[singular] = _regularised(A[singular], job.eps)
    low = above.reciprocal().clamp(eps / 8, 1)
    return A, low, torch.maximum(job.upper + shift, low)


def _shifted(A, shift):
    """A + shift I, shift (B,)."""
    A = A.clone()
    diagonal(A).add_(shift[:, None])
    return A


def _regularised(A, input_eps):
    """A + shift I for singular A, a bound of its inverse, and the shift; NaN and 1, 0 where A is indefinite."""
    eps, enough = torch.finfo(A.dtype).eps, 4 * rounding(A.shape[-1], input_eps)
    shift, singular = A.new_zeros(len(A)), torch.ones(len(A), dtype=torch.bool, device=A.device)
    while singular.any() and shift.max() < enough:
        shift = torch.where(singular, (4 * shift).clamp(min=eps), shift)
        below, above = _inverse_bounds(_shifted(A, shift))
        singular = ~(below * eps < 2)
    nothing = torch.where(singular, float("nan"), 0).to(A.dtype)
    return _shifted(A, shift + nothing), torch.where(singular, 1, above), torch.where(singular, 0, shift)

"""svd and eigh: the exact references. Eigenvalues below eps lambda_max are raised to eps lambda_max."""

import math

import torch

from .spectrum import diagonal, rounding, symmetrise

EASY = {torch.float32: 1e3, torch.float64: 1e5}  # a condition to which eigh is accurate as it is
HARD = 3e4  # one beyond which a correction in float32 does not help


def eigenvectors(A, decompose=torch.linalg.eigh):
    """Eigenvalues and eigenvectors of A (B, n, n); NaN where it is not finite, or where the routine converges neither
    as it is nor in float64."""
    try:
        return tuple(decompose(A))
    except torch.linalg.LinAlgError:
        finite = A.isfinite().flatten(1).all(1)
    if finite.all():
        return tuple(map(torch.cat, zip(*(_alone(matrix, decompose) for matrix in A.split(1)))))
    values, vectors = torch.full_like(A[..., 0], float("nan")), torch.full_like(A, float("nan"))
    if finite.any():
        values[finite], vectors[finite] = eigenvectors(A[finite], decompose)
    return values, vectors


def _alone(A, decompose):
    for precise in (A, A.cpu().double()):
        try:
            return tuple(x.to(A) for x in decompose(precise))
        except torch.linalg.LinAlgError:
            pass
    return torch.full_like(A[..., 0], float("nan")), torch.full_like(A, float("nan"))


def _roots(values, vectors, dtype, job):
    """V diag(s^{1/2}) V^T, V diag(s^{-1/2}) V^T, s^{1/2} and V in dtype, for ascending s (B, n); NaN for negative s."""
    largest, eps = values[:, -1:], torch.finfo(dtype).eps
    floor = largest * eps
    roots = values.maximum(floor.masked_fill_(floor <= 0, eps)).sqrt_()
    if job.errors != "raise":
        roots.masked_fill_(values < -rounding(values.shape[-1], job.eps) * largest, float("nan"))
    Y = None if job.want == "inverse" else symmetrise(torch.bmm(vectors * roots[:, None, :], vectors.mT)).to(dtype)
    W = None if job.want == "sqrt" else symmetrise(torch.bmm(vectors / roots[:, None, :], vectors.mT)).to(dtype)
    return Y, W, roots.to(dtype), vectors.to(dtype).contiguous()


def in_double(A):
    """Whether matrices A (B, n, n) are so small that a CPU decomposes them in float64 nearly as fast as in float32."""
    return A.dtype == torch.float32 and A.device.type == "cpu" and A.shape[-1] <= 32


def worst_condition(roots):
    """The greatest condition of a batch, by the roots (B, n) of the eigenvalues, ascending or descending."""
    ratio = roots[:, -1] / roots[:, 0]
    low, high = (float(end) for end in torch.aminmax(ratio))
    if low != low:  # NaN in one matrix, which is no matter of the others
        ratio = ratio[ratio == ratio]
        low, high = (float(ratio.min()), float(ratio.max())) if len(ratio) else (1, 1)
    worst = max(high, 1 / low if low > 0 else math.inf)
    return worst * worst


def easy(condition, dtype, tolerance=None):
    """Whether eigenvectors need no help: they lose about the condition's share of the dtype's digits."""
    return condition < max(EASY[dtype], (tolerance or 0) / torch.finfo(dtype).eps)


def eigh(A, job, steps=0):
    """A = V diag(s) V^T; A^{1/2} = V diag(s^{1/2}) V^T, A^{-1/2} = V diag(s^{-1/2}) V^T.

    With `steps`, the digits of W that small eigenvalues lose come back by so many corrections, W <- W + W (I - W A
    W) / 2; or, in matrices that are small or too ill-conditioned for that, from eigenvectors in float64. A tolerance
    lets digits go that it does not need.
    """
    double = steps and in_double(A)
    at_once = double and not job.tolerance
    values, vectors = eigenvectors(A.double() if at_once else A)
    job.judge(A, values)
    Y, W, *basis = result = _roots(values, vectors, A.dtype, job)
    if not steps or at_once:
        return result
    condition = worst_condition(result[2]) if job.reads(A) else math.nan
    if easy(condition, A.dtype, job.tolerance):
        return result
    if double:
        return _roots(*eigenvectors(A.double()), A.dtype, job)
    hard = None
    if A.dtype == torch.float32 and condition > HARD:
        hard = values[:, 0] * HARD < values[:, -1]
        if hard.all():
            return _roots(*eigenvectors(A.double()), A.dtype, job)
    for _ in range(steps if W is not None else 0):
        error = torch.bmm(W, torch.bmm(A, W))
        diagonal(error).sub_(1)
        W = symmetrise(torch.baddbmm(W, W, error, alpha=-0.5))
    result = Y, W, *basis
    if hard is not None:
        for old, new in zip(result, _roots(*eigenvectors(A[hard].double()), A.dtype, job)):
            if old is not None:
                old[hard] = new
    return result


def svd(A, job):
    """A = U diag(s) V^T, where U = V as A is symmetric; the roots as for `eigh`."""
    job.certify(A, job.trusted(A))
    return _roots(*(x.flip(-1) for x in eigenvectors(A, lambda A: torch.linalg.svd(A)[1::-1])), A.dtype, job)

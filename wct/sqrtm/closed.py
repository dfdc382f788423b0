"""Matrices (B, n, n) of n up to 3 by formulas: no decomposition, no iteration; thousands of them in a few sums.

float32 is computed in float64, which is more than the formulas lose.
"""

import torch

from .spectrum import diagonal, rounding, symmetrise


def _double(A):
    return A.double() if A.dtype == torch.float32 else A


def _trace(A):
    return diagonal(A).sum(-1)


def _adjugate(A):
    """adj(A), A adj(A) = det(A) I, by Cayley and Hamilton."""
    n, trace = A.shape[-1], _trace(A)
    if n == 1:
        return torch.ones_like(A)
    adjugate = -A if n == 2 else A @ A - trace[:, None, None] * A
    constant = trace if n == 2 else (trace**2 - (A * A.mT).sum((-2, -1))) / 2
    diagonal(adjugate).add_(constant[:, None])
    return adjugate


def _eigenvalues(A):
    """Of symmetric A, ascending, (B, n): for n = 3 by the cosines of Smith (1961)."""
    n, mean = A.shape[-1], _trace(A) / A.shape[-1]
    if n == 1:
        return diagonal(A).clone()
    K = A.clone()
    diagonal(K).sub_(mean[:, None])
    p = ((K * K).sum((-2, -1)) / (n * (n - 1))).sqrt()
    if n == 2:
        return torch.stack([mean - p, mean + p], -1)
    r = torch.linalg.vecdot(torch.linalg.cross(K[:, 0], K[:, 1]), K[:, 2]) / (2 * p**3)
    angle = torch.where(p > 0, r, 1).clamp_(-1, 1).acos_() / 3
    high = mean + 2 * p * angle.cos()
    low = mean + 2 * p * (angle + 2 * torch.pi / 3).cos()
    return torch.stack([low, 3 * mean - low - high, high], -1)


def roots(A, job):
    """Y = A^{1/2} and W = A^{-1/2} from the invariants of Y, for n = 3 after Hoger and Carlson (1984):

    n = 2: Y = (A + II I) / I,   n = 3: Y = (I III I + (I^2 - II) A - A^2) / (I II - III),   W = adj(Y) / det(Y),

    where I, II and III are the elementary symmetric functions of the eigenvalues of Y, and the last of them is det Y.
    """
    dtype, n = A.dtype, A.shape[-1]
    M = _double(A)
    values = _eigenvalues(M)
    job.judge(A, values)
    largest = values[:, -1:].abs()
    floor = torch.finfo(dtype).eps * torch.where(largest > 0, largest, 1)
    shift = (floor - values[:, :1]).clamp_(min=0)
    shift.masked_fill_(values[:, :1] < -rounding(n, job.eps) * largest, float("nan"))  # indefinite
    r = (values + shift).maximum(floor).sqrt_()
    M = M.clone()
    diagonal(M).add_(shift)
    first, det = r.sum(-1)[:, None, None], r.prod(-1)[:, None, None]
    if n == 1:
        Y = r[:, None]
    elif n == 2:
        Y = M.clone()
        diagonal(Y).add_(det[:, 0])
        Y /= first
    else:
        second = (r * r.roll(1, -1)).sum(-1)[:, None, None]
        Y = (first**2 - second) * M - M @ M
        diagonal(Y).add_((first * det)[:, 0])
        Y /= first * second - det
    W = None
    if job.want != "sqrt":
        W = _adjugate(Y) / det
        if n == 3:  # what cancelled above
            error = W @ M @ W
            diagonal(error).sub_(1)
            W = W - W @ error / 2
        W = symmetrise(W).to(dtype)
    Y = None if job.want == "inverse" else symmetrise(Y).to(dtype)
    return Y, W, r[:, [0, -1]].to(dtype), None


def lyapunov(S, G, low):
    """X with S X + X S = G for S with no eigenvalue below low (B,), or as if it had none, by Cayley and Hamilton:
    with p the characteristic polynomial of S, p(x) = 0 = p(y),

    1 / (x + y) = q(x, y) / -p(-y),   q(x, y) = (p(x) - p(-y)) / (x + y), a polynomial.
    """
    dtype, n = S.dtype, S.shape[-1]
    S, G, least = _double(S), _double(G), _double(low)[:, None, None] ** n / 2
    trace = _trace(S)[:, None, None]
    if n == 1:
        X = G / (2 * S.maximum(least))
    elif n == 2:
        adjugate = _adjugate(S)
        det = (S[:, :1, :1] * S[:, 1:, 1:] - S[:, :1, 1:] * S[:, 1:, :1])
        det = det.maximum(least)
        X = (det * G + adjugate @ G @ adjugate) / (2 * trace * det)
    else:
        square, adjugate = S @ S, _adjugate(S)
        det = (S[:, :1] @ adjugate[:, :, :1])
        second = _trace(adjugate)[:, None, None]
        q = square @ G - S @ G @ S + G @ square - trace * (S @ G - G @ S) + second * G
        divisor = 2 * trace * square
        diagonal(divisor).add_(2 * det[:, 0])
        inverse = _adjugate(divisor)
        X = q @ inverse / (divisor[:, :1] @ inverse[:, :, :1]).maximum((16 * least) ** 3)
    return X.to(dtype)

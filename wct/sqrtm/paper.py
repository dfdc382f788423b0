"""The methods as printed in Song, Sebe, Wang, "Fast Differentiable Matrix Square Root" (ICLR 2022).

All three normalise by the Frobenius norm, Z = I - A / ||A||_F, and are exact near Z = 0 alone. Where A has an
eigenvalue 0 they stay finite. `compose` in composite.py is the same idea made accurate. A is (B, n, n).
"""

import math

import torch

from .spectrum import column, diagonal, inverse


def binomials(power, degree):
    """|binom(power, k)| for k = 0 .. degree."""
    values = [1.0]
    for k in range(1, degree + 1):
        values.append(abs(values[-1] * (power - k + 1) / k))
    return values


def _normalise(A):
    """A / ||A||_F, I - A / ||A||_F, and the root of the norm (1 for a zero matrix)."""
    norm = torch.linalg.matrix_norm(A)
    norm = column(torch.where(norm > 0, norm, 1))
    A = A / norm
    Z = -A
    diagonal(Z).add_(1)
    return A, Z, norm.sqrt()


def _ends(root, least):
    """The ends of the spectrum of A^{1/2}, when the approximant is at least `least` for A / ||A||_F."""
    return torch.cat([least * root, root], -1).flatten(1)


def _power_series(Z, *series):
    """sum_k c_k Z^k for several lists of coefficients c at once; the powers are shared."""
    sums, power = [c[1] * Z for c in series], Z
    for k in range(2, len(series[0])):
        power = power @ Z
        for total, c in zip(sums, series):
            total.add_(power, alpha=c[k])
    for total, c in zip(sums, series):
        diagonal(total).add_(c[0])
    return sums


def taylor(A, want, degree):
    """MTP: A^{1/2} ~ ||A||^{1/2} (I - sum_{k=1..K} |binom(1/2, k)| Z^k) and, the series of (1 - z)^{-1/2},
    A^{-1/2} ~ ||A||^{-1/2} (I + sum_{k=1..K} |binom(-1/2, k)| Z^k)."""
    _, Z, root = _normalise(A)
    forward = [1.0, *(-c for c in binomials(0.5, degree)[1:])]
    backward = binomials(-0.5, degree)
    if want == "sqrt":
        return _power_series(Z, forward)[0] * root, None, _ends(root, sum(forward)), None
    if want == "inverse":
        return None, _power_series(Z, backward)[0] / root, _ends(root, 1 / sum(backward)), None
    Y, W = _power_series(Z, forward, backward)
    return Y * root, W / root, _ends(root, sum(forward)), None


def pade(A, want, degree):
    """MPA: A^{1/2} ~ ||A||^{1/2} Q^{-1} P and A^{-1/2} ~ ||A||^{-1/2} P^{-1} Q, with
    P(z) / Q(z) the [m/m] Padé approximant of (1 - z)^{1/2}; N = 2m + 1,

    P(Z) = sum_k (-1)^k N / (N - k) binom(N - k, k) (Z/4)^k,   Q(Z) = sum_k (-1)^k binom(2m - k, k) (Z/4)^k.
    """
    _, Z, root = _normalise(A)
    N = 2 * degree + 1
    p = [(-0.25) ** k * N / (N - k) * math.comb(N - k, k) for k in range(degree + 1)]
    q = [(-0.25) ** k * math.comb(N - 1 - k, k) for k in range(degree + 1)]
    P, Q = _power_series(Z, p, q)
    Y = None if want == "inverse" else inverse(Q) @ P * root
    W = None if want == "sqrt" else inverse(P) @ Q / root
    return Y, W, _ends(root, 1 / N), None


def newton_schulz(A, want, steps):
    """Y <- Y (3I - W Y) / 2, W <- (3I - W Y) W / 2 from Y = A / ||A||, W = I; Y -> A^{1/2}, W -> A^{-1/2}."""
    Y, _, root = _normalise(A)
    W = None
    for _ in range(steps):
        R = -0.5 * (Y if W is None else W @ Y)
        diagonal(R).add_(1.5)
        Y, W = Y @ R, R if W is None else R @ W
    least = 1.5**-steps if want == "inverse" else torch.finfo(A.dtype).eps ** 0.5
    return Y * root, W / root, _ends(root, least), None

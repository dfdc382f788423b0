"""Cheap functions R(M) ~ M^{-1/2} of a matrix with a spectrum in [low, 1]: what composite.py composes.

A rule takes `low` and a degree, and returns R as (evaluate, *arguments) with the least eigenvalue of M R(M)^2, whose
spectrum again ends at 1. evaluate(M, *arguments) gives R(M) and, where it costs nothing, M R(M).
"""

import math

import torch

from . import paper
from .spectrum import diagonal, inverse


class Scratch:
    """Matrices like A, used again: fresh ones cost as much as the products, page by page, in batches of small ones."""

    def __init__(self, A):
        self.A, self._free = A, []

    def take(self):
        return self._free.pop() if self._free else torch.empty_like(self.A)

    def give(self, M):
        """Take back what is no longer needed, None and A itself aside."""
        if M is not None and M is not self.A:
            self._free.append(M)

    def product(self, M, N):
        return torch.bmm(M, N, out=self.take())


def rational(M, constant, weights, shifts):
    """R(M) = c I + sum_j w_j (M + a_j I)^-1 and M R(M), all shifts in one batch; NaN if a factor is missing.

    M (M + a I)^-1 = I - a (M + a I)^-1 saves a product, and the loss of digits that came with it: errors
    grow with the root of the condition number only.
    """
    shifted = M.repeat(len(shifts), 1, 1, 1)
    for matrix, a in zip(shifted, shifts):
        diagonal(matrix).add_(a)
    inverses = inverse(shifted.flatten(0, 1)).view_as(shifted)
    P = constant * M
    for w, a, V in zip(weights, shifts, inverses):
        P.add_(V, alpha=-w * a)
    R = inverses[0].mul_(weights[0])
    for w, V in zip(weights[1:], inverses[1:]):
        R.add_(V, alpha=w)
    diagonal(R).add_(constant)
    diagonal(P).add_(sum(weights))
    return R, P


def polynomial(M, scale, coefficients, scratch=None):
    """R(M) = sum_k c_k Z^k with Z = I - scale M, by Horner's rule; M R(M) is left to whoever needs it."""
    scratch = scratch or Scratch(M)
    *lower, c, highest = coefficients
    if len(lower) == 1:  # in powers of M, one product with its sums
        R = torch.baddbmm(M, M, M, beta=-scale * (c + 2 * highest), alpha=scale**2 * highest, out=scratch.take())
        diagonal(R).add_(lower[0] + c + highest)
        return R, None
    R = torch.mul(M, -scale * highest, out=scratch.take())
    diagonal(R).add_(highest + c)
    if lower:
        Z = torch.mul(M, -scale, out=scratch.take())
        diagonal(Z).add_(1)
        for c in reversed(lower):
            R, used = scratch.product(Z, R), R
            diagonal(R).add_(c)
            scratch.give(used)
        scratch.give(Z)
    return R, None


def pade(low, degree):
    """Diagonal [m/m] Padé approximant of M^{-1/2} about s = sqrt(low), in partial fractions: N = 2m + 1,

    sqrt(s) M^{-1/2} ~ 1/N (1 + sum_{j=1..m} 2 / cos^2(t_j) (M/s + tan^2(t_j))^-1),   t_j = (2j-1) pi / 2N.

    With M/s = x^2 it is tanh(N artanh x) / x (Kenney and Laub, 1991), so between f and 1/f times 1/x.
    """
    N, s = 2 * degree + 1, math.sqrt(low)
    x = math.sqrt(s)
    f = math.tanh(N * math.atanh(x)) if x < 1 else 1.0
    angles = [(2 * j - 1) * math.pi / (2 * N) for j in range(1, degree + 1)]
    constant = f / (N * math.sqrt(s))
    weights = [f * 2 * math.sqrt(s) / (N * math.cos(t) ** 2) for t in angles]
    shifts = [s * math.tan(t) ** 2 for t in angles]
    return (rational, constant, weights, shifts), f**4


def jacobi(l, fractions):
    """sn^2 / cn^2 of the elliptic functions of complementary modulus l at f K, f in fractions, by the AGM."""
    a, b, ratios = 1.0, l, []
    while a - b > 1e-15 * a:
        ratios.append((a - b) / (a + b))
        a, b = (a + b) / 2, math.sqrt(a * b)
    values = []
    for f in fractions:
        phi = 2 ** len(ratios) * f * math.pi / 2
        for r in reversed(ratios):
            phi = (phi + math.asin(r * math.sin(phi))) / 2
        values.append(math.tan(phi) ** 2)
    return values


def minimax(low, degree):
    """The best approximant of 1/x on [l, 1], l^2 = low and x^2 = M, by Zolotarev: up to a factor

    prod_j (x^2 + c_2j) / (x^2 + c_{2j-1}),   c_i = l^2 sn^2 / cn^2 (i K' / (2m + 1))

    (Nakatsukasa and Freund, 2016, eqs. 3.2-3.5). x times it is least at l and greatest at 1.
    """
    l = math.sqrt(low)
    c = [l * l * t for t in jacobi(l, [i / (2 * degree + 1) for i in range(1, 2 * degree + 1)])]
    poles, zeros = c[0::2], c[1::2]

    def value(x):
        return x * math.prod((x * x + z) / (x * x + p) for p, z in zip(poles, zeros))

    def residue(j):
        others = [p for i, p in enumerate(poles) if i != j]
        return math.prod(z - poles[j] for z in zeros) / math.prod(p - poles[j] for p in others)

    scale = 1 / value(1.0)
    weights = [scale * residue(j) for j in range(degree)]
    return (rational, scale, weights, poles), (scale * value(l)) ** 2


def quintic(low, degree):
    """Newton-Schulz by the best odd polynomials of degree 5, a x + b x^3 + c x^5 with x^2 = M: closest
    to 1 on [l, 1], l^2 = low, by Remez' exchange of the inner extrema q and r (Amsel et al., "The Polar
    Express", 2025). Grows the least eigenvalue as much in four products as the cubic of Newton and
    Schulz in four and a half."""
    if low > 0.9:
        return finish(low, degree)
    l = math.sqrt(low)
    q, r, error = (3 * l + 1) / 4, (l + 3) / 4, 1.0
    for _ in range(50):
        points = torch.tensor([l, q, r, 1.0], dtype=torch.float64)[:, None]
        signs = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)[:, None]
        system = torch.cat([points, points**3, points**5, signs], 1)
        a, b, c, last = torch.linalg.solve(system, torch.ones_like(points)).flatten().tolist()
        discriminant = math.sqrt(9 * b * b - 20 * a * c)
        q, r = (math.sqrt((-3 * b + sign * discriminant) / (10 * c)) for sign in (-1, 1))
        error, settled = last, abs(last - error) < 1e-12
        if settled:
            break
    a, b, c = (x / (1 + error) for x in (a, b, c))
    return (polynomial, 1.0, [a + b + c, -b - 2 * c, c]), ((1 - error) / (1 + error)) ** 2


def taylor(low, degree):
    """(I - Z)^{-1/2} ~ sum_{k<=K} |binom(-1/2, k)| Z^k with Z = I - M."""
    coefficients = paper.binomials(-0.5, degree)
    least = math.sqrt(low) * sum(c * (1 - low) ** k for k, c in enumerate(coefficients))
    return (polynomial, 1.0, coefficients), least**2


def finish(low, degree):
    """The series of `taylor` about s = (1 + low) / 2, for a spectrum that is narrow already: the last step,

    so what it leaves is about 1 instead of below 1."""
    coefficients, s = paper.binomials(-0.5, degree), (1 + low) / 2

    def value(x):
        return x * sum(c * (1 - x * x / s) ** k for k, c in enumerate(coefficients))

    least, greatest = value(math.sqrt(low)), value(1.0)
    if degree % 2:  # below 1 / sqrt(x) on both sides of s
        least, greatest = min(least, greatest), math.sqrt(s)
    middle = (least + greatest) / 2
    return (polynomial, 1 / s, [c / middle for c in coefficients]), (least / greatest) ** 2


def stretched(function, high):
    """R(M / high) / sqrt(high) for the R of a plan: the spectrum ends at `high` in place of 1."""
    evaluate, *arguments = function
    root = math.sqrt(high)
    if evaluate is rational:
        constant, weights, shifts = arguments
        return rational, constant / root, [w * root for w in weights], [a * high for a in shifts]
    scale, coefficients = arguments
    return polynomial, scale / high, [c / root for c in coefficients]

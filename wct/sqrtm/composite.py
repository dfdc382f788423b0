"""mpa, mtp, newton_schulz and zolotarev: R(M) ~ M^{-1/2} on a spectrum, applied until it is accurate.

A rule takes the least eigenvalue `low` of matrices M with a spectrum in [low, 1] and returns a cheap matrix
function R and the least eigenvalue of M R(M)^2, whose spectrum again ends at 1. Starting at M = A, the step

    W <- W R(M),   Y <- Y R(M),   M <- (M R(M)) R(M)

from W = I, Y = A leads to M -> I, W -> A^{-1/2}, Y -> A^{1/2}. Padé approximants of degree m compose to one
of degree ((2m + 1)^k - 1) / 2 in k steps, and the others behave likewise, so few steps suffice, and their
number follows from `low` alone, before any matrix is touched.
"""

import math
from functools import lru_cache

import torch

from . import paper
from .spectrum import condition, diagonal, inverse, round_down

TOLERANCE = {torch.float32: 2e-4, torch.float64: 2e-12}  # of the eigenvalues of W A W, below 1


def rational(M, constant, weights, shifts):
    """R(M) = c I + sum_j w_j (M + a_j I)^-1 and M R(M), all shifts in one batch; NaN if a factor is missing.

    M (M + a I)^-1 = I - a (M + a I)^-1 saves a product, and the loss of digits that came with it: errors
    grow with the root of the condition number only.
    """
    shifts, weights = M.new_tensor(shifts), M.new_tensor(weights)
    shifted = M.repeat(len(shifts), 1, 1, 1)
    diagonal(shifted).add_(shifts[:, None, None])
    terms = torch.stack([weights, -weights * shifts]) @ inverse(shifted).flatten(1)
    R, P = terms.view(2, *M.shape)
    diagonal(R).add_(constant)
    diagonal(P).add_(weights.sum())
    return R, P.add_(M, alpha=constant)


def polynomial(M, scale, coefficients):
    """R(M) = sum_k c_k Z^k with Z = I - scale M, by Horner's rule, and M R(M)."""
    Z = -scale * M
    diagonal(Z).add_(1)
    R = coefficients[-1] * Z
    for c in reversed(coefficients[1:-1]):
        diagonal(R).add_(c)
        R = Z @ R
    diagonal(R).add_(coefficients[0])
    return R, M @ R


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


def cubic(low, degree):
    """Newton-Schulz, x -> u x (3 - u^2 x^2) / 2 with x^2 = M; u^2 = 3 / (1 + l + l^2) makes both ends of
    [l, 1] meet, so the least eigenvalue grows as fast as under any cubic (Chen and Chow, 2014)."""
    l = math.sqrt(low)
    u = math.sqrt(3 / (1 + l + l * l))
    return (polynomial, u * u, [u, u / 2]), (u * l * (3 - (u * l) ** 2) / 2) ** 2


def taylor(low, degree):
    """(I - Z)^{-1/2} ~ sum_{k<=K} |binom(-1/2, k)| Z^k with Z = I - M."""
    coefficients = paper.binomials(-0.5, degree)
    least = math.sqrt(low) * sum(c * (1 - low) ** k for k, c in enumerate(coefficients))
    return (polynomial, 1.0, coefficients), least**2


@lru_cache(maxsize=512)
def plan(rule, low, degree, steps, tolerance):
    """The functions that lead from the spectrum [low, 1] to [1 - tolerance, 1], or the first few."""
    functions = []
    while not functions or (len(functions) < steps if steps else low < 1 - tolerance):
        function, low = rule(low, degree)
        functions.append(function)
    return functions


def cheapest_degree(rule, low, tolerance, solve=2.2, products=2.5):
    """The degree whose plan costs least, in matrix products: `solve` a pole and `products` a step.

    The costs are those measured on a CPU at n = 512; they matter little, as the minimum is flat.
    """
    plans = {degree: plan(rule, low, degree, None, tolerance) for degree in range(1, 9)}
    return min(plans, key=lambda degree: len(plans[degree]) * (solve * degree + products))


def compose(A, lower, want, rule, degree, steps):
    """Y, W and the ends of the spectrum of Y, for A (B, n, n) with lambda_max <= 1: see the top of this file.

    One plan serves the whole batch, made for its worst matrix; what has converged stays where it is.
    """
    A, low = condition(A, lower)
    worst = round_down(low)
    tolerance = TOLERANCE[A.dtype]
    if degree is None:
        degree = 5 if steps else cheapest_degree(rule, worst, tolerance)
    functions = plan(rule, worst, degree, steps, tolerance)
    evaluate, *arguments = functions[0]
    W, Y = R, P = evaluate(A, *arguments)
    correction = None
    for evaluate, *arguments in functions[1:]:
        R, P = evaluate(P @ R, *arguments)
        correction = R if correction is None else correction @ R
    if correction is not None:
        W = None if want == "sqrt" else W @ correction
        Y = None if want == "inverse" else Y @ correction
    return Y, W, torch.stack([low.sqrt(), torch.ones_like(low)], -1), None


def mpa(A, lower, want, degree=None, scaling="spectrum", steps=None):
    if scaling == "frobenius":
        return paper.pade(A, want, degree or 5)
    return compose(A, lower, want, pade, degree, steps)


def mtp(A, lower, want, degree=10, scaling="spectrum", steps=None):
    if scaling == "frobenius":
        return paper.taylor(A, want, degree)
    return compose(A, lower, want, taylor, degree, steps)


def newton_schulz(A, lower, want, scaling="spectrum", steps=None):
    if scaling == "frobenius":
        return paper.newton_schulz(A, want, steps or 5)
    return compose(A, lower, want, cubic, 1, steps)


def zolotarev(A, lower, want, degree=None, steps=None):
    return compose(A, lower, want, minimax, degree, steps)

"""mpa, mtp, newton_schulz and zolotarev: R(M) ~ M^{-1/2} on a spectrum, applied until it is accurate.

A rule takes the least eigenvalue `low` of matrices M with a spectrum in [low, 1] and returns a cheap matrix
function R and the least eigenvalue of M R(M)^2, whose spectrum again ends at 1. Starting at M = A, the step

    W <- W R(M),   Y <- Y R(M),   M <- (M R(M)) R(M) = W Y

from W = I, Y = A leads to M -> I, W -> A^{-1/2}, Y -> A^{1/2}. Padé approximants of degree m compose to one
of degree ((2m + 1)^k - 1) / 2 in k steps, and the others behave likewise, so few steps suffice, and their
number follows from `low` alone, before any matrix is touched.
"""

import math
from dataclasses import replace
from functools import lru_cache

import torch

from . import paper
from .approximants import Scratch, finish, minimax, pade, quintic, rational, stretched, taylor
from .spectrum import condition, diagonal, round_down, symmetrise

TOLERANCE = {torch.float32: 2e-4, torch.float64: 2e-12}  # of the eigenvalues of W A W, below 1


@lru_cache(maxsize=512)
def plan(rule, low, degree, steps, tolerance):
    """The functions that lead from the spectrum [low, 1] to [1 - tolerance, 1], or the first few.

    The last one is a polynomial of degree 1 or 2 where that does, as it costs fewer products than a solve.
    """
    functions = []
    while not functions or (len(functions) < steps if steps else low < 1 - tolerance):
        polished = [finish(low, k) for k in (1, 2)] if functions and not steps else []
        enough = [(function, end) for function, end in polished if end >= 1 - tolerance]
        function, low = enough[0] if enough else rule(low, degree)
        functions.append(function)
    return functions


def cheapest_degree(rule, low, tolerance, solve=3, step=2):
    """The degree whose plan costs least, in matrix products: `solve` a pole, and what else a step takes.

    The costs are those measured on a CPU at n = 512; they matter little, as the minimum is flat.
    """

    def cost(degree):
        functions = plan(rule, low, degree, None, tolerance)
        own = (solve * degree if f[0] is rational else len(f[-1]) - 2 for f in functions)
        return sum(own) + step * len(functions)

    return min(range(1, 9), key=cost)


def by_solves(functions, A, want):
    """Y, W by rational functions, which give M R(M) for nothing; the last function may be a polynomial."""
    (evaluate, *arguments), *functions = functions
    R, P = evaluate(A, *arguments)
    W, Y = None if want == "sqrt" else R, None if want == "inverse" else P
    correction = None
    for evaluate, *arguments in functions:
        R, P = evaluate(P @ R, *arguments)
        correction = R if correction is None else correction @ R
    if correction is not None:
        W = None if W is None else W @ correction
        Y = None if Y is None else Y @ correction
    return Y, W


def by_products(functions, A, want):
    """Y, W by polynomials. M = W Y afresh in every step costs no more than M <- (M R) R, and its errors grow
    with the root of the condition number where those of the latter grow with the number itself."""
    scratch = Scratch(A)
    M, Y, W = A, A, None
    for i, (evaluate, *arguments) in enumerate(functions, 1):
        R, _ = evaluate(M, *arguments, scratch)
        scratch.give(M)
        last = i == len(functions)
        if not (last and want == "inverse"):
            Y, used = scratch.product(Y, R), Y
            scratch.give(used)
        if not (last and want == "sqrt"):
            W, used = R if W is None else scratch.product(R, W), W
            scratch.give(used)
        if W is not R:
            scratch.give(R)
        if not last:
            M = scratch.product(W, Y)
    return Y, W


def compose(A, job, rule, degree, steps):
    """Y, W and the ends of the spectrum of Y, for A (B, n, n) of bounded spectrum: see the top of this file.

    One plan serves the whole batch, made for its worst matrix; what has converged stays where it is. Where nothing
    may be read of the matrices, it is one for all that rounding allows.
    """
    A, low, high = condition(A, job)
    reads, eps = job.reads(A), torch.finfo(A.dtype).eps
    top = high.nan_to_num(1.0).max().item() if reads else 2.0
    worst = round_down(low / top) if reads else 2.0 ** math.floor(math.log2(eps / 16))
    tolerance = job.tolerance or TOLERANCE[A.dtype]
    if degree is None:
        degree = 5 if steps else cheapest_degree(rule, worst, tolerance)
    first, *others = plan(rule, worst, degree, steps, tolerance)
    functions = [stretched(first, top), *others]
    Y, W = (by_solves if first[0] is rational else by_products)(functions, A, job.want)
    Y = None if job.want == "inverse" else symmetrise(Y)
    W = None if job.want == "sqrt" else symmetrise(W)
    if reads and worst < 1e3 * eps:
        _repair(A, Y, W, low, high, lambda A, job: compose(A, job, rule, degree, steps), job)
    return Y, W, torch.stack([low.sqrt(), high.sqrt()], -1), None


def _sane(A, Y, W):
    """Whether four vectors x see that all is finite and ||W A W x - x|| < 1.5 ||x||, or ||Y Y x - A x|| so.

    Approximations from below, as all of these are but for rounding, have at most 1 here.
    """
    k = torch.arange(A.shape[-1], dtype=A.dtype, device=A.device)
    x = torch.cos(k[:, None] ** 2 * torch.arange(1, 5, dtype=A.dtype, device=A.device))  # as good as random
    error = Y @ (Y @ x) - A @ x if W is None else W @ (A @ (W @ x)) - x
    if W is not None and Y is not None:
        error = error + 0 * (Y @ x)
    return torch.linalg.vector_norm(error, dim=(-2, -1)) < 1.5 * torch.linalg.vector_norm(x)


def _repair(A, Y, W, low, high, compute, job):
    """Where rounding spoilt Y and W of nearly singular matrices, those of A + r I, r = 1e2 eps, 1e3 eps, ... in their
    place."""
    failed = ~_sane(A, Y, W) & A[:, 0, 0].isfinite()
    ridge = 100 * torch.finfo(A.dtype).eps
    while failed.any() and ridge < 1:
        shifted = A[failed].clone()
        diagonal(shifted).add_(ridge)
        again = replace(job, errors="ignore", lower=None, upper=high[failed] + ridge)
        y, w, ends, _ = compute(shifted, again)
        if Y is not None:
            Y[failed] = y
        if W is not None:
            W[failed] = w
        low[failed], high[failed] = ends.square().unbind(-1)
        failed = torch.zeros_like(failed).masked_scatter_(failed, ~_sane(shifted, y, w))
        ridge *= 10


def mpa(A, job, degree=None, scaling="spectrum", steps=None):
    if scaling == "frobenius":
        return literal(paper.pade, A, job, degree or 5)
    return compose(A, job, pade, degree, steps)


def mtp(A, job, degree=10, scaling="spectrum", steps=None):
    if scaling == "frobenius":
        return literal(paper.taylor, A, job, degree)
    return compose(A, job, taylor, degree, steps)


def newton_schulz(A, job, scaling="spectrum", steps=None):
    if scaling == "frobenius":
        return literal(paper.newton_schulz, A, job, steps or 5)
    return compose(A, job, quintic, 2, steps)


def zolotarev(A, job, degree=None, steps=None):
    return compose(A, job, minimax, degree, steps)


def literal(function, A, job, order):
    """A method as it is printed, which needs no bound."""
    job.certify(A, job.trusted(A))
    Y, W, ends, _ = function(A, job.want, order)
    return None if job.want == "inverse" else symmetrise(Y), None if job.want == "sqrt" else symmetrise(W), ends, None

"""The Lyapunov equation S X + X S = G for symmetric positive definite S and symmetric G, (B, n, n)."""

import math
from functools import lru_cache

import torch

from . import closed
from .spectral import easy, eigenvectors, in_double, worst_condition
from .spectrum import column, diagonal, inverse, largest, round_down, symmetrise

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-13}  # relative, of X


def in_eigenbasis(G, values, vectors, power=0):
    """X = V [(V^T G V)_ij (s_i s_j)^p / (s_i + s_j)] V^T for S = V diag(s) V^T: S X + X S = S^p G S^p."""
    scaled = vectors * values[:, None, :] ** power if power else vectors
    inner = torch.bmm(torch.bmm(scaled.mT, G), scaled).div_(values[:, :, None] + values[:, None, :])
    return torch.bmm(torch.bmm(vectors, inner), vectors.mT)


@lru_cache(maxsize=512)
def _cubics(low, tolerance):
    """(a, b) of the a x + b x^3 that take [low, 1] to [1 - tolerance, 1] fastest (Chen and Chow, 2014)."""
    steps = []
    while not steps or low < 1 - tolerance:
        u = math.sqrt(3 / (1 + low + low * low))
        low = u * low * (3 - (u * low) ** 2) / 2
        steps.append((1.5 * u, -0.5 * u**3))
    return steps


def near_eigenbasis(G, S, values, vectors):
    """X with S X + X S = S^2 G S^2, for S = V (D + E) V^T that has been corrected since V and D = diag(s) were found:

    to first order in E, with G and X from here on in the basis V,  X = X_0 + X_1,

    D X_0 + X_0 D = D^2 G D^2,   D X_1 + X_1 D = F G D^2 + D^2 G F - (E X_0 + X_0 E),   F = D E + E D.
    """
    rows, columns = values[:, :, None], values[:, None, :]
    E = torch.bmm(torch.bmm(vectors.mT, S), vectors)
    diagonal(E).sub_(values)
    GD = torch.bmm(torch.bmm(vectors.mT, G), vectors).mul_(columns * columns)
    sums = rows + columns
    X = (rows * rows).mul(GD).div_(sums)
    right = torch.baddbmm(torch.bmm(E * sums, GD), E, X, alpha=-1)
    X += (right + right.mT).div_(sums)
    return torch.bmm(torch.bmm(vectors, X), vectors.mT)


def by_sign_function(S, G, low, high, tolerance=None, reads=True):
    """sign([[S, G], [0, -S]]) = [[I, 2X], [0, -I]] by Newton-Schulz, p(x) = a x + b x^3 of the block matrix:

    B <- a B + b B^3,   C <- a C + b (B^2 C - B C B + C B^2)     from B = S / high, C = G / high.

    The paper takes (a, b) = (3/2, -1/2) eight times. Here they are the best pairs for the interval
    [low, high] of the spectrum, and as many as the worst matrix of the batch needs: where p o ... o p is
    within t of 1, every component of X in the eigenbasis of S is within t of the exact one.
    """
    B, C = S / column(high), G / column(high)
    worst = round_down(low / high) if reads else 2.0 ** math.floor(math.log2(torch.finfo(S.dtype).eps / 16) / 2)
    steps = _cubics(worst, tolerance or TOLERANCE[S.dtype])
    for i, (a, b) in enumerate(steps):
        BC = B @ C
        commutator = BC.mT - BC  # C B - B C
        C = torch.baddbmm(C, B, BC, beta=a, alpha=b).baddbmm_(commutator, B, alpha=b)
        if i < len(steps) - 1:
            B = torch.baddbmm(B, B @ B, B, beta=a, alpha=b)
    return C / 2


def by_doubling(S, G, low, high, tolerance=None):
    """With V = (S + p I)^-1 and K = I - 2p V = (S - p I)(S + p I)^-1 the equation is X - K X K = 2p V G V, so

    X = sum_i K^i (2p V G V) K^i,   summed by X <- X + K X K, K <- K^2                   (Smith, 1968).

    p = sqrt(low high) makes K least: ||K|| = (1 - t) / (1 + t), t^2 = low / high. Three products a step where
    the sign function takes five, and fewer steps, for an inverse of condition 1/t. As there, the worst matrix
    of the batch decides how many, and every component of X is within the tolerance of the exact one.
    """
    p = (low * high).sqrt()
    shifted = S.clone()
    diagonal(shifted).add_(p[:, None])
    V = inverse(shifted)
    X = V @ (column(2 * p) * G) @ V
    K = V.mul_(column(-2 * p))
    diagonal(K).add_(1)
    steps = _doublings(round_down(low / high), tolerance or TOLERANCE[S.dtype])
    spare = torch.empty_like(K)  # fresh matrices would cost as much as the products
    for i in range(steps):
        X.baddbmm_(torch.bmm(K, X, out=spare), K)
        if i < steps - 1:
            K, spare = torch.bmm(K, K, out=spare), K
    return X


def _doublings(low, tolerance):
    """How many squarings bring ||K||^2 below the tolerance, at least one."""
    t = math.sqrt(min(low, 0.99))
    return max(1, math.ceil(math.log2(math.log(tolerance) / (2 * math.log((1 - t) / (1 + t))))))


def solve(S, G, ends, vectors, power, steps, tolerance, reads):
    """X with S X + X S = S^p G S^p; `ends` are the eigenvalues of S with `vectors` (B, n, n), or bounds of them with
    none (B, n, 0).

    With vectors, and `steps` that eigh took to correct S for p = 2, X takes that into account. Without, whatever was
    measured to be fastest: for n up to 3 a closed form, on a GPU products alone, on a CPU doubling, and from n = 128
    on eigenvectors, which cost eight products there (and thirty at n = 64). Unless `reads`, an accelerator is not
    waited for.
    """
    G = symmetrise(G)
    if vectors.shape[-1]:
        corrected = steps and power and not in_double(S)
        if corrected and S.device.type == "cpu":
            corrected = not easy(worst_condition(ends), S.dtype, tolerance)
        X = near_eigenbasis(G, S, ends, vectors) if corrected else in_eigenbasis(G, ends, vectors, power)
        return symmetrise(X)
    G = _sandwich(S, G, power)
    low, high = ends.amin(-1), ends.amax(-1)
    size = largest(G)
    size = column(torch.where(size > 0, size, 1))
    if S.shape[-1] <= 3:
        X = closed.lyapunov(S, G / size, low)
    elif S.device.type != "cpu":
        X = by_sign_function(S, G / size, low, high, tolerance, reads)
    elif S.shape[-1] < 128:
        X = by_doubling(S, G / size, low, high, tolerance)
    else:
        values, vectors = eigenvectors(S)
        X = in_eigenbasis(G / size, values.maximum(low[:, None]), vectors)
    return symmetrise(X).mul_(size)


def _sandwich(S, G, power):
    """S^p G S^p, p up to 2."""
    if not power:
        return G
    factor = S if power == 1 else S @ S
    return factor @ G @ factor

"""Matrices of known spectra."""

import torch


def random_orthogonal(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(n, n, dtype=torch.float64, generator=generator)).Q


def with_spectrum(values, seed=0, dtype=torch.float64):
    Q = random_orthogonal(len(values), seed)
    A = (Q * values) @ Q.mT
    return ((A + A.mT) / 2).to(dtype)


def geometric(n, condition):
    return torch.logspace(0, 1, n, base=1 / condition, dtype=torch.float64)

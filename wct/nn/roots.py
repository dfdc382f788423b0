"""The options of a matrix root, as layers take and keep them."""

import torch

from wct.sqrtm import matrix_sqrt


def root_options(method, degree, scaling, steps, tolerance, check_errors):
    """Keywords for the functions of wct.sqrtm; a ValueError says what a method does not take."""
    given = {"degree": degree, "scaling": scaling, "steps": steps, "tolerance": tolerance}
    options = {"method": method} | {name: value for name, value in given.items() if value is not None}
    matrix_sqrt(torch.ones(1, 1), **options)
    return options | {"check_errors": check_errors}


def describe(options):
    """For extra_repr: the method, and what else was asked for."""
    return "".join(f", {k}={v!r}" for k, v in options.items() if (k, v) != ("check_errors", False))


def add_ridge(covariance, eps):
    """C + eps I for C (..., n, n) and eps, a number or (...)."""
    n = covariance.shape[-1]
    identity = torch.eye(n, dtype=covariance.dtype, device=covariance.device)
    return covariance + (eps[..., None, None] if isinstance(eps, torch.Tensor) else eps) * identity

"""What the public functions accept, refused in words where it is not."""

import operator

import torch
from torch import Tensor

from .ops import METHODS

OPTIONS = {
    "auto": ("lower", "tolerance"),
    "mpa": ("lower", "degree", "scaling", "steps", "tolerance"),
    "mtp": ("lower", "degree", "scaling", "steps", "tolerance"),
    "newton_schulz": ("lower", "scaling", "steps", "tolerance"),
    "zolotarev": ("lower", "degree", "steps", "tolerance"),
    "eigh": ("lower", "steps", "tolerance"),
    "svd": ("lower", "tolerance"),
}
assert set(OPTIONS) == {"auto", *METHODS}


def check_matrix(A, name):
    if not isinstance(A, Tensor) or not (A.is_floating_point() or A.is_complex()):
        kind = getattr(A, "dtype", type(A).__name__)
        raise ValueError(f"{name}: expected a floating-point tensor, got {kind}")
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise ValueError(f"{name}: expected square matrices (..., n, n), got the shape {tuple(A.shape)}")


def checked_options(name, method, degree, scaling, steps, tolerance):
    """Refuse what there is not; degree and steps as Python's integers."""
    if method not in OPTIONS:
        raise ValueError(f"{name}: unknown method {method!r}; there are {', '.join(OPTIONS)}")
    for option, value in dict(degree=degree, scaling=scaling, steps=steps, tolerance=tolerance).items():
        if value is not None and option not in OPTIONS[method]:
            raise ValueError(f"{name}: {method} takes no {option!r}; it takes {', '.join(OPTIONS[method])}")
    if scaling not in (None, "spectrum", "frobenius"):
        raise ValueError(f"{name}: scaling is 'spectrum' or 'frobenius', not {scaling!r}")
    degree, steps = _whole_number(name, "degree", degree), _whole_number(name, "steps", steps)
    if tolerance is not None and not 0 < tolerance < 1:
        raise ValueError(f"{name}: tolerance is a number between 0 and 1, not {tolerance!r}")
    if scaling == "frobenius":
        if steps and method != "newton_schulz":
            raise ValueError(f"{name}: the literal {method} is applied once and takes no steps")
        if tolerance:
            raise ValueError(f"{name}: the literal {method} is as accurate as it is and takes no tolerance")
    return degree, steps


def _whole_number(name, option, value):
    if value is None:
        return None
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1 or isinstance(value, bool):
        raise ValueError(f"{name}: {option} is a positive whole number, not {value!r}")
    return number


def checked_lower(lower, A, name):
    if isinstance(lower, Tensor):
        lower = lower.detach().to(A.device, A.dtype)
    else:
        lower = torch.full((), lower, dtype=A.dtype, device=A.device)  # which waits for no device
    try:
        return lower.expand(A.shape[:-2])
    except RuntimeError:
        shapes = f"{tuple(lower.shape)} does not broadcast to the leading {tuple(A.shape[:-2])}"
        raise ValueError(f"{name}: lower of shape {shapes} of the matrices") from None

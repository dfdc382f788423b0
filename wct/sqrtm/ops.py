"""Two operators of torch.library: the roots, and the Lyapunov equation of their derivatives.

They are opaque to torch.compile and see plain tensors under torch.func, so whatever depends on values (checks, the
number of steps, a second attempt) is plain Python. autograd.py differentiates them.
"""

import math
import sys
from contextlib import nullcontext

import torch

from . import closed, lyapunov
from .composite import mpa, mtp, newton_schulz, zolotarev
from .job import Job
from .spectral import eigh, svd
from .spectrum import column, normalise

# (A, job, **options) -> A^{1/2}, A^{-1/2}, eigenvalues of A^{1/2} or the ends of its spectrum, and eigenvectors or
# None, for A (B, n, n).
METHODS = {
    "mpa": mpa,
    "mtp": mtp,
    "newton_schulz": newton_schulz,
    "svd": svd,
    "eigh": eigh,
    "zolotarev": zolotarev,
}
SPECTRAL = ("svd", "eigh")
_FUNCTIONS = METHODS | {"closed": closed.roots}
_AS_IT_IS = ("eigh", "closed")  # take matrices of any scale


def no_autocast(A):
    """A context without autocast, which takes its time, so only where there is some."""
    kind = A.device.type
    return torch.autocast(kind, enabled=False) if autocast(A) else nullcontext()


def autocast(A):
    """Whether autocast is on for the device of A."""
    return not A.is_meta and torch.is_autocast_enabled(A.device.type)


def roots(A, lower, method, want, degree, scaling, steps, tolerance, errors, eps):
    """A^{1/2}, A^{-1/2} (one of them without columns unless want is "pair"), for the backward the eigenvalues of
    A^{1/2} with eigenvectors, or the ends of its spectrum with a matrix without columns, and `info` of errors="return".

    eps: that of the dtype the matrices came in, of which their accuracy is.
    """
    if A.numel() == 0:
        return tuple(x.zero_() for x in empty_roots(A, lower, method, want, *[None] * 4, errors, eps))
    if A.device.type == "mps":  # lacks some of the factorisations
        lower = None if lower is None else lower.cpu()
        on_cpu = roots(A.cpu(), lower, method, want, degree, scaling, steps, tolerance, errors, eps)
        return tuple(x.to(A.device) for x in on_cpu)
    n = A.shape[-1]
    options = {k: v for k, v in dict(degree=degree, scaling=scaling, steps=steps).items() if v is not None}
    job = Job(want, errors, eps, tolerance)
    if lower is not None:
        job.lower = lower.reshape(-1)
        if errors == "raise" and job.lower.isnan().any():
            raise ValueError("lower contains NaN")
    with no_autocast(A):
        M, size = job.inspect(A.reshape(-1, n, n).contiguous())
        if method not in _AS_IT_IS:
            M, job.upper, job.scale = normalise(M, size)
            if lower is not None:
                job.lower = job.lower / job.scale / job.scale
        Y, W, values, vectors = _FUNCTIONS[method](M, job, **options)
        if job.scale is not None:
            Y = None if Y is None else Y.mul_(column(job.scale))
            W = None if W is None else W.div_(column(job.scale))
            values = values * job.scale[:, None]
        if errors == "return":
            wrong = column((job.info == 1) | (job.info == 3))
            Y, W = (None if x is None else x.masked_fill_(wrong, float("nan")) for x in (Y, W))
    shapes = _shapes(A, method, want, errors)
    Y, W, values, vectors = (A.new_empty(shape) if x is None else x.view(shape)
                             for x, shape in zip((Y, W, values, vectors), shapes))
    return Y, W, values, vectors, A.new_empty(0, dtype=torch.int32) if job.info is None else job.info.view(shapes[-1])


def _shapes(A, method, want, errors):
    *batch, n, _ = A.shape
    count = n if method in SPECTRAL else 2
    return ((*batch, n, 0 if want == "inverse" else n), (*batch, n, 0 if want == "sqrt" else n), (*batch, count),
            (*batch, n, n if method in SPECTRAL else 0), batch if errors == "return" else (0,))


def empty_roots(A, lower, method, want, degree, scaling, steps, tolerance, errors, eps):
    *floats, info = _shapes(A, method, want, errors)
    return *map(A.new_empty, floats), A.new_empty(info, dtype=torch.int32)


def solve_lyapunov(S, G, values, vectors, power, steps, tolerance, reads=True):
    """X with S X + X S = S^p G S^p; values and vectors as `roots` returns them, for S."""
    if S.numel() == 0:
        return torch.empty_like(G, memory_format=torch.contiguous_format)
    if S.device.type == "mps":
        on_cpu = (x.cpu() for x in (S, G, values, vectors))
        return solve_lyapunov(*on_cpu, power, steps, tolerance, reads).to(S.device)
    batch = math.prod(S.shape[:-2])
    with no_autocast(S):
        flat = (x.reshape(batch, *x.shape[S.ndim - 2 :]) for x in (S, G, values, vectors))
        return lyapunov.solve(*flat, power, steps, tolerance, reads).reshape(S.shape).contiguous()


def empty_lyapunov(S, G, values, vectors, power, steps, tolerance, reads=True):
    return S.new_empty(S.shape)


SCHEMAS = {
    "roots": "(Tensor A, Tensor? lower, str method, str want, int? degree, str? scaling, int? steps, float? tolerance, "
    "str errors, float eps) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
    "lyapunov": "(Tensor S, Tensor G, Tensor values, Tensor vectors, int power, int steps, float? tolerance, "
    "bool reads=True) -> Tensor",
}
IMPLEMENTATIONS = {"roots": (roots, empty_roots), "lyapunov": (solve_lyapunov, empty_lyapunov)}


def _register():
    """Define the operators, once in a process: when this module is loaded again they call what it then has.

    torch.library.custom_op would take a second to its first call.
    """
    namespace = torch.ops.wct_sqrtm
    if "library" in vars(namespace):
        return
    library = namespace.library = torch.library.Library("wct_sqrtm", "DEF")
    tags = [torch.Tag.cudagraph_unsafe] if hasattr(torch.Tag, "cudagraph_unsafe") else []  # it may read values

    def latest(name, part):
        return lambda *args: sys.modules[__name__].IMPLEMENTATIONS[name][part](*args)

    for name, schema in SCHEMAS.items():
        library.define(name + schema, tags=tags)
        library.impl(name, latest(name, 0), "CompositeExplicitAutograd")
        torch.library.register_fake(f"wct_sqrtm::{name}", latest(name, 1), lib=library)


_register()

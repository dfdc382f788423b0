"""Two operators of torch.library and the autograd Functions around them.

The operators are opaque to torch.compile and see plain tensors under torch.func, so whatever depends on
values (checks, the number of steps, a second attempt) is plain Python. The Functions differentiate them.
"""


import math

import torch
from torch import Tensor

from . import lyapunov
from .composite import mpa, mtp, newton_schulz, zolotarev
from .spectral import eigh, svd
from .spectrum import column, diagonal, largest, normalise, symmetrise

# (A, bounds, want, **options) -> A^{1/2}, A^{-1/2}, eigenvalues of A^{1/2} or the ends of its spectrum, and
# eigenvectors or None. A is (B, n, n); bounds of its spectrum are None or (B,) from below and (B,) from
# above; want is "sqrt", "inverse" or "pair".
METHODS = {
    "mpa": mpa,
    "mtp": mtp,
    "newton_schulz": newton_schulz,
    "svd": svd,
    "eigh": eigh,
    "zolotarev": zolotarev,
}
SPECTRAL = ("svd", "eigh")


def _no_autocast(A):
    return torch.autocast(A.device.type, enabled=False)


def _check_values(A, average):
    """max |a_ij| of `average`, (A + A^T) / 2; raises a ValueError unless A is finite and as good as symmetric."""
    size, asymmetry = largest(average), 2 * largest(A - average)
    finite, symmetric = torch.stack([asymmetry.isfinite().all(), (asymmetry <= 1e-3 * size).all()]).tolist()
    if not finite:
        raise ValueError("the matrix contains NaN or infinity")
    if not symmetric:
        raise ValueError("the matrix is not symmetric: A and its transpose differ by more than rounding")
    return size


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


def _attempt(method, A, lower, upper, want, options):
    """The method's answer; where it is not sane, its answer for A + r I, r = 1e2 eps, 1e3 eps, ..."""

    def run(A, *bounds):
        Y, W, values, vectors = method(A, bounds, want, **options)
        Y = None if want == "inverse" else symmetrise(Y)
        W = None if want == "sqrt" else symmetrise(W)
        return Y, W, values, vectors

    result = run(A, lower, upper)
    ridge = 100 * torch.finfo(A.dtype).eps
    while ridge < 1 and (failed := ~_sane(A, *result[:2])).any():
        A, upper = A.clone(), upper + ridge * failed
        diagonal(A).add_(ridge * failed[:, None])
        for old, new in zip(result, run(A[failed], None, upper[failed])):
            if old is not None:
                old[failed] = new
        ridge *= 10
    return result


_library = torch.library.Library("wct_sqrtm", "DEF")  # torch.library.custom_op takes a second to its first call


def _operator(schema):
    """Makes a function an operator of torch.library."""
    name = schema.partition("(")[0]

    def register(function):
        _library.define(schema)
        _library.impl(name, function, "CompositeExplicitAutograd")
        return getattr(torch.ops.wct_sqrtm, name).default

    return register


@_operator("roots(Tensor A, Tensor? lower, str method, str want, int? degree, str? scaling, int? steps)"
           " -> (Tensor, Tensor, Tensor, Tensor)")
def roots(A, lower, method, want, degree, scaling, steps):
    """A^{1/2}, A^{-1/2} (one of them without columns unless want is "pair"), and for the backward the
    eigenvalues of A^{1/2} with eigenvectors, or the ends of its spectrum with a matrix without columns."""
    outputs = _empty_outputs(A, method, want)
    if A.numel() == 0:
        return outputs
    if A.device.type == "mps":  # lacks some of the factorisations
        on_cpu = roots(A.cpu(), None if lower is None else lower.cpu(), method, want, degree, scaling, steps)
        return tuple(x.to(A.device) for x in on_cpu)
    n = A.shape[-1]
    options = {k: v for k, v in dict(degree=degree, scaling=scaling, steps=steps).items() if v is not None}
    with _no_autocast(A):
        flat = A.reshape(-1, n, n)
        average = symmetrise(flat)
        flat, upper, scale = normalise(average, _check_values(flat, average))
        if lower is not None:
            lower = lower.reshape(-1) / scale / scale
            if lower.isnan().any():
                raise ValueError("lower contains NaN")
        Y, W, values, vectors = _attempt(METHODS[method], flat, lower, upper, want, options)
        if Y is not None:
            Y.mul_(column(scale))
        if W is not None:
            W.div_(column(scale))
        results = Y, W, values * scale[:, None], vectors
    return tuple(empty if x is None else x.reshape(empty.shape) for x, empty in zip(results, outputs))


def _empty_outputs(A, method, want):
    batch, n = A.shape[:-2], A.shape[-1]
    return (
        A.new_empty(*batch, n, 0 if want == "inverse" else n),
        A.new_empty(*batch, n, 0 if want == "sqrt" else n),
        A.new_empty(*batch, n if method in SPECTRAL else 2),
        A.new_empty(*batch, n, n if method in SPECTRAL else 0),
    )


@torch.library.register_fake("wct_sqrtm::roots")
def _(A, lower, method, want, degree, scaling, steps):
    return _empty_outputs(A, method, want)


@_operator("lyapunov(Tensor S, Tensor G, Tensor values, Tensor vectors) -> Tensor")
def solve_lyapunov(S, G, values, vectors):
    """X with S X + X S = G; values and vectors as `roots` returns them, for S."""
    if S.numel() == 0:
        return torch.empty_like(G)
    if S.device.type == "mps":
        return solve_lyapunov(S.cpu(), G.cpu(), values.cpu(), vectors.cpu()).to(S.device)
    batch = math.prod(S.shape[:-2])
    with _no_autocast(S):
        X = lyapunov.solve(*(x.reshape(batch, *x.shape[S.ndim - 2 :]) for x in (S, G, values, vectors)))
    return X.reshape(S.shape)


@torch.library.register_fake("wct_sqrtm::lyapunov")
def _(S, G, values, vectors):
    return torch.empty(G.shape, dtype=G.dtype, device=G.device)


def _batched(function):
    """Gives a Function its rule for torch.func.vmap: the mapped dimension becomes one more leading one."""

    def leading(x, dim, size):
        if not isinstance(x, Tensor):
            return x
        return x.expand(size, *x.shape) if dim is None else x.movedim(dim, 0)

    def rule(info, in_dims, *inputs):
        outputs = function.apply(*(leading(x, dim, info.batch_size) for x, dim in zip(inputs, in_dims)))
        return outputs, 0 if isinstance(outputs, Tensor) else (0,) * len(outputs)

    function.vmap = staticmethod(rule)
    return function


@_batched
class Lyapunov(torch.autograd.Function):
    """`solve_lyapunov`, its own adjoint: dG = Z with S Z + Z S = dX, and dS = -(Z X + X Z)."""

    @staticmethod
    def forward(S, G, values, vectors):
        return solve_lyapunov(S, G, values, vectors)

    @staticmethod
    def setup_context(ctx, inputs, X):
        S, _, values, vectors = inputs
        ctx.save_for_backward(S, X, values, vectors)

    @staticmethod
    def backward(ctx, dX):
        S, X, values, vectors = ctx.saved_tensors
        with _no_autocast(S):
            Z = Lyapunov.apply(S, dX, values, vectors)
            return -(Z @ X + X @ Z), Z, None, None


@_batched
class Roots(torch.autograd.Function):
    """`roots`; the gradient X solves Y X + X Y = G_Y for Y = A^{1/2} and W X + X W = -W^2 G_W W^2 for
    W = A^{-1/2}. The second times Y from both sides serves for both at once: Y X + X Y = G_Y - W G_W W."""

    @staticmethod
    def forward(A, lower, method, want, degree, scaling, steps):
        return roots(A, lower, method, want, degree, scaling, steps)

    @staticmethod
    def setup_context(ctx, inputs, outputs):
        ctx.want = inputs[3]
        ctx.mark_non_differentiable(*outputs[2:])
        ctx.save_for_backward(*outputs)

    @staticmethod
    def backward(ctx, dY, dW, *_):
        Y, W, values, vectors = ctx.saved_tensors
        with _no_autocast(values):
            if ctx.want == "inverse":
                square = W @ W
                X = Lyapunov.apply(W, -square @ dW @ square, values.reciprocal(), vectors)
            else:
                X = Lyapunov.apply(Y, dY if ctx.want == "sqrt" else dY - W @ dW @ W, values, vectors)
        return X, None, None, None, None, None, None

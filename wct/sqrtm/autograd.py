"""Derivatives of the operators, backward and forward, of any order: each is one Lyapunov equation.

    Y = A^{1/2}:   Y dY + dY Y = dA,            W = A^{-1/2}:   W dW + dW W = -W^2 dA W^2,

and as the solution is a symmetric linear function of the right-hand side, the gradients solve the same equations
(Song, Sebe and Wang, 2022, section 3.3). Times Y from both sides, the second serves for both roots at once:
Y X + X Y = G_Y - W G_W W.
"""

import inspect

import torch
from torch import Tensor

from .ops import no_autocast, roots, solve_lyapunov

SAVED = 4  # outputs of `roots` the derivatives are made of: Y, W, values, vectors


def _mapped(function):
    """The rule of a function for torch.func.vmap: the mapped dimension becomes one more leading one."""

    def leading(x, dim, size):
        if not isinstance(x, Tensor):
            return x
        return x.expand(size, *x.shape) if dim is None else x.movedim(dim, 0)

    def rule(info, in_dims, *inputs):
        outputs = function(*(leading(x, dim, info.batch_size) for x, dim in zip(inputs, in_dims)))
        return outputs, 0 if isinstance(outputs, Tensor) else (0,) * len(outputs)

    return rule


def _batched(function):
    """Gives a Function its rule for torch.func.vmap."""
    function.vmap = staticmethod(_mapped(function.apply))
    return function


_roots, _lyapunov = torch.ops.wct_sqrtm.roots.default, torch.ops.wct_sqrtm.lyapunov.default


def differentiable_roots(*args):
    """`roots` with derivatives. torch.compile and torch.export see the operator, and its backward."""
    if torch.compiler.is_compiling():
        return _roots(*args)
    return Roots.apply(*args) if _followed(args[0]) else roots(*args)


def _solve(*args):
    """`solve_lyapunov` with derivatives."""
    if torch.compiler.is_compiling():
        return _lyapunov(*args)
    return Lyapunov.apply(*args) if _followed(*args[:2]) else solve_lyapunov(*args)


def _plain(A):
    """Whether an operator's implementation may be called at once, which spares the way through the dispatcher."""
    return type(A) is Tensor and not A.is_meta


def _followed(*tensors):
    """Whether somebody wants derivatives, or the tensors are not plain ones: else a Function would only take time."""
    return (
        (torch.is_grad_enabled() and any(x.requires_grad for x in tensors))
        or torch._C._are_functorch_transforms_active()
        or torch.autograd.forward_ad._current_level >= 0
        or not all(_plain(x) for x in tensors)
    )


def _remember_equation(ctx, inputs, output):
    S, G, values, vectors, *ctx.options = inputs
    ctx.save_for_backward(S, G, output, values, vectors)


@_batched
class Lyapunov(torch.autograd.Function):
    """X with S X + X S = S^p G S^p, and where p = 0 its derivatives dX, which solve the same equation with

    dG - (dS X + X dS) for G; backward, Z of it gives dG = Z and dS = -(Z X + X Z)."""

    @staticmethod
    def forward(S, G, values, vectors, power, steps, tolerance, reads):
        solve = solve_lyapunov if _plain(S) else _lyapunov
        return solve(S, G, values, vectors, power, steps, tolerance, reads)

    @staticmethod
    def setup_context(ctx, inputs, X):
        _remember_equation(ctx, inputs, X)
        ctx.save_for_forward(*inputs[:2], X, *inputs[2:4])

    @staticmethod
    def backward(ctx, dX):
        S, G, X, values, vectors = ctx.saved_tensors
        power, *options = ctx.options
        with no_autocast(S):
            Z = _solve(S, dX, values, vectors, 0, *options)
            dS = -(Z @ X + X @ Z)
            for k in range(power):  # through G_{k+1} = S G_k S
                inner = _sandwiched(S, G, power - 1 - k)
                dS = dS + Z @ S @ inner.mT + inner.mT @ S @ Z
                Z = S @ Z @ S
        return dS, Z, *[None] * 6

    @staticmethod
    def jvp(ctx, dS, dG, *_):
        S, G, X, values, vectors = ctx.saved_tensors
        power, *options = ctx.options
        with no_autocast(S):
            right = _zero(G) if dG is None else _sandwiched(S, dG, power)
            if dS is not None:
                right = right - dS @ X - X @ dS
                for k in range(power):
                    inner = _sandwiched(S, G, power - 1 - k)
                    right = right + _sandwiched(S, dS @ inner @ S + S @ inner @ dS, k)
            return _solve(S, right, values, vectors, 0, *options)


def _sandwiched(S, G, power):
    """S^p G S^p, symmetrised."""
    G = (G + G.mT) / 2
    for _ in range(power):
        G = S @ G @ S
    return G


def _zero(x):
    return torch.zeros_like(x)


def _remember(ctx, inputs, output):
    _, _, _, ctx.want, _, _, steps, tolerance, errors, _ = inputs
    ctx.how = steps or 0, tolerance, errors == "raise"
    ctx.save_for_backward(*output[:SAVED])


def _backward(ctx, dY, dW):
    Y, W, values, vectors = ctx.saved_tensors
    with no_autocast(values):
        if ctx.want == "inverse":
            return None if dW is None else -_solve(W, dW, values.reciprocal(), vectors, 2, *ctx.how)
        G = dY
        if ctx.want == "pair" and dW is not None:
            G = -W @ dW @ W if dY is None else dY - W @ dW @ W
        return None if G is None else _solve(Y, G, values, vectors, 0, *ctx.how)


@_batched
class Roots(torch.autograd.Function):
    """The operator `roots`."""

    @staticmethod
    def forward(A, lower, method, want, degree, scaling, steps, tolerance, errors, eps):
        compute = roots if _plain(A) else _roots
        return compute(A, lower, method, want, degree, scaling, steps, tolerance, errors, eps)

    @staticmethod
    def setup_context(ctx, inputs, outputs):
        _remember(ctx, inputs, outputs)
        ctx.save_for_forward(*outputs[:SAVED])
        ctx.mark_non_differentiable(*outputs[2:])
        ctx.set_materialize_grads(False)  # zeros for each output would take their time

    @staticmethod
    def backward(ctx, dY, dW, *_):
        return _backward(ctx, dY, dW), *[None] * 9

    @staticmethod
    def jvp(ctx, dA, *_):
        Y, W, values, vectors = ctx.saved_tensors
        with no_autocast(values):
            if ctx.want == "inverse":
                dY, dW = _zero(Y), -_solve(W, dA, values.reciprocal(), vectors, 2, *ctx.how)
            else:
                dY = _solve(Y, dA, values, vectors, 0, *ctx.how)
                dW = _zero(W) if ctx.want == "sqrt" else -W @ dY @ W
        return dY, dW, None, None, None


for _function in (Roots, Lyapunov):  # Function.apply asks for it at every call, and working it out takes 40 us
    _function.forward.__signature__ = inspect.signature(_function.forward)


def _register():
    """Give the operators themselves the same backward: in an exported program they stand without the Functions."""
    namespace = torch.ops.wct_sqrtm
    if "derivatives" in vars(namespace):
        return
    namespace.derivatives = True

    def backward(ctx, dY, dW, *_):
        return _backward(ctx, dY, dW), *[None] * 9

    torch.library.register_autograd("wct_sqrtm::roots", backward, setup_context=_remember, lib=namespace.library)
    torch.library.register_autograd("wct_sqrtm::lyapunov", Lyapunov.backward, setup_context=_remember_equation,
                                    lib=namespace.library)
    for operator in (_roots, _lyapunov):
        torch.library.register_vmap(operator.name(), _mapped(operator), lib=namespace.library)


_register()

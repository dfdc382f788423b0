"""What the roots are used inside of: torch.func, torch.compile, torch.export, reloading, documentation."""

import doctest
import importlib
import subprocess
import sys

import pytest
import torch
from common import ROOT
from matrices import geometric, with_spectrum

import wct.sqrtm
from wct.sqrtm import METHODS, matrix_inverse_sqrt, matrix_sqrt, matrix_sqrt_pair
from wct.sqrtm import functions as public

EVERY = ["auto", *METHODS]
FUNCTIONS = [matrix_sqrt, matrix_inverse_sqrt, matrix_sqrt_pair]
SMALL = with_spectrum(geometric(3, 8)), with_spectrum(geometric(4, 10), seed=1)


def symmetric(seed=7, n=4):
    D = torch.randn(n, n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return D + D.mT


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("A", SMALL, ids=["3", "4"])
def test_forward_mode_agrees_with_backward_mode(method, function, A):
    D = symmetric(n=len(A))
    step = 1e-5

    def f(A):
        return torch.stack(tuple(function(A, method))) if function is matrix_sqrt_pair else function(A, method)

    value, tangent = torch.func.jvp(f, (A,), (D,))
    assert torch.allclose(value, f(A))
    assert torch.allclose(tangent, (f(A + step * D) - f(A - step * D)) / (2 * step), rtol=1e-5, atol=1e-7)
    forward, backward = torch.func.jacfwd(f)(A), torch.func.jacrev(f)(A)
    assert torch.allclose(forward, backward, atol=1e-10)


@pytest.mark.parametrize("method", EVERY)
def test_forward_mode_outside_of_torch_func(method):
    A, D = SMALL[1], symmetric()
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(A, D)
        tangent = torch.autograd.forward_ad.unpack_dual(matrix_inverse_sqrt(dual, method)).tangent
    _, expected = torch.func.jvp(lambda A: matrix_inverse_sqrt(A, method), (A,), (D,))
    assert torch.allclose(tangent, expected)


@pytest.mark.parametrize("function", [matrix_sqrt, matrix_inverse_sqrt])
@pytest.mark.parametrize("method", EVERY)
def test_hessians(method, function):
    A, C = SMALL[0], symmetric(3, 3)

    def f(A):
        return (function((A + A.mT) / 2, method) * C).sum() ** 2

    expected = torch.autograd.functional.hessian(f, A)
    assert torch.allclose(torch.func.hessian(f)(A), expected, rtol=1e-7, atol=1e-9)
    assert torch.allclose(torch.func.jacrev(torch.func.jacfwd(f))(A), expected, rtol=1e-7, atol=1e-9)


class Whiten(torch.nn.Module):
    def __init__(self, method):
        super().__init__()
        self.method = method

    def forward(self, A):
        Y, W = matrix_sqrt_pair(A @ A.mT + 1e-2 * torch.eye(A.shape[-1]), self.method)
        return Y.square() + W


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("strict", [False, True])
def test_an_exported_program_trains_like_the_module(method, strict):
    module = Whiten(method)
    A = torch.randn(2, 5, 5)
    program = torch.export.export(module, (A,), strict=strict).module()
    x, y = (torch.randn(2, 5, 5, generator=torch.Generator().manual_seed(3)).requires_grad_() for _ in range(2))
    exported, expected = program(x), module(y)
    assert torch.allclose(exported, expected)
    exported.sin().sum().backward()
    expected.sin().sum().backward()
    assert torch.allclose(x.grad, y.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", EVERY)
def test_compiled_by_the_default_backend(method):
    def loss(A):
        Y, W = matrix_sqrt_pair(A, method)
        return (Y.sin() * 2 + W).sum() + matrix_inverse_sqrt(A.mT, method).cos().sum()

    A, B = (with_spectrum(geometric(6, 10), dtype=torch.float32).repeat(2, 1, 1).requires_grad_() for _ in range(2))
    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True)(A)
    compiled.backward()
    loss(B).backward()
    assert torch.allclose(A.grad, B.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("want", ["sqrt", "inverse", "pair"])
@pytest.mark.parametrize("method", METHODS)
def test_operators_are_what_they_declare(method, want):
    A = with_spectrum(geometric(5, 10)).repeat(2, 1, 1).requires_grad_()
    arguments = (A, None, method, want, None, None, None, None, "raise", 2e-16)
    torch.library.opcheck(torch.ops.wct_sqrtm.roots.default, arguments)
    Y, _, values, vectors, _ = torch.ops.wct_sqrtm.roots(*(x.detach() if x is A else x for x in arguments))
    if want == "sqrt":
        G = symmetric(n=5).repeat(2, 1, 1).requires_grad_()
        for power in (0, 2):
            arguments = (Y.requires_grad_(), G, values, vectors, power, 0, None, True)
            torch.library.opcheck(torch.ops.wct_sqrtm.lyapunov.default, arguments)


def test_vmap_of_a_compiled_function():
    A = with_spectrum(geometric(5, 10)).repeat(3, 2, 1, 1)
    torch._dynamo.reset()
    compiled = torch.compile(torch.vmap(matrix_sqrt), backend="aot_eager", fullgraph=True)
    assert torch.allclose(compiled(A), matrix_sqrt(A))


def test_meta_tensors_have_shapes_and_gradients():
    A = torch.zeros(2, 5, 5, device="meta", requires_grad=True)
    for method in EVERY:
        Y, W = matrix_sqrt_pair(A, method)
        assert Y.shape == W.shape == A.shape and Y.is_meta
        (gradient,) = torch.autograd.grad(Y.sum() + W.sum(), A)
        assert gradient.shape == A.shape and gradient.is_meta


def test_the_module_may_be_loaded_again():
    code = """
import importlib, sys, torch, wct.sqrtm
from wct.sqrtm import autograd, functions, ops
for module in (ops, autograd, functions, wct.sqrtm):
    importlib.reload(module)
assert torch.equal(wct.sqrtm.matrix_sqrt(4 * torch.eye(2)), 2 * torch.eye(2))
for name in [name for name in sys.modules if name.startswith("wct")]:
    del sys.modules[name]
import gc; gc.collect()
from wct.sqrtm import matrix_sqrt
A = (4 * torch.eye(2)).requires_grad_()
torch.compile(matrix_sqrt, backend="aot_eager", fullgraph=True)(A).sum().backward()
assert torch.allclose(A.grad, torch.full((2, 2), 0.25))
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["wct.sqrtm", "wct.sqrtm.functions", "wct.sqrtm.product", "wct.sqrtm.distances"])
def test_examples_in_the_documentation_run(module):
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert tried and not failed


def test_what_is_public_is_documented_with_an_example():
    for name in set(wct.sqrtm.__all__) - {"METHODS", "Checked", "matrix_sqrt_pair_ex"}:
        assert ">>>" in getattr(wct.sqrtm, name).__doc__, name
        assert getattr(public, name, None) or getattr(wct.sqrtm, name)

"""Gradients of the matrix square roots, and what they are used inside of."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from wct.sqrtm import METHODS, lyapunov, matrix_inverse_sqrt, matrix_sqrt, matrix_sqrt_pair

FUNCTIONS = [matrix_sqrt, matrix_inverse_sqrt, matrix_sqrt_pair]


def spd(*shape, condition=10.0, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    Q = torch.linalg.qr(torch.randn(*shape, shape[-1], dtype=torch.float64, generator=generator)).Q
    A = (Q * torch.logspace(0, 1, shape[-1], base=1 / condition, dtype=torch.float64)) @ Q.mT
    return ((A + A.mT) / 2).to(dtype)


def exact_gradient(A, G, power):
    """Of sum(G * A^power), by divided differences in the eigenbasis, in float64."""
    s, V = torch.linalg.eigh(A.double())
    r = s.sqrt()
    G = V.mT @ (G.double() + G.double().mT) / 2 @ V
    kernel = 1 / (r[..., :, None] + r[..., None, :])
    if power < 0:
        kernel = -kernel / (r[..., :, None] * r[..., None, :])
    return V @ (G * kernel) @ V.mT


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("method", METHODS)
def test_first_and_second_derivatives(method, function):
    A = spd(2, 4).requires_grad_()
    assert gradcheck(lambda A: function(A, method), A)
    assert gradgradcheck(lambda A: function(A, method), A)


@pytest.mark.parametrize("function, power", [(matrix_sqrt, 0.5), (matrix_inverse_sqrt, -0.5)])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("condition", [1, 1e2, 1e4])
def test_float32_agrees_with_the_exact_gradient(method, function, power, condition):
    A = spd(48, condition=condition, dtype=torch.float32).requires_grad_()
    G = torch.randn(48, 48, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad(function(A, method), A, G)
    expected = exact_gradient(A.detach(), G, power)
    assert torch.linalg.matrix_norm(gradient.double() - expected) <= 1e-3 * torch.linalg.matrix_norm(expected)


@pytest.mark.parametrize("solver", [lyapunov.by_doubling, lyapunov.by_sign_function])
@pytest.mark.parametrize("condition", [1, 1.5, 1e2, 1e3])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-3), (torch.float64, 1e-11)])
def test_solvers_of_the_lyapunov_equation(solver, condition, dtype, tolerance):
    S, G = spd(3, 20, condition=condition, dtype=dtype), spd(3, 20, seed=1, dtype=dtype)
    low, high = torch.full((3,), 1 / condition, dtype=dtype), torch.ones(3, dtype=dtype)
    expected = lyapunov.in_eigenbasis(G.double(), *torch.linalg.eigh(S.double()))
    assert torch.linalg.matrix_norm(solver(S, G, low, high) - expected).max() <= tolerance * expected.norm()


@pytest.mark.parametrize("method", ["mpa", "newton_schulz"])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-3), (torch.float64, 1e-9)])
def test_large_matrices_agree_with_the_exact_gradient(method, dtype, tolerance):
    A = spd(130, condition=1e4, dtype=dtype).requires_grad_()
    G = spd(130, seed=1, dtype=dtype)
    for function, power in ((matrix_sqrt, 0.5), (matrix_inverse_sqrt, -0.5)):
        (gradient,) = torch.autograd.grad(function(A, method), A, G)
        expected = exact_gradient(A.detach(), G, power)
        assert (gradient - expected).norm() <= tolerance * expected.norm()


@pytest.mark.parametrize("method", METHODS)
def test_pair_adds_up_the_two_gradients(method):
    A = spd(3, 6).requires_grad_()
    G, H = spd(3, 6, seed=1), spd(3, 6, seed=2)
    Y, W = matrix_sqrt_pair(A, method)
    (gradient,) = torch.autograd.grad((Y * G).sum() + (W * H).sum(), A)
    assert torch.allclose(gradient, exact_gradient(A.detach(), G, 0.5) + exact_gradient(A.detach(), H, -0.5))
    (gradient,) = torch.autograd.grad((matrix_sqrt_pair(A, method)[1] * H).sum(), A)
    assert torch.allclose(gradient, exact_gradient(A.detach(), H, -0.5))


@pytest.mark.parametrize("method", METHODS)
def test_each_matrix_of_a_batch_gets_the_steps_it_needs(method):
    kinds = [(1, 1e8), (1e5, 1), (9, 1e-8)]
    A = torch.stack([spd(12, condition=c, seed=i) * scale for i, (c, scale) in enumerate(kinds)])
    A.requires_grad_()
    for function in (matrix_sqrt, matrix_inverse_sqrt):
        (batched,) = torch.autograd.grad(function(A, method).sum(), A)
        for i in range(3):
            (alone,) = torch.autograd.grad(function(A[i], method).sum(), A)
            assert torch.allclose(batched[i], alone[i], rtol=0, atol=1e-8 * alone[i].abs().max())


@pytest.mark.parametrize("method", METHODS)
def test_finite_where_eigenvalues_coincide_and_that_of_svd_is_not(method):
    A = torch.diag(torch.tensor([2.0, 2.0, 1.0, 1.0])).requires_grad_()

    U, s, _ = torch.linalg.svd(A)
    G = torch.arange(16.0).reshape(4, 4)
    (naive,) = torch.autograd.grad(((U * s.sqrt()) @ U.mT * G).sum(), A)
    assert not naive.isfinite().all()

    for function, power in ((matrix_sqrt, 0.5), (matrix_inverse_sqrt, -0.5)):
        (gradient,) = torch.autograd.grad((function(A, method) * G).sum(), A)
        assert torch.allclose(gradient.double(), exact_gradient(A.detach(), G, power), atol=1e-3)


@pytest.mark.parametrize("method", ["mpa", "mtp", "newton_schulz"])
def test_literal_forms_have_the_gradient_too(method):
    A = spd(5, condition=2.0).requires_grad_()
    options = dict(scaling="frobenius", **({"steps": 12} if method == "newton_schulz" else {"degree": 12}))
    for function, power in ((matrix_sqrt, 0.5), (matrix_inverse_sqrt, -0.5)):
        (gradient,) = torch.autograd.grad(function(A, method, **options).sum(), A)
        expected = exact_gradient(A.detach(), torch.ones(5, 5), power)
        assert torch.allclose(gradient, expected, rtol=0, atol=2e-2 * expected.abs().max().item())


@pytest.mark.parametrize("method", METHODS)
def test_compiles_into_one_graph(method):
    def loss(A, lower):
        Y, W = matrix_sqrt_pair(A, method, lower=lower)
        return (Y @ W.mT).sum() + matrix_inverse_sqrt(2 * A, method).square().sum()

    A, B = (spd(2, 5).requires_grad_() for _ in range(2))
    lower = torch.tensor([0.1, 0.05])
    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")(A, lower)
    eager = loss(B, lower)
    assert torch.allclose(compiled, eager)
    compiled.backward()
    eager.backward()
    assert torch.allclose(A.grad, B.grad)


def test_a_compiled_function_still_checks_its_input():
    torch._dynamo.reset()
    compiled = torch.compile(lambda A: matrix_sqrt(A) + 1, fullgraph=True, backend="aot_eager")
    compiled(torch.eye(2))
    with pytest.raises(ValueError, match="NaN"):
        compiled(torch.full((2, 2), float("nan")))


@pytest.mark.parametrize("method", METHODS)
def test_vmap_and_the_other_transforms(method):
    A = spd(3, 2, 4)
    for function in (matrix_sqrt, matrix_inverse_sqrt):
        expected = function(A, method)
        assert torch.allclose(torch.vmap(lambda A: function(A, method))(A), expected)
        assert torch.allclose(torch.vmap(lambda A: function(A, method), in_dims=1, out_dims=1)(A), expected)
        lower = torch.tensor([0.1, 0.05, 0.02], dtype=A.dtype)
        bounded = torch.vmap(lambda A, lower: function(A, method, lower=lower))(A, lower)
        assert torch.allclose(bounded, expected)

        def loss(A):
            return function(A, method).square().sum()

        B = A.clone().requires_grad_()
        loss(B).backward()
        per_sample = torch.vmap(torch.func.grad(loss))(A)
        assert torch.allclose(per_sample, B.grad)
        assert torch.func.jacrev(lambda A: function(A, method))(A[0, 0]).shape == (4, 4, 4, 4)


def test_vmap_still_checks_its_input():
    with pytest.raises(ValueError, match="NaN"):
        torch.vmap(matrix_sqrt)(torch.full((3, 2, 2), float("nan")))


@pytest.mark.parametrize("method", METHODS)
def test_autocast_does_not_reach_inside(method):
    A = spd(2, 16, condition=1e3, dtype=torch.float32).requires_grad_()
    loss = sum(x.square().sum() for x in matrix_sqrt_pair(A, method))
    (expected,) = torch.autograd.grad(loss, A)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        Y, W = matrix_sqrt_pair(A, method)
        (gradient,) = torch.autograd.grad(Y.square().sum() + W.square().sum(), A)
    assert Y.dtype == W.dtype == torch.float32
    assert torch.equal(gradient, expected)


class Whitening(torch.nn.Module):
    def __init__(self, width, method):
        super().__init__()
        self.mix = torch.nn.Linear(width, width)
        self.method = method

    def forward(self, x):
        x = self.mix(x)
        x = x - x.mean(0)
        covariance = x.mT @ x / len(x) + 1e-3 * torch.eye(x.shape[1])
        return x @ matrix_inverse_sqrt(covariance, self.method, lower=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_trains_a_module(method):
    torch.manual_seed(0)
    x, module = torch.randn(64, 8), Whitening(8, method)
    target = module(x).detach()[:, [1, 0, 2, 3, 4, 5, 6, 7]]
    optimiser = torch.optim.Adam(module.parameters(), lr=3e-2)
    losses = []
    for _ in range(30):
        loss = (module(x) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]

"""What is built on the roots: products with them, and distances."""

import pytest
import torch
from matrices import geometric, with_spectrum
from torch.autograd import gradcheck, gradgradcheck

from wct.sqrtm import bures_distance, frechet_distance, matrix_inverse_sqrt, matrix_inverse_sqrt_product, product


@pytest.fixture
def always_applied(monkeypatch):
    monkeypatch.setattr(product, "_cheaper", lambda A, B: True)


def data(n, m, condition, batch=2, dtype=torch.float64):
    A = torch.stack([with_spectrum(geometric(n, condition), i) * 10.0**i for i in range(batch)])
    B = torch.randn(batch, n, m, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return A.to(dtype), B.to(dtype)


@pytest.mark.parametrize("condition", [1, 1e3, 1e6])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-3), (torch.float64, 1e-10)])
@pytest.mark.parametrize("bounded", [False, True])
def test_product_is_that_with_the_root(condition, dtype, tolerance, bounded):
    A, B = data(80, 4, condition, dtype=dtype)
    assert product._cheaper(A, B)
    lower = torch.tensor([1, 10.0]) / condition if bounded else None
    exact = matrix_inverse_sqrt(A.double(), "eigh") @ B.double()
    result = matrix_inverse_sqrt_product(A, B, lower=lower)
    assert result.dtype == dtype
    assert (result - exact).norm() <= tolerance * max(1, condition / 1e5) * exact.norm()


@pytest.mark.parametrize("n, m", [(5, 3), (100, 90)])
def test_many_columns_are_multiplied(n, m):
    A, B = data(n, m, 10)
    assert not product._cheaper(A, B)
    assert torch.allclose(matrix_inverse_sqrt_product(A, B, "mpa"), matrix_inverse_sqrt(A) @ B)
    assert torch.allclose(matrix_inverse_sqrt_product(A, B), matrix_inverse_sqrt(A) @ B)


def test_derivatives_of_every_order_and_direction(always_applied):
    A, B = (x.requires_grad_() for x in data(5, 2, 8))

    def f(A, B):
        return matrix_inverse_sqrt_product((A + A.mT) / 2, B)

    assert gradcheck(f, (A, B), check_forward_ad=True)
    assert gradgradcheck(f, (A, B))
    D, E = torch.randn_like(A), torch.randn_like(B)
    _, expected = torch.func.jvp(lambda A, B: matrix_inverse_sqrt((A + A.mT) / 2) @ B, (A, B), (D, E))
    assert torch.allclose(torch.func.jvp(f, (A, B), (D, E))[1], expected, rtol=1e-6, atol=1e-8)


def test_gradient_of_a_large_product_is_that_with_the_root():
    A, B = (x.requires_grad_() for x in data(80, 3, 1e3))
    gradients = torch.autograd.grad(matrix_inverse_sqrt_product(A, B).sin().sum(), (A, B))
    expected = torch.autograd.grad((matrix_inverse_sqrt(A) @ B).sin().sum(), (A, B))
    for found, right in zip(gradients, expected):
        assert (found - right).norm() <= 1e-6 * right.norm()


def test_product_compiles():
    A, B = data(80, 3, 1e3)
    torch._dynamo.reset()
    compiled = torch.compile(matrix_inverse_sqrt_product, fullgraph=True, backend="aot_eager")
    assert torch.allclose(compiled(A, B), matrix_inverse_sqrt(A) @ B)


def test_bad_products_are_refused_in_words():
    A, B = data(80, 3, 1e3)
    for wrong, words in ((B[:, 1:], r"B of shape \(\.\.\., 80, m\)"), (B.float(), "float64"), ([1], "list")):
        with pytest.raises(ValueError, match=words):
            matrix_inverse_sqrt_product(A, wrong)
    with pytest.raises(ValueError, match="indefinite: its least"):
        matrix_inverse_sqrt_product(A - 0.5 * torch.eye(80), B)
    with pytest.raises(ValueError, match="below lower"):
        matrix_inverse_sqrt_product(A, B, lower=1.0)


def test_unchecked_nan_stays_in_its_own_product():
    A, B = data(80, 3, 1e3, batch=3)
    A[1, 3, 3] = float("nan")
    result = matrix_inverse_sqrt_product(A, B, check_errors=False)
    assert result[1].isnan().any() and result[[0, 2]].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distances_of_commuting_covariances(dtype):
    a, b = torch.rand(2, 3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    A, B = (torch.stack([with_spectrum(s) for s in x]).to(dtype) for x in (a, b))
    expected = (a.sqrt() - b.sqrt()).square().sum(-1)
    distance = bures_distance(A, B)
    assert distance.dtype == dtype and distance.shape == (3,)
    assert torch.allclose(distance.double() ** 2, expected, atol=1e-5)
    m, k = torch.randn(2, 3, 6, dtype=dtype)
    expected = expected + (m - k).double().square().sum(-1)
    assert torch.allclose(frechet_distance(m, A, k, B).double(), expected, atol=1e-4)


def test_distances_are_metrics_and_differentiable():
    X = torch.randn(3, 20, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    A, B, C = X.mT @ X / 20
    assert torch.allclose(bures_distance(A, B), bures_distance(B, A))
    assert bures_distance(A, C) <= bures_distance(A, B) + bures_distance(B, C)
    assert bures_distance(A, A) < 1e-6

    def symmetric(f):
        return lambda A, B: f((A + A.mT) / 2, (B + B.mT) / 2)

    assert gradcheck(symmetric(bures_distance), (A.requires_grad_(), B.requires_grad_()))


def test_frechet_distance_of_few_samples():
    """Singular covariances in float32, as those of features of few pictures are."""
    X, Y = torch.randn(2, 10, 64, generator=torch.Generator().manual_seed(0))
    A, B = (torch.cov(x.mT) for x in (X, Y))
    x, y = (torch.linalg.svd(v - v.mean(0), full_matrices=False) for v in (X.double(), Y.double()))
    roots = [(u.Vh.mT * u.S) @ u.Vh / 3 for u in (x, y)]
    expected = A.trace() + B.trace() - 2 * torch.linalg.matrix_norm(roots[0] @ roots[1], "nuc")
    expected = expected + (X.mean(0) - Y.mean(0)).square().sum()
    assert torch.allclose(frechet_distance(X.mean(0), A, Y.mean(0), B), expected.float(), rtol=1e-3)

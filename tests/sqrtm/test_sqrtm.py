"""Values of the matrix square roots: accuracy, invariances, degenerate input, errors."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import geometric, random_orthogonal, with_spectrum

from wct.sqrtm import METHODS, matrix_inverse_sqrt, matrix_sqrt, matrix_sqrt_pair, residual
from wct.sqrtm.spectrum import inverse

ACCURATE = sorted(METHODS)
LITERAL = ["mpa", "mtp", "newton_schulz"]


def exact(A):
    values, V = torch.linalg.eigh(A.double())
    return (V * values.sqrt()) @ V.mT, (V / values.sqrt()) @ V.mT


def error(A, W):
    return residual(A.double(), W.double())


def spectra():
    """Name -> eigenvalues, of conditions from 1 to 1e6."""
    feature_like = torch.arange(1, 65, dtype=torch.float64) ** -1.5
    return {
        "identity": torch.ones(16, dtype=torch.float64),
        "scalar": torch.tensor([3.0], dtype=torch.float64),
        "1e2": geometric(33, 1e2),
        "1e4": geometric(64, 1e4),
        "1e6": geometric(64, 1e6),
        "two clusters": torch.tensor([1.0] * 5 + [1e-4] * 40, dtype=torch.float64),
        "one small": torch.tensor([1.0] * 40 + [1e-6], dtype=torch.float64),
        "one large": torch.tensor([1.0] + [1e-5] * 40, dtype=torch.float64),
        "rank deficient plus ridge": torch.cat([geometric(10, 1e2), torch.zeros(50)]) + 1e-4,
        "features": feature_like + 1e-3 * feature_like.mean(),
    }


@pytest.mark.parametrize("method", ACCURATE)
@pytest.mark.parametrize("name", spectra())
def test_float32_is_as_accurate_as_eigh(method, name):
    A = with_spectrum(spectra()[name], dtype=torch.float32)
    Y, W = matrix_sqrt_pair(A, method)
    assert error(A, W) <= 2 * error(A, matrix_inverse_sqrt(A, "eigh")) + 1e-3
    assert (Y.double() @ Y.double() - A).norm() <= 2e-4 * A.norm()


@pytest.mark.parametrize("method", ACCURATE)
@pytest.mark.parametrize("n", [200, 512])
@pytest.mark.parametrize("condition", [1e4, 1e6])
def test_large_float32_matrices_are_as_accurate_as_eigh(method, n, condition):
    A = with_spectrum(geometric(n, condition), dtype=torch.float32)
    for lower in (None, 1 / condition):
        W = matrix_inverse_sqrt(A, method, lower=lower)
        assert error(A, W) <= 2 * error(A, matrix_inverse_sqrt(A, "eigh")) + 1e-3


@pytest.mark.parametrize("method", ["mpa", "zolotarev"])
@pytest.mark.parametrize("condition", [1e1, 1e3, 5e5])
def test_float32_residual_on_feature_like_spectra(method, condition):
    values = torch.arange(1, 513, dtype=torch.float64) ** -2.0 + 1 / condition
    A = with_spectrum(values, dtype=torch.float32)
    for lower in (None, 1 / condition):
        assert error(A, matrix_inverse_sqrt(A, method, lower=lower)) <= 1e-3


@pytest.mark.parametrize("method", ACCURATE)
@pytest.mark.parametrize("condition", [1, 1e2, 1e5])
def test_float64_is_accurate_to_rounding(method, condition):
    A = with_spectrum(geometric(40, condition))
    Y, W = matrix_sqrt_pair(A, method)
    root, inverse_root = exact(A)
    assert error(A, W) <= 1e-10
    assert torch.allclose(Y, root, rtol=0, atol=1e-11)
    assert torch.allclose(W, inverse_root, rtol=0, atol=1e-9 * condition**0.5)


@pytest.mark.parametrize("method", ACCURATE)
def test_one_function_gives_what_the_pair_gives(method):
    A = with_spectrum(geometric(12, 1e3), dtype=torch.float32)
    Y, W = matrix_sqrt_pair(A, method)
    assert torch.equal(Y, Y.mT) and torch.equal(W, W.mT)
    assert torch.allclose(matrix_sqrt(A, method), Y, atol=1e-6)
    assert torch.allclose(matrix_inverse_sqrt(A, method), W, atol=1e-5)


@pytest.mark.parametrize("method", ACCURATE)
@pytest.mark.parametrize("scale", [1e-20, 1e20, 1e-30, 1e37])
def test_tiny_and_huge_matrices(method, scale):
    A = with_spectrum(geometric(8, 1e3), dtype=torch.float32)
    Y, W = matrix_sqrt_pair((A.double() * scale).float(), method)
    expected = exact(A)
    assert torch.allclose(Y.double() / scale**0.5, expected[0], atol=1e-4)
    assert torch.allclose(W.double() * scale**0.5, expected[1], atol=1e-2)


@pytest.mark.parametrize(
    "method, options", [(m, {}) for m in ACCURATE] + [(m, {"scaling": "frobenius"}) for m in LITERAL]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_singular_matrices_give_finite_results_and_gradients(method, options, dtype):
    g = torch.Generator().manual_seed(0)
    X = torch.randn(20, 7, generator=g, dtype=dtype)
    for A in (X @ X.mT, *(torch.full((n, n), a, dtype=dtype) for n, a in ((5, 0), (9, 1), (1, 0)))):
        A.requires_grad_()
        Y, W = matrix_sqrt_pair(A, method, **options)
        (gradient,) = torch.autograd.grad(Y.sum() + W.sum(), A)
        assert Y.isfinite().all() and W.isfinite().all() and gradient.isfinite().all()
        if not options:
            tolerance = 4 * torch.finfo(dtype).eps ** 0.5 * max(A.detach().abs().max().item(), 1)
            assert torch.allclose(Y @ Y, A, atol=tolerance)


@pytest.mark.parametrize("method", ACCURATE)
def test_rounding_below_zero_is_tolerated(method):
    values = geometric(30, 1e3)
    values[-3:] = torch.tensor([-1e-7, 0.0, 1e-8])
    A = with_spectrum(values, dtype=torch.float32)
    for lower in (None, 1e-8):
        Y, W = matrix_sqrt_pair(A, method, lower=lower)
        assert Y.isfinite().all() and W.isfinite().all()
        assert torch.allclose(Y @ Y, A, atol=1e-3)


@pytest.mark.parametrize("method", ACCURATE)
def test_batch_of_easy_and_hard_matrices_equals_the_loop(method):
    spectra = [geometric(16, c) * s for c, s in ((1, 1e10), (1e5, 1), (10, 1e-10), (1e3, 1))]
    A = torch.stack([with_spectrum(v, i, torch.float32) for i, v in enumerate(spectra)])
    A = torch.cat([A, torch.zeros(1, 16, 16), torch.ones(1, 16, 16)]).reshape(3, 2, 16, 16)
    Y, W = matrix_sqrt_pair(A, method)
    assert Y.shape == W.shape == A.shape
    for i in range(3):
        for j in range(2):
            y, w = matrix_sqrt_pair(A[i, j], method)
            assert torch.allclose(Y[i, j], y, rtol=0, atol=1e-3 * y.abs().max())
            if (i, j) < (2, 0):  # those that are regular
                assert torch.allclose(W[i, j], w, rtol=0, atol=3e-3 * w.abs().max())


@pytest.mark.parametrize("method", ACCURATE)
@pytest.mark.parametrize("shape", [(0, 3, 3), (2, 0, 3, 3), (2, 0, 0), (0, 0)])
def test_empty_batches(method, shape):
    A = torch.zeros(shape, requires_grad=True)
    Y, W = matrix_sqrt_pair(A, method)
    assert Y.shape == W.shape == A.shape
    (Y.sum() + W.sum()).backward()
    assert A.grad.shape == A.shape


matrices = st.tuples(st.integers(1, 12), st.floats(0, 4), st.integers(0, 1000))


@settings(max_examples=15, deadline=None)
@given(matrices, st.sampled_from(ACCURATE))
def test_orthogonal_invariance(parameters, method):
    n, digits, seed = parameters
    A, Q = with_spectrum(geometric(n, 10**digits), seed), random_orthogonal(n, seed + 1)
    rotated = Q @ A @ Q.mT
    for function in (matrix_sqrt, matrix_inverse_sqrt):
        assert torch.allclose(function(rotated, method), Q @ function(A, method) @ Q.mT, atol=1e-8)


@settings(max_examples=15, deadline=None)
@given(matrices, st.sampled_from(ACCURATE), st.floats(-6, 6))
def test_scaling(parameters, method, exponent):
    n, digits, seed = parameters
    A, c = with_spectrum(geometric(n, 10**digits), seed), 10**exponent
    assert torch.allclose(matrix_sqrt(c * A, method), c**0.5 * matrix_sqrt(A, method), atol=1e-9 * c**0.5)
    assert torch.allclose(
        matrix_inverse_sqrt(c * A, method), c**-0.5 * matrix_inverse_sqrt(A, method), atol=1e-8 * c**-0.5
    )


@settings(max_examples=15, deadline=None)
@given(matrices, st.sampled_from(ACCURATE))
def test_a_bound_from_the_caller_changes_little(parameters, method):
    n, digits, seed = parameters
    A = with_spectrum(geometric(n, 10**digits), seed)
    W = matrix_inverse_sqrt(A, method, lower=0.9 * 10**-digits)
    assert torch.allclose(W, matrix_inverse_sqrt(A, method), atol=1e-8)


def horner(Z, coefficients):
    result = torch.zeros_like(Z)
    for c in reversed(coefficients):
        result = Z @ result + c * torch.eye(len(Z), dtype=Z.dtype)
    return result


def test_literal_forms_are_those_of_the_paper():
    A = with_spectrum(geometric(6, 20))
    norm = torch.linalg.matrix_norm(A)
    eye = torch.eye(6, dtype=A.dtype)
    Z = eye - A / norm

    taylor = horner(Z, [1, -1 / 2, -1 / 8, -1 / 16])
    assert torch.allclose(matrix_sqrt(A, "mtp", scaling="frobenius", degree=3), norm.sqrt() * taylor)
    taylor = horner(Z, [1, 1 / 2, 3 / 8, 5 / 16])
    assert torch.allclose(matrix_inverse_sqrt(A, "mtp", scaling="frobenius", degree=3), taylor / norm.sqrt())

    P, Q = horner(Z, [1, -5 / 4, 5 / 16]), horner(Z, [1, -3 / 4, 1 / 16])
    Y, W = matrix_sqrt_pair(A, "mpa", scaling="frobenius", degree=2)
    assert torch.allclose(Y, norm.sqrt() * torch.linalg.solve(Q, P))
    assert torch.allclose(W, torch.linalg.solve(P, Q) / norm.sqrt())

    Y, W = A / norm, eye
    for _ in range(4):
        Y, W = Y @ (3 * eye - W @ Y) / 2, (3 * eye - W @ Y) @ W / 2
    pair = matrix_sqrt_pair(A, "newton_schulz", scaling="frobenius", steps=4)
    assert torch.allclose(pair[0], norm.sqrt() * Y) and torch.allclose(pair[1], W / norm.sqrt())


@pytest.mark.parametrize("method", LITERAL)
def test_literal_forms_hardly_whiten_and_the_defaults_do(method):
    A = with_spectrum(spectra()["1e4"], dtype=torch.float32)
    assert error(A, matrix_inverse_sqrt(A, method, scaling="frobenius")) > 0.3
    assert error(A, matrix_inverse_sqrt(A, method)) < 1e-3


@pytest.mark.parametrize("method", ["mpa", "mtp", "zolotarev"])
def test_error_falls_with_degree_and_steps(method):
    A = with_spectrum(geometric(20, 1e3))
    errors = [error(A, matrix_inverse_sqrt(A, method, degree=d, steps=1)).item() for d in (1, 2, 4, 8)]
    assert errors == sorted(errors, reverse=True)
    assert error(A, matrix_inverse_sqrt(A, method, degree=2, steps=3)) < errors[1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_largest_numbers_there_are(method, dtype):
    largest = torch.finfo(dtype).max
    Y, W = matrix_sqrt_pair(largest * torch.eye(5, dtype=dtype), method)
    assert torch.allclose(Y, largest**0.5 * torch.eye(5, dtype=dtype), rtol=1e-3)
    assert torch.allclose(W, largest**-0.5 * torch.eye(5, dtype=dtype), rtol=1e-3)


@pytest.mark.parametrize("method, routine", [("eigh", "eigh"), ("svd", "svd")])
def test_a_routine_that_does_not_converge_is_survived(method, routine, monkeypatch):
    original = getattr(torch.linalg, routine)

    def fails_on_some(A):
        if A.dtype == torch.float32 and (A[:, 0, 0] > 0.5).any():
            raise torch.linalg.LinAlgError("did not converge")
        return original(A)

    monkeypatch.setattr(torch.linalg, routine, fails_on_some)
    A = torch.stack([torch.diag(torch.tensor(d)) for d in ((4.0, 1.0), (0.4, 4.0))])
    Y = matrix_sqrt(A, method)
    assert torch.allclose(Y @ Y, A, atol=1e-5)


def test_residual():
    A = torch.stack([torch.eye(4), 4 * torch.eye(4)])
    assert torch.allclose(residual(A, torch.eye(4).expand(2, 4, 4)), torch.tensor([0.0, 3.0]))
    assert residual(torch.eye(3), torch.zeros(3, 3)) == 1


@pytest.mark.parametrize("batch, n", [(1, 3), (1, 300), (1, 515), (3, 130), (20, 37), (20, 3)])
def test_inverse(batch, n):
    A = torch.stack([with_spectrum(geometric(n, 1e4), i) for i in range(batch)])
    exact = torch.linalg.inv(A)
    assert torch.allclose(inverse(A), exact, rtol=1e-9, atol=1e-9)
    single = A.float()
    lapack = torch.cholesky_inverse(torch.linalg.cholesky(single)) - exact
    assert torch.linalg.matrix_norm(inverse(single) - exact).max() < 4 * torch.linalg.matrix_norm(lapack).max()


@pytest.mark.parametrize("batch, n, where", [(1, 300, 0), (1, 300, 299), (5, 300, 170), (20, 37, 20)])
def test_inverse_of_what_is_not_definite(batch, n, where):
    A = torch.eye(n).repeat(batch, 1, 1)
    A[0, where, where] = -1
    V = inverse(A)
    assert V[0].isnan().any() and torch.equal(V[1:], A[1:])

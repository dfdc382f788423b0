"""What the matrix functions take, and what they refuse."""

import numpy as np
import pytest
import torch
from matrices import geometric, with_spectrum

from wct.sqrtm import METHODS, matrix_inverse_sqrt, matrix_sqrt, matrix_sqrt_pair, residual


@pytest.mark.parametrize(
    "matrix, words",
    [
        (torch.ones(2, 3), "square"),
        (torch.ones(3), "square"),
        (torch.eye(3, dtype=torch.int64), "floating-point"),
        ([[1.0]], "floating-point"),
        (torch.tensor([[1.0, 0], [0, float("nan")]]), "NaN"),
        (torch.tensor([[float("inf"), 0], [0, 1]]), "infinity"),
        (torch.tensor([[1.0, 0.5], [0, 1]]), "symmetric"),
    ],
)
def test_bad_matrices_raise_and_say_why(matrix, words):
    for function in (matrix_sqrt, matrix_inverse_sqrt, matrix_sqrt_pair):
        for method in METHODS:
            with pytest.raises(ValueError, match=words):
                function(matrix, method)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(method="pade"), "auto, mpa, mtp, newton_schulz, zolotarev, eigh, svd"),
        (dict(method="zolotarev", scaling="spectrum"), "it takes lower, degree, steps, tolerance"),
        (dict(method="eigh", degree=3), "eigh takes no 'degree'"),
        (dict(degree=3), "auto takes no 'degree'"),
        (dict(method="mpa", scaling="trace"), "'spectrum' or 'frobenius'"),
        (dict(method="mpa", degree=0), "positive"),
        (dict(method="mpa", degree=True), "positive"),
        (dict(method="mpa", steps=1.5), "whole number"),
        (dict(method="mpa", scaling="frobenius", steps=2), "takes no steps"),
        (dict(method="mpa", scaling="frobenius", tolerance=0.1), "takes no tolerance"),
        (dict(tolerance=2), "between 0 and 1"),
    ],
)
def test_bad_options_raise_and_list_what_exists(arguments, words):
    with pytest.raises(ValueError, match=words):
        matrix_sqrt(torch.eye(2), **arguments)


@pytest.mark.parametrize("lower, words", [(torch.ones(3), "leading"), (float("nan"), "NaN")])
def test_bad_bounds_raise_and_say_why(lower, words):
    with pytest.raises(ValueError, match=words):
        matrix_sqrt(torch.eye(4).repeat(2, 1, 1), lower=lower)


def test_asymmetry_within_rounding_is_averaged_away():
    A = with_spectrum(geometric(10, 100), dtype=torch.float32)
    noisy = A + 1e-6 * torch.randn(10, 10, generator=torch.Generator().manual_seed(0))
    assert torch.equal(matrix_sqrt(noisy), matrix_sqrt((noisy + noisy.mT) / 2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    A = with_spectrum(geometric(10, 10)).to(dtype)
    Y, W = matrix_sqrt_pair(A)
    assert Y.dtype == W.dtype == dtype
    assert torch.equal(Y, matrix_sqrt(A.float()).to(dtype))


def test_input_is_left_alone():
    A = with_spectrum(geometric(10, 1e9), dtype=torch.float32)
    before = A.clone()
    for method in METHODS:
        matrix_sqrt_pair(A, method)
        matrix_sqrt_pair(A[None].expand(3, 10, 10), method, lower=torch.tensor([1e-9, 1e-9, 0]))
    assert torch.equal(A, before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_under_autocast_halves_give_float32(dtype):
    A = with_spectrum(geometric(10, 10)).to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=dtype):
        Y, W = matrix_sqrt_pair(A)
        (Y + W).sum().backward()
    assert Y.dtype == W.dtype == torch.linalg.inv(A.float()).dtype == torch.float32
    assert A.grad.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_rounding_of_halves_is_no_asymmetry(dtype):
    X = torch.randn(30, 10, generator=torch.Generator().manual_seed(0))
    rounded = (X.mT @ X / 30).to(dtype) * (1 + torch.finfo(dtype).eps * torch.rand(10, 10)).to(dtype)
    for method in METHODS:
        assert matrix_sqrt(rounded, method).isfinite().all()
        with pytest.raises(ValueError, match="symmetric"):
            matrix_sqrt((rounded + 0.2 * torch.ones(10, 10).triu(1)).to(dtype), method)


def test_whole_numbers_of_numpy_are_whole_numbers():
    A = with_spectrum(geometric(5, 10))
    assert torch.equal(matrix_sqrt(A, "mpa", degree=np.int64(3), steps=np.int32(2)),
                       matrix_sqrt(A, "mpa", degree=3, steps=2))


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_hermitian_matrices(method, dtype):
    X = torch.randn(2, 9, 5, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    A = (X.mH @ X + 0.1 * torch.eye(5)).to(dtype)
    Y, W = matrix_sqrt_pair(A, method)
    assert Y.dtype == W.dtype == dtype
    assert torch.allclose(Y, Y.mH) and torch.allclose(Y @ Y, A, rtol=1e-3, atol=1e-3)
    assert residual(A, W).max() < 1e-3
    s, V = torch.linalg.eigh(A)
    assert torch.allclose(Y, (V * s.sqrt()[:, None, :]) @ V.mH, rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="symmetric"):
        matrix_sqrt(A.mT @ A, method)
    if dtype == torch.complex128:
        assert torch.autograd.gradcheck(lambda A: matrix_sqrt_pair((A + A.mH) / 2, method), A.requires_grad_())


def test_the_literal_forms_are_of_real_matrices():
    with pytest.raises(ValueError, match="real"):
        matrix_sqrt(torch.eye(2, dtype=torch.complex64), "mpa", scaling="frobenius")


@pytest.mark.parametrize("method", ["mpa", "zolotarev", "newton_schulz", "mtp"])
def test_tolerance(method):
    A = with_spectrum(geometric(30, 1e3))
    errors = [residual(A, matrix_inverse_sqrt(A, method, tolerance=t)).item() for t in (1e-1, 1e-3, 1e-6)]
    assert all(error <= t for error, t in zip(errors, (1e-1, 1e-3, 1e-6)))
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("condition", [1e2, 1e4])
@pytest.mark.parametrize("others", [[], [1e6], [float("nan")]])
def test_tolerance_of_eigenvectors_that_are_corrected(condition, others):
    """Where its own digits suffice, eigh is left as it is, forward and backward."""
    spectra = [geometric(64, c) if c == c else torch.full((64,), c) for c in (condition, *others)]
    A = torch.stack([with_spectrum(s, i, torch.float32) for i, s in enumerate(spectra)]).requires_grad_()

    def both(steps, tolerance):
        W = matrix_inverse_sqrt(A, "eigh", steps=steps, tolerance=tolerance, check_errors=False)[0]
        return W, torch.autograd.grad(W.sum(), A)[0][0]

    plain, strict, loose = both(None, None), both(1, 1e-4), both(1, 1e-2)
    alike = [torch.equal(a, b) for a, b in zip(plain, loose)]
    assert all(alike) or 1e6 in others  # ill-conditioned company has all of them corrected
    assert torch.equal(plain[0], strict[0]) == (condition == 1e2 and 1e6 not in others)
    assert residual(A[:1], loose[0]).item() < 1e-2


@pytest.mark.parametrize("condition", [1e2, 1e4, 1e6])
def test_tolerance_of_small_matrices(condition):
    """Eigenvectors in float32 where their digits suffice, and else those in float64."""
    A = with_spectrum(geometric(16, condition), 0, torch.float32)[None].requires_grad_()

    def both(A, *options):
        W = matrix_inverse_sqrt(A, "eigh", **dict(zip(("steps", "tolerance"), options)))
        return W, torch.autograd.grad(W.sum(), A)[0]

    exact, plain, strict, loose = both(A.detach().double().requires_grad_()), both(A), both(A, 1), both(A, 1, 1e-2)
    for a, b, c, d in zip(exact, plain, strict, loose):
        assert torch.equal(d, b if condition < 1e5 else c)
        assert (d - a).norm() <= 1e-2 * a.norm() and (c - a).norm() <= 1e-3 * a.norm()


@pytest.mark.parametrize("n, batch", [(152, 4), (200, 3)])
def test_the_literal_pade_of_batches_of_large_matrices(n, batch):
    """Batched solves by LU fail from n = 152 on with some BLAS."""
    A = torch.stack([with_spectrum(geometric(n, 30), i, torch.float32) for i in range(batch)])
    for function in (matrix_sqrt, matrix_inverse_sqrt):
        expected = torch.stack([function(a.double(), "mpa", scaling="frobenius") for a in A])
        assert torch.allclose(function(A, "mpa", scaling="frobenius").double(), expected, rtol=1e-3, atol=1e-4)

"""What the matrix functions take, and what they refuse."""

import pytest
import torch
from matrices import geometric, with_spectrum

from wct.sqrtm import METHODS, matrix_inverse_sqrt, matrix_sqrt, matrix_sqrt_pair


@pytest.mark.parametrize(
    "matrix, words",
    [
        (torch.ones(2, 3), "square"),
        (torch.ones(3), "square"),
        (torch.eye(3, dtype=torch.int64), "floating-point"),
        (torch.eye(3, dtype=torch.complex64), "floating-point"),
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
        (dict(method="pade"), "mpa, mtp, newton_schulz, svd, eigh, zolotarev"),
        (dict(degre=3), "lower, degree, scaling, steps"),
        (dict(method="eigh", degree=3), "eigh takes no 'degree'"),
        (dict(scaling="trace"), "'spectrum' or 'frobenius'"),
        (dict(degree=0), "positive"),
        (dict(steps=1.5), "whole number"),
        (dict(scaling="frobenius", steps=2), "takes no steps"),
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

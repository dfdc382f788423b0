"""method="auto": what it chooses, and closed forms."""

import json
from itertools import product

import pytest
import torch
from matrices import geometric, with_spectrum

from wct.sqrtm import choice, matrix_inverse_sqrt, matrix_sqrt, matrix_sqrt_pair, residual
from wct.sqrtm.functions import root


def test_the_table_is_whole():
    table = json.loads(choice.TABLE.read_text(encoding="utf-8"))
    assert set(table["cpu"]) == {"float32", "float64"}
    for device, dtypes in table.items():
        for dtype, ways in dtypes.items():
            assert set(ways) == {choice.key(*way) for way in product((False, True), repeat=3)}, device
            for rows in ways.values():
                assert len(rows) == len(choice.SIZES)
                for n, row in zip(choice.SIZES, map(str.split, rows)):
                    assert len(row) == len(choice.BATCHES) and set(row) <= set(choice.candidates(dtype, n))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 16, 60, 700])
@pytest.mark.parametrize("batch", [(), (1,), (20, 30), (10_000,), (0,)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("device", ["cpu", "mps", "cuda", "xpu"])
def test_there_is_a_choice_for_every_matrix_and_device(n, batch, dtype, device):
    class Matrix:
        shape, ndim = (*batch, n, n), 2 + len(batch)

    Matrix.dtype, Matrix.device = dtype, torch.device(device)
    for gradient, bounded, tolerance in product((False, True), (False, True), (None, 1e-6, 1e-2)):
        method, steps = choice.choose(Matrix, gradient, bounded, tolerance)
        assert method in choice.candidates(str(dtype).removeprefix("torch."), n)
        assert (steps is not None) == (method == "eigh")


@pytest.mark.parametrize("n", [1, 2, 3, 5, 40, 130])
@pytest.mark.parametrize("condition", [1, 1e2, 1e4, 1e6])
@pytest.mark.parametrize("batch", [1, 5])
def test_auto_is_accurate_at_every_conditioning(n, condition, batch):
    A = torch.stack([with_spectrum(geometric(n, condition), i, torch.float32) for i in range(batch)]).requires_grad_()
    W = matrix_inverse_sqrt(A)
    assert residual(A.detach().double(), W.detach().double()).max() < 2e-3
    (gradient,) = torch.autograd.grad(W.sum(), A)
    B = A.detach().double().requires_grad_()
    (expected,) = torch.autograd.grad(matrix_inverse_sqrt(B, "newton_schulz").sum(), B)
    assert (gradient - expected).norm() <= 2e-3 * expected.norm()


def test_a_correction_brings_digits_back():
    A = with_spectrum(geometric(100, 1e4), dtype=torch.float32)
    exact = matrix_inverse_sqrt(A.double(), "eigh")
    error, corrected = ((matrix_inverse_sqrt(A, "eigh", steps=steps) - exact).norm() for steps in (None, 1))
    assert corrected <= 0.2 * error


SPECTRA = [[1.0], [4.0, 1.0], [1.0, 1e-6], [2.0, 2.0], [3.0, 2.0, 1.0], [1.0, 1.0, 1.0], [5.0, 5.0, 1e-5],
           [1.0, 2e-7, 1.9e-7], [1.0, 1e-3, 1e-6], [1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("values", SPECTRA, ids=str)
@pytest.mark.parametrize("scale", [1.0, 1e-20, 1e20])
def test_closed_forms(values, scale):
    if not any(values) and scale != 1:
        pytest.skip("nothing has no scale")
    A = (with_spectrum(torch.tensor(values, dtype=torch.float64), seed=3) * scale).float()[None]
    s, V = torch.linalg.eigh(A.double())
    Y = root(A, "sqrt", 1.2e-7, "closed")
    exact = (V * s.clamp(min=0).sqrt()[:, None]) @ V.mT
    assert torch.allclose(Y.double() / scale**0.5, exact / scale**0.5, atol=1e-3 if 0 in values else 3e-5)
    W = root(A, "inverse", 1.2e-7, "closed")
    assert W.isfinite().all()
    if 0 not in values and max(values) < 1e6 * min(values):
        assert residual(A.double(), W.double()) < 1e-3
    X = A.clone().requires_grad_()
    for want in ("sqrt", "inverse"):
        (gradient,) = torch.autograd.grad((root(X, want, 1.2e-7, "closed") / scale ** (0.5 if want == "sqrt" else -0.5)
                                           ).sum() * scale, X)
        assert gradient.isfinite().all() or (scale < 1 and 0 in values)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("want", ["sqrt", "inverse"])
def test_gradients_of_closed_forms(n, want):
    A = with_spectrum(torch.arange(1.0, n + 1).double(), seed=1).repeat(2, 1, 1).requires_grad_()
    assert torch.autograd.gradcheck(lambda A: root(A, want, 2e-16, "closed"), A)
    assert torch.autograd.gradgradcheck(lambda A: root(A, want, 2e-16, "closed"), A)


def test_thousands_of_small_matrices():
    X = torch.randn(5000, 3, 6)
    A = X @ X.mT / 6 + 1e-3 * torch.eye(3)
    Y, W = matrix_sqrt_pair(A)
    assert torch.allclose(Y @ Y, A, atol=1e-4) and residual(A, W).max() < 1e-3
    A[77] = -A[77]
    with pytest.raises(ValueError, match="matrix 77 of the batch is indefinite"):
        matrix_sqrt(A)

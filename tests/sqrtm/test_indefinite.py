"""Matrices without a real root, and bounds that are none."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import geometric, with_spectrum

from wct.sqrtm import (
    METHODS,
    lyapunov,
    matrix_inverse_sqrt,
    matrix_inverse_sqrt_ex,
    matrix_sqrt,
    matrix_sqrt_ex,
    matrix_sqrt_pair,
    matrix_sqrt_pair_ex,
)
from wct.sqrtm.job import Job

EVERY = ["auto", *METHODS]
FUNCTIONS = [matrix_sqrt, matrix_inverse_sqrt, matrix_sqrt_pair]
LITERAL = [(method, {"scaling": "frobenius"}) for method in ("mpa", "mtp", "newton_schulz")]


def message(function, A, *arguments, **options):
    with pytest.raises(ValueError, match="least eigenvalue") as caught:
        function(A, *arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize("values, least", [([-1, -1, -1], "-1"), ([1, 1, -0.02], "-0.02"), ([-3], "-3"),
                                           ([5.0] * 40 + [-1e-3], "-0.001"), ([0, 0, -1e-12], "-1e-12"),
                                           ([1e30, -1e28], "-1e+28")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_method_refuses_in_the_same_words(values, least, dtype):
    A = with_spectrum(torch.tensor(values, dtype=torch.float64), dtype=dtype)
    told = {message(function, A, method, **options) for function in FUNCTIONS
            for method, options in [*((m, {}) for m in EVERY), *LITERAL]}
    assert len(told) == 1
    assert f"indefinite: its least eigenvalue is {least}, " in told.pop()


@pytest.mark.parametrize("method", EVERY)
def test_the_matrix_is_named(method):
    A = torch.eye(4).repeat(2, 3, 1, 1)
    A[1, 1, 0, 0] = -2
    assert "matrix 4 of the batch is indefinite" in message(matrix_sqrt, A, method)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.floats(-1, -1e-4), st.sampled_from(EVERY), st.sampled_from(FUNCTIONS), st.booleans())
def test_beyond_rounding_is_refused(n, least, method, function, told):
    values = geometric(n, 1e2)
    values[-1] = least
    A = with_spectrum(values, n, torch.float32)
    assert "indefinite" in message(function, A, method, lower=1e-2 if told else None)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.floats(-1e-6, 0), st.sampled_from(EVERY), st.sampled_from(FUNCTIONS))
def test_within_rounding_is_regularised(n, least, method, function):
    values = geometric(n, 1e2)
    values[-1] = least
    for lower in (None, 1e-9):
        results = function(with_spectrum(values, n, torch.float32), method, lower=lower)
        assert all(x.isfinite().all() for x in results)


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("dtype, least", [(torch.bfloat16, -0.1), (torch.float16, -0.02)])
def test_rounding_is_that_of_the_dtype(method, dtype, least):
    A = with_spectrum(torch.tensor([1.0, 0.5, least]).double()).to(dtype)
    assert matrix_sqrt(A, method).isfinite().all()
    assert "indefinite" in message(matrix_sqrt, A.float(), method)


@pytest.mark.parametrize("method", EVERY)
def test_a_bound_that_is_none_is_refused(method):
    A = with_spectrum(geometric(12, 1e3), dtype=torch.float32)
    A = torch.stack([2 * A, A])
    lower = torch.tensor([1e-3, 5e-3])
    told = message(matrix_inverse_sqrt, A, method, lower=lower)
    assert "matrix 1 of the batch has the least eigenvalue 0.001, below lower = 0.005" in told


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("lower", [1e-6, 1e-7, 0.0, -1.0])
def test_a_bound_within_rounding_is_not_trusted(method, lower):
    """Such as a ridge that vanished when it was added: here the least eigenvalue is far above, or below."""
    for values in (geometric(64, 50), torch.cat([geometric(60, 50), torch.zeros(4, dtype=torch.float64)])):
        A = 30 * with_spectrum(values, dtype=torch.float32)
        Y, W = matrix_sqrt_pair(A, method, lower=lower)
        assert Y.isfinite().all() and W.isfinite().all()
        assert (Y.double() @ Y.double() - A).norm() <= 2e-4 * A.norm()


@pytest.mark.parametrize("method", EVERY)
def test_ex_returns_what_is_wrong(method):
    good = with_spectrum(geometric(6, 1e2), dtype=torch.float32)
    matrices = [good, good.clone(), good.clone(), good - 0.5 * torch.eye(6), good]
    matrices[1][2, 2] = float("nan")
    matrices[2][0, 5] += 1
    lower = torch.tensor([0.01, 0.01, 0.001, 0.01, 0.1])
    A = torch.stack(matrices)
    for function in (matrix_sqrt_ex, matrix_inverse_sqrt_ex, matrix_sqrt_pair_ex):
        result, info, error = function(A, method, lower=lower)
        results = result if isinstance(result, tuple) else (result,)
        assert info.tolist() == [0, 1, 2, 3, 4] and info.dtype == torch.int32
        assert error[0] < 1e-3
        for x in results:
            assert x[0].isfinite().all()
            assert x[1].isnan().all() and x[3].isnan().all()
    (Y, W), info, _ = matrix_sqrt_pair_ex(good, method)
    assert torch.allclose(Y @ W, torch.eye(6), atol=1e-3) and info.shape == ()


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("n", [2, 3, 6, 40, 130])
def test_unchecked_nan_stays_in_its_own_matrix(method, n):
    good = with_spectrum(geometric(n, 30), dtype=torch.float32)
    A = torch.stack([good, torch.full((n, n), float("nan")), 2 * good])
    A.requires_grad_()
    for function in (matrix_sqrt, matrix_inverse_sqrt):
        result = function(A, method, check_errors=False)
        (gradient,) = torch.autograd.grad(result.sum(), A)
        for x in (result, gradient):
            assert x[[0, 2]].isfinite().all()
            assert x[1].isnan().any()
        assert torch.allclose(result[[0, 2]], function(A[[0, 2]], method), rtol=1e-3, atol=1e-3)


class NothingIsRead(torch.utils._python_dispatch.TorchDispatchMode):
    """Fails where a value goes to the program, for which an accelerator would have to be waited for."""

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        assert function.overloadpacket not in (torch.ops.aten._local_scalar_dense, torch.ops.aten.nonzero), function
        return function(*arguments, **(keywords or {}))


@pytest.mark.parametrize("method", ["mpa", "mtp", "newton_schulz", "zolotarev"])
@pytest.mark.parametrize("lower", [None, 1e-4])
def test_ex_and_its_gradient_wait_for_no_accelerator(method, lower, monkeypatch):
    """Told that it runs on one, as none is at hand."""
    monkeypatch.setattr(Job, "reads", lambda job, A: job.errors == "raise")
    monkeypatch.setattr(lyapunov, "by_doubling", lambda *args: lyapunov.by_sign_function(*args, reads=False))
    good = with_spectrum(geometric(20, 1e3), dtype=torch.float32)
    singular = with_spectrum(torch.cat([geometric(10, 10), torch.zeros(10, dtype=torch.float64)]), 1, torch.float32)
    A = torch.stack([good, 3 * good, singular, good - 0.1 * torch.eye(20), torch.full((20, 20), float("nan"))])
    A.requires_grad_()
    with NothingIsRead():
        W, info, error = matrix_inverse_sqrt_ex(A, method, lower=lower)
        (gradient,) = torch.autograd.grad(W, A, torch.ones_like(W)) if lower is None else (A,)
    assert info.tolist() == [0, 0, 0 if lower is None else 4, 3, 1]
    assert error[:2].max() < 5e-3
    assert W[: 3 if lower is None else 2].isfinite().all() and W[3:].isnan().all()
    if lower is None:
        expected = torch.autograd.grad(matrix_inverse_sqrt(A[:2], method).sum(), A)[0][:2]
        assert (gradient[:2] - expected).norm() < 1e-2 * expected.norm()

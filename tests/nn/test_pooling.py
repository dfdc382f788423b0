"""Covariance pooling."""

import doctest

import pytest
import torch
from torch.autograd import gradcheck

import wct.nn.pooling
from wct.nn import CovariancePooling
from wct.sqrtm import METHODS


def by_hand(x, eps=1e-3, centre=True):
    X = x.double().flatten(2)
    X = X - X.mean(-1, keepdim=True) if centre else X
    C = X @ X.mT / X.shape[-1]
    C = C + eps * C.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] * torch.eye(C.shape[-1])
    s, V = torch.linalg.eigh(C)
    root = (V * s.clamp(min=0).sqrt()[:, None]) @ V.mT
    return torch.stack([r[torch.ones_like(r).triu().bool()] for r in root])


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("shape", [(3, 8, 5, 5), (2, 8, 40), (2, 16, 2, 2), (1, 4, 3, 3, 3)])
@pytest.mark.parametrize("centre", [True, False])
def test_values(shape, method, centre):
    x = torch.randn(shape)
    y = CovariancePooling(centre=centre, method=method)(x)
    assert y.shape == (shape[0], shape[1] * (shape[1] + 1) // 2)
    assert torch.allclose(y.double(), by_hand(x, centre=centre), atol=2e-3)


def test_tokens_have_their_channels_last():
    x = torch.randn(2, 50, 8)
    assert torch.allclose(CovariancePooling(tokens=True)(x), CovariancePooling()(x.mT), atol=1e-6)
    assert torch.allclose(CovariancePooling(tokens=True)(x.view(2, 5, 10, 8)), CovariancePooling()(x.mT), atol=1e-6)


@pytest.mark.parametrize("method", ["auto", "mpa", "newton_schulz"])
@pytest.mark.parametrize("positions", [7, 2])
def test_gradients(method, positions):
    x = torch.randn(2, 4, positions, dtype=torch.float64, requires_grad=True)
    assert gradcheck(CovariancePooling(method=method, eps=1e-2), x)


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("kind", ["one position", "few", "constant", "constant channels"])
def test_degenerate_features_give_finite_results_and_gradients(kind, method):
    x = torch.randn(2, 8, {"one position": 1, "few": 3}.get(kind, 20))
    if kind.startswith("constant"):
        x[:, : 8 if kind == "constant" else 3] = 5
    x.requires_grad_()
    y = CovariancePooling(method=method)(x)
    y.sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()
    assert torch.allclose(y.double(), by_hand(x.detach()), atol=2e-3)


@pytest.mark.parametrize("method", ["auto", "mpa", "newton_schulz", "zolotarev"])
def test_nan_stays_in_its_own_sample(method):
    x = torch.randn(3, 8, 5, 5)
    x[1, 0, 0, 0] = float("nan")
    y = CovariancePooling(method=method)(x)
    assert y[1].isnan().any()
    assert torch.allclose(y[[0, 2]].double(), by_hand(x[[0, 2]]), atol=2e-3)
    with pytest.raises(ValueError, match="NaN"):
        CovariancePooling(method=method, check_errors=True)(x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_and_halves(dtype):
    x = torch.randn(2, 8, 5, 5)
    with torch.autocast("cpu", dtype=dtype):
        assert torch.allclose(CovariancePooling()(x).double(), by_hand(x), atol=2e-3)
    y = CovariancePooling()(x.to(dtype))
    assert y.dtype == dtype
    assert torch.allclose(y.double(), by_hand(x.to(dtype)), atol=2e-2)


def test_channels_last_and_compiled():
    x = torch.randn(2, 8, 5, 5)
    expected = CovariancePooling()(x)
    last = x.to(memory_format=torch.channels_last).requires_grad_()
    torch._dynamo.reset()
    y = torch.compile(CovariancePooling(), fullgraph=True)(last)
    assert torch.allclose(y, expected, atol=1e-5)
    y.sum().backward()
    assert last.grad.isfinite().all()


def test_bad_use_is_said_in_words():
    for x in (torch.ones(2, 3), torch.ones(2, 3, 0)):
        with pytest.raises(ValueError, match="with positions"):
            CovariancePooling()(x)
    with pytest.raises(ValueError, match="unknown method"):
        CovariancePooling(method="pade")
    with pytest.raises(ValueError, match="eps"):
        CovariancePooling(eps=0)


def test_examples_in_the_documentation_run():
    failed, tried = doctest.testmod(wct.nn.pooling)
    assert tried and not failed


def test_a_batch_of_none():
    assert CovariancePooling()(torch.rand(0, 4, 3, 3)).shape == (0, 10)

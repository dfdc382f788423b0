import numpy as np
import pytest
import torch

from wct.transform import RIDGE, colouring, map_between, statistics, whitening


def features(n=8, h=12, w=10, batch=1):
    mix = torch.randn(n, n, dtype=torch.float64)
    return torch.einsum("ij,bjhw->bihw", mix, torch.randn(batch, n, h, w, dtype=torch.float64)) + 3


def transform(content, style, strength=1.0, ridge=RIDGE):
    a, b = statistics(content), statistics(style)
    return map_between(a, b, whitening(a, ridge), colouring(b, ridge)).weakened(strength)(content)


def test_statistics_are_those_of_numpy():
    f = features()
    found = statistics(f)
    flat = f.flatten(2)[0].numpy()
    assert torch.allclose(found.mean[0], torch.from_numpy(flat.mean(1)))
    assert torch.allclose(found.covariance[0], torch.from_numpy(np.cov(flat, bias=True)))


def test_result_has_the_styles_statistics():
    content, style = features(), features(h=7, w=9)
    result, wanted = statistics(transform(content, style, ridge=0)), statistics(style)
    assert torch.allclose(result.mean, wanted.mean, atol=1e-9)
    assert (result.covariance - wanted.covariance).norm() < 1e-2 * wanted.covariance.norm()  # VARIANCE_FLOOR


def test_own_style_is_the_identity():
    f = features()
    assert torch.allclose(transform(f, f), f, atol=1e-8)


def test_strength_is_linear():
    content, style = features(), features()
    half = (transform(content, style, 0.0) + transform(content, style, 1.0)) / 2
    assert torch.allclose(transform(content, style, 0.0), content)
    assert torch.allclose(transform(content, style, 0.5), half)


def test_batch_is_a_loop():
    contents, styles = features(batch=3), features(batch=3)
    loop = torch.cat([transform(contents[i : i + 1], styles[i : i + 1]) for i in range(3)])
    assert torch.allclose(transform(contents, styles), loop, atol=1e-8)


@pytest.mark.parametrize("content", [torch.full((1, 6, 4, 4), 2.0), torch.randn(1, 6, 1, 1), torch.zeros(1, 6, 3, 3)])
def test_content_without_variance_takes_the_styles_mean(content):
    style = torch.randn(1, 6, 8, 8)
    result = transform(content, style)
    assert torch.allclose(result.mean((2, 3)), style.mean((2, 3)), atol=1e-3)


def test_dtype_of_features_is_kept():
    assert transform(torch.randn(1, 4, 8, 8).bfloat16(), torch.randn(1, 4, 8, 8).bfloat16()).dtype == torch.bfloat16


def test_gradients_reach_the_content_through_the_whitening():
    style = features(n=3)
    content = features(n=3, h=3, w=4).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: transform(f, style), content, eps=1e-6, atol=1e-5)

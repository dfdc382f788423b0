import numpy as np
import pytest
import torch

from wct.options import Options
from wct.transform import Moments, colouring, statistics, whitening, zca


def features(n=8, h=12, w=10, batch=1):
    mix = torch.randn(n, n, dtype=torch.float64)
    return torch.einsum("ij,bjhw->bihw", mix, torch.randn(batch, n, h, w, dtype=torch.float64)) + 3


def transform(content, style, strength=1.0, ridge=Options.ridge):
    a, b = statistics(content), statistics(style)
    return zca(a, b, whitening(a, ridge), colouring(b, ridge)).at(strength)(content)


def test_statistics_are_those_of_numpy():
    f = features()
    found = statistics(f)
    flat = f.flatten(2)[0].numpy()
    assert torch.allclose(found.mean[0], torch.from_numpy(flat.mean(1)))
    assert torch.allclose(found.covariance[0], torch.from_numpy(np.cov(flat, bias=True)))


@pytest.mark.parametrize("weighted", [False, True])
def test_moments_of_parts_add_up_to_the_statistics_of_the_whole(weighted):
    f = features(h=40, w=30).float()
    weight = torch.rand(1, 1, 40, 30) * (torch.arange(30) < 18) if weighted else None  # one part counts for nothing
    parts = []
    for rows in (slice(0, 7), slice(7, 40)):
        for columns in (slice(0, 18), slice(18, 29), slice(29, 30)):
            part = ..., rows, columns
            parts.append(Moments.of(f[part], None if weight is None else weight[part]))
    found, wanted = sum(parts[1:], parts[0]).statistics(), statistics(f, weight)
    assert torch.allclose(found.mean, wanted.mean, rtol=1e-5, atol=1e-5) and found.mean.dtype == torch.float32
    assert torch.allclose(found.covariance, wanted.covariance, rtol=1e-4, atol=1e-4)


def test_statistics_of_a_batch_are_those_of_each_and_differentiable():
    f = features(n=4, h=5, w=6, batch=3).requires_grad_()
    for i, one in enumerate(f.split(1)):
        assert torch.allclose(statistics(f).covariance[i], statistics(one).covariance[0])
    assert torch.autograd.gradcheck(lambda x: statistics(x).covariance, f)


def test_one_map_for_all_or_one_for_each():
    f = features(batch=2)
    a, b = (zca(statistics(x), statistics(f[:1]), whitening(statistics(x)), colouring(statistics(f[:1])))
            for x in (f, f[:1]))
    each, all_ = a(f), b(f)
    assert torch.allclose(each[:1], all_[:1]) and not torch.allclose(each[1:], all_[1:])
    assert all_.shape == f.shape and b(f.float()).dtype == torch.float32


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

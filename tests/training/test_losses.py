import numpy as np
import pytest
import torch

from models import load_encoder
from wct.training.losses import content_loss, layers, mean_and_deviation, moments, psnr, stage_ends, style_loss


@pytest.fixture(scope="module")
def encoder():
    return load_encoder()


def test_layers_are_those_before_poolings_and_the_ends_of_stages(encoder):
    x = torch.rand(1, 3, 64, 64)
    found = layers(encoder, x)
    assert [tuple(f.shape[1:3]) for f in found] == [
        (64, 64), (64, 64), (128, 32), (128, 32), (256, 16), (256, 16), (512, 8), (512, 8), (512, 4),
    ]
    for ours, theirs in zip(stage_ends(found), encoder(x), strict=True):
        assert torch.equal(ours, theirs)


def test_moments_are_those_of_numpy():
    f = torch.randn(1, 5, 6, 7).to(memory_format=torch.channels_last)
    gram, mean = moments(f)
    flat = f[0].flatten(1).numpy()
    assert np.allclose(gram[0], flat @ flat.T / 42, atol=1e-5) and np.allclose(mean[0], flat.mean(1), atol=1e-6)
    assert np.allclose(mean_and_deviation(gram, mean)[0, 5:], flat.std(1), atol=1e-5)


def test_a_pictures_own_style_and_content_cost_nothing():
    a, b = ([torch.rand(2, 8, 9, 9), torch.rand(2, 4, 5, 5)] for _ in "ab")
    own, other = ([moments(f) for f in features] for features in (a, b))
    assert style_loss(own, own) == 0 < style_loss(own, other)
    assert abs(content_loss(a, a)) < 1e-5 < content_loss(a, b)
    assert content_loss([3 * f for f in a], b) == pytest.approx(float(content_loss(a, b)), rel=1e-5)  # directions alone


def test_style_does_not_see_where_things_are():
    f = torch.rand(1, 8, 6, 6)
    shuffled = f.flatten(2)[..., torch.randperm(36)].view_as(f)
    assert style_loss([moments(f)], [moments(shuffled)]) < 1e-5 < content_loss([f], [shuffled])


def test_psnr_of_a_tenth_is_twenty_decibels():
    assert psnr(torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 0.1)).tolist() == pytest.approx([20, 20])

import pytest
import torch
from common import CONTENTS
from torch import nn

from models import load_decoder, load_encoder
from models.inversion import correct
from wct.images import open_picture, to_tensor
from wct.training.losses import psnr, relative


@pytest.fixture(scope="module")
def networks():
    return load_encoder(), load_decoder("reconstruction")


@pytest.fixture(scope="module")
def photos():
    return torch.cat([to_tensor(open_picture(path).rgb)[..., 64:192, 64:192] for path in CONTENTS[:3]])


def test_a_linear_stage_is_inverted():
    """Where all of z is positive and the stage is linear, there is one answer."""
    stage = nn.Conv2d(6, 6, 1).double()
    with torch.no_grad():
        stage.weight.copy_((2 * torch.eye(6) + torch.rand(6, 6) / 3)[:, :, None, None])
        z = 1 + torch.rand(2, 6, 5, 4, dtype=torch.float64)
        features = stage(z)
    found = correct(stage, features, torch.ones_like(z), 200)
    assert found.dtype == torch.float64 and not found.requires_grad
    assert torch.allclose(found, z, atol=1e-4)


def test_no_steps_change_nothing_and_what_is_given_is_left_alone(networks):
    stage = networks[0].stages["relu5_1"]
    features, guess = torch.rand(1, 512, 4, 4), torch.rand(1, 512, 8, 8)
    kept = features.clone(), guess.clone()
    assert torch.equal(correct(stage, features, guess, 0), guess)
    assert not torch.equal(correct(stage, features, guess, 2), guess)
    assert torch.equal(features, kept[0]) and torch.equal(guess, kept[1])


def test_the_encoder_finds_its_features_again(networks, photos):
    encoder, decoder = networks
    with torch.inference_mode():
        *_, relu4_1, relu5_1 = encoder(photos)
        guess = decoder.block(5)(relu5_1)
        found = correct(encoder.stages["relu5_1"], relu5_1, guess)
        before, after = (relative(encoder.stages["relu5_1"](x), relu5_1) for x in (guess, found))
    assert found.shape == relu4_1.shape and (found >= 0).all()
    assert (after < before / 2).all() and (after < 0.25).all()
    assert (relative(found, relu4_1) < relative(guess, relu4_1)).all()


def test_corrected_pictures_are_truer(networks, photos):
    encoder, decoder = networks
    plain = load_decoder("reconstruction", corrected=False)
    with torch.no_grad():
        relu5_1 = encoder(photos)[4]
        before, after = (psnr(network(relu5_1, 5).clamp(0, 1), photos) for network in (plain, decoder))
    assert (after > before).all() and (after - before).mean() > 0.5


def test_only_the_deepest_level_of_the_reconstruction_decoder_is_corrected(networks, photos):
    encoder, decoder = networks
    plain = load_decoder("reconstruction", corrected=False)
    with torch.no_grad():
        features = encoder(photos[:1, :, :32, :32])
        same = [torch.equal(plain(f, k), decoder(f, k)) for k, f in enumerate(features, 1)]
    assert same == [True, True, True, True, False]
    assert load_decoder().stage is None and load_decoder(corrected=True).stage is not None


def test_a_batch_is_what_its_pictures_are():
    encoder, decoder = load_encoder().double(), load_decoder("reconstruction").double()
    with torch.no_grad():
        features = encoder(torch.rand(3, 3, 32, 48, dtype=torch.float64))[4]
        apart = torch.cat([decoder(f[None], 5) for f in features])
        assert torch.allclose(decoder(features, 5), apart, atol=1e-6)


def test_networks_that_were_loaded_in_inference_mode():
    with torch.inference_mode():
        features = load_encoder()(torch.rand(1, 3, 32, 32))[4]
        assert load_decoder("reconstruction")(features, 5).isfinite().all()


def test_gradients_pass_straight_through(networks):
    encoder, decoder = networks
    features = encoder(torch.rand(1, 3, 32, 32))[4].requires_grad_(True)
    (found,) = torch.autograd.grad(decoder(features, 5).square().mean(), features)
    guess = decoder.block(5)(features)
    corrected = correct(decoder.stage, features, guess).requires_grad_(True)
    (slope,) = torch.autograd.grad(decoder(corrected, 4).square().mean(), corrected)
    (expected,) = torch.autograd.grad(guess, features, slope)
    assert (found - expected).norm() < 1e-3 * expected.norm()


@pytest.mark.parametrize("features", [
    lambda: torch.zeros(1, 512, 4, 4), lambda: torch.ones(1, 512, 2, 2), lambda: 1e4 * torch.rand(1, 512, 4, 4),
    lambda: torch.randn(1, 512, 4, 4),
], ids=["nothing", "constant", "huge", "below zero"])
def test_features_of_no_picture_come_closer_too(networks, features):
    (encoder, decoder), features = networks, features()
    stage = encoder.stages["relu5_1"]
    with torch.no_grad():
        guess = decoder.block(5)(features)
        found = correct(stage, features, guess)
        assert found.isfinite().all()
        assert (stage(found) - features).norm() < (stage(guess) - features).norm()

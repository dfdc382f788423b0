import hashlib
import json
import shutil

import pytest
import torch
from common import CONTENTS
from torch.nn import functional as F

from models import WeightsError, load_decoder, load_encoder, weights
from models.decoder import Decoder, UpConv3x3, revive
from models.networks import NETWORKS, choose
from models.vgg import Encoder
from wct.images import open_picture, to_tensor
from wct.options import DEFAULT_LEVELS, MOST_LEVELS, NETWORK
from wct.training.losses import psnr


def picture(path, side=256):
    x = to_tensor(open_picture(path).rgb)
    return x[..., :side, :side]


def test_encoder_gives_the_five_levels():
    features = load_encoder()(torch.rand(2, 3, 64, 48))
    assert [tuple(f.shape) for f in features] == [
        (2, n, 64 >> k, 48 >> k) for k, n in enumerate((64, 128, 256, 512, 512))
    ]


def test_channels_have_unit_scale():
    features = load_encoder()(picture(CONTENTS[0]))
    for f in features:
        assert 0.5 < f.pow(2).mean().sqrt() < 2


@pytest.mark.parametrize("name", ["stylised", "reconstruction"])
def test_decoder_gives_a_picture_from_every_level(name):
    decoder, features = load_decoder(name), load_encoder()(picture(CONTENTS[1], 64))
    for level in range(1, 6):
        assert decoder(features[level - 1], level).shape == (1, 3, 64, 64)


@pytest.mark.parametrize("network, name, least", [
    ("full", "reconstruction", (36, 27, 22, 19, 18.5)), ("full", "stylised", (25, 22, 20, 17)),
    ("small", "reconstruction", (30, 25, 20, 15)), ("small", "stylised", (25, 20, 18, 10)),
])
def test_decoder_inverts_the_encoder(network, name, least):
    """Well below what weights/README.md reports: other pictures, the same networks."""
    encoder, decoder = load_encoder(len(least), network=network), load_decoder(name, len(least), network=network)
    for level, decibels in enumerate(least, 1):
        found = []
        for path in CONTENTS[::2] if level == 5 else CONTENTS:  # the correction of relu5_1 takes seconds
            x = picture(path, 160)
            x = x[..., : x.shape[2] // 16 * 16, : x.shape[3] // 16 * 16]
            found.append(float(psnr(decoder(encoder(x)[level - 1], level).clamp(0, 1), x)))
        assert sum(found) / len(found) > decibels, f"relu{level}_1: {found}"


def test_upsampling_convolution_is_that_of_the_doubled_picture():
    conv = UpConv3x3(6, 5).double()
    x = torch.randn(2, 6, 4, 7, dtype=torch.float64)
    doubled = F.pad(F.interpolate(x, scale_factor=2), (1, 1, 1, 1), mode="reflect")
    expected = F.conv2d(doubled, conv.weight, conv.bias)
    assert torch.allclose(conv(x), expected)
    with torch.no_grad():
        assert torch.allclose(conv(x), expected)


@pytest.fixture
def folder(tmp_path):
    """The weights of the encoder in a folder of their own, to be broken there."""
    for name in ("encoder.safetensors", weights.HASHES):
        shutil.copy(weights.WEIGHTS / name, tmp_path)
    return tmp_path


def test_level_5_is_read_only_when_asked_for(folder):
    assert len(load_encoder(4, folder=folder)(torch.rand(1, 3, 32, 32))) == 4
    with pytest.raises(WeightsError, match="level5.safetensors is missing"):
        load_encoder(5, folder=folder)


def test_damaged_weights_are_named(folder):
    path = folder / "encoder.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="encoder.safetensors is damaged.*git checkout"):
        load_encoder(4, folder=folder)


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_missing_or_damaged_hashes_are_named(folder, content):
    (folder / weights.HASHES).unlink()
    if content:
        (folder / weights.HASHES).write_text(content)
    with pytest.raises(WeightsError, match="sha256.json is (missing|damaged)"):
        load_encoder(1, folder=folder)


def test_weights_of_another_network_are_named(folder):
    weights.save({"stages.relu1_1.conv1_1.weight": torch.zeros(64, 3, 5, 5)}, folder / "encoder.safetensors")
    with pytest.raises(WeightsError, match=r"conv1_1.weight is \(64, 3, 5, 5\), not \(64, 3, 3, 3\)"):
        load_encoder(1, folder=folder)


def test_weights_that_lack_a_tensor_are_named(folder):
    weights.save({"stages.relu1_1.conv1_1.weight": torch.zeros(64, 3, 3, 3)}, folder / "encoder.safetensors")
    with pytest.raises(WeightsError, match=r"encoder.safetensors has no tensor stages.relu1_1.conv1_1.bias"):
        load_encoder(1, folder=folder)


def test_the_network_that_is_taken_where_none_is_named():
    assert choose(DEFAULT_LEVELS) == NETWORK.default and choose(MOST_LEVELS) == choose(9) == "full"


@pytest.mark.parametrize("name, network", NETWORKS.items())
def test_a_network_is_as_wide_as_the_registry_says(name, network):
    """With any weights: features of every level, and the picture from each of them."""
    encoder, decoder = (module(None, network.channels, network.inner) for module in (Encoder, Decoder))
    with torch.inference_mode():
        features = encoder(torch.rand(2, 3, 32, 48))
        assert [tuple(f.shape) for f in features] == [(2, n, 32 >> k, 48 >> k) for k, n in enumerate(network.channels)]
        for level, f in enumerate(features, 1):
            assert decoder(f, level).shape == (2, 3, 32, 48)
            assert level == 1 or decoder.block(level)(f).shape == features[level - 2].shape


def test_one_file_holds_encoder_and_decoder_of_a_small_network(tmp_path):
    """What was saved under "encoder." and "decoder." is loaded again, to half precision."""
    widths = NETWORKS["small"].channels, NETWORKS["small"].inner
    parts = {"encoder": Encoder(None, *widths), "decoder": Decoder(None, *widths)}
    state = {f"{part}.{k}": v for part, module in parts.items() for k, v in module.state_dict().items()}
    weights.save(state, tmp_path / "small.safetensors")
    encoder, decoder = (load(network="small", folder=tmp_path) for load in (load_encoder, load_decoder))
    assert encoder.levels == decoder.levels == 4 and not encoder.training
    x = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        for ours, theirs in zip(encoder(x), parts["encoder"](x), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-2)
        f = encoder(x, 3)[-1]
        assert torch.allclose(decoder(f, 3), parts["decoder"](f, 3), atol=1e-2)
    with pytest.raises(ValueError, match="levels must be 1 to 4, not 5"):
        load_encoder(5, network="small", folder=tmp_path)
    with pytest.raises(ValueError, match="'pruned' of network 'small' is none of stylised, reconstruction"):
        load_decoder("pruned", network="small", folder=tmp_path)


@pytest.mark.parametrize("load", [load_encoder, load_decoder])
def test_unknown_network(load):
    with pytest.raises(ValueError, match="network 'medium' is none of small, full"):
        load(network="medium")


@pytest.mark.parametrize("load", [load_encoder, load_decoder])
@pytest.mark.parametrize("levels", [0, 6])
def test_levels_there_are_not(load, levels):
    with pytest.raises(ValueError, match="levels must be 1 to 5"):
        load(levels=levels)


def test_unknown_decoder():
    with pytest.raises(ValueError, match="none of stylised, reconstruction"):
        load_decoder("adain")


def test_weights_are_float16_listed_and_under_80_megabytes():
    files = sorted(weights.WEIGHTS.glob("*.safetensors"))
    hashes = json.loads((weights.WEIGHTS / weights.HASHES).read_text())
    assert {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files} == hashes
    assert sum(f.stat().st_size for f in files) < 80e6
    assert all(t.dtype == torch.float16 for f in files for t in weights.load_file(f).values())


def test_channels_that_are_never_active_learn_again():
    decoder = load_decoder("reconstruction", levels=2).requires_grad_(True)
    block, features = decoder.block(2), torch.rand(2, 128, 16, 16)
    with torch.no_grad():
        block[2].bias += 1  # all of its last channels are active
        block[0].bias[:5] = -1e3
        before = decoder(features, 2)
    assert revive([block], lambda: block(features)) >= 5
    assert torch.allclose(decoder(features, 2), before, atol=1e-5)
    assert (block[:2](features)[:, :5].amax((0, 2, 3)) > 0).all()
    block(features).square().sum().backward()
    assert block[2].weight.grad[:, :5].abs().sum((0, 2, 3)).all()

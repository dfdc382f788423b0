import hashlib
import json
import re
import shutil
import subprocess
import sys
from functools import partial

import pytest
import torch
from common import CONTENTS, STYLES
from PIL import Image
from torch.nn import functional as F

from models import WeightsError, load_decoder, load_encoder, weights
from models.decoder import UpConv3x3, revive
from models.vgg import CHANNELS
from wct.images import open_picture, to_tensor
from wct.training.losses import psnr


def picture(path, side=256):
    x = to_tensor(open_picture(path).rgb)
    return x[..., :side, :side]


def test_encoder_gives_the_five_levels():
    features = load_encoder()(torch.rand(2, 3, 64, 48))
    assert [tuple(f.shape) for f in features] == [
        (2, n, 64 >> k, 48 >> k) for k, n in enumerate(CHANNELS)
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


@pytest.mark.parametrize(
    "name, least", [("reconstruction", (36, 27, 22, 19, 18.5)), ("stylised", (25, 22, 20, 17))]
)
def test_decoder_inverts_the_encoder(name, least):
    """Well below what weights/README.md reports: other pictures, the same networks."""
    encoder, decoder = load_encoder(len(least)), load_decoder(name, len(least))
    for level, decibels in enumerate(least, 1):
        found = []
        for path in CONTENTS:
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


def test_level_5_is_read_only_when_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "LEVEL5", tmp_path / "absent.safetensors")
    weights._read.cache_clear()
    assert len(load_encoder(4)(torch.rand(1, 3, 32, 32))) == 4
    with pytest.raises(WeightsError, match="absent.safetensors is missing"):
        load_encoder(5)


def copied(monkeypatch, tmp_path):
    """The encoder's file in a folder of its own, to be broken there."""
    path = tmp_path / weights.ENCODER.name
    shutil.copy(weights.ENCODER, path)
    monkeypatch.setattr(weights, "ENCODER", path)
    monkeypatch.setattr(weights, "HASHES", tmp_path / "sha256.json")
    weights._read.cache_clear()
    return path


def test_damaged_weights_are_named(monkeypatch, tmp_path):
    path = copied(monkeypatch, tmp_path)
    shutil.copy(weights.WEIGHTS / "sha256.json", tmp_path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="encoder.safetensors is damaged.*git checkout"):
        load_encoder(4)


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_missing_or_damaged_hashes_are_named(monkeypatch, tmp_path, content):
    copied(monkeypatch, tmp_path)
    if content:
        (tmp_path / "sha256.json").write_text(content)
    with pytest.raises(WeightsError, match="sha256.json is (missing|damaged)"):
        load_encoder(1)


def test_weights_of_another_network_are_named(monkeypatch, tmp_path):
    path = copied(monkeypatch, tmp_path)
    weights.save({"stages.relu1_1.conv1_1.weight": torch.zeros(64, 3, 5, 5)}, path)
    weights._read.cache_clear()
    with pytest.raises(WeightsError, match=r"conv1_1.weight is \(64, 3, 5, 5\), not \(64, 3, 3, 3\)"):
        load_encoder(1)


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
    hashes = json.loads(weights.HASHES.read_text())
    assert {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files} == hashes
    assert sum(f.stat().st_size for f in files) < 80e6
    assert all(t.dtype == torch.float16 for f in files for t in weights.load_file(f).values())


def test_channels_that_are_never_active_learn_again():
    decoder = load_decoder("reconstruction", levels=2).requires_grad_(True)
    block, features = decoder.block(2), torch.rand(2, 128, 16, 16)
    with torch.no_grad():
        block[0].bias[:5] = -1e3
        before = decoder(features, 2)
    assert revive([block], lambda: block(features)) >= 5
    assert torch.allclose(decoder(features, 2), before, atol=1e-5)
    assert (block[:2](features)[:, :5].amax((0, 2, 3)) > 0).all()
    block(features).square().sum().backward()
    assert block[2].weight.grad[:, :5].abs().sum((0, 2, 3)).all()


@pytest.mark.parametrize("options, words", [
    (["--stylise", "--level", "5"], "--level is for reconstruction"),
    (["--crop", "304"], "smaller than 304 pixels"),
    (["--crop", "40"], "multiple of 16"),
    (["--validation", "2"], "--validation must lie between 0 and 2"),
    (["--device", "abacus"], "device 'abacus' is not available"),
    (["--stylise", "--styles", "gone"], "gone has no .jpg paintings"),
    (["--bank", "2"], "--bank at least 3"),
])
def test_training_refuses(tmp_path, options, words):
    for i in range(2):
        Image.new("RGB", (288, 288)).save(tmp_path / f"{i}.jpg")
    run = subprocess.run([sys.executable, "-m", "wct.training", "--photos", tmp_path, "--validation", "1", *options],
                         cwd=weights.WEIGHTS.parent, capture_output=True, text=True)
    assert run.returncode and words in run.stderr and "Traceback" not in run.stderr


@pytest.mark.parametrize("stylise", [False, True])
def test_training_runs_and_resumes(tmp_path, stylise, environment):
    """A few steps in a copy of the project; the second command goes on where the first stopped."""
    root = weights.WEIGHTS.parent
    for folder in ("models", "wct", "weights"):
        shutil.copytree(root / folder, tmp_path / folder)
    (tmp_path / "photos").mkdir()
    for i in range(4):
        Image.open(CONTENTS[i]).convert("RGB").resize((288, 288)).save(tmp_path / f"photos/{i:02}.jpg")
    command = [sys.executable, "-m", "wct.training", "--photos", "photos", "--styles", STYLES[0].parent,
               "--crop", "32", "--batch", "1", "--every", "2", "--device", "cpu", "--validation", "1",
               *["--stylise", "--bank", "3"] * stylise]
    before = (tmp_path / "weights/sha256.json").read_text()
    for steps, first in ((2, "steps 0 to 2"), (3, "steps 2 to 3")):
        args = [*command, "--steps", str(steps)]
        run = subprocess.run(args, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        assert run.stdout.startswith(first)
        assert "PSNR" in run.stdout
    assert (tmp_path / "weights/sha256.json").read_text() != before


def test_validation_prints_the_table_of_the_model_card(tmp_path, environment):
    for path in CONTENTS[:2]:
        Image.open(path).convert("RGB").resize((256, 256)).save(tmp_path / path.name)
    command = [sys.executable, "-m", "wct.training.validate", "--device", "cpu", "--validation", "1", "--photos"]
    run = partial(subprocess.run, cwd=weights.WEIGHTS.parent, env=environment, capture_output=True, text=True)
    done = run([*command, tmp_path])
    assert done.returncode == 0, done.stderr
    rows = [[float(p) for p in re.findall(r"\d+\.\d\d", line)] for line in done.stdout.splitlines()]
    corrected, plain, stylised = rows
    assert len(stylised) == 4 and plain[:4] == corrected[:4] and corrected[4] > plain[4] + 0.3
    done = run([*command, tmp_path / "gone"])
    assert done.returncode and "the number of .jpg photos in" in done.stderr and len(done.stderr.splitlines()) == 1

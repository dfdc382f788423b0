import json
import re
import shutil
import subprocess
import sys

import pytest
import torch
from common import CONTENTS, ROOT, STYLES
from PIL import Image
from safetensors.torch import load_file

from models import load_decoder, load_encoder
from models.decoder import Decoder
from models.networks import NETWORKS
from models.vgg import Encoder
from models.weights import WEIGHTS
from wct.training.networks import Networks
from wct.training.reconstruction import chain_loss


@pytest.fixture
def command(environment):
    """Run a program of wct.training; returns the CompletedProcess."""

    def command(module, *arguments):
        return subprocess.run([sys.executable, "-m", module, *map(str, arguments)], cwd=ROOT, env=environment,
                              capture_output=True, text=True)

    return command


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for i in range(4):
        Image.open(CONTENTS[i]).convert("RGB").resize((288, 288)).save(folder / f"{i:02}.jpg")
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A folder with the small network alone."""
    folder = tmp_path_factory.mktemp("small")
    for name in (*NETWORKS["small"].files, "sha256.json"):
        shutil.copy(WEIGHTS / name, folder)
    return folder


@pytest.mark.parametrize("task, options, words", [
    ("stylise", ["--crop", "304"], "smaller than 304 pixels"),
    ("stylise", ["--crop", "40"], "multiple of 16"),
    ("reconstruct", ["--validation", "4"], "--validation must lie between 0 and 4"),
    ("stylise", ["--device", "abacus"], "device 'abacus' is not available"),
    ("stylise", ["--styles", "gone"], "gone: no .jpg paintings"),
    ("stylise", ["--level", "5"], "unrecognized arguments: --level"),
    ("stylise", ["--start", "gone"], "gone/encoder.safetensors is missing"),
    ("reconstruct", ["--steps", "-1"], "--steps not negative"),
])
def test_training_refuses(command, photos, tmp_path, task, options, words):
    run = command("wct.training", task, "--photos", photos, "--output", tmp_path / "out", "--validation", "1", *options)
    assert run.returncode and words in run.stderr and "Traceback" not in run.stderr
    assert not (tmp_path / "out").exists()


def test_training_asks_where_to_write(command, photos):
    run = command("wct.training", "stylise", "--photos", photos)
    assert run.returncode and "required: --output" in run.stderr


QUICK = ("--crop", 32, "--batch", 1, "--every", 2, "--device", "cpu", "--validation", 1)


def learn(command, task, photos, output, steps, *options):
    if task == "stylise":
        options = ("--styles", STYLES[0].parent, "--bank", 3, "--style-crop", 64, *options)
    return command("wct.training", task, "--photos", photos, "--output", output, "--steps", steps, *QUICK, *options)


@pytest.mark.parametrize("task, network", [("stylise", "full"), ("stylise", "small"), ("reconstruct", "small")])
def test_training_runs_and_resumes(command, photos, small, tmp_path, task, network):
    """The second command goes on where the first stopped; the result is a folder that can be loaded."""
    start = small if network == "small" else WEIGHTS
    before = {path.name: path.read_bytes() for path in start.iterdir()}
    options = "--start", start, "--network", network
    for steps, first in ((2, "steps 0 to 2"), (3, "steps 2 to 3")):
        run = learn(command, task, photos, tmp_path, steps, *options)
        assert run.returncode == 0, run.stderr
        assert run.stdout.startswith(first) and "PSNR" in run.stdout
    assert {path.name: path.read_bytes() for path in start.iterdir()} == before
    name = "stylised" if task == "stylise" else "reconstruction"
    changed = load_decoder(name, network=network, folder=tmp_path).state_dict()
    known = load_decoder(name, network=network, folder=start).state_dict()
    assert any(not torch.equal(changed[k], known[k]) for k in known)
    encoders = [load_encoder(network=network, folder=folder).state_dict() for folder in (tmp_path, start)]
    fixed = task == "reconstruct" or network == "full"
    assert all(torch.equal(encoders[0][k], encoders[1][k]) for k in encoders[0]) == fixed


def test_the_checkpoint_of_another_run_is_refused(command, photos, small, tmp_path):
    run = learn(command, "stylise", photos, tmp_path, 1, "--network", "small", "--start", small)
    assert run.returncode == 0, run.stderr
    checkpoint = tmp_path / "checkpoint.safetensors"
    for task, words in (("reconstruct", "its task is stylise, not reconstruct"),
                        ("stylise", "its network is small, not full")):
        run = learn(command, task, photos, tmp_path / "other", 1, "--checkpoint", checkpoint)
        assert run.returncode and words in run.stderr and "Traceback" not in run.stderr
        assert not (tmp_path / "other").exists()


def test_no_steps_write_nothing(command, photos, small, tmp_path):
    run = learn(command, "stylise", photos, tmp_path / "out", 0, "--network", "small", "--start", small)
    assert run.returncode == 0, run.stderr
    assert "validation 0" in run.stdout and not (tmp_path / "out").exists()


def test_a_damaged_checkpoint_is_named(command, photos, small, tmp_path):
    (tmp_path / "checkpoint.safetensors").write_bytes(b"nothing")
    run = learn(command, "stylise", photos, tmp_path, 1, "--network", "small", "--start", small)
    assert run.returncode and "checkpoint.safetensors cannot be read" in run.stderr and "Traceback" not in run.stderr


def test_what_is_written_is_a_complete_folder(tmp_path):
    """Of the full network too: all of its files, those that were not trained as they were."""
    networks = Networks("full", "stylised", 4)
    with torch.no_grad():
        networks.decoder.block(1)[0].bias.fill_(0.5)
    networks.write(tmp_path)
    assert set(json.loads((tmp_path / "sha256.json").read_text())) == set(NETWORKS["full"].files)
    for name in NETWORKS["full"].files:
        ours, theirs = load_file(tmp_path / name), load_file(WEIGHTS / name)
        assert ours.keys() == theirs.keys()
        different = {k for k in ours if not torch.equal(ours[k], theirs[k])}
        assert different == ({"blocks.D1.0.bias"} if name == "decoder.safetensors" else set())


def test_the_chain_loss_teaches_decoders_alone():
    encoder, decoder = (net(None, (4, 6)).requires_grad_(True) for net in (Encoder, Decoder))
    x = torch.rand(1, 3, 16, 16)
    loss = chain_loss(encoder, decoder, x)
    loss.backward()
    assert all(p.grad is None for p in encoder.parameters())
    assert all(p.grad is not None for p in decoder.parameters())


def test_pruning_makes_a_network_that_keeps_the_picture(command, photos, tmp_path):
    run = command("wct.training.pruning", "--photos", photos, "--output", tmp_path, "--crops", 8, "--crop", 64)
    assert run.returncode == 0, run.stderr
    shutil.copy(CONTENTS[4], tmp_path / "0.jpg")
    shutil.copy(CONTENTS[5], tmp_path / "1.jpg")
    run = command("wct.training.validate", "--photos", tmp_path, "--weights", tmp_path, "--network", "small",
                  "--validation", "1", "--device", "cpu")
    assert run.returncode == 0, run.stderr
    decibels = [float(p) for p in re.findall(r"\d+\.\d\d", run.stdout)]
    assert len(decibels) == 8 and decibels[:4] == decibels[4:] and decibels[0] > 22 and decibels[3] > 11


def test_validation_prints_the_table_of_the_model_card(command, tmp_path):
    for path in CONTENTS[:2]:
        Image.open(path).convert("RGB").resize((256, 256)).save(tmp_path / path.name)
    run = command("wct.training.validate", "--device", "cpu", "--validation", "1", "--photos", tmp_path)
    assert run.returncode == 0, run.stderr
    rows = [[float(p) for p in re.findall(r"\d+\.\d\d", line)] for line in run.stdout.splitlines()]
    corrected, plain, stylised = rows
    assert len(stylised) == 4 and plain[:4] == corrected[:4] and corrected[4] > plain[4] + 0.3
    run = command("wct.training.validate", "--photos", tmp_path / "gone")
    assert run.returncode and "the number of .jpg photos in" in run.stderr and len(run.stderr.splitlines()) == 1

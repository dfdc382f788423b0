"""What `wct.export` writes, run by onnxruntime."""

import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
import torch
from common import CONTENTS, ROOT, STYLES

from models import load_decoder, load_encoder
from models.networks import NETWORKS
from wct.export import export, recent
from wct.images import open_picture, to_tensor
from wct.pipeline.passes import reach
from wct.pipeline.tensors import TensorStylizer

pytestmark = pytest.mark.skipif(not recent(), reason="the exporter of this PyTorch is too old")


@pytest.fixture(scope="module")
def networks():
    return load_encoder(network="small"), load_decoder(network="small")


@pytest.fixture(scope="module")
def sessions(networks, tmp_path_factory):
    paths = export(*networks, tmp_path_factory.mktemp("onnx"))
    return {path.stem: onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in paths}


def run(session, **inputs):
    inputs = {k: np.asarray(v, np.float32) for k, v in inputs.items()}
    return dict(zip((output.name for output in session.get_outputs()), session.run(None, inputs)))


def stylise(sessions, content, style, strength, detail):
    """As the docstring of wct.export tells it."""
    features, wanted = (run(sessions["encoder"], pixels=pixels) for pixels in (content, style))
    x, mean, covariance = features["relu4_1"], features["mean4"], features["covariance4"]
    for k in (4, 3, 2, 1):
        change = run(sessions["map"], content_mean=mean, content_covariance=covariance, style_mean=wanted[f"mean{k}"],
                     style_covariance=wanted[f"covariance{k}"], strength=strength)
        if k > 1:
            found = run(sessions[f"decoder{k}"], x=x, own=features[f"relu{k - 1}_1"], share=strength * (1 - detail),
                        **change)
            x, mean, covariance = found["next"], found["mean"], found["covariance"]
    pixels = run(sessions["decoder1"], x=x, **change)["pixels"]
    n = x.shape[1]
    same = run(sessions["decoder1"], x=features["relu1_1"], matrix=np.eye(n)[None], offset=np.zeros((1, n)))["pixels"]
    return pixels + (1 - strength) * (content - same)


def picture(path, height, width):
    return to_tensor(open_picture(path).rgb)[..., :height, :width]


@pytest.mark.parametrize("strength", [1.0, 0.6])
def test_the_picture_is_the_programs(networks, sessions, strength):
    """Sides that are not those of the trace, nor square."""
    content, style = picture(CONTENTS[0], 96, 136), picture(STYLES[0], 128, 120)
    stylizer = TensorStylizer(*networks, device="cpu", dtype=torch.float32)
    with torch.inference_mode():
        expected = stylizer.render(content, style, strength=strength, detail=0.1).clamp(0, 1).numpy()
    found = stylise(sessions, content.numpy(), style.numpy(), reach(strength), 0.1).clip(0, 1)
    assert expected.std() > 0.05
    assert np.abs(found - expected).max() < 2 / 255


def test_the_files_say_what_they_take(sessions):
    n = NETWORKS["small"].channels
    assert set(sessions) == {"encoder", "map", *(f"decoder{k}" for k in (1, 2, 3, 4))}
    outputs = [output.name for output in sessions["encoder"].get_outputs()]
    assert outputs == [f"{name}" for part in ("relu{}_1", "mean{}", "covariance{}") for name in
                       (part.format(k) for k in (1, 2, 3, 4))]
    for k in (2, 3, 4):
        inputs = {value.name: value.shape for value in sessions[f"decoder{k}"].get_inputs()}
        assert inputs["x"][:2] == [1, n[k - 1]] and inputs["own"][:2] == [1, n[k - 2]]
        assert inputs["matrix"] == [1, n[k - 1], n[k - 1]]


def test_the_command_names_what_is_missing(tmp_path, environment):
    run = subprocess.run([sys.executable, "-m", "wct.export", "--network", "tiny", "--output", tmp_path], cwd=ROOT,
                         env=environment, capture_output=True, text=True)
    assert run.returncode and "invalid choice: 'tiny'" in run.stderr

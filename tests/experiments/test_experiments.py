"""python -m wct.experiments as a user runs it, on a few tiny pictures."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from common import ROOT
from PIL import Image

from wct.experiments.cifar import augmented, load


def experiment(*arguments, status=0):
    command = [sys.executable, "-W", "ignore", "-m", "wct.experiments", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Three classes of bright, dark and striped pictures, 50 each."""
    folder = tmp_path_factory.mktemp("cifar")
    noise = np.random.default_rng(0)
    stripes = 120 * (np.arange(32) // 4 % 2)[:, None, None]
    for part, count in (("train", 50), ("test", 10)):
        for name, base in (("bright", 160), ("dark", 20), ("striped", 20 + stripes)):
            (folder / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = (base + noise.integers(0, 60, (32, 32, 3))).astype(np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{i:04}.jpg")
    return folder


def test_numerical(tmp_path):
    methods = "mpa,newton_schulz (paper)"
    table = experiment("numerical", "--quick", "--methods", methods, "--output", tmp_path)
    rows = json.loads((tmp_path / "numerical.json").read_text())["rows"]
    assert {row["method"] for row in rows} == set(methods.split(","))
    assert {row["n"] for row in rows} >= {16, 64} and {row["batch"] for row in rows} >= {1, 16}
    for row in rows:
        assert row["forward_ms"] > 0 and row["backward_ms"] > 0
        assert row["error"] < 1e-3 or row["method"] != "mpa"
        assert row["gradient_error"] < 1e-2 or row["method"] != "mpa"
    worst = {method: max(r["error"] for r in rows if r["method"] == method) for method in methods.split(",")}
    assert worst["newton_schulz (paper)"] > 10 * worst["mpa"]
    assert (tmp_path / "numerical.png").exists()
    text = (tmp_path / "numerical.md").read_text()
    assert "python -m wct.experiments numerical --quick" in text and text.strip() in table


@pytest.mark.parametrize("name, files, methods", [
    ("batchnorm", ["batchnorm"], "batch normalisation,auto,mpa (paper)"),
    ("pooling", ["pooling-resnet", "pooling-vit"], "average,newton_schulz"),
])
def test_training(name, files, methods, pictures, tmp_path):
    arguments = (name, "--quick", "--data", pictures, "--methods", methods, "--output", tmp_path)
    experiment(*arguments)
    for file in files:
        rows = json.loads((tmp_path / f"{file}.json").read_text())["rows"]
        runs = [row for row in rows if "seed" in row]
        assert [row["method"] for row in runs] == methods.split(",")
        for row in rows[: len(rows) - len(runs)]:
            assert row["method"] in (methods.split(",")[0], "newton_schulz") or row["root_ms"] < row["layer_ms"]
        for row in runs:
            assert 0 <= row["error"] <= 100 and row["step_ms"] > 0 and row["failure"] is None
        text = (tmp_path / f"{file}.md").read_text()
        assert "paper: error %, root ms" in text
        assert (tmp_path / f"{file}.png").exists()
    before = (tmp_path / f"{files[0]}.json").read_bytes()
    experiment(*arguments)  # resumes: nothing is left to do
    assert (tmp_path / f"{files[0]}.json").read_bytes() == before


def test_results_resume_and_are_not_mixed_with_those_of_other_settings(tmp_path):
    from wct.experiments.results import Results

    results = Results(tmp_path / "new", "name", {"epochs": 1})
    results.add("a", lambda x: {"error": x}, 2.0)
    again = Results(tmp_path / "new", "name", {"epochs": 1})
    assert again.add("a", lambda: pytest.fail("done already")) == {"key": "a", "error": 2.0}
    with pytest.raises(ValueError, match="was made with"):
        Results(tmp_path / "new", "name", {"epochs": 2})


def test_nets_learn(pictures, monkeypatch):
    from wct.experiments import training
    from wct.experiments.batchnorm import CHANNELS, normalisation
    from wct.experiments.networks import ResNet

    monkeypatch.setattr(training, "BATCH", 20)
    net = ResNet(3, CHANNELS // 2, first=normalisation("auto"))
    row = training.train(lambda: net, load(pictures, (120, 30)), 4, 0, "cpu")
    assert row["error"] < 35 and not row["skipped"]


def test_pictures_from_a_zip_are_those_of_the_folder(pictures, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted(pictures.rglob("*.jpg")):
            archive.write(path, path.relative_to(pictures))
    for folder, packed in zip(load(pictures, (30, 30)), load(tmp_path / "all.zip", (30, 30))):
        assert folder[0].shape[1:] == (3, 32, 32) and folder[1].bincount().tolist() == [10, 10, 10]
        assert all(a.equal(b) for a, b in zip(folder, packed))


def test_augmented_pictures_are_moved_and_mirrored():
    import torch

    x = torch.randint(1, 256, (40, 3, 32, 32), dtype=torch.uint8)
    y = augmented(x, torch.Generator().manual_seed(0))
    assert y.shape == x.shape and y.dtype == torch.uint8
    small, large = x[0, :, 4:-4, 4:-4], torch.nn.functional.pad(y, (4, 4, 4, 4))[0]
    places = [large[:, i : i + 24, j : j + 24] for i in range(17) for j in range(17)]
    assert any(p.equal(small) or p.equal(small.flip(-1)) for p in places)
    assert not torch.equal(y, x)


@pytest.mark.parametrize("arguments, words", [
    (["batchnorm", "--quick", "--data", "nowhere"], "neither a folder nor a zip file"),
    (["batchnorm", "--quick", "--data", "tests"], "no pictures of two classes"),
    (["numerical", "--methods", "pade"], "'pade' is none of auto, mpa"),
    (["pooling"], "--data"),
])
def test_mistakes_are_said_in_words(arguments, words, tmp_path):
    assert words in experiment(*arguments, *([] if "--help" in arguments else ["--output", tmp_path]), status=2)


def test_help_needs_no_torch():
    code = "import sys, wct.experiments as e\ntry: e.main(sys.argv[1:])\n"
    code += "except SystemExit: assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, "batchnorm", "--help"], cwd=ROOT, check=True, capture_output=True)

"""Mode photo beside the classical transfers of colour."""

import csv

import pytest
import torch
from common import CONTENTS, benchmark
from PIL import Image

from wct.benchmark.recolouring import CLASSICAL, contrast, distances, ssim, structure
from wct.images import to_tensor

PROGRAMS = ["Reinhard", "Monge-Kantorovich", "histogram", "photo, small"]
JUDGE = """
import torch

class Judge:
    def features(self, x):
        return [x, torch.nn.functional.avg_pool2d(x, 4)]
"""


def picture(path):
    return to_tensor(Image.open(path).convert("RGB").resize((96, 80)))


@pytest.fixture
def folder(tmp_path):
    for name, path in zip("abcd", CONTENTS):
        image = Image.open(path).convert("RGB")
        image.thumbnail((96, 96))
        image.save(tmp_path / f"{name}.png")
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / "judge.py").write_text(JUDGE)
    (tmp_path / "pairs.txt").write_text("a.png b.png\nc.png d.png\n")
    return tmp_path


def test_classical_transfers_do_what_they_are_for():
    photo, style = map(picture, CONTENTS[2:4])
    for name, transfer in CLASSICAL.items():
        made = transfer(photo, style)
        assert made.shape == photo.shape and made.min() >= 0 and made.max() <= 1
        off, before = ((x.mean((2, 3)) - style.mean((2, 3))).abs().sum() for x in (made, photo))
        assert off < 0.3 * before, name
        assert (transfer(photo, photo) - photo).abs().mean() < 0.01, name
    made = CLASSICAL["histogram"](photo, style)
    assert (made.flatten(2).sort().values - style.flatten(2).sort().values).abs().mean() < 0.01
    made = CLASSICAL["Monge-Kantorovich"](photo, 0.5 * style + 0.25)
    assert torch.allclose(*(torch.cov(x[0].flatten(1)) for x in (made, 0.5 * style + 0.25)), atol=2e-3)


def test_measures_know_the_photo_and_noise():
    photo = picture(CONTENTS[3])
    noisy = (photo + 0.2 * torch.randn_like(photo)).clamp(0, 1)
    for measure in (ssim, structure, contrast):
        assert measure(photo, photo) == pytest.approx(1, abs=1e-5) and measure(noisy, photo) < 0.8
    assert structure(0.5 * photo + 0.2, photo) > 0.97 > 0.9 > ssim(0.5 * photo + 0.2, photo)
    assert distances([photo], [photo]) == (0, 0)
    assert all(a < b for a, b in zip(distances([0.9 * photo], [photo]), distances([0.5 * photo], [photo])))


def test_a_report_and_a_sheet(folder):
    told = benchmark("photo", "--photos", str(folder), "--pairs", str(folder / "pairs.txt"), "--network", "small",
                     "--judge", str(folder / "judge"), "--report", str(folder / "report.csv"),
                     "--sheet", str(folder / "sheet.png"))
    rows = list(csv.DictReader((folder / "report.csv").open()))
    assert [row["program"] for row in rows] == PROGRAMS and all(row["program"] in told for row in rows)
    assert all(row["pairs"] == "2" and 0 < float(row["gram"]) < 9 and float(row["structure"]) <= 1 for row in rows)
    assert Image.open(folder / "sheet.png").width == 6 * 240


@pytest.mark.parametrize("arguments, message", [
    (["--judge", "."], "no judge.py"), (["--photos", "nowhere"], "nowhere"), (["--sheet", "sheet.gif"], "sheet.gif"),
    (["--photos", "examples/content", "--pairs", "pyproject.toml"], "each line names a photo and a style"),
], ids=str)
def test_bad_usage(arguments, message):
    told = benchmark("photo", "--network", "small", *arguments, status=2)
    assert message in told and "Traceback" not in told

import subprocess
import sys

import pytest
import torch
from common import EXAMPLES
from PIL import Image

from wct.benchmark.published import AdaIN
from wct.benchmark.sheet import CELL, HEAD


def command(*args):
    return subprocess.run([sys.executable, "-m", "wct.benchmark", "sheet", *map(str, args)], cwd=EXAMPLES.parent,
                          capture_output=True, text=True)


def test_a_sheet_shows_photo_painting_and_results(tmp_path):
    done = command("--size", 64, "--pairs", 2, "--output", tmp_path / "sheet.png")
    assert done.returncode == 0, done.stderr
    sheet = Image.open(tmp_path / "sheet.png").convert("RGB")
    assert sheet.size == (4 * CELL, HEAD + 2 * CELL)
    cells = [sheet.crop((CELL * x, HEAD, CELL * (x + 1), HEAD + CELL)).tobytes() for x in range(4)]
    assert len(set(cells)) == 4


@pytest.mark.parametrize("args, message", [
    (["--adain", "gone"], "vgg_normalized.pth"),
    (["--microast", "gone"], "net_microAST"),
    (["--size", "50"], "multiple of 16"),
    (["--output", "sheet.gif"], "must end in"),
    (["--output", "README.md/sheet.jpg"], "README.md"),
])
def test_bad_usage(args, message):
    done = command(*args)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


def test_published_networks_are_taken_as_they_are(tmp_path):
    """Checkpoints of the published layout: numbers of layers, and more of them in the encoder's."""
    encoder = {0: (3, 3, 1), 2: (3, 64, 3), 5: (64, 64, 3), 9: (64, 128, 3), 12: (128, 128, 3), 16: (128, 256, 3),
               19: (256, 256, 3), 22: (256, 256, 3), 25: (256, 256, 3), 29: (256, 512, 3), 32: (512, 512, 3)}
    decoder = {1: (512, 256, 3), 5: (256, 256, 3), 8: (256, 256, 3), 11: (256, 256, 3), 14: (256, 128, 3),
               18: (128, 128, 3), 21: (128, 64, 3), 25: (64, 64, 3), 28: (64, 3, 3)}
    for name, layers in (("vgg_normalized", encoder), ("decoder", decoder)):
        weights = {}
        for number, (width, out, side) in layers.items():
            weights[f"{number}.weight"] = torch.randn(out, width, side, side) * (2 / (width * side**2)) ** 0.5
            weights[f"{number}.bias"] = torch.zeros(out)
        torch.save(weights, tmp_path / f"{name}.pth")
    red, blue = Image.effect_noise((64, 48), 90).convert("RGB"), Image.effect_noise((80, 64), 30).convert("RGB")
    program = AdaIN(tmp_path)
    assert program.stylise(red, blue).size == (64, 48)
    assert program.stylise(red, blue).tobytes() != program.stylise(red, red).tobytes()

"""A few results as they were, so that a change of pixels is seen.

Where a change is meant, make them anew, and look at them: PYTHONPATH=.:tests python tests/pipeline/test_golden.py
"""

import numpy as np
import pytest
import torch
from common import CONTENTS, ROOT, STYLES
from PIL import Image

from models.networks import NETWORKS
from wct import Stylizer

GOLDEN = ROOT / "tests" / "golden"
SIZE, SIDE = 256, 96  # longest side of the results and of their thumbnails
ASTRONAUT, CHELSEA, COFFEE, MOOSE, _, ROCKET = CONTENTS
WAVE, KANDINSKY, CAFE = (next(path for path in STYLES if name in path.stem) for name in ("wave", "kandinsky", "cafe-t"))
LEFT, RIGHT = (Image.linear_gradient("L").rotate(angle) for angle in (90, 270))  # white there, soft between
RESULTS = {
    "plain": lambda s: s(ASTRONAUT, WAVE, size=SIZE),
    "mix": lambda s: s(CHELSEA, [WAVE, KANDINSKY], weights=[2, 1], size=SIZE),
    "mask": lambda s: s(square(MOOSE), [CAFE, KANDINSKY], masks=[LEFT, RIGHT], size=SIZE),
    "keep-colors": lambda s: s(COFFEE, CAFE, keep_colors=True, strength=0.8, size=SIZE),
    "adain": lambda s: s(MOOSE, WAVE, transform="adain", stroke=2, size=SIZE),
    "transport": lambda s: s(ASTRONAUT, CAFE, transform="transport", levels=[1, 1, 0.5, 1], size=SIZE),
    "cascade": lambda s: s(CHELSEA, KANDINSKY, mode="cascade", size=SIZE),
    "photo": lambda s: s(MOOSE, ROCKET, mode="photo", size=SIZE),
    "texture": lambda s: s.texture(KANDINSKY, (SIZE, 192), seed=1).picture,
}


def square(path):
    return Image.open(path).convert("RGB").resize((SIZE, SIZE))


def thumbnail(image):
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=None)
    return image


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    return request.param, Stylizer.from_pretrained(network=request.param, device="cpu", dtype=torch.float32)


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_as_before(network, name):
    folder, stylizer = network
    now = np.asarray(thumbnail(RESULTS[name](stylizer)), dtype=int)
    before = np.asarray(Image.open(GOLDEN / folder / f"{name}.png"), dtype=int)
    assert now.shape == before.shape
    assert np.abs(now - before).mean() <= 2


if __name__ == "__main__":
    for network in NETWORKS:
        stylizer = Stylizer.from_pretrained(network=network, device="cpu", dtype=torch.float32)
        for name, make in RESULTS.items():
            thumbnail(make(stylizer)).save(GOLDEN / network / f"{name}.png")

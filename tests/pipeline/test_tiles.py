from dataclasses import replace

import numpy as np
import pytest
import torch
from common import CONTENTS, STYLES, needs_bfloat16
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wct import Stylizer
from wct.images import PictureError
from wct.options import OPTIONS
from wct.pipeline import bands, tiles

PHOTO = Image.open(CONTENTS[1]).convert("RGB").resize((371, 290))
LEFT = Image.new("L", PHOTO.size)
LEFT.paste(255, (0, 0, 150, 290))


def difference(a, b):
    return np.abs(np.asarray(a, dtype=int) - np.asarray(b)).max()


@pytest.fixture(scope="module")
def deep():
    """With five levels to choose from."""
    return Stylizer.from_pretrained(device="cpu", levels=5, dtype=torch.float32)


@pytest.fixture
def small(monkeypatch):
    """Smaller tiles than are worth their margins, for a small picture."""
    monkeypatch.setattr(tiles, "SMALLEST_TILE", 128)
    monkeypatch.setattr("wct.pipeline.stylizer.SMALLEST_TILE", 128)
    monkeypatch.setitem(OPTIONS, "tile", replace(OPTIONS["tile"], least=128))
    monkeypatch.setattr(tiles, "BLOCK", 64)


@pytest.mark.parametrize("options", [
    {}, {"strength": 0.5}, {"mode": "cascade"}, {"levels": 2}, {"levels": 5}, {"mode": "cascade", "levels": 5},
    {"keep_colors": True}, {"transform": "adain"}, {"masks": [LEFT]},
], ids=str)
def test_tiles_make_the_same_picture(deep, small, options):
    whole, tiled = (deep(PHOTO, STYLES[2:3], tile=tile, **options) for tile in (None, 256))
    assert difference(tiled, whole) <= 2


@needs_bfloat16
@pytest.mark.parametrize("size", [(1025, 150), (640, 700)], ids=str)
def test_tiles_in_bfloat16_make_the_same_picture(size):
    stylizer = Stylizer.from_pretrained(device="cpu", dtype=torch.bfloat16)
    whole, tiled = (stylizer(PHOTO.resize(size), STYLES[2], tile=tile) for tile in (None, 512))
    assert difference(tiled, whole) == 0  # or rounding, to so few digits, would show


def test_transparency_and_regions_in_tiles(stylizer, small):
    photo, right = PHOTO.copy(), Image.eval(LEFT, lambda value: 255 - value)
    photo.putalpha(LEFT)
    whole, tiled = (stylizer(photo, STYLES[2:4], masks=[LEFT, right], tile=tile) for tile in (None, 144))
    assert tiled.mode == "RGBA" and difference(tiled, whole) <= 2


@given(st.integers(1, 900), st.integers(1, 900), st.integers(tiles.BLOCK, 1000))
def test_the_tiles_of_a_picture_cover_it_once(width, height, side):
    covered = np.zeros((height, width), dtype=int)
    for left, top, right, bottom in tiles.grid((width, height), side):
        assert max(right - left, bottom - top) <= side and left % tiles.BLOCK == top % tiles.BLOCK == 0
        covered[top:bottom, left:right] += 1
    assert (covered == 1).all()
    assert tiles.grid((width, height), max(width, height)) == [(0, 0, width, height)]


@pytest.fixture
def sampling(monkeypatch, small):
    """Statistics of a third of the photo."""
    monkeypatch.setattr(tiles, "SAMPLE", 36_000)
    monkeypatch.setattr(tiles, "PATCH", 64)


@pytest.mark.parametrize("options", [{}, {"mode": "cascade"}, {"keep_colors": True, "strength": 0.7}], ids=str)
def test_an_even_sample_makes_nearly_the_same_picture(stylizer, sampling, options):
    exact, sampled = (stylizer(PHOTO, STYLES[2], tile=tile, **options) for tile in (None, 128))
    error = np.square(np.asarray(exact, dtype=float) - np.asarray(sampled)).mean()
    assert 0 < error < 255**2 / 10**2  # 20 dB: of so small a picture, a third is few positions
    assert sampled.size == exact.size


def test_a_small_region_is_in_the_sample(stylizer, sampling):
    corner = Image.new("L", PHOTO.size)
    corner.paste(255, (350, 270, 371, 290))
    picture = stylizer(PHOTO, STYLES[2:3], masks=[corner], tile=128)
    assert difference(picture.crop((0, 0, 340, 260)), PHOTO.crop((0, 0, 340, 260))) == 0
    assert difference(picture.crop((350, 270, 371, 290)), PHOTO.crop((350, 270, 371, 290))) > 20


def test_a_sample_is_spread_over_the_picture():
    boxes = np.array(tiles.sample((8000, 4000), 4_000_000))
    quarters = {(x > 4000, y > 2000) for x, y in boxes[:, :2]}
    assert len(boxes) == len(set(map(tuple, boxes))) == 15 and len(quarters) == 4


def test_progress_of_tiles_goes_from_nothing_to_all(stylizer, small):
    told = []
    stylizer(PHOTO, STYLES[2], tile=128, progress=lambda share, stage: told.append(share))
    assert told == sorted(told) and told[0] == 0 and told[-1] == pytest.approx(1) and len(set(told)) > 10


def test_progress_within_large_tiles(stylizer):
    """Whose margins have bands of their own."""
    told = []
    stylizer(PHOTO.resize((1400, 1100)), STYLES[2], tile=768, progress=lambda share, stage: told.append(share))
    assert told == sorted(told) and told[-1] == pytest.approx(1)


def test_one_level_of_a_picture_that_is_sampled(stylizer, monkeypatch):
    picture = PHOTO.resize((1300, 1100))
    whole = stylizer(picture, STYLES[2], levels=1)
    monkeypatch.setattr(tiles, "SAMPLE", 4 * tiles.PATCH**2)
    sampled = stylizer(picture, STYLES[2], levels=1, tile=768)
    assert np.abs(np.asarray(whole, dtype=int) - np.asarray(sampled)).mean() < 3


def test_where_memory_does_not_suffice_smaller_tiles_are_taken(monkeypatch, small):
    stylizer = Stylizer.from_pretrained(device="cpu", dtype=torch.float32)
    expected = stylizer(PHOTO, STYLES[2])
    stylizer.forget(styles=False)
    encode, refused = stylizer.encoder.forward, []

    def forward(x, levels=None):
        if x[0, 0].numel() > 90_000:
            refused.append(x.shape)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return encode(x, levels)

    monkeypatch.setattr(stylizer.encoder, "forward", forward)
    assert difference(stylizer(PHOTO, STYLES[2]), expected) <= 2 and refused
    monkeypatch.setattr(stylizer.encoder, "forward", lambda x, levels=None: forward(x.repeat(1, 1, 300, 1)))
    with pytest.raises(PictureError, match="given picture.*memory.*smaller"):
        stylizer(PHOTO.rotate(90), STYLES[2])


@pytest.mark.parametrize("options", [
    {}, {"strength": 0.5}, {"mode": "cascade"}, {"levels": 1}, {"levels": 2, "strength": 0.4}, {"levels": 5},
    {"masks": [LEFT]}, {"keep_colors": True},
], ids=str)
def test_bands_make_the_same_picture(deep, monkeypatch, options):
    """Rows by rows, what the networks take on the way stays small; so does the memory of a large picture."""
    whole = deep(PHOTO, STYLES[2:3], **options)
    monkeypatch.setattr(bands, "PIXELS", 64 * 371)
    monkeypatch.setattr(tiles, "BLOCK", 64)
    deep.forget(styles=False)
    assert difference(deep(PHOTO, STYLES[2:3], **options), whole) <= 1


def test_tiles_of_no_use_are_refused(stylizer):
    with pytest.raises(ValueError, match="at least 512"):
        stylizer(PHOTO, STYLES[2], tile=511)

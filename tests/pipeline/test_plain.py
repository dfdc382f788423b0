"""Plain ground: bands around an object are what the deep features see of it, and nothing that the picture shows."""

import numpy as np
import pytest
from common import CONTENTS, STYLES
from PIL import Image, ImageDraw

from wct import Stylizer
from wct.images import open_picture
from wct.pipeline.plain import grounds

CLEAR = 14  # pixels from the object, from where on the ground is plain


def slide(ground="white", size=(240, 180)):
    """A disc on plain ground, and where nothing but the ground is near: (H, W)."""
    picture, near = Image.new("RGB", size, ground), Image.new("L", size, 255)
    box = 80, 50, 160, 130
    ImageDraw.Draw(picture).ellipse(box, fill=(200, 60, 40))
    ImageDraw.Draw(near).ellipse((box[0] - CLEAR, box[1] - CLEAR, box[2] + CLEAR, box[3] + CLEAR), fill=0)
    return picture, np.asarray(near) > 0


def spread(result, where):
    """The largest difference of colours there, of 255."""
    return np.ptp(np.asarray(result, dtype=int)[where], axis=0).max()


@pytest.mark.parametrize("options", [
    {}, {"strength": 0.5}, {"transform": "transport"}, {"transform": "adain"}, {"mode": "cascade"}, {"levels": 2},
    {"keep_colors": True},
], ids=str)
def test_the_ground_around_an_object_stays_plain(stylizer, options):
    picture, where = slide()
    assert spread(stylizer(picture, STYLES[4], **options), where) <= 2


def test_the_ground_outside_of_a_mask_says_nothing_of_the_light(stylizer, monkeypatch):
    """Where colours are kept: what the ground would become is nowhere to be seen."""
    picture, where = slide()
    mask = Image.fromarray(np.where(where, 0, 255).astype(np.uint8))
    result = stylizer(picture, STYLES[4], masks=[mask], keep_colors=True)
    assert (np.asarray(result)[where] == 255).all()
    stylizer.forget()
    monkeypatch.setattr("wct.pipeline.plain.grounds", lambda image: [])
    without = stylizer(picture, STYLES[4], masks=[mask], keep_colors=True)
    stylizer.forget()
    assert np.abs(np.asarray(result, dtype=int) - np.asarray(without)).mean() < 8  # black for it: 19


def test_the_small_network_draws_no_bands_either():
    picture, where = slide((40, 90, 160))
    assert spread(Stylizer.from_pretrained(network="small", device="cpu")(picture, STYLES[4]), where) <= 2


def test_the_object_is_still_painted(stylizer):
    picture, where = slide()
    result = np.asarray(stylizer(picture, STYLES[4]), dtype=int)
    assert spread(result, ~where) > 60
    assert np.abs(np.asarray(picture, dtype=int) - result)[~where].mean() > 20


def test_each_region_has_the_ground_of_its_own_style(stylizer):
    picture, where = slide()
    left = Image.new("L", picture.size)
    left.paste(255, (0, 0, 120, 180))
    masks = [left, left.point(lambda value: 255 - value)]
    result = stylizer(picture, [STYLES[4], STYLES[9]], masks=masks)
    sides = np.zeros_like(where)
    sides[:, :100] = True
    halves = [where & sides, where & sides[:, ::-1]]
    assert all(spread(result, half) <= 2 for half in halves)
    a, b = (np.asarray(result, dtype=int)[half].mean(0) for half in halves)
    assert np.abs(a - b).max() > 10


def test_the_ground_is_the_same_in_tiles(stylizer):
    picture, where = slide(size=(720, 700))
    result = stylizer(picture, STYLES[4], tile=512)
    assert spread(result, where) <= 2


def test_an_object_that_moves_leaves_the_ground_as_it_is(stylizer):
    picture, _ = slide()
    moved = Image.new("RGB", picture.size, "white")
    moved.paste(picture, (-16, 16))
    a, b = (np.asarray(stylizer(each, STYLES[4]), dtype=int)[0, 0] for each in (picture, moved))
    assert np.abs(a - b).max() <= 4


def test_photos_have_no_ground():
    assert not any(grounds(open_picture(path).rgb) for path in CONTENTS)


def test_a_sky_of_many_colours_is_no_ground():
    sky = Image.linear_gradient("L").point(lambda value: 120 + value // 16).convert("RGB")
    assert grounds(sky) == []
    assert grounds(Image.new("RGB", (1, 1), "teal")) == [(0, 128, 128)]

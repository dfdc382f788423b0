"""Masks as networks and people make them."""

import io

import numpy as np
import pytest
from pictures import exif, gamma, icc, noise, tiff
from PIL import Image

from wct.images import PictureError, open_mask, open_picture

PHOTO = open_picture(noise(80, 60))
LEFT = np.zeros((60, 80), np.uint8)
LEFT[:, :40] = 1
BELOW = np.zeros((60, 80), np.uint8)
BELOW[30:] = 1


def selects_left(mask):
    pixel = np.asarray(mask.image)
    return mask.image.mode == "L" and pixel.shape == (60, 80) and (pixel == 255 * LEFT).all()


def refused(source, *words, picture=PHOTO):
    with pytest.raises(PictureError) as caught:
        open_mask(source, picture)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("value", [1, 7, 15, 255])
@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB", "I;16", "I", "F", "RGBA"])
def test_zero_and_one_number(value, mode):
    values = LEFT * np.uint8(value)
    if mode in ("I;16", "I", "F"):
        image = Image.fromarray(values.astype({"I;16": "u2", "I": "i4", "F": "f4"}[mode]))
    elif mode == "P":
        image = Image.fromarray(values).convert("P")  # a palette of greys
    else:
        image = Image.fromarray(values if mode != "1" else LEFT * np.uint8(255)).convert(mode)
    mask = open_mask(image, PHOTO)
    assert selects_left(mask) and mask.share == 0.5
    assert mask.notes[-1] == "the given picture selects 50 % of the given picture"
    told = mode != "1" and value < 255 and (mode, value) != ("F", 1)
    assert (mask.notes[:-1] == (f"the given picture holds 0 and {value}: {value} was taken for white",)) == told


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "webp"])
def test_files_of_zeros_and_ones(tmp_path, suffix):
    path = tmp_path / f"mask.{suffix}"
    Image.fromarray(LEFT).save(path, lossless=True)
    mask = open_mask(path, PHOTO)
    assert selects_left(mask) and mask.name == str(path)
    assert mask.notes[0] == f"{path} holds 0 and 1: 1 was taken for white"


@pytest.mark.parametrize("dtype, top", [("u2", 65535), ("u4", 2**32 - 1), ("f4", 1), ("u2", 1), ("u4", 1), ("f4", 255)])
def test_deep_files(tmp_path, dtype, top):
    assert selects_left(open_mask(tiff(tmp_path / "mask.tif", (LEFT * np.float64(top)).astype(dtype)), PHOTO))


@pytest.mark.parametrize("classes", [(0, 1, 2), (0, 3, 13, 120), (0, 15, 255), (1, 2), (4, 11, 26)])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_class_numbers_are_refused_by_name(tmp_path, classes, dtype):
    values = np.array(classes)[np.random.default_rng(0).integers(0, len(classes), (60, 80))]
    path = tmp_path / "map.tif"
    Image.fromarray(values.astype(dtype)).save(path)
    refused(path, str(path), f"numbers of classes ({', '.join(map(str, classes))})", "in white")


def test_many_classes_are_not_all_listed():
    values = np.arange(4800).reshape(60, 80) % 30
    refused(Image.fromarray(values.astype(np.uint8)), "(0, 1, 2, 3, 4, 5, 6, 7, ...)")


def test_palettes_of_colours_hold_numbers(tmp_path):
    """As those of VOC: 0 is the background, dark red the first class."""
    image = Image.fromarray(LEFT * np.uint8(12))
    image = image.convert("P")
    image.putpalette([(37 * i * c) % 256 for i in range(256) for c in (1, 3, 5)])
    image.save(tmp_path / "one.png")
    mask = open_mask(tmp_path / "one.png", PHOTO)
    assert selects_left(mask) and "holds 0 and 12: 12 was taken for white" in mask.notes[0]
    image.putpixel((70, 30), 5)
    image.paste(5, (60, 0, 80, 60))
    image.save(tmp_path / "two.png")
    refused(tmp_path / "two.png", "numbers of classes (0, 5, 12)")


def test_palettes_of_black_and_white_are_black_and_white(tmp_path):
    image = Image.fromarray(1 - LEFT)
    image = image.convert("P")
    image.putpalette([255] * 3 + [0] * 3)  # white comes first
    image.save(tmp_path / "mask.png")
    assert selects_left(open_mask(tmp_path / "mask.png", PHOTO))


def test_colours(tmp_path):
    red = np.zeros((60, 80, 3), np.uint8)
    red[:, :40, 0] = 200
    mask = open_mask(Image.fromarray(red), PHOTO)
    assert selects_left(mask) and "#c80000 was taken for white" in mask.notes[0]
    red[:, 60:, 1] = 90
    refused(Image.fromarray(red), "colours of classes (#000000, #005a00, #c80000)")
    refused(noise(80, 60), "holds colours; a mask is white where")
    file = io.BytesIO()  # a JPEG of black and white is tinted a little
    Image.fromarray(LEFT * np.uint8(255)).convert("RGB").save(file, "JPEG", quality=60)
    file.seek(0)
    assert abs(open_mask(file, PHOTO).share - 0.5) < 0.01


def test_soft_masks_stay_soft(tmp_path):
    ramp = np.linspace(0, 255, 80).astype(np.uint8)[None].repeat(60, 0)
    for values in (ramp, ramp // 64 * 64, np.where(LEFT, 128, 0).astype(np.uint8), np.where(LEFT, 255, 90)):
        mask = open_mask(Image.fromarray(values.astype(np.uint8)), PHOTO)
        assert (np.asarray(mask.image) == values).all()
        assert abs(mask.share - values.mean() / 255) < 1e-6
    assert "no lighter than 128 of 255: there the style applies by 50 %" in open_mask(
        Image.fromarray(np.where(LEFT, 128, 0).astype(np.uint8)), PHOTO).notes[0]


def test_the_numbers_count_whatever_a_profile_says(tmp_path):
    values = np.where(LEFT, 128, 0).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "mask.png", icc_profile=icc(b"GRAY", b"XYZ ", kTRC=gamma(1.0)))
    assert (np.asarray(open_mask(tmp_path / "mask.png", PHOTO).image) == values).all()


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_turned_by_exif(tmp_path, suffix):
    upside_down = Image.fromarray(255 * BELOW[::-1, ::-1])
    upside_down.save(tmp_path / f"mask.{suffix}", exif=exif(3), lossless=True)
    assert (np.asarray(open_mask(tmp_path / f"mask.{suffix}", PHOTO).image) == 255 * BELOW).all()
    on_its_side = Image.fromarray(np.ascontiguousarray(255 * LEFT.T[::-1]))
    on_its_side.save(tmp_path / f"side.{suffix}", exif=exif(6), lossless=True)
    assert selects_left(open_mask(tmp_path / f"side.{suffix}", PHOTO))


def test_transparency(tmp_path):
    layer = Image.new("RGBA", (80, 60))
    layer.paste((255, 255, 255, 255), (0, 0, 40, 60))
    assert selects_left(open_mask(layer, PHOTO))  # painted in white
    layer.paste((200, 0, 0, 255), (0, 0, 40, 60))
    assert selects_left(open_mask(layer, PHOTO))  # painted in red
    cut_out = noise(80, 60)
    cut_out.putalpha(Image.fromarray(255 * LEFT))
    mask = open_mask(cut_out, PHOTO)
    assert selects_left(mask) and "its opaque part was taken" in mask.notes[0]
    black = Image.merge("LA", (Image.new("L", (80, 60), 255), Image.fromarray(255 * LEFT)))
    assert selects_left(open_mask(black, PHOTO))


def test_other_sizes_are_fitted_and_other_shapes_refused(tmp_path):
    assert selects_left(open_mask(Image.fromarray(LEFT).resize((160, 120), 0), PHOTO))
    assert selects_left(open_mask(Image.fromarray(LEFT).resize((8, 6), 0), PHOTO))
    Image.fromarray(LEFT).resize((60, 60), 0).save(tmp_path / "square.png")
    refused(tmp_path / "square.png", "square.png is 60 x 60, the given picture 80 x 60: a mask must have the shape")


def test_nothing_and_next_to_nothing_is_refused_by_name(tmp_path):
    for name, values in (("black", 0 * LEFT), ("dot", np.pad(np.full((3, 5), 255, np.uint8), ((0, 57), (0, 75))))):
        Image.fromarray(values).save(tmp_path / f"{name}.png")
    refused(tmp_path / "black.png", f"{tmp_path}/black.png selects nothing: all of it is black")
    refused(tmp_path / "dot.png", f"{tmp_path}/dot.png selects 15 pixels of the given picture; select 256 at least")
    refused(tmp_path / "gone.png", "gone.png: there is no such file")


def test_everything_may_be_selected():
    assert open_mask(Image.fromarray(0 * LEFT + 255), PHOTO).share == 1
    assert open_mask(Image.fromarray(0 * LEFT + 1), PHOTO).notes[0].endswith("holds 1: 1 was taken for white")

"""Profiles and modes: whatever a file holds becomes 8-bit sRGB."""


import numpy as np
import pytest
from pictures import ADOBE_RGB, COLOURS, SRGB, cmyk_profile, gamma, icc, noise, pixels, png, rgb_profile, srgb_encode
from PIL import Image

from wct.images import (
    open_picture,
)

# Profiles

@pytest.mark.parametrize("suffix", ["png", "tiff", "webp", "jpg"])
def test_wide_gamut_profile_becomes_srgb(tmp_path, suffix):
    path = tmp_path / f"wide.{suffix}"
    colours = np.array([[200, 120, 90], [90, 160, 100], [120, 120, 120], [30, 60, 90]], dtype=np.uint8)
    image = Image.fromarray(np.kron(colours.reshape(2, 2, 3), np.ones((16, 16, 1), np.uint8)))
    image.save(path, icc_profile=rgb_profile(ADOBE_RGB), lossless=True, quality=100)
    linear = (colours / 255.0) ** 2.2
    expected = srgb_encode(linear @ ADOBE_RGB @ np.linalg.inv(SRGB))
    found = pixels(open_picture(path))[8::16, 8::16].reshape(4, 3)
    assert np.abs(found - expected).max() <= 3
    assert np.abs(found - colours).max() > 10


def test_swapped_primaries_swap_channels(tmp_path):
    Image.fromarray(COLOURS).save(tmp_path / "swapped.png", icc_profile=rgb_profile(SRGB[::-1]))
    Image.fromarray(COLOURS).save(tmp_path / "plain.png", icc_profile=rgb_profile(SRGB))
    swapped, plain = (pixels(open_picture(tmp_path / f"{name}.png")) for name in ("swapped", "plain"))
    assert np.abs(swapped - plain[..., ::-1]).max() <= 2


def test_srgb_profile_changes_nothing(tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    every = np.arange(256, dtype=np.uint8)
    image = np.stack([every, every[::-1], np.roll(every, 85)], axis=-1)[None]
    Image.fromarray(image).save(tmp_path / "srgb.png", icc_profile=profile)
    assert (pixels(open_picture(tmp_path / "srgb.png")) == image).all()


def test_grey_profile(tmp_path):
    linear = icc(b"GRAY", b"XYZ ", kTRC=gamma(1.0))
    grey = np.array([[0, 30, 55, 128, 255]], dtype=np.uint8)
    expected = srgb_encode(grey / 255.0)
    Image.fromarray(grey).save(tmp_path / "grey.png", icc_profile=linear)
    assert np.abs(pixels(open_picture(tmp_path / "grey.png")) - expected[..., None]).max() <= 0.6
    dark = np.arange(12, dtype=np.uint8)[None]
    Image.fromarray(dark).save(tmp_path / "dark.png", icc_profile=linear)
    assert np.abs(pixels(open_picture(tmp_path / "dark.png"))[..., 0] - srgb_encode(dark / 255)).max() <= 0.6
    alpha = Image.new("L", (5, 1), 200)
    Image.merge("LA", (Image.fromarray(grey), alpha)).save(tmp_path / "la.png", icc_profile=linear)
    picture = open_picture(tmp_path / "la.png")
    assert np.abs(pixels(picture) - expected[..., None]).max() <= 2
    assert picture.alpha.getextrema() == (200, 200)


def test_grey_image_with_an_rgb_profile(tmp_path):
    Image.new("L", (4, 4), 55).save(tmp_path / "grey.png", icc_profile=rgb_profile(SRGB, exponent=1.0))
    assert np.abs(pixels(open_picture(tmp_path / "grey.png")) - srgb_encode(55 / 255.0)).max() <= 2


def test_alpha_stays_out_of_the_profile(tmp_path):
    image = Image.fromarray(COLOURS).convert("RGBA")
    image.putalpha(Image.fromarray(np.array([[255, 128, 1], [254, 3, 90]], dtype=np.uint8)))
    image.save(tmp_path / "swapped.png", icc_profile=rgb_profile(SRGB[::-1]))
    Image.fromarray(COLOURS).save(tmp_path / "opaque.png", icc_profile=rgb_profile(SRGB[::-1]))
    picture = open_picture(tmp_path / "swapped.png")
    assert (pixels(picture) == pixels(open_picture(tmp_path / "opaque.png"))).all()
    assert picture.alpha.tobytes() == image.getchannel("A").tobytes()


@pytest.mark.parametrize("mode, suffix", [("RGB", "png"), ("CMYK", "jpg"), ("CMYK", "tiff"), ("L", "png")])
@pytest.mark.parametrize(
    "profile", [b"junk", cmyk_profile()[:200], icc(b"RGB ", b"XYZ "), icc(b"Luv ", b"XYZ ")], ids=range(4)
)
def test_useless_profile_is_ignored(tmp_path, mode, suffix, profile):
    image = noise(16, 16, mode)
    image.save(tmp_path / f"plain.{suffix}")
    image.save(tmp_path / f"broken.{suffix}", icc_profile=profile)
    plain, broken = (open_picture(tmp_path / f"{name}.{suffix}") for name in ("plain", "broken"))
    assert (pixels(plain) == pixels(broken)).all()


def test_profile_of_another_kind_of_image_is_ignored(tmp_path):
    grey = icc(b"GRAY", b"XYZ ", kTRC=gamma(1.0))
    swapped = rgb_profile(SRGB[::-1])
    for mode, profile in [("RGB", grey), ("RGB", cmyk_profile()), ("CMYK", swapped), ("L", cmyk_profile())]:
        image = noise(8, 8, mode)
        image.save(tmp_path / "plain.tif")
        image.save(tmp_path / "other.tif", icc_profile=profile)
        plain, other = (open_picture(tmp_path / f"{name}.tif") for name in ("plain", "other"))
        assert (pixels(plain) == pixels(other)).all()


# Modes


@pytest.mark.parametrize("suffix", ["jpg", "tiff"])
def test_cmyk(tmp_path, suffix):
    inks = {(255, 0, 0, 0): (0, 255, 255), (0, 255, 255, 0): (255, 0, 0), (0, 0, 0, 0): (255, 255, 255)}
    for ink, colour in inks.items():
        image = Image.new("CMYK", (8, 8), ink)
        image.save(tmp_path / f"cmyk.{suffix}")
        assert np.abs(pixels(open_picture(tmp_path / f"cmyk.{suffix}")) - colour).max() <= 2
        image.save(tmp_path / f"profile.{suffix}", icc_profile=cmyk_profile())
        assert np.abs(pixels(open_picture(tmp_path / f"profile.{suffix}")) - 255).max() <= 2


@pytest.mark.parametrize("mode", ["HSV", "LAB", "YCbCr"])
def test_other_colour_spaces(mode):
    soft = COLOURS // 2 + 64  # eight bits of LAB are coarse at the edge of sRGB
    image = Image.fromarray(soft).convert(mode)
    assert np.abs(pixels(open_picture(image)) - soft).max() <= 6


def test_lab_tiff(tmp_path):
    soft = COLOURS // 2 + 64
    Image.fromarray(soft).convert("LAB").save(tmp_path / "lab.tif")
    assert np.abs(pixels(open_picture(tmp_path / "lab.tif")) - soft).max() <= 6


def test_grey_bilevel_and_palette(tmp_path):
    grey = Image.fromarray(np.arange(0, 250, 10, dtype=np.uint8).reshape(5, 5))
    grey.save(tmp_path / "grey.png")
    assert (pixels(open_picture(tmp_path / "grey.png")) == np.asarray(grey)[..., None]).all()
    bilevel = grey.convert("1")
    bilevel.save(tmp_path / "bilevel.png")
    assert (pixels(open_picture(tmp_path / "bilevel.png")) == 255 * np.asarray(bilevel)[..., None]).all()
    palette = Image.fromarray(COLOURS).quantize(6)
    palette.save(tmp_path / "palette.png")
    assert np.abs(pixels(open_picture(tmp_path / "palette.png")) - COLOURS).max() <= 4


DEEP = np.array([[0, 257, 128 * 257, 200 * 257, 65535]])


@pytest.mark.parametrize("mode, layout", [("I;16", "<u2"), ("I;16B", ">u2"), ("I", "=i4")])
def test_16_bit_grey(mode, layout):
    image = Image.frombytes(mode, (5, 1), DEEP.astype(layout).tobytes())
    assert pixels(open_picture(image))[0, :, 0].tolist() == [0, 1, 128, 200, 255]


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bit_grey_files(tmp_path, suffix):
    Image.fromarray(DEEP.astype(np.uint16)).save(tmp_path / f"deep.{suffix}")
    assert pixels(open_picture(tmp_path / f"deep.{suffix}"))[0, :, 0].tolist() == [0, 1, 128, 200, 255]


def test_16_bit_grey_with_a_colour_key(tmp_path):
    rows = [DEEP.astype(">u2").tobytes()]
    picture = open_picture(png(tmp_path / "key.png", (5, 1), 16, 0, rows, tRNS=b"\xc8\xc8"))
    assert list(picture.alpha.tobytes()) == [255, 255, 255, 0, 255]
    assert pixels(picture)[0, [0, 1, 2, 4], 0].tolist() == [0, 1, 128, 255]


def test_16_bit_rgb(tmp_path):
    rows = [(row.astype(">u2") * 257).tobytes() for row in COLOURS]
    assert (pixels(open_picture(png(tmp_path / "deep.png", (3, 2), 16, 2, rows))) == COLOURS).all()


@pytest.mark.parametrize("top", [1.0, 4.0, 60000.0])
def test_floats(tmp_path, top):
    values = np.array([[0, 0.25, 1.0], [np.nan, -1, 0.5]], dtype=np.float32) * top
    Image.fromarray(values).save(tmp_path / "float.tif")
    assert pixels(open_picture(tmp_path / "float.tif"))[..., 1].tolist() == [[0, 64, 255], [0, 0, 128]]


def test_dim_floats_stay_dim():
    assert (pixels(open_picture(Image.new("F", (2, 2), 0.5))) == 128).all()

"""Frames, orientation and transparency."""

import warnings

import numpy as np
import pytest
from pictures import (
    COLOURS,
    SRGB,
    exif,
    noise,
    pixels,
    rgb_profile,
)
from PIL import Image

from wct.images import (
    open_picture,
    save_picture,
    with_alpha,
)

# Frames


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tiff"])
def test_first_frame(tmp_path, suffix):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "lime")]
    path = tmp_path / f"frames.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    with Image.open(path) as image:
        assert image.n_frames == 3
    assert (pixels(open_picture(path)) == (255, 0, 0)).all()


# Orientation

STORED = {  # what the EXIF standard means by orientation: where the first row and the first column belong
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: upright[:, ::-1].swapaxes(0, 1),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: upright[::-1].swapaxes(0, 1),
}


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(tmp_path, suffix, orientation):
    path = tmp_path / f"turned.{suffix}"
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](COLOURS)))
    stored.save(path, exif=exif(orientation), lossless=True)
    picture = open_picture(path)
    assert picture.size == (3, 2)
    assert (pixels(picture) == COLOURS).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_a_shrunk_jpeg_with_profile(tmp_path, orientation):
    upright = noise(400, 300)
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](np.asarray(upright))))
    path = tmp_path / "photo.jpg"
    stored.save(path, exif=exif(orientation), icc_profile=rgb_profile(SRGB[::-1]), quality=95)
    picture = open_picture(path, max_size=40)
    assert picture.size == (40, 30)
    expected = np.asarray(upright.resize((40, 30), Image.Resampling.LANCZOS)).astype(int)[..., ::-1]
    assert np.abs(pixels(picture) - expected).mean() < 6


def test_orientation_turns_alpha_and_16_bits_too():
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    for upright in (np.dstack([COLOURS, grey]), grey.astype(np.uint16) * 257):
        image = Image.fromarray(np.ascontiguousarray(STORED[6](upright)))
        image.info["exif"] = exif(6).tobytes()
        picture = open_picture(image)
        assert picture.size == (3, 2)
        found = picture.alpha if picture.alpha else picture.rgb.convert("L")
        assert (np.asarray(found) == grey).all()


def test_broken_exif_is_ignored(tmp_path):
    for number, junk in enumerate((b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*")):
        path = tmp_path / f"{number}.png"
        Image.fromarray(COLOURS).save(path, exif=junk)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pillow may grumble
            assert (pixels(open_picture(path)) == COLOURS).all()


# Alpha

ALPHA = np.array([[255, 200, 128], [0, 1, 255]], dtype=np.uint8)


def rgba():
    return Image.fromarray(np.dstack([COLOURS, ALPHA]))


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
def test_alpha_and_visible_colours_are_kept(tmp_path, suffix):
    rgba().save(tmp_path / f"alpha.{suffix}", lossless=True, exact=True)
    picture = open_picture(tmp_path / f"alpha.{suffix}")
    assert (np.asarray(picture.alpha) == ALPHA).all()
    assert (pixels(picture) == COLOURS)[ALPHA > 0].all()


def test_invisible_colours_become_the_mean_of_the_visible(tmp_path):
    picture = open_picture(rgba())
    visible = COLOURS[ALPHA > 0]
    assert np.abs(pixels(picture)[1, 0] - visible.mean(axis=0)).max() <= 0.5
    nothing = open_picture(Image.new("RGBA", (2, 2), (9, 8, 7, 0)))
    assert (pixels(nothing) == (9, 8, 7)).all()
    assert nothing.alpha.getextrema() == (0, 0)


def test_shrinking_does_not_mix_invisible_colours_in():
    image = np.zeros((64, 64, 4), dtype=np.uint8)
    image[:, ::2] = (250, 250, 250, 255)
    picture = open_picture(Image.fromarray(image), max_size=16)
    assert pixels(picture).min() >= 245
    assert abs(np.asarray(picture.alpha).mean() - 127.5) < 3


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBa"])
def test_other_modes_with_alpha(mode):
    """Opaque and half transparent grey; mode PA by hand, since pillow drops the alpha on the way to it."""
    grey = Image.merge("LA", (Image.new("L", (2, 1), 90), Image.frombytes("L", (2, 1), b"\xff\x80")))
    image = grey.convert("RGBA" if mode == "RGBa" else "LA")
    if mode == "PA":
        image = Image.merge("PA", (grey.convert("L").convert("P"), grey.getchannel("A")))
        image.putpalette(bytes(value for value in range(256) for _ in "rgb"))  # which pillow 11 forgets
    picture = open_picture(image if mode == image.mode else image.convert(mode))
    assert np.abs(pixels(picture) - 90).max() <= 1
    assert picture.alpha.tobytes() == b"\xff\x80"


def test_transparent_palette_and_colour_key(tmp_path):
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "index.gif", transparency=1)
    palette.save(tmp_path / "index.png", transparency=1)
    palette.save(tmp_path / "levels.png", transparency=b"\xff\x40")
    palette.convert("RGB").save(tmp_path / "key.png", transparency=(0, 0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, second in {"index.gif": 0, "index.png": 0, "levels.png": 64, "key.png": 0}.items():
            picture = open_picture(tmp_path / name)
            assert list(picture.alpha.tobytes()) == [255, second], name
            assert pixels(picture)[0, 0].tolist() == [255, 0, 0], name


def test_opaque_pictures_have_no_alpha(tmp_path):
    Image.fromarray(COLOURS).save(tmp_path / "opaque.png")
    picture = open_picture(tmp_path / "opaque.png")
    assert picture.alpha is None
    assert with_alpha(picture.rgb, picture.alpha) is picture.rgb


@pytest.mark.parametrize("key", ["png", "webp"])
def test_alpha_round_trip(tmp_path, key):
    picture = open_picture(rgba())
    save_picture(with_alpha(picture.rgb, picture.alpha), tmp_path / "out", format=key)
    again = open_picture(tmp_path / "out")
    assert (np.asarray(again.alpha) == ALPHA).all()
    if key == "png":
        assert (pixels(again) == pixels(picture)).all()


def test_alpha_is_fitted_to_the_result():
    alpha = Image.new("L", (3, 2), 77)
    result = with_alpha(Image.new("RGB", (48, 32), "red"), alpha)
    assert (result.mode, result.size, result.getpixel((20, 20))) == ("RGBA", (48, 32), (255, 0, 0, 77))


def test_jpeg_lays_alpha_on_white(tmp_path):
    save_picture(Image.new("RGBA", (8, 8), (255, 0, 0, 128)), tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.mode == "RGB"
        assert np.abs(np.asarray(image).astype(int) - (255, 127, 127)).max() <= 3

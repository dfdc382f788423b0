"""Pictures in and out. Every file is made here, by pillow or byte by byte."""

import io
import os
import resource
import struct
import tempfile
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wct.images import (
    FORMATS,
    PictureError,
    find_pictures,
    open_picture,
    save_picture,
    to_pil,
    to_tensor,
    with_alpha,
)

COLOURS = np.array(
    [
        [[250, 10, 20], [10, 240, 30], [20, 30, 230]],
        [[0, 0, 0], [255, 255, 255], [128, 90, 60]],
    ],
    dtype=np.uint8,
)


def pixels(picture):
    return np.asarray(picture.rgb).astype(int)


def noise(width, height, mode="RGB", seed=0):
    """Smooth random colours: what survives JPEG and resizing."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def png(path, size, depth, colour, rows, **chunks):
    """A PNG by hand, for what pillow does not write: rows are bytes of the pixels, one item a row."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    data = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    for kind, content in chunks.items():
        data += chunk(kind.encode(), content)
    data += chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return path


# Profiles

SRGB = np.array([[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]])
ADOBE_RGB = np.array([[0.60974, 0.31111, 0.01947], [0.20528, 0.62567, 0.06087], [0.14919, 0.06322, 0.74457]])
D50 = (0.96420, 1.0, 0.82491)


def icc(space, connection, **tags):
    """The bytes of an ICC version 2 profile."""

    def fixed(numbers):
        return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)

    tags = {
        name: tag if isinstance(tag, bytes) else b"XYZ \0\0\0\0" + fixed(tag)
        for name, tag in {"wtpt": D50, **tags}.items()
    }
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += name.encode() + struct.pack(">II", offset + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"none", 0x02100000, b"mntr", space, connection)
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + fixed(D50)
    return head.ljust(128, b"\0") + table + body


def gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def rgb_profile(primaries, exponent=2.2):
    red, green, blue = primaries
    curve = gamma(exponent)
    return icc(b"RGB ", b"XYZ ", rXYZ=red, gXYZ=green, bXYZ=blue, rTRC=curve, gTRC=curve, bTRC=curve)


def cmyk_profile():
    """Inks that are all invisible but black."""
    identity = bytes(range(256))
    lab = b"".join(bytes([0 if corner % 2 else 255, 128, 128]) for corner in range(16))  # black runs fastest
    head = b"mft1\0\0\0\0\4\3\2\0" + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    return icc(b"CMYK", b"Lab ", A2B0=head + identity * 4 + lab + identity * 3)


def srgb_encode(linear):
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


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
    assert np.abs(pixels(open_picture(tmp_path / "grey.png")) - expected[..., None]).max() <= 2
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
    assert pixels(picture)[0, :, 0].tolist() == [0, 1, 128, 200, 255]


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


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data


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


# Sizes


@pytest.mark.parametrize("size", [(1, 1), (20000, 100), (100, 20000), (17, 31)])
def test_any_size_passes_through(tmp_path, size):
    image = noise(*size)
    save_picture(image, tmp_path / "in.png")
    picture = open_picture(tmp_path / "in.png")
    assert picture.size == size
    assert to_pil(to_tensor(picture.rgb)).tobytes() == image.tobytes()
    save_picture(picture.rgb, tmp_path / "out.jpg")
    assert open_picture(tmp_path / "out.jpg").size == size


@pytest.mark.parametrize(
    "size, max_size, expected",
    [
        ((400, 300), 100, (100, 75)),
        ((300, 400), 100, (75, 100)),
        ((40, 30), 100, (40, 30)),
        ((100, 7), 100, (100, 7)),
        ((20000, 100), 512, (512, 3)),
        ((5000, 1), 10, (10, 1)),
        ((3, 2), 1, (1, 1)),
    ],
)
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_max_size(tmp_path, size, max_size, expected, suffix):
    path = tmp_path / f"picture.{suffix}"
    noise(*size).save(path)
    assert open_picture(path, max_size=max_size).size == expected


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_shrinking_is_a_good_filter(tmp_path, suffix):
    """Fine stripes must turn grey, not into moire."""
    stripes = np.zeros((800, 800, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / f"stripes.{suffix}", quality=95)
    inner = pixels(open_picture(tmp_path / f"stripes.{suffix}", max_size=150))[2:-2, 2:-2]
    assert np.abs(inner - 127.5).max() < 8


def test_max_size_below_one_is_refused():
    with pytest.raises(ValueError, match="max_size"):
        open_picture(Image.new("RGB", (2, 2)), max_size=0)


# Sources


def test_paths_files_and_images_are_the_same(tmp_path):
    path = tmp_path / "in.png"
    Image.fromarray(COLOURS).save(path)
    with open(path, "rb") as file, Image.open(path) as image:
        for source in (path, str(path), os.fsencode(path), file, io.BytesIO(path.read_bytes()), image):
            assert (pixels(open_picture(source)) == COLOURS).all()
        assert open_picture(path).name == open_picture(image).name == str(path)
    stream = io.BytesIO(b"before" + path.read_bytes())
    stream.seek(6)
    assert (pixels(open_picture(stream)) == COLOURS).all()


def test_given_image_is_left_as_it_is():
    image = noise(60, 40)
    image.info["exif"] = exif(6).tobytes()
    before = image.tobytes()
    picture = open_picture(image, max_size=20)
    assert picture.size == (13, 20)
    assert (image.size, image.tobytes(), image.info["exif"]) == ((60, 40), before, exif(6).tobytes())


def test_result_outlives_its_file(tmp_path):
    path = tmp_path / "in.jpg"
    noise(32, 32).save(path)
    picture = open_picture(path)
    path.unlink()
    assert picture.rgb.copy().getpixel((3, 3)) == picture.rgb.getpixel((3, 3))


def test_what_is_no_source_is_a_type_error():
    with pytest.raises(TypeError):
        open_picture(42)


# Errors


def refused(path, *words):
    with pytest.raises(PictureError) as caught:
        open_picture(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    for word in words:
        assert word in message


def test_missing_folder_empty(tmp_path):
    refused(tmp_path / "missing.jpg", "no such file")
    refused(tmp_path, "is a folder")
    refused(tmp_path / "nul\0.jpg", "cannot be read")
    (tmp_path / "empty.jpg").touch()
    refused(tmp_path / "empty.jpg", "is empty")


@pytest.mark.parametrize("content", [b"P", b"hello, world", b"II*\0", b"<svg></svg>", bytes(99), b"%!PS"])
def test_no_picture(tmp_path, content):
    (tmp_path / "text.jpg").write_bytes(content)
    refused(tmp_path / "text.jpg", "no picture of a known format", "convert it to PNG or JPEG")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tiff", "ppm"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated(tmp_path, suffix, share):
    path = tmp_path / f"cut.{suffix}"
    pixel = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(pixel).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path)


@pytest.fixture
def locked():
    """A folder that may not be entered. Root may enter any, so it steps down."""
    Image.init()  # pillow's plugins, while they may still be imported
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as parent:
        os.chmod(parent, 0o755)
        folder = Path(parent) / "locked"
        folder.mkdir(0o000)
        if user == 0:
            os.seteuid(65534)
        yield folder
        os.seteuid(user)


def test_permission_denied(locked):
    refused(locked / "in.png", "permissions")
    with pytest.raises(PictureError, match="permissions"):
        find_pictures(locked)
    with pytest.raises(PictureError, match="out.png cannot be written"):
        save_picture(Image.new("RGB", (2, 2)), locked / "out.png")


def bomb(path, width, height):
    return png(path, (width, height), 8, 2, [b"\0\0\0"])


def test_bomb_is_refused_from_its_header(tmp_path):
    path = bomb(tmp_path / "bomb.png", 60000, 60000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(path, "60000 x 60000", "limit of 200,000,000", "max_pixels")
        refused(bomb(tmp_path / "bomb.png", 20000, 10001), "limit of 200,000,000")
        with pytest.raises(PictureError) as caught:
            open_picture(io.BytesIO(path.read_bytes()))
        assert str(caught.value).startswith("the given picture has 20000 x 10001 pixels")


def test_limit_is_the_callers(tmp_path):
    limit = Image.MAX_IMAGE_PIXELS
    path = tmp_path / "in.png"
    noise(30, 20).save(path)
    assert open_picture(path, max_pixels=600).size == (30, 20)
    with pytest.raises(PictureError, match="limit of 599"):
        open_picture(path, max_pixels=599)
    with pytest.raises(PictureError, match="limit of 599"):
        open_picture(Image.new("RGB", (30, 20)), max_pixels=599)
    with pytest.raises(PictureError, match="truncated"):  # below the limit, so its pixels are looked for
        open_picture(bomb(tmp_path / "cut.png", 200, 200), max_pixels=40_000)
    assert Image.MAX_IMAGE_PIXELS == limit


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_pillows_own_limits_neither_warn_nor_refuse(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"in.{suffix}"
    noise(30, 20).save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)  # where it would warn, as at 100 megapixels
        assert open_picture(path).size == (30, 20)
        if suffix == "png":
            monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # where it would refuse
            assert open_picture(path).size == (30, 20)
        else:
            monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # a TIFF it will not let pass
            refused(path, "PIL.Image.MAX_IMAGE_PIXELS")


def test_picture_without_pixels():
    with pytest.raises(PictureError, match="no pixels"):
        open_picture(Image.new("RGB", (0, 5)))


def samples():
    for name in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"):
        file = io.BytesIO()
        noise(12, 9).save(file, name, exif=exif(6), icc_profile=rgb_profile(SRGB))
        yield file.getvalue()


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(list(samples())), st.data())
def test_damaged_files_never_raise_anything_else(content, data):
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pillow grumbles about damaged EXIF
            picture = open_picture(io.BytesIO(damaged), max_size=16, max_pixels=100_000)
    except PictureError:
        return
    assert picture.rgb.mode == "RGB" and max(picture.size) <= 16


# Folders


def test_find_pictures(tmp_path):
    for name in "b.PNG a.jpg notes.txt .hidden.png c.webp inside/d.gif .cache/e.png inside/f.pdf".split():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "broken.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "itself.png").symlink_to(tmp_path / "itself.png")
    (tmp_path / "linked.png").symlink_to(tmp_path / "a.jpg")

    def names(**options):
        return [str(path.relative_to(tmp_path)) for path in find_pictures(tmp_path, **options)]

    assert names() == ["a.jpg", "b.PNG", "c.webp", "linked.png"]
    assert names(recursive=True) == ["a.jpg", "b.PNG", "c.webp", "inside/d.gif", "linked.png"]
    assert find_pictures(str(tmp_path / "notes.txt")) == [tmp_path / "notes.txt"]


def test_hidden_above_the_folder_does_not_matter(tmp_path):
    (tmp_path / ".home").mkdir()
    (tmp_path / ".home" / "a.png").touch()
    assert find_pictures(tmp_path / ".home") == [tmp_path / ".home" / "a.png"]


def test_no_pictures_to_find(tmp_path):
    with pytest.raises(PictureError, match="no such file or folder"):
        find_pictures(tmp_path / "missing")
    (tmp_path / "notes.txt").touch()
    for recursive in (False, True):
        with pytest.raises(PictureError, match="no pictures"):
            find_pictures(tmp_path, recursive=recursive)


# Tensors


def test_to_tensor():
    tensor = to_tensor(Image.fromarray(COLOURS))
    assert tensor.shape == (1, 3, 2, 3) and tensor.dtype == torch.float32
    assert torch.equal(tensor[0, :, 0, 2], torch.tensor([20.0, 30.0, 230.0]) / 255)


def test_to_pil_clamps_and_rounds():
    values = torch.tensor([-0.5, 0.0, 0.4 / 255, 0.6 / 255, 99.4 / 255, 99.6 / 255, 1.0, 7.0])
    image = to_pil(values.expand(1, 3, 1, 8))
    assert [image.getpixel((x, 0)) for x in range(8)] == [(v,) * 3 for v in (0, 0, 0, 1, 99, 100, 255, 255)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_to_pil_takes_any_float(dtype):
    values = torch.linspace(0, 1, 997).to(dtype).expand(1, 3, 1, 997)
    expected = [round(value * 255) for value in values[0, 0, 0].tolist()]
    assert list(to_pil(values.clone().requires_grad_()).getchannel("R").tobytes()) == expected


def test_every_value_survives_the_round_trip():
    every = Image.fromarray(np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 3))
    assert to_pil(to_tensor(every)).tobytes() == every.tobytes()


# Saving


@pytest.mark.parametrize("key", FORMATS)
def test_formats(tmp_path, key):
    image = noise(64, 48)
    path = tmp_path / f"by-suffix{FORMATS[key].suffix}"
    save_picture(image, path)
    save_picture(image, tmp_path / f"CAPITALS{FORMATS[key].suffix.upper()}")
    save_picture(image, tmp_path / "by-key.bin", format=key)
    with Image.open(path) as saved:
        assert saved.format == key.upper() == FORMATS[key].name
        error = np.asarray(saved.convert("RGB")).astype(float) - np.asarray(image)
    assert np.sqrt((error**2).mean()) < 3
    assert (tmp_path / "by-key.bin").read_bytes() == path.read_bytes()


def test_jpeg_keeps_fine_colour(tmp_path):
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2], stripes[:, 1::2] = (255, 0, 0), (0, 0, 255)
    save_picture(Image.fromarray(stripes), tmp_path / "stripes.jpeg")
    assert np.abs(pixels(open_picture(tmp_path / "stripes.jpeg")) - stripes).mean() < 8


def test_profile_and_orientation_are_not_saved_again(tmp_path):
    Image.fromarray(COLOURS).save(tmp_path / "in.png", exif=exif(6), icc_profile=rgb_profile(SRGB[::-1]))
    picture = open_picture(tmp_path / "in.png")
    save_picture(picture.rgb, tmp_path / "out.png")
    assert (pixels(open_picture(tmp_path / "out.png")) == pixels(picture)).all()


@pytest.mark.parametrize("key", FORMATS)
def test_ignored_profile_is_not_saved_either(tmp_path, key):
    Image.fromarray(COLOURS).save(tmp_path / "in.png", icc_profile=b"junk")
    save_picture(open_picture(tmp_path / "in.png").rgb, tmp_path / "out", format=key)
    with Image.open(tmp_path / "out") as saved:
        assert not saved.info.get("icc_profile")


def test_other_modes_are_converted(tmp_path):
    save_picture(Image.new("CMYK", (2, 2)), tmp_path / "cmyk.png")
    assert (pixels(open_picture(tmp_path / "cmyk.png")) == 255).all()


def test_unknown_format(tmp_path):
    for name, key in {"out.xyz": None, "out": None, "out.png": "bmp"}.items():
        with pytest.raises(PictureError, match="png, jpeg, webp"):
            save_picture(Image.new("RGB", (2, 2)), tmp_path / name, format=key)
    assert not list(tmp_path.iterdir())


def test_format_too_small_for_the_picture(tmp_path):
    with pytest.raises(PictureError, match="16383.*PNG"):
        save_picture(Image.new("RGB", (20000, 100)), tmp_path / "out.webp")
    save_picture(Image.new("RGB", (16383, 2)), tmp_path / "out.webp")
    with pytest.raises(PictureError, match="65500.*PNG"):
        save_picture(Image.new("RGB", (65501, 1)), tmp_path / "out.jpg")
    save_picture(Image.new("RGB", (65500, 1)), tmp_path / "out.jpg")


def test_permissions_are_those_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        save_picture(Image.new("RGB", (2, 2)), tmp_path / "out.png")
    finally:
        os.umask(before)
    assert (tmp_path / "out.png").stat().st_mode & 0o777 == 0o640


def test_long_names(tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    save_picture(Image.new("RGB", (2, 2)), path)
    assert open_picture(path).size == (2, 2)


@pytest.mark.parametrize(
    "error, raised", [(KeyboardInterrupt("stop"), KeyboardInterrupt), (OSError(28, "No space"), PictureError)]
)
def test_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch, error, raised):
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    def save(image, file, *args, **options):
        file.write(b"half a picture")
        file.flush()
        raise error

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(raised, match="stop|out.png cannot be written .No space"):
        save_picture(Image.new("RGB", (2, 2)), path)
    assert [file.name for file in tmp_path.iterdir()] == ["out.png"]
    assert path.read_bytes() == b"old"


def test_full_disk(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    image = Image.frombytes("RGB", (300, 300), os.urandom(270_000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(PictureError, match="out.png cannot be written"):
            save_picture(image, tmp_path / "out.png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_nowhere_to_save(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "missing" / "out.png", tmp_path / "file" / "out.png", tmp_path / "folder.png"):
        with pytest.raises(PictureError) as caught:
            save_picture(Image.new("RGB", (2, 2)), path)
        assert str(caught.value).startswith(f"{path} cannot be written")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder.png"]


def test_a_reader_of_the_old_file_is_not_disturbed(tmp_path):
    path = tmp_path / "out.png"
    save_picture(noise(20, 20), path)
    before = path.read_bytes()
    with open(path, "rb") as reader:
        save_picture(noise(30, 30), path)
        assert reader.read() == before
    assert open_picture(path).size == (30, 30)

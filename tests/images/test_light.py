"""What files say of their light: TIFF's samples, PNG's chunks, profiles on 16 bits."""

import struct
import zlib

import numpy as np
import pytest
from pictures import ADOBE_RGB, SRGB, bmp, gamma, icc, pixels, png, rgb_profile, srgb_encode, tiff
from PIL import Image

from wct.images import PictureError, open_picture
from wct.images.light import of_profile

RANDOM = np.random.default_rng(3).random((6, 7, 3))
WHITE = {"u1": 255, "u2": 65535, "u4": 2**32 - 1, "i2": 2**15 - 1, "i4": 2**31 - 1, "f4": 1}

# TIFF


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", WHITE)
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_grey_tiffs(tmp_path, order, dtype, white_is_zero):
    values = (RANDOM[..., 0] * WHITE[dtype]).astype(dtype)
    path = tiff(tmp_path / "a.tif", values, 0 if white_is_zero else 1, order)
    expected = 255 * (1 - RANDOM[..., 0] if white_is_zero else RANDOM[..., 0])
    assert np.abs(pixels(open_picture(path)) - expected[..., None]).max() <= 1


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f4"])
@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("extra", [None, 0, 1, 2], ids=["opaque", "ignored", "premultiplied", "straight"])
def test_channels_of_tiffs(tmp_path, order, dtype, colours, extra):
    light, alpha = RANDOM[..., :colours], 0.4 + 0.6 * RANDOM[..., 1:2]
    stored = light * alpha if extra == 1 else light
    if extra is not None:
        stored = np.concatenate([stored, alpha], axis=-1)
    path = tiff(tmp_path / "a.tif", (stored * WHITE[dtype]).astype(dtype), order=order, extra=extra)
    picture = open_picture(path)
    assert np.abs(pixels(picture) - 255 * light).max() <= (5 if extra == 1 and dtype == "u1" else 1)
    assert (picture.alpha is None) == (extra in (None, 0))
    if picture.alpha:
        assert np.abs(np.asarray(picture.alpha) - 255 * alpha[..., 0]).max() <= 1


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_compressed_tiffs_that_are_deep(tmp_path, compression, mode):
    dtype = {"I;16": "u2", "I": "i4", "F": "f4"}[mode]
    values = (RANDOM[..., 0] * WHITE[dtype]).astype(dtype)
    Image.fromarray(values).save(tmp_path / "a.tif", compression=compression)
    assert np.abs(pixels(open_picture(tmp_path / "a.tif")) - 255 * RANDOM[..., :1]).max() <= 1


def test_light_beyond_white(tmp_path):
    """Floats beyond 1 have their brightest for white, 32-bit numbers that would all be black 65535. Both are told."""
    bright = tiff(tmp_path / "bright.tif", np.array([[0, 1, 4]], np.float32))
    assert pixels(open_picture(bright))[0, :, 0].tolist() == [0, 64, 255]
    assert open_picture(bright).notes == (f"{bright} holds values up to 4: that was taken for white",)
    dark = tiff(tmp_path / "dark.tif", np.array([[0, 128 * 257, 65535]], np.uint32))
    assert pixels(open_picture(dark))[0, :, 0].tolist() == [0, 128, 255]
    assert "65535 was taken for white" in open_picture(dark).notes[0]
    below = tiff(tmp_path / "below.tif", np.array([[-5, 2**30, 2**31 - 1]], np.int32))
    assert pixels(open_picture(below))[0, :, 0].tolist() == [0, 128, 255] and open_picture(below).notes == ()


def test_samples_that_are_not_read_are_named(tmp_path):
    for values, words in ((np.zeros((2, 2)), "floating samples of 64 bits"),
                          (np.zeros((2, 2, 3), np.int8), "signed samples of 8 . 8 . 8 bits")):
        path = tiff(tmp_path / "a.tif", values)
        with pytest.raises(PictureError, match=f"a.tif holds {words}, which are not read; save it with 8 or 16 bits"):
            open_picture(path)


def test_a_tiff_is_its_first_page_in_full(tmp_path):
    small, large = Image.new("RGB", (8, 6), "red"), Image.new("RGB", (80, 60), "blue")
    small.save(tmp_path / "a.tif", tiffinfo={254: 1}, save_all=True, append_images=[large])
    with Image.open(tmp_path / "a.tif") as image:
        kinds = [image.tag_v2[254], image.n_frames]
    assert kinds[1] == 2
    # pillow marks both pages; by hand the second is whole
    data = bytearray((tmp_path / "a.tif").read_bytes())
    at = data.rfind(struct.pack("<HHII", 254, 4, 1, 1))
    data[at + 8] = 0
    (tmp_path / "a.tif").write_bytes(data)
    assert open_picture(tmp_path / "a.tif").size == (80, 60)


# 16 bits and profiles

DARK = np.array([[[0, 0, 0], [20, 40, 80], [130, 260, 500], [1000, 2000, 4000], [9000, 30000, 65535]]], np.uint16)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("kind", ["grey", "colours", "alpha"])
def test_a_profile_is_applied_before_the_cut_to_8_bits(tmp_path, suffix, kind):
    """Of linear light, 8 bits would leave the first of these all black."""
    profile = icc(b"GRAY", b"XYZ ", kTRC=gamma(1.0)) if kind == "grey" else rgb_profile(SRGB, 1.0)
    values = DARK[..., :1] if kind == "grey" else DARK
    expected = srgb_encode(values / 65535)
    if kind == "alpha":
        values = np.concatenate([values, np.full((1, 5, 1), 40000, np.uint16)], axis=-1)
    path = tmp_path / f"a.{suffix}"
    if suffix == "tif":
        for order in "<>":
            tiff(path, values, order=order, icc=profile, extra=2 if kind == "alpha" else None)
            assert np.abs(pixels(open_picture(path)) - expected).max() <= 0.6
    else:
        colour = {"grey": 0, "colours": 2, "alpha": 6}[kind]
        png(path, (5, 1), 16, colour, [values.astype(">u2").tobytes()], iCCP=b"x\0\0" + zlib.compress(profile))
    picture = open_picture(path)
    assert np.abs(pixels(picture) - expected).max() <= 0.6
    assert picture.alpha is None or picture.alpha.getextrema() == (156, 156)


def test_a_wide_profile_on_16_bits(tmp_path):
    values = (65535 * (0.2 + 0.5 * RANDOM)).astype(np.uint16)
    expected = srgb_encode((values / 65535) ** 2.2 @ ADOBE_RGB @ np.linalg.inv(SRGB))
    path = tiff(tmp_path / "a.tif", values, icc=rgb_profile(ADOBE_RGB, 2.2))
    assert np.abs(pixels(open_picture(path)) - expected).max() <= 1


@pytest.mark.parametrize("kind, numbers, curve", [
    (0, [2.0], lambda x: x**2), (1, [2.0, 0.8, 0.2], lambda x: (0.8 * x + 0.2) ** 2),
    (2, [2.0, 0.8, 0.1, 0.1], lambda x: (0.8 * x + 0.1) ** 2 + 0.1),
    (3, [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045],
     lambda x: np.where(x < 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)),
    (4, [2.0, 0.9, 0.0, 0.5, 0.2, 0.1, 0.05], lambda x: np.where(x < 0.2, 0.5 * x + 0.05, (0.9 * x) ** 2 + 0.1)),
])
def test_curves_of_profiles(kind, numbers, curve):
    tag = struct.pack(f">4s4xHH{len(numbers)}i", b"para", kind, 0, *(round(n * 65536) for n in numbers))
    x = np.linspace(0, 1, 101)
    light = of_profile(icc(b"GRAY", b"XYZ ", kTRC=tag), 1)
    assert np.abs(light.curves[0](x) - curve(x)).max() < 1e-3
    table = struct.pack(">4s4xI3H", b"curv", 3, 0, 16384, 65535)
    steps = of_profile(icc(b"GRAY", b"XYZ ", kTRC=table), 1).curves[0](np.array([0, 0.25, 0.5, 1]))
    assert np.abs(steps - [0, 0.125, 0.25, 1]).max() < 1e-4


# PNG

COLOUR = np.array([[[200, 50, 50], [50, 200, 50], [50, 50, 200], [128, 128, 128], [30, 90, 200]]], np.uint8)
P3 = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06)


def gama(value):
    return struct.pack(">I", round(100000 * value))


def chrm(*points):
    return struct.pack(">8I", *(round(100000 * value) for value in (0.3127, 0.329, *points)))


def shown(path, **chunks):
    return pixels(open_picture(png(path, (5, 1), 8, 2, [COLOUR.tobytes()], **chunks)))


def test_gama_and_chrm(tmp_path):
    path, srgb = tmp_path / "a.png", (0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
    linear = srgb_encode(COLOUR / 255)
    assert np.abs(shown(path, gAMA=gama(1)) - linear).max() <= 1
    assert np.abs(shown(path, gAMA=gama(1), cHRM=chrm(*srgb)) - linear).max() <= 1
    assert (shown(path, gAMA=gama(0.45455)) == COLOUR).all()  # what sRGB writes
    assert (shown(path, cHRM=chrm(*P3)) == COLOUR).all()  # says nothing without gAMA
    wide = shown(path, gAMA=gama(1), cHRM=chrm(*P3))
    assert np.abs(wide - linear).max() > 10 and np.abs(wide[0, 3] - linear[0, 3]).max() <= 1  # grey stays grey
    assert np.abs(wide[0, 0] - srgb_encode((COLOUR[0, 0] / 255) @ np.array(
        [[1.2249, -0.0420, -0.0197], [-0.2247, 1.0419, -0.0786], [0, 0, 1.0979]]))).max() <= 1


def test_which_of_pngs_chunks_has_the_say(tmp_path):
    """cICP before iCCP before sRGB before gAMA and cHRM."""
    path, linear = tmp_path / "a.png", srgb_encode(COLOUR / 255)
    swapped = b"x\0\0" + zlib.compress(rgb_profile(SRGB[::-1], 1.0))
    junk = b"x\0\0" + zlib.compress(b"junk")
    assert (shown(path, gAMA=gama(1), sRGB=b"\0", cHRM=chrm(*P3)) == COLOUR).all()
    for chunks in ({"iCCP": swapped, "sRGB": b"\0"}, {"gAMA": gama(2.2), "cHRM": chrm(*P3), "iCCP": swapped}):
        assert np.abs(shown(path, **chunks) - linear[..., ::-1]).max() <= 2
    assert np.abs(shown(path, iCCP=junk, gAMA=gama(1)) - linear).max() <= 1
    assert np.abs(shown(path, cICP=bytes([1, 8, 0, 1]), iCCP=swapped, sRGB=b"\0") - linear).max() <= 1
    assert (shown(path, cICP=bytes([1, 13, 0, 1]), gAMA=gama(1)) == COLOUR).all()
    with pytest.raises(PictureError, match=r"a.png is an HDR picture \(PQ\); export it"):
        shown(path, cICP=bytes([9, 16, 0, 1]))


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_colour_key_of_grey(tmp_path, depth):
    top = 2**depth - 1
    values = np.array([0, 1, top, 0])
    if depth == 16:
        row = values.astype(">u2").tobytes()
    else:
        row = np.packbits(((values[:, None] >> np.arange(depth)[::-1]) & 1).astype(np.uint8)).tobytes()
    picture = open_picture(png(tmp_path / "a.png", (4, 1), depth, 0, [row], tRNS=struct.pack(">H", 1)))
    assert list(picture.alpha.tobytes()) == [255 * (value != 1) for value in values]
    assert (pixels(picture)[0, [0, 3]] == 0).all()


def test_a_colour_key_of_16_bits_is_exact(tmp_path):
    values = np.array([[1000, 2000, 3000], [1000, 2000, 3001]], np.uint16)
    path = png(tmp_path / "a.png", (2, 1), 16, 2, [values.astype(">u2").tobytes()], tRNS=struct.pack(">3H", *values[0]))
    assert list(open_picture(path).alpha.tobytes()) == [0, 255]


def test_grey_with_alpha_of_16_bits(tmp_path):
    values = np.array([[0, 65535], [40000, 30000], [65535, 1]], np.uint16)
    picture = open_picture(png(tmp_path / "a.png", (3, 1), 16, 4, [values.astype(">u2").tobytes()]))
    assert pixels(picture)[0, :, 1].tolist()[:2] == [0, 156] and list(picture.alpha.tobytes()) == [255, 117, 0]


@pytest.mark.parametrize("size", [(1, 1), (300, 7)])
def test_light_is_worked_out_in_bands(tmp_path, size, monkeypatch):
    """However small they are."""
    from wct.images import light

    monkeypatch.setattr(light, "_ROWS", 1000)
    rows = [bytes([x % 256 for x in range(3 * size[0])])] * size[1]
    path = png(tmp_path / "a.png", size, 8, 2, rows, gAMA=gama(1))
    expected = srgb_encode(np.frombuffer(rows[0], np.uint8).reshape(1, -1, 3) / 255)
    assert np.abs(pixels(open_picture(path)) - expected).max() <= 0.6


# Profiles that pillow leaves in the file


@pytest.mark.parametrize("suffix", ["bmp", "jp2"])
def test_profiles_of_bmp_and_jpeg_2000(tmp_path, suffix):
    colours = np.full((16, 16, 3), (200, 120, 90), np.uint8)
    path, profile = tmp_path / f"a.{suffix}", rgb_profile(ADOBE_RGB)
    expected = srgb_encode((colours[0, 0] / 255) ** 2.2 @ ADOBE_RGB @ np.linalg.inv(SRGB))
    if suffix == "bmp":
        bmp(path, Image.fromarray(colours), profile)
    else:
        Image.fromarray(colours).save(path)
        data = path.read_bytes()
        at = data.index(b"colr") - 4
        length = struct.unpack_from(">I", data, at)[0]
        box = struct.pack(">I4s3B", 11 + len(profile), b"colr", 2, 0, 0) + profile
        head = data.index(b"jp2h") - 4
        grown = struct.unpack_from(">I", data, head)[0] + len(box) - length
        path.write_bytes(data[:head] + struct.pack(">I", grown) + data[head + 4:at] + box + data[at + length:])
    assert np.abs(pixels(open_picture(path)) - expected).max() <= 3

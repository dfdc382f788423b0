"""HEIC, AVIF, JPEG XL and files of several pictures; nothing slow is imported for others."""

import io
import struct
import subprocess
import sys

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 (writes .jxl)
import pytest
from common import ROOT
from pictures import ADOBE_RGB, SRGB, exif, noise, pixels, rgb_profile, srgb_encode
from PIL import Image

from wct.images import PictureError, open_picture
from wct.images.formats import jxl_size

pillow_heif.register_heif_opener()
MODERN = ["heic", "avif", "jxl"]


def saved(path, image, **options):
    image.save(path, **{"quality": 95} | options)
    return path


@pytest.mark.parametrize("suffix", MODERN)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_modern_formats(tmp_path, suffix, mode):
    image = noise(90, 60, mode)
    if mode == "RGBA":
        image.putalpha(noise(90, 60, "L", seed=2))
    picture = open_picture(saved(tmp_path / f"a.{suffix}", image))
    assert picture.size == (90, 60) and picture.notes == ()
    opaque = np.asarray(image.convert("RGB")).astype(int)
    visible = np.asarray(picture.alpha) > 60 if mode == "RGBA" else np.full((60, 90), True)
    assert np.abs(pixels(picture) - opaque)[visible].mean() < 3
    assert (picture.alpha is None) == (mode != "RGBA")
    if picture.alpha:
        assert np.abs(np.asarray(picture.alpha).astype(int) - np.asarray(image.getchannel("A"))).mean() < 3
    assert open_picture(tmp_path / f"a.{suffix}", max_size=30).size == (30, 20)


@pytest.mark.parametrize("suffix", MODERN)
def test_profiles_of_modern_formats(tmp_path, suffix):
    if suffix == "jxl":
        pytest.skip("its writer takes no profile")
    colour = np.full((32, 32, 3), (200, 120, 90), np.uint8)
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(colour), icc_profile=rgb_profile(ADOBE_RGB), quality=100)
    expected = srgb_encode((colour[0, 0] / 255.0) ** 2.2 @ ADOBE_RGB @ np.linalg.inv(SRGB))
    assert np.abs(pixels(open_picture(path)) - expected).max() <= 4


@pytest.mark.parametrize("codes, changes", [((1, 13), False), ((2, 2), False), ((1, 1), False), ((12, 13), True)])
def test_codes_for_colours_in_heic(tmp_path, codes, changes):
    """As browsers take them: Display P3 is honoured, television's curve is sRGB's."""
    colour = np.full((32, 32, 3), (180, 90, 90), np.uint8)
    path = saved(tmp_path / "a.heic", Image.fromarray(colour), quality=-1, save_nclx_profile=True, chroma=444,
                 color_primaries=codes[0], transfer_characteristics=codes[1], matrix_coefficients=6, full_range_flag=1)
    shift = np.abs(pixels(open_picture(path))[16, 16] - colour[0, 0]).max()
    assert (shift > 8) == changes


def test_hdr_is_refused(tmp_path):
    path = saved(tmp_path / "a.heic", noise(32, 32), save_nclx_profile=True, color_primaries=9,
                 transfer_characteristics=16, matrix_coefficients=9)
    with pytest.raises(PictureError, match=r"a.heic is an HDR picture \(PQ\)"):
        open_picture(path)


def test_codes_for_colours_in_avif(tmp_path):
    """Pillow writes sRGB's: the file is given others by hand."""
    colour = np.full((32, 32, 3), (180, 90, 90), np.uint8)
    path = saved(tmp_path / "a.avif", Image.fromarray(colour), quality=100, subsampling="4:4:4")
    plain, data = pixels(open_picture(path)), bytearray(path.read_bytes())
    at = data.find(b"colrnclx") + 8
    assert struct.unpack_from(">HH", data, at) == (1, 13) and np.abs(plain - colour).max() <= 2
    struct.pack_into(">HH", data, at, 12, 13)
    path.write_bytes(data)
    assert pixels(open_picture(path))[16, 16, 0] > plain[16, 16, 0] + 8
    struct.pack_into(">HH", data, at, 9, 18)
    path.write_bytes(data)
    with pytest.raises(PictureError, match=r"a.avif is an HDR picture \(HLG\)"):
        open_picture(path)


@pytest.mark.parametrize("suffix", MODERN)
def test_orientation_of_modern_formats(tmp_path, suffix):
    """AVIF and HEIC turn by boxes of their own, which their writers make of EXIF's; what JPEG XL's says is done."""
    options = {"exif": exif(6).tobytes()}
    picture = open_picture(saved(tmp_path / f"a.{suffix}", noise(90, 60), **options))
    upright = noise(90, 60) if suffix == "jxl" else noise(90, 60).transpose(Image.Transpose.ROTATE_270)
    assert picture.size == upright.size
    assert np.abs(pixels(picture) - np.asarray(upright)).mean() < 4


def test_the_primary_image_of_heic(tmp_path):
    several = pillow_heif.from_pillow(noise(40, 30))
    several.add_from_pillow(noise(80, 60, seed=3))
    several.save(tmp_path / "a.heic", quality=95, primary_index=1)
    picture = open_picture(tmp_path / "a.heic")
    assert picture.size == (80, 60)
    assert np.abs(pixels(picture) - np.asarray(noise(80, 60, seed=3))).mean() < 3


def test_the_first_image_of_mpo(tmp_path):
    """Of a stereo camera, or with the photo's own small copy."""
    noise(80, 60).save(tmp_path / "a.mpo", save_all=True, append_images=[noise(40, 30, seed=1)], quality=95)
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.mpo").read_bytes())
    for name in ("a.mpo", "a.jpg"):
        picture = open_picture(tmp_path / name)
        assert picture.size == (80, 60) and np.abs(pixels(picture) - np.asarray(noise(80, 60))).mean() < 2
    assert open_picture(tmp_path / "a.mpo", max_size=20).size == (20, 15)


@pytest.mark.parametrize("size", [(8, 8), (256, 256), (30, 20), (1, 1), (3000, 9), (400, 300), (1920, 1080), (5, 2000)])
@pytest.mark.parametrize("container", [False, True])
def test_the_size_of_a_jpeg_xl_by_its_header(tmp_path, size, container):
    file = io.BytesIO()
    Image.new("RGB", size).save(file, "JXL", use_container=container)
    assert jxl_size(file.getvalue()) == size
    with pytest.raises(PictureError, match="pixels, more than the limit of 0"):
        open_picture(io.BytesIO(file.getvalue()), max_pixels=0)


def test_a_jpeg_xl_made_of_a_jpeg(tmp_path):
    path = saved(tmp_path / "a.jpg", noise(90, 60), exif=exif(6))
    with Image.open(path) as image:
        image.save(tmp_path / "a.jxl", lossless_jpeg=True)
    assert np.abs(pixels(open_picture(tmp_path / "a.jxl")) - pixels(open_picture(path))).max() <= 2


def test_the_content_says_what_a_file_is(tmp_path):
    saved(tmp_path / "a.heic", noise(30, 20))
    for name, real in (("b.jpg", "a.heic"), ("c.png", "b.jpg"), ("d", "b.jpg"), ("e.svg", "b.jpg")):
        (tmp_path / name).write_bytes((tmp_path / real).read_bytes())
        assert open_picture(tmp_path / name).size == (30, 20)


@pytest.mark.parametrize("name, words", [
    ("a.svg", "is a vector drawing (SVG); export it as PNG or JPEG"), ("a.exr", "is an HDR picture (EXR)"),
    ("a.xcf", "is a program's own document (XCF)"), ("a.jpg", "no picture of a known format, or is damaged"),
])
def test_what_is_not_read_is_told_by_its_suffix(tmp_path, name, words):
    (tmp_path / name).write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>" * 3)
    with pytest.raises(PictureError) as caught:
        open_picture(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name} is") and words in str(caught.value)


def test_plugins_are_imported_when_they_are_needed(tmp_path):
    noise(8, 8).save(tmp_path / "a.png")
    saved(tmp_path / "b.heic", noise(8, 8))
    code = (
        "import sys; from wct.images import find_pictures, open_picture, save_picture\n"
        "a, b = find_pictures(sys.argv[1])\n"
        "save_picture(open_picture(a).rgb, a)\n"
        "assert not {'pillow_heif', 'pillow_jxl', '_pillow_heif'} & sys.modules.keys()\n"
        "assert open_picture(b).size == (8, 8) and 'pillow_heif' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=ROOT)

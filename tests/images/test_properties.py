"""Whatever is generated is read as a reference reads it, or refused in one sentence."""

import io
import random

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 (writes .jxl)
from hypothesis import given, settings
from hypothesis import strategies as st
from images.fuzz import damaged, fuzz, samples
from pictures import ADOBE_RGB, SRGB, exif, noise, rgb_profile, srgb_encode
from PIL import Image, ImageOps

from wct.images import PictureError, open_mask, open_picture

pillow_heif.register_heif_opener()
FORMATS = ["PNG", "TIFF", "WEBP", "JPEG", "BMP", "GIF", "TGA", "PPM", "JPEG2000", "AVIF", "HEIF", "JXL"]
MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16", "F"]
SAMPLES = list(samples())
DEEP = {"I": ("i4", 65535), "I;16": ("u2", 65535), "F": ("f4", 1)}


def made(width, height, mode, seed):
    """A picture as an image of a mode."""
    image = noise(width, height, seed=seed)
    if mode in DEEP:
        dtype, white = DEEP[mode]
        return Image.fromarray((np.asarray(image.convert("L")) * (white / 255)).astype(dtype))
    if mode in ("LA", "PA", "RGBA"):
        image = image.convert(mode.replace("P", "L"))
        image.putalpha(noise(width, height, "L", seed=seed + 1).point(lambda value: value // 2 + 128))
    if mode == "PA":
        image = Image.merge("PA", (image.getchannel("L").convert("P"), image.getchannel("A")))
    return image.convert(mode)


def read_by_pillow(file, wide):
    """What a file should give, (H, W, 4) floats, by pillow, its orientation and a formula for the profile."""
    with Image.open(file) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode in DEEP:
            grey = np.asarray(image) * (255 / DEEP[image.mode][1])
            expected = np.stack([grey, grey, grey, np.full_like(grey, 255)], axis=-1).astype(float)
        elif image.mode == "LAB":
            return None
        else:
            expected = np.asarray(image.convert("RGBA")).astype(float)
        grey = image.mode in ("1", "L", "LA", *DEEP)
    if wide:
        linear = (expected[..., :3] / 255) ** 2.2
        expected[..., :3] = srgb_encode(linear if grey else linear @ ADOBE_RGB @ np.linalg.inv(SRGB))
    return expected


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(mode=st.sampled_from(MODES), kind=st.sampled_from(FORMATS), width=st.integers(1, 40), height=st.integers(1, 40),
       turned=st.integers(1, 8), profile=st.sampled_from([None, "wide", "junk"]), seed=st.integers(0, 50))
def test_any_mode_format_orientation_and_profile(mode, kind, width, height, turned, profile, seed):
    file, options = io.BytesIO(), {"lossless": True, "quality": 100}
    if kind in ("PNG", "TIFF", "WEBP", "JPEG"):
        options["exif"] = exif(turned)
        if profile:
            options["icc_profile"] = rgb_profile(ADOBE_RGB) if profile == "wide" else b"junk"
    try:
        made(width, height, mode, seed).save(file, kind, **options)
    except (OSError, ValueError, KeyError, NotImplementedError, SystemError):
        return  # there is no such file
    # a profile of colours is none of inks
    wide = options.get("icc_profile", b"junk") != b"junk" and mode != "CMYK"
    file.seek(0)
    expected = read_by_pillow(io.BytesIO(file.getvalue()), wide)
    file.name = "a.tga" if kind == "TGA" else "a"
    picture = open_picture(file)
    assert picture.notes == () or (mode, kind) == ("I", "TIFF")  # where white could be 65535 or 2^32 - 1
    if expected is None or (kind == "JXL" and mode in DEEP):  # whose writer says that 16 bits are linear
        return
    assert picture.size == expected.shape[1::-1]
    visible = expected[..., 3] > 0
    assert np.abs(np.asarray(picture.rgb) - expected[..., :3])[visible].max(initial=0) <= 3
    alpha = 255 if picture.alpha is None else np.asarray(picture.alpha)
    assert np.abs(alpha - expected[..., 3]).max() <= 1


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_masks_never_raise_anything_else(data):
    name, whole = data.draw(st.sampled_from(SAMPLES))
    file = io.BytesIO(damaged(whole, random.Random(data.draw(st.integers(0, 10**6)))))
    file.name = name
    try:
        mask = open_mask(file, open_picture(noise(48, 40)))
    except PictureError:
        return
    assert mask.image.mode == "L" and mask.image.size == (48, 40) and 0 < mask.share <= 1


def test_damaged_files():
    """A share of what `python tests/images/fuzz.py` does, with other accidents."""
    faults, counts = fuzz(150, seed=77)
    assert faults == []
    assert counts["read"] > 20 and counts["refused"] > 20

"""Tensors, and files out."""

import io
import os

import numpy as np
import pytest
import torch
from pictures import (
    COLOURS,
    SRGB,
    exif,
    noise,
    pixels,
    rgb_profile,
)
from PIL import Image, ImageCms

from wct.images import (
    FORMATS,
    PictureError,
    open_picture,
    save_picture,
    to_pil,
    to_tensor,
)

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
def test_results_say_that_they_are_srgb(tmp_path, key):
    Image.fromarray(COLOURS).save(tmp_path / "in.png", icc_profile=b"junk")
    image = open_picture(tmp_path / "in.png").rgb
    for name in ("out", "again"):
        save_picture(image, tmp_path / name, format=key)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "again").read_bytes()
    with Image.open(tmp_path / "out") as saved:
        if key == "png":
            assert saved.info["srgb"] == 0 and "icc_profile" not in saved.info
        else:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(saved.info["icc_profile"]))
            assert "sRGB" in ImageCms.getProfileDescription(profile)


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
    resource = pytest.importorskip("resource")
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

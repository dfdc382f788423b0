"""Sizes, sources, broken files and folders."""

import io
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 (writes .jxl)
import pytest
from pictures import (
    COLOURS,
    exif,
    noise,
    pixels,
    png,
)
from PIL import Image

from wct.images import (
    PictureError,
    find_pictures,
    open_picture,
    save_picture,
    to_pil,
    to_tensor,
)

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
        ((451, 300), 100, (100, 67)),
        ((4510, 3000), 100, (100, 67)),
        ((301, 1999), 77, (12, 77)),
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


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "tiff", "ppm"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.995])
def test_what_is_there_of_a_cut_file_is_read_and_that_is_told(tmp_path, suffix, share):
    path = tmp_path / f"cut.{suffix}"
    pixel = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    Image.fromarray(pixel).save(path, quality=95, interlace=False)
    whole, data = pixels(open_picture(path)), path.read_bytes()
    assert open_picture(path).notes == ()
    path.write_bytes(data[: int(len(data) * share)])
    picture = open_picture(path)
    if share == 0.995 and picture.notes == ():  # what is lacking holds no pixels
        assert (pixels(picture) == whole).all()
        return
    (note,) = picture.notes
    assert note.startswith(f"{path} lacks its last bytes")
    top = int(80 * (share - 0.3))
    if suffix == "bmp":  # it is stored from the lowest row on
        assert (pixels(picture)[-top:] == whole[-top:]).all()
    else:
        assert (pixels(picture)[:top] == whole[:top]).all() and ("lowest" in note or share > 0.5)


@pytest.mark.parametrize("max_size", [None, 60])
def test_a_cut_jpeg_is_shown_as_viewers_do(tmp_path, max_size):
    path = tmp_path / "cut.jpg"
    noise(400, 300).save(path, quality=95)
    whole, data = pixels(open_picture(path, max_size=max_size)), path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    picture = open_picture(path, max_size=max_size)
    height = len(whole)
    assert "% are blank" in picture.notes[0]
    assert np.abs(pixels(picture) - whole)[: height // 4].max() <= 2
    assert np.abs(pixels(picture)[-height // 8:] - 128).max() <= 2  # libjpeg's grey
    noise(400, 300).save(path, quality=95, progressive=True)
    path.write_bytes(path.read_bytes()[:-200])
    assert np.abs(pixels(open_picture(path)) - pixels(open_picture(noise(400, 300)))).mean() < 3
    assert open_picture(path).notes == (f"{path} lacks its last bytes; what is there was read",)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "avif", "jxl", "heic"])
def test_next_to_nothing_is_refused(tmp_path, suffix):
    pillow_heif.register_heif_opener()
    path = tmp_path / f"cut.{suffix}"
    noise(40, 40).save(path)
    path.write_bytes(path.read_bytes()[:60])
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
        refused(path, "60000 x 60000", "limit of 200,000,000", "shrink it first")
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
    with pytest.raises(PictureError, match="cut short, and none of its pixels"):  # below the limit, so it was tried
        open_picture(bomb(tmp_path / "cut.png", 200, 200), max_pixels=40_000)
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp", "jpg", "gif", "bmp", "avif", "jxl", "heic", "jp2"])
def test_the_limit_is_the_same_for_every_format(tmp_path, monkeypatch, suffix):
    """Pillow's own, which the whole process shares, neither warns nor refuses."""
    pillow_heif.register_heif_opener()
    path = tmp_path / f"in.{suffix}"
    noise(30, 20).save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for limit in (400, 100):  # where it would warn, as at 100 megapixels, and where it would refuse
            monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
            assert open_picture(path, max_pixels=600).size == (30, 20)
            with pytest.raises(PictureError, match="30 x 20 pixels, more than the limit of 599"):
                open_picture(path, max_pixels=599)


def test_messages_are_for_those_who_do_not_write_python(tmp_path):
    path = tmp_path / "in.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(30))
    for act in (lambda: open_picture(path), lambda: open_picture(bomb(path, 60000, 60000))):
        with pytest.raises(PictureError) as caught:
            act()
        assert not any(word in str(caught.value) for word in ("PIL", "Image.", "max_", "Error", "None", "bytes-like"))


def test_picture_without_pixels():
    with pytest.raises(PictureError, match="no pixels"):
        open_picture(Image.new("RGB", (0, 5)))

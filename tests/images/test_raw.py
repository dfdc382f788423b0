"""Camera raw files: told, never read as their thumbnail, and read by a preview of full size."""

import io
import struct

import numpy as np
import pytest
from pictures import exif, noise, pixels, raw_file, tiff
from PIL import Image

from wct.images import PictureError, open_picture


def jpeg(size, **options):
    file = io.BytesIO()
    noise(*size).save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def refused(path, kind):
    with pytest.raises(PictureError) as caught:
        open_picture(path)
    told = str(caught.value)
    assert told.startswith(f"{path} is a camera's raw file ({kind})") and "raw converter" in told


@pytest.mark.parametrize("name, tags", [
    ("photo.dng", [(50706, 1, [1, 4, 0, 0])]), ("photo.NEF", []), ("photo.arw", []), ("photo.pef", []),
    ("photo.tif", [(50706, 1, [1, 4, 0, 0])]), ("photo", []),
])
def test_a_thumbnail_is_no_photo(tmp_path, name, tags):
    refused(raw_file(tmp_path / name, (640, 480), tags=tags), {"NEF": "NEF", "arw": "ARW", "pef": "PEF"}.get(
        name.partition(".")[2], "DNG"))


@pytest.mark.parametrize("share, taken", [(0.5, False), (0.85, False), (0.98, True), (1, True)])
def test_a_preview_of_full_size_is_taken_and_that_is_told(tmp_path, share, taken):
    size = round(640 * share), round(480 * share)
    path = raw_file(tmp_path / "photo.dng", (640, 480), preview=jpeg(size))
    if not taken:
        return refused(path, "DNG")
    picture = open_picture(path)
    assert picture.size == size and np.abs(pixels(picture) - np.asarray(noise(*size))).mean() < 2
    assert picture.notes == (f"{path} is a camera's raw file (DNG); the preview of full size in it was taken",)
    assert open_picture(path, max_size=100).size[0] == 100
    assert open_picture(io.BytesIO(path.read_bytes())).size == size


def test_the_preview_is_turned_as_the_raw_file_says(tmp_path):
    """By its own EXIF where it has one, else by that of the raw file."""
    tags = [(50706, 1, [1, 4, 0, 0]), (274, 3, [6])]
    for preview in (jpeg((640, 480)), jpeg((640, 480), exif=exif(6))):
        path = raw_file(tmp_path / "photo.dng", (640, 480), preview=preview, tags=tags)
        assert open_picture(path).size == (480, 640)


def test_a_preview_that_is_no_jpeg(tmp_path):
    """The first directory is the picture in full, the sensor's data the second."""
    path = raw_file(tmp_path / "photo.dng", (160, 120), thumbnail=(160, 120))
    assert np.abs(pixels(open_picture(path)) - np.asarray(noise(160, 120, seed=5))).max() == 0


def test_canon(tmp_path):
    """A CR2 has its preview in the first directory, its size in the EXIF, and sensor data that say nothing of it."""
    preview, size = jpeg((600, 400)), {}
    for full in ((606, 404), (1200, 800)):
        data = b"II*\0" + struct.pack("<I", 16) + b"CR\2\0" + bytes(4)
        at = 16 + 2 + 6 * 12 + 4
        entries = [(256, 4, 1, 600), (257, 4, 1, 400), (259, 3, 1, 6), (273, 4, 1, at + 30),
                   (279, 4, 1, len(preview)), (34665, 4, 1, at)]
        data += struct.pack("<H", 6) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
        data += struct.pack("<H", 2) + b"".join(
            struct.pack("<HHII", tag, 4, 1, side) for tag, side in zip((40962, 40963), full)) + bytes(4)
        path = tmp_path / "photo.cr2"
        path.write_bytes(data + preview)
        size[full] = path.read_bytes()
    refused(path, "CR2")
    path.write_bytes(size[606, 404])
    assert open_picture(path).size == (600, 400)


def test_fuji(tmp_path):
    path = tmp_path / "photo.raf"
    for full, taken in (((600, 400), True), ((3000, 2000), False)):
        preview = jpeg((600, 400))
        records = struct.pack(">IHHHH", 1, 0x100, 4, full[1], full[0])
        head = b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0")
        head += struct.pack(">IIII", 100 + len(records), len(preview), 100, len(records))
        path.write_bytes(head + records + preview)
        if taken:
            assert open_picture(path).size == (600, 400)
        else:
            refused(path, "RAF")


@pytest.mark.parametrize("start, kind", [
    (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "CR3"), (b"IIRO\x08\0\0\0", "ORF"), (b"IIU\0\x18\0\0\0", "RW2"),
    (b"FOVb\1\0\2\0", "X3F"), (b"\0MRM\0\0\0\0", "MRW"), (b"II\x1a\0\0\0HEAPCCDR", "CRW"), (b"FUJIFILMCCD-RAW ", "RAF"),
])
def test_others_are_told_by_how_they_begin(tmp_path, start, kind):
    (tmp_path / "photo.bin").write_bytes(start + bytes(200))
    refused(tmp_path / "photo.bin", kind)


def test_what_has_but_the_suffix(tmp_path):
    (tmp_path / "photo.nef").write_bytes(bytes(100))
    with pytest.raises(PictureError, match="photo.nef is a camera's raw file; develop it"):
        open_picture(tmp_path / "photo.nef")
    (tmp_path / "photo.arw").write_bytes(jpeg((30, 20)))
    assert open_picture(tmp_path / "photo.arw").size == (30, 20)


def test_other_tiffs_with_sub_directories_are_pictures(tmp_path):
    image = np.asarray(noise(40, 30))
    assert (pixels(open_picture(tiff(tmp_path / "a.tif", image))) == image).all()
    Image.fromarray(image).save(tmp_path / "b.tif", exif=exif(1))
    assert (pixels(open_picture(tmp_path / "b.tif")) == image).all()

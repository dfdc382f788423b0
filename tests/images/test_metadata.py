"""What results keep of their photo: nothing, or date, camera and place."""

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 (writes .jxl)
import pytest
from pictures import COLOURS, noise, pixels
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from wct.images import FORMATS, open_picture, save_picture

pillow_heif.register_heif_opener()
CAMERA, MODEL, PROGRAM, DATE, ORIENTATION = 0x010F, 0x0110, 0x0131, 0x0132, 0x0112
PHOTO, TAKEN, EXPOSURE, WIDTH, MAKERS_NOTE, SERIAL = 0x8769, 0x9003, 0x829A, 0xA002, 0x927C, 0xA431
GPS = 0x8825
PLACE = {1: "N", 2: (52.0, 31.0, 12.5), 3: "E", 4: (13.0, 24.0, 0.0)}


def photo_exif(orientation=6):
    data = Image.Exif()
    data.update({CAMERA: "Maker", MODEL: "Model X", PROGRAM: "Editor", DATE: "2024:05:06 07:08:09"})
    data[ORIENTATION] = orientation
    data.get_ifd(PHOTO).update({TAKEN: "2024:05:06 07:08:09", EXPOSURE: 0.004, WIDTH: 40, MAKERS_NOTE: b"private",
                                SERIAL: "12345"})
    data.get_ifd(GPS).update(PLACE)
    return data


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "heic", "avif", "jxl"])
@pytest.mark.parametrize("key", FORMATS)
def test_date_camera_and_place_are_kept_where_asked_for(tmp_path, suffix, key):
    noise(40, 30).save(tmp_path / f"in.{suffix}", exif=photo_exif().tobytes())
    picture = open_picture(tmp_path / f"in.{suffix}")
    save_picture(picture.rgb, tmp_path / "kept", format=key, metadata=picture.metadata)
    save_picture(picture.rgb, tmp_path / "bare", format=key)
    with Image.open(tmp_path / "kept") as kept, Image.open(tmp_path / "bare") as bare:
        found = kept.getexif()
        assert (found[CAMERA], found[MODEL], found[DATE]) == ("Maker", "Model X", "2024:05:06 07:08:09")
        taken = found.get_ifd(PHOTO)
        assert taken[TAKEN] == "2024:05:06 07:08:09" and float(taken[EXPOSURE]) == 0.004
        assert dict(found.get_ifd(GPS)) == PLACE
        assert not {ORIENTATION, PROGRAM} & found.keys() and not {WIDTH, MAKERS_NOTE, SERIAL} & taken.keys()
        assert not bare.getexif() and kept.size == bare.size == picture.size
    assert (pixels(open_picture(tmp_path / "kept")) == pixels(open_picture(tmp_path / "bare"))).all()


def test_tiffs_have_theirs_among_their_own_tags(tmp_path):
    tags = ImageFileDirectory_v2()
    tags.update({CAMERA: "Maker", DATE: "2024:05:06 07:08:09", PHOTO: {TAKEN: "2024:05:06 07:08:09"}, GPS: PLACE})
    Image.fromarray(COLOURS).save(tmp_path / "a.tif", tiffinfo=tags)
    save_picture(Image.new("RGB", (4, 3)), tmp_path / "b.jpg", metadata=open_picture(tmp_path / "a.tif").metadata)
    with Image.open(tmp_path / "b.jpg") as image:
        found = image.getexif()
        assert found[CAMERA] == "Maker" and not {256, 257, 273} & found.keys()
        assert found.get_ifd(PHOTO)[TAKEN] == "2024:05:06 07:08:09" and dict(found.get_ifd(GPS)) == PLACE


def test_the_picture_is_not_turned_twice(tmp_path):
    upright = np.ascontiguousarray(COLOURS[:, ::-1].swapaxes(0, 1))
    Image.fromarray(upright).save(tmp_path / "in.png", exif=photo_exif(6))
    picture = open_picture(tmp_path / "in.png")
    save_picture(picture.rgb, tmp_path / "out.png", metadata=picture.metadata)
    assert (pixels(open_picture(tmp_path / "out.png")) == pixels(picture)).all()


def test_pictures_without(tmp_path):
    assert open_picture(noise(4, 4)).metadata is None
    Image.fromarray(COLOURS).save(tmp_path / "a.png", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert open_picture(tmp_path / "a.png").metadata is None
    only_turned = Image.Exif()
    only_turned[ORIENTATION] = 3
    Image.fromarray(COLOURS).save(tmp_path / "b.png", exif=only_turned)
    assert open_picture(tmp_path / "b.png").metadata is None

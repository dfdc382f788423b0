"""What a result may keep of its photo: when, with what and where it was taken."""

from PIL import Image

_EXIF, _GPS = 0x8769, 0x8825
_MOST = 60_000  # bytes; a JPEG has room for 65,533

# Artist, copyright, camera, date. Orientation, thumbnails and the program's name would be wrong of a result.
_MAIN = (0x010F, 0x0110, 0x0132, 0x013B, 0x8298)
# Exposure, dates and time zones, focal length, lens. No maker's notes, serial numbers or sizes.
_PHOTO = (
    0x829A, 0x829D, 0x8822, 0x8827, 0x9000, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012, 0x9201, 0x9202, 0x9203, 0x9204,
    0x9205, 0x9206, 0x9207, 0x9208, 0x9209, 0x920A, 0x9290, 0x9291, 0x9292, 0xA402, 0xA403, 0xA404, 0xA405, 0xA406,
    0xA432, 0xA433, 0xA434,
)


def kept(exif: Image.Exif) -> bytes | None:
    """Date, camera, author and place of a photo's EXIF, as EXIF bytes for `save_picture`; None where it has none."""
    own = Image.Exif()
    for tag in _MAIN:
        if tag in exif:
            own[tag] = exif[tag]
    photo = exif.get_ifd(_EXIF)
    for ifd, found in ((_EXIF, {tag: photo[tag] for tag in _PHOTO if tag in photo}), (_GPS, exif.get_ifd(_GPS))):
        if found:
            own.get_ifd(ifd).update(found)
            own[ifd] = own.get_ifd(ifd)
    data = own.tobytes() if len(own) else b""
    return data if 0 < len(data) <= _MOST else None

"""Which files are read: told apart by their first bytes, opened without decoding a pixel."""

import struct
from typing import NamedTuple

from PIL import Image

from wct.images import raw, tiff
from wct.images.picture import ReadError
from wct.images.png import Png

# By pillow's name. Others that pillow knows run programs (EPS) or hold no picture (HDF5).
_PILLOWS = ("JPEG", "WEBP", "GIF", "BMP", "JPEG2000", "PPM", "PSD", "QOI", "TGA")
SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo", ".png", ".apng", ".webp", ".tif", ".tiff", ".gif", ".bmp",
    ".dib", ".heic", ".heif", ".heics", ".heifs", ".hif", ".avif", ".avifs", ".jxl", ".jp2", ".j2k", ".jpc", ".jpf",
    ".jpx", ".j2c", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".psd", ".qoi", ".tga", ".icb", ".vda", ".vst",
))
_TARGA = (".tga", ".icb", ".vda", ".vst", "")

_VECTOR, _PROJECT, _HDR = "a vector drawing", "a program's own document", "an HDR picture"
# What people think of as pictures, and is not read
UNREAD = {
    **dict.fromkeys((".svg", ".svgz", ".eps", ".ai", ".cdr", ".wmf", ".emf"), _VECTOR),
    **dict.fromkeys((".xcf", ".kra", ".ora", ".psb", ".clip", ".afphoto", ".sketch", ".procreate", ".pdn"), _PROJECT),
    **dict.fromkeys((".exr", ".hdr"), _HDR),
    **dict.fromkeys((".ico", ".icns", ".cur"), "an icon"),
    **dict.fromkeys((".dds", ".ktx", ".ktx2", ".pcx", ".sgi", ".ras", ".xbm", ".xpm", ".jxr", ".wdp", ".bpg", ".flif",
                     ".jp3d", ".djvu", ".fits", ".dcm"), "a picture of a format that is not read"),
}


class Found(NamedTuple):
    """An image whose pixels are not decoded; notes on what it is; its orientation where its own EXIF may lack it."""

    image: Image.Image
    notes: list[str]
    orientation: int | None = None


def unread(suffix: str) -> str | None:
    """Why a file with this suffix is not read, the rest of a sentence; None where it is, or is no picture."""
    if suffix in UNREAD:
        return f"is {UNREAD[suffix]} ({suffix[1:].upper()}); export it as PNG or JPEG"
    return None


def identify(file, check, suffix: str = "") -> Found:
    """What is in a binary file: a format that is read, without a limit that all of the process would share.

    check: called with the (width, height) that its header states. suffix: of its name, in small letters. Raises
    ReadError for anything else, and for a raw file without a preview of full size.
    """
    Image.init()
    file.seek(0)
    start = file.read(64)
    if not start:
        raise ReadError("is empty; replace it with a whole copy")
    is_tiff = start[:4] in (b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"MM\0+", b"II+\0")
    directories = raw.directories_of(file)
    kind = raw.kind(start, suffix, directories)
    if kind:
        image, orientation = raw.preview(file, kind, directories)
        check(image.size)
        return Found(image, [f"is a camera's raw file ({kind}); the preview of full size in it was taken"], orientation)
    for opener in [tiff.opened] if is_tiff else _openers(start, suffix, check):
        file.seek(0)
        try:
            image = opener(file)
        except (SyntaxError, IndexError, TypeError, KeyError, struct.error):
            continue
        check(image.size)
        return Found(image, [])
    reason = unread(suffix) or ("is a camera's raw file; develop it in a raw converter, and take the JPEG or TIFF"
                                if suffix in raw.SUFFIXES else None)
    raise ReadError(reason or "is no picture of a known format, or is damaged; convert it to PNG or JPEG")


def _openers(start, suffix, check):
    """Functions of a file that may open what begins with these bytes."""
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        yield lambda file: Png(file, "")
    elif start[4:8] == b"ftyp":
        brands = {start[8:12], *(start[i : i + 4] for i in range(16, min(len(start), _long(start, 0)), 4))}
        yield _avif if brands & {b"avif", b"avis"} else _heif
    elif start[:2] == b"\xff\x0a" or start[:12] == b"\0\0\0\x0cJXL \r\n\x87\n":
        yield lambda file: _jxl(file, check)
    for name in _PILLOWS:
        factory, accepts = Image.OPEN[name]
        if _accepted(accepts, start) if accepts else suffix in _TARGA:
            yield lambda file, factory=factory: _with_profile(factory(file, ""), file)


def _accepted(accepts, start):
    try:
        return accepts(start[:16]) is True  # a string stands for a codec that is missing
    except IndexError:  # of a file of a few bytes
        return False


def _with_profile(image, file):
    """The image, with the ICC profile that pillow leaves in a BMP (of version 5) or JPEG 2000."""
    if image.format not in ("BMP", "JPEG2000"):
        return image
    at, start = file.tell(), 0
    file.seek(0)
    data = file.read(2**16)
    if image.format == "JPEG2000":  # a box of the method "restricted ICC"
        box = data.find(b"colr\2")
        start = box + 7 if box > 0 else 0
    elif data[70:74] == b"DEBM":
        start = 14 + struct.unpack_from("<I", data, 126)[0]
    if start:
        file.seek(start)
        size = file.read(4)
        image.info["icc_profile"] = size + file.read(max(0, min(_long(size, 0), 2**24) - 4))
    file.seek(at)
    return image


# The libraries of the three below are imported when such a file is opened.

def _avif(file):
    from PIL.AvifImagePlugin import AvifImageFile

    data = file.read(2**16)
    file.seek(0)
    image = AvifImageFile(file, "")
    box = data.find(b"colrnclx")
    if box >= 0 and "icc_profile" not in image.info:  # as pillow-heif tells it
        primaries, transfer = struct.unpack_from(">HH", data, box + 8)
        image.info["nclx_profile"] = {"color_primaries": primaries, "transfer_characteristics": transfer}
    return image


def _heif(file):
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise ReadError("is a HEIC picture; install what reads it: pip install pillow-heif") from error
    return HeifImageFile(file, "")


def _jxl(file, check):
    try:
        from pillow_jxl.JpegXLImagePlugin import JXLImageFile
    except ImportError as error:
        raise ReadError("is a JPEG XL picture; install what reads it: pip install pillow-jxl-plugin") from error
    check(jxl_size(file.read(2**16)))
    file.seek(0)
    return JXLImageFile(file, "")


def jxl_size(data: bytes) -> tuple[int, int]:
    """(width, height) of a JPEG XL file by its first bytes: its reader decodes at once (ISO/IEC 18181-1, D.2)."""
    if data[:2] != b"\xff\x0a":
        at = 0
        while data[at + 4 : at + 8] not in (b"jxlc", b"jxlp"):
            length = _long(data, at)
            if length < 8:
                raise SyntaxError("no codestream")
            at += length
        at += 8 + 4 * (data[at + 4 : at + 8] == b"jxlp")
        data = data[at:]
    bits = int.from_bytes(data[2:14], "little")

    def take(count):
        nonlocal bits
        value, bits = bits & (2**count - 1), bits >> count
        return value

    small = take(1)

    def side():
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    height, ratio = side(), take(3)
    across, down = ((0, 0), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio]
    return (height * across // down if ratio else side()), height


def _long(data, offset):
    return struct.unpack_from(">I", data, offset)[0]

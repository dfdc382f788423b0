"""Camera raw files: told from pictures, and the preview in them where it has the photo's full size.

What a sensor counted is no picture before it is developed. Most raw files are TIFFs whose first directory is a
thumbnail; the largest preview in them is as large as the photo with some cameras, and a stamp with others.
"""

import io
import mmap
import struct

from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from wct.images import tiff
from wct.images.picture import ReadError

SUFFIXES = frozenset((
    ".3fr", ".ari", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dcs", ".dng", ".eip", ".erf", ".fff",
    ".gpr", ".iiq", ".k25", ".kdc", ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".ori", ".pef", ".ptx",
    ".r3d", ".raf", ".raw", ".rw2", ".rwl", ".rwz", ".sr2", ".srf", ".srw", ".x3f",
))
_STARTS = {b"FUJIFILM": "RAF", b"IIRO": "ORF", b"IIRS": "ORF", b"MMOR": "ORF", b"IIU\0": "RW2", b"FOVb": "X3F",
           b"\0MRM": "MRW", b"II\x1a\0\0\0HEAPCCDR": "CRW"}
_SUB_DIRECTORIES, _JPEG, _JPEG_LENGTH, _EXIF, _DNG_VERSION = 330, 513, 514, 34665, 50706
_STRIPS, _STRIP_LENGTHS, _ORIENTATION = 273, 279, 274
_SENSOR = (32803, 34892)  # photometric: a colour filter array, or linear raw
FULL = 0.9  # of the photo's sides: previews lack some pixels at the border


def kind(start: bytes, suffix: str, directories: list) -> str | None:
    """The kind of raw file that begins with these bytes, such as "NEF"; None for a file that is none.

    suffix: of its name, in small letters. directories: `directories_of` the file.
    """
    for first, name in _STARTS.items():
        if start.startswith(first):
            return name
    if start[4:12] == b"ftypcrx ":
        return "CR3"
    if start[8:10] == b"CR" and directories:
        return "CR2"
    sensor = any(d.get(_DNG_VERSION) or d.get(tiff.PHOTOMETRIC) in _SENSOR for d in directories)
    if sensor or (directories and suffix in SUFFIXES):
        return suffix[1:].upper() if suffix in SUFFIXES else "DNG"
    return None


def directories_of(file) -> list:
    """The directories of a TIFF, those inside others too, up to 40; what is no TIFF has none."""
    file.seek(0)
    head = file.read(8)
    if head[:2] not in (b"II", b"MM") or len(head) < 8:
        return []
    order = "<" if head[:2] == b"II" else ">"
    number, first = struct.unpack(order + "HI", head[2:])
    if number not in (42, 0x4F52, 0x5352, 0x55):  # and those of ORF and RW2
        return []
    found, waiting, seen = [], [first], set()
    while waiting and len(found) < 40:
        offset = waiting.pop(0)
        if offset in seen or not offset:
            continue
        seen.add(offset)
        directory = ImageFileDirectory_v2(head[:2] + struct.pack(order + "HI", 42, offset))
        try:
            file.seek(offset)
            directory.load(file)
            inside = [directory.get(tag) for tag in (_SUB_DIRECTORIES, _EXIF)]
        except Exception:  # pillow raises nearly anything where a directory is broken
            continue
        directory.at = offset
        found.append(directory)
        for value in (directory.next, *inside):
            waiting += [v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, int)]
    return found


def preview(file, name: str, directories: list):
    """(PIL image, orientation): the preview of a raw file of that kind, not decoded yet.

    Raises ReadError where none has the full size of the photo.
    """
    data = _bytes_of(file)
    full = _fuji_size(data) if name == "RAF" else _full_size(directories)
    if full:
        for image in [_fuji(data)] if name == "RAF" else _previews(data, directories, full):
            if image and _is_full(image.size, full):
                return image, next((d.get(_ORIENTATION) for d in directories if d.get(_ORIENTATION)), 1)
    raise ReadError(f"is a camera's raw file ({name}) without a preview of full size; "
                    "develop it in a raw converter, and take the JPEG or TIFF")


def _bytes_of(file):
    """What can be sliced as bytes; of a file on disk, only what is sliced is read."""
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        file.seek(0)
        return file.read()


def _is_full(size, full):
    return max(size) >= FULL * max(full) and min(size) >= FULL * min(full)


def _full_size(directories):
    """The largest size that the sensor's data or the EXIF of a raw file state."""
    sizes = []
    for directory in directories:
        for tags in ((40962, 40963), (tiff.WIDTH, tiff.LENGTH) * (directory.get(tiff.PHOTOMETRIC) in _SENSOR)):
            size = tuple(_single(directory.get(tag)) for tag in tags)
            if size and all(size):
                sizes.append(size)
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _previews(data, directories, full):
    """The JPEGs that directories point to, and the directories that are pictures themselves."""
    pictures = [directory for directory in directories if directory.get(tiff.PHOTOMETRIC) not in _SENSOR]
    for directory in pictures:
        for tags in ((_JPEG, _JPEG_LENGTH), (_STRIPS, _STRIP_LENGTHS)):
            start, length = (_single(directory.get(tag)) for tag in tags)
            if start and length:
                yield _jpeg(data[start : start + length])
    for directory in pictures:
        size = tuple(_single(directory.get(tag)) or 0 for tag in (tiff.WIDTH, tiff.LENGTH))
        if _is_full(size, full):
            try:
                yield tiff.page_at(data, directory.at)
            except Exception:  # it is of some other kind, or broken
                continue


def _single(value):
    """The integer that a tag holds; None where it holds anything else."""
    value = value[0] if isinstance(value, tuple) and len(value) == 1 else value
    return value if isinstance(value, int) else None


def _jpeg(data):
    try:
        return JpegImageFile(io.BytesIO(data), "")
    except Exception:  # as above
        return None


def _fuji(data):
    start, length = struct.unpack(">II", data[84:92])
    return _jpeg(data[start : start + length])


def _fuji_size(data):
    """(width, height) of a RAF, by its records."""
    try:
        at, = struct.unpack_from(">I", data, 92)
        count, = struct.unpack_from(">I", data, at)
        at += 4
        for _ in range(min(count, 1000)):
            tag, length = struct.unpack_from(">HH", data, at)
            if tag == 0x100:
                return struct.unpack_from(">HH", data, at + 4)[::-1]
            at += 4 + length
    except struct.error:
        pass
    return None

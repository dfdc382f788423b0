"""Small pictures for the tests of wct.images, made by pillow or byte by byte."""

import struct
import zlib
from itertools import pairwise

import numpy as np
from PIL import Image

COLOURS = np.array(
    [
        [[250, 10, 20], [10, 240, 30], [20, 30, 230]],
        [[0, 0, 0], [255, 255, 255], [128, 90, 60]],
    ],
    dtype=np.uint8,
)


def pixels(picture):
    return np.asarray(picture.rgb).astype(int)


def noise(width, height, mode="RGB", seed=0):
    """Smooth random colours: what survives JPEG and resizing."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def png(path, size, depth, colour, rows, **chunks):
    """A PNG by hand, for what pillow does not write: rows are bytes of the pixels, one item a row."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    data = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    for kind, content in chunks.items():
        data += chunk(kind.encode(), content)
    data += chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return path


def bmp(path, image, icc):
    """A BMP of version 5 with an ICC profile, which pillow does not write."""
    width, height = image.size
    rows = b"".join(row[:, ::-1].tobytes().ljust((3 * width + 3) // 4 * 4, b"\0") for row in np.asarray(image)[::-1])
    head = struct.pack("<IiiHHIIiiII16x4s48x", 124, width, height, 1, 24, 0, len(rows), 0, 0, 0, 0, b"DEBM")
    head += struct.pack("<IIII", 4, 124 + len(rows), len(icc), 0)
    path.write_bytes(struct.pack("<2sIHHI", b"BM", 138 + len(rows) + len(icc), 0, 0, 138) + head + rows + icc)
    return path


SRGB = np.array([[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]])
ADOBE_RGB = np.array([[0.60974, 0.31111, 0.01947], [0.20528, 0.62567, 0.06087], [0.14919, 0.06322, 0.74457]])
D50 = (0.96420, 1.0, 0.82491)


def icc(space, connection, **tags):
    """The bytes of an ICC version 2 profile."""

    def fixed(numbers):
        return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)

    tags = {
        name: tag if isinstance(tag, bytes) else b"XYZ \0\0\0\0" + fixed(tag)
        for name, tag in {"wtpt": D50, **tags}.items()
    }
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += name.encode() + struct.pack(">II", offset + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"none", 0x02100000, b"mntr", space, connection)
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + fixed(D50)
    return head.ljust(128, b"\0") + table + body


def gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def rgb_profile(primaries, exponent=2.2):
    red, green, blue = primaries
    curve = gamma(exponent)
    return icc(b"RGB ", b"XYZ ", rXYZ=red, gXYZ=green, bXYZ=blue, rTRC=curve, gTRC=curve, bTRC=curve)


def cmyk_profile():
    """Inks that are all invisible but black."""
    identity = bytes(range(256))
    lab = b"".join(bytes([0 if corner % 2 else 255, 128, 128]) for corner in range(16))  # black runs fastest
    head = b"mft1\0\0\0\0\4\3\2\0" + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    return icc(b"CMYK", b"Lab ", A2B0=head + identity * 4 + lab + identity * 3)


def srgb_encode(linear):
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def tiff(path, pixels, photometric=None, order="<", icc=b"", extra=None, format=None, tags=()):
    """A TIFF by hand, for what pillow does not write: the samples of an array (H, W) or (H, W, C), not compressed.

    photometric: 1 for grey and 2 for colours by default. extra: ExtraSamples. tags: more of (tag, type, values).
    """
    height, width, channels = np.atleast_3d(pixels).shape
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    entries = [(256, 4, [width]), (257, 4, [height]), (258, 3, [pixels.dtype.itemsize * 8] * channels), (259, 3, [1]),
               (262, 3, [photometric if photometric is not None else 2 if channels > 2 else 1]), (273, 4, [8]),
               (277, 3, [channels]), (278, 4, [height]), (279, 4, [len(data)]), (339, 3, [format or kind] * channels)]
    entries += [(338, 3, [extra])] if extra is not None else []
    entries += [(34675, 7, list(icc))] if icc else []
    path.write_bytes(_tiff_file(order, [sorted([*entries, *tags])], data))
    return path


def _tiff_file(order, directories, data):
    """The bytes of a TIFF: `data` at 8, then directories, each a list of (tag, type, values), linked to the next."""
    out = data + bytes(len(data) % 2)
    starts = []
    for entries in directories:
        table, after = struct.pack(order + "H", len(entries)), 8 + len(out) + 2 + 12 * len(entries) + 4
        more = b""
        for tag, kind, values in entries:
            packed = struct.pack(f"{order}{len(values)}{ {1: 'B', 2: 'B', 3: 'H', 4: 'I', 7: 'B'}[kind] }", *values)
            table += struct.pack(order + "HHI", tag, kind, len(values))
            if len(packed) > 4:
                table += struct.pack(order + "I", after + len(more))
                more += packed + bytes(len(packed) % 2)
            else:
                table += packed.ljust(4, b"\0")
        starts.append((8 + len(out), len(table)))
        out += table + bytes(4) + more
    out = bytearray(out)
    for (at, length), (following, _) in pairwise(starts):
        out[at - 8 + length : at - 4 + length] = struct.pack(order + "I", following)
    return (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, starts[0][0]) + bytes(out)


def raw_file(path, size, preview=None, thumbnail=(16, 12), tags=((50706, 1, [1, 4, 0, 0]),)):
    """A camera's raw file: a thumbnail first, then the sensor's data of a size, and a JPEG where one is given."""
    (w, h), (width, height) = thumbnail, size
    small, sensor = noise(w, h, seed=5).tobytes(), np.full((height, width), 700, np.uint16).tobytes()
    directories = [
        [(254, 4, [1]), (256, 4, [w]), (257, 4, [h]), (258, 3, [8, 8, 8]), (259, 3, [1]), (262, 3, [2]), (273, 4, [8]),
         (277, 3, [3]), (278, 4, [h]), (279, 4, [len(small)]), *tags],
        [(254, 4, [0]), (256, 4, [width]), (257, 4, [height]), (258, 3, [16]), (259, 3, [1]), (262, 3, [32803]),
         (273, 4, [8 + len(small)]), (277, 3, [1]), (278, 4, [height]), (279, 4, [len(sensor)])],
    ]
    if preview:
        directories.append([(254, 4, [1]), (259, 3, [6]), (513, 4, [8 + len(small) + len(sensor)]),
                            (514, 4, [len(preview)])])
    path.write_bytes(_tiff_file("<", directories, small + sensor + (preview or b"")))
    return path

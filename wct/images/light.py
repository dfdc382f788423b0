"""Numbers to light: samples of 16 bits become 8-bit sRGB, by the curve and the primaries that their file states.

For samples x, 0 to 1, a file's curve f and its matrix P, of its primaries to XYZ under D50, the linear light is

    P_sRGB^-1 P f(x),

in sRGB, clipped, and encoded by sRGB's own curve (IEC 61966-2-1). Eight bits are rounded to once, at the end: linear
light has most of its visible steps below the first of 255.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from wct.images.picture import ReadError

WHITE = 65535
_SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])  # to XYZ, D50
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.96420, 1.0, 0.82491])
_ROWS = 2**20  # samples that are worked on at once


class Light(NamedTuple):
    """What samples mean. curves: one function for each channel, of float64 in [0, 1], to linear light in [0, 1].
    matrix: (3, 3) of linear RGB to XYZ under D50; None for grey and for the primaries of sRGB."""

    curves: tuple[Callable, ...]
    matrix: np.ndarray | None


def srgb_curve(x):
    """Linear light of sRGB's numbers, 0 to 1."""
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def power(exponent):
    return lambda x: x**exponent


def render(samples: np.ndarray, light: Light | None = None) -> Image.Image:
    """Samples (H, W, C) of uint16, C = 1 to 4 for L, LA, RGB and RGBA -> PIL image of 8 bits in sRGB, of that mode.

    light: what the colour channels mean, sRGB where it is None. Alpha is alpha.
    """
    height, width, channels = samples.shape
    colours = channels - (channels in (2, 4))
    steps = np.arange(WHITE + 1) / WHITE
    plain = np.round(255 * steps).astype(np.uint8)
    out = np.empty(samples.shape, np.uint8)
    out[..., colours:] = plain[samples[..., colours:]]
    if light is None:
        out[..., :colours] = plain[samples[..., :colours]]
    else:
        with np.errstate(all="ignore"):  # a profile may say anything
            curves = [np.nan_to_num(curve(steps)).clip(0, 1).astype(np.float32) for curve in light.curves]
        encode = np.round(255 * _encoded(steps)).astype(np.uint8)
        across = None if light.matrix is None else (np.linalg.inv(_SRGB) @ light.matrix).T.astype(np.float32)
        rows = max(1, _ROWS // (width * channels))
        for y in range(0, height, rows):
            block = samples[y : y + rows, :, :colours]
            linear = np.stack([curves[i % len(curves)][block[..., i]] for i in range(colours)], axis=-1)
            if across is not None and colours == 3:
                linear = linear @ across
            out[y : y + rows, :, :colours] = encode[(linear.clip(0, 1) * WHITE + 0.5).astype(np.uint16)]
    return Image.fromarray(out if channels > 1 else out[..., 0], {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels])


def to_samples(values: np.ndarray, colours: int, white: int | None) -> tuple[np.ndarray, list[str]]:
    """(uint16 samples, notes) of values (H, W, C) of any dtype whose white is `white`, or None for floats: 1.

    The first `colours` channels are colours, and below black is black. Floats beyond 1 have their brightest for white.
    So have integers of 32 bits that would all be black: white is 65535 for them, or the brightest beyond.
    """
    if white == WHITE and values.dtype.itemsize == 2:
        return values.astype(np.uint16), []
    values = np.nan_to_num(values.astype(np.float64 if white and white > 2**24 else np.float32), posinf=0.0, neginf=0.0)
    top, scale, notes = values[..., :colours].max(initial=0), np.full(values.shape[-1], white or 1.0), []
    if white is None and top > 1:
        scale[:colours] = top
        notes.append(f"holds values up to {top:.4g}: that was taken for white")
    elif white is not None and white > WHITE and 0 < top * 256 < white:
        scale[:] = max(top, WHITE)
        notes.append(f"holds 32-bit numbers of {top:.0f} at most: {scale[0]:.0f} was taken for white")
    return (values.clip(0) * (WHITE / scale)).clip(0, WHITE).round().astype(np.uint16), notes


def joined(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """uint16 samples of their higher and lower bytes (H, W, C)."""
    return high.astype(np.uint16) << 8 | low


def _encoded(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def primaries(white, red, green, blue):
    """The matrix (3, 3) of linear RGB to XYZ under D50, adapted after Bradford, of chromaticities (x, y)."""
    xyz = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in (red, green, blue, white)]).T
    matrix = xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])
    adapt = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ _D50 / (_BRADFORD @ xyz[:, 3])) @ _BRADFORD
    return adapt @ matrix


# Code points of ITU-T H.273, which PNG, AVIF and HEIC use
TELEVISION = (1, 6, 14, 15)
_D65 = (0.3127, 0.3290)
_PRIMARIES = {
    4: ((0.310, 0.316), (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: (_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: (_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: (_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    9: (_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: ((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: (_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: (_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
# Television's are shown by a power of 2.4 (BT.1886).
_CURVES = {4: power(2.2), 5: power(2.8), 8: power(1.0), **dict.fromkeys(TELEVISION, power(2.4)), 13: srgb_curve}


def coded(primaries_code: int, transfer: int) -> Light | None:
    """The Light of H.273's code points, None where they state none, or sRGB. Raises ReadError for HDR."""
    if transfer in (16, 18):
        name = {16: "PQ", 18: "HLG"}[transfer]
        raise ReadError(f"is an HDR picture ({name}); export it with a standard range, as sRGB or Display P3")
    if primaries_code not in _PRIMARIES and transfer in (2, 13):
        return None
    matrix = primaries(*_PRIMARIES[primaries_code]) if primaries_code in _PRIMARIES else None
    return Light((_CURVES.get(transfer, srgb_curve),), matrix)


def of_profile(profile: bytes | None, channels: int) -> Light | None:
    """The Light of an ICC profile that is a matrix and curves, or one of grey.

    channels: of the picture, 1 or 3. None where the profile is broken, for another kind of picture or made of tables:
    such a profile is applied in 8 bits.
    """
    try:
        space, connection = profile[16:20], profile[20:24]
        table = (struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(_long(profile, 128), 100)))
        tags = {name: profile[start : start + size] for name, start, size in table}
        if connection != b"XYZ " or b"A2B0" in tags:
            return None
        if space == b"GRAY" and channels == 1:
            return Light((_curve(tags[b"kTRC"]),), None)
        if space == b"RGB ":
            columns = [np.frombuffer(tags[name][8:20], ">i4") / 65536 for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
            curves = tuple(_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
            return Light(curves, np.stack(columns, axis=1).reshape(3, 3))
    except (TypeError, ValueError, KeyError, struct.error):
        pass
    return None


def _curve(tag):
    """The function of a tag of type curv or para (ICC.1:2022, 10.6 and 10.18)."""
    if tag[:4] == b"curv":
        count = _long(tag, 8)
        if count == 0:
            return power(1.0)
        values = np.frombuffer(tag, ">u2", count, 12)
        return power(values[0] / 256) if count == 1 else lambda x: np.interp(
            x, np.linspace(0, 1, count), values / WHITE)
    if tag[:4] != b"para":
        raise ValueError("an unknown curve")
    kind, = struct.unpack_from(">H", tag, 8)
    g, *rest = np.frombuffer(tag, ">i4", (1, 3, 4, 5, 7)[kind] if kind < 5 else 99, 12) / 65536
    if kind == 0:
        return power(g)
    a, b = rest[:2]
    # y = (a x + b)^g + e from d on, and c x + f below
    c, d, e, f = {1: (0, -b / a, 0, 0), 2: (0, -b / a, *rest[2:3] * 2), 3: (*rest[2:], 0, 0), 4: rest[2:]}[kind]
    return lambda x: np.where(x >= d, (a * x + b).clip(0) ** g + e, c * x + f)


def _long(data, offset):
    return struct.unpack_from(">I", data, offset)[0]

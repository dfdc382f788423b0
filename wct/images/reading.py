"""Picture files opened: upright, in 8-bit sRGB, whatever they hold."""

import io
import os
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image

from wct.images.colour import fill_invisible, is_profile, plain, to_srgb
from wct.images.formats import identify
from wct.images.light import TELEVISION, coded, of_profile, render, to_samples
from wct.images.loading import load_all
from wct.images.metadata import kept
from wct.images.picture import Picture, PictureError, ReadError
from wct.images.png import Png
from wct.images.tiff import Tiff
from wct.runtime.places import StoreError, open_binary

# The most pixels a picture may have, unless the caller says otherwise. The largest phone sensors give just
# under 200 megapixels; a file that claims more is more likely a decompression bomb than a photo.
MAX_PIXELS = 200_000_000

_ORIENTATION = 0x0112
_UPRIGHT = dict(zip(range(2, 9), (
    Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_90,
)))  # by EXIF's orientation


def open_picture(source, max_size: int | None = None, max_pixels: int = MAX_PIXELS) -> Picture:
    """Open a picture: its primary image or first frame, upright, in sRGB, no side longer than max_size.

    source: a path, a URL that fsspec reads (s3://bucket/photo.jpg), a PIL image (left as it is) or a binary file object
    (read from where it stands).
    max_size: a picture with a longer side is shrunk to it, its shape kept; a smaller one is never enlarged.
    max_pixels: the limit on width x height as the header states them, checked before anything is decoded.
    Returns a Picture. Raises PictureError where the source cannot be read, ValueError for a max_size below 1.

    >>> open_picture("examples/content/moose.jpg", max_size=256).size
    (256, 171)
    """
    if max_size is not None and max_size < 1:
        raise ValueError(f"max_size must be at least 1, not {max_size}")
    name = name_of(source)
    with explained(name), decoded(source, name, max_size, max_pixels) as (image, size, orientation, notes):
        metadata = None
        with suppress(Exception):  # the pixels are whole: broken EXIF is no reason to refuse them
            metadata = kept(image.getexif())
        image, profile, light, more = _in_8_bits(image.copy() if image is source else image)
        if max_size is not None and max(size) > max_size:  # colours are weighed by alpha
            to = tuple(max(1, round(side * max_size / max(size))) for side in size)
            image = image.resize(to, Image.Resampling.LANCZOS, reducing_gap=2.0)
        image = turned(image, orientation)
        alpha = image.getchannel("A") if "A" in image.mode else None
        if light:
            colours = np.asarray(image.convert(image.mode.removesuffix("A"))).reshape(*image.size[::-1], -1)
            image = render(colours * np.uint16(257), light)
        rgb = to_srgb(image, profile)
        if alpha is not None:
            fill_invisible(rgb, alpha)
        rgb.info.clear()  # the profile and the orientation have been applied and must not be saved again
        return Picture(rgb, alpha, name, tuple(f"{name} {note}" for note in notes + more), metadata)


@contextmanager
def decoded(source, name, max_size=None, max_pixels=MAX_PIXELS):
    """(image, size, orientation, notes) inside: a source's pixels, as its numbers are, in a PIL image not turned.

    size: that of the whole picture; the image may have been decoded smaller, to twice max_size at least.
    Raises ReadError, and whatever pillow raises: it is for `explained`.
    """
    def check(size):
        width, height = size
        if width * height > max_pixels:
            raise ReadError(f"has {width} x {height} pixels, more than the limit of {max_pixels:,}; shrink it first")
        if width * height == 0:
            raise ReadError(f"has no pixels ({width} x {height}); name another picture")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pillow, about sizes, which are checked above, and about broken EXIF
        if isinstance(source, Image.Image):
            check(source.size)
            source.load()
            yield source, source.size, _orientation(source), []
            return
        suffix = Path(name).suffix.lower()
        with io.BytesIO(source.read()) if hasattr(source, "read") else open_binary(source) as file:
            found = identify(file, check, suffix)
            size = found.image.size
            own = None if found.orientation else file  # a preview is whole
            image, notes = load_all(found.image, own, max_size, lambda file: identify(file, check, suffix).image)
            yield image, size, _orientation(image) or found.orientation, found.notes + notes


def turned(image, orientation):
    """The image upright, the same object where it is."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def name_of(source):
    """What messages call the source. Raises TypeError for what is no path, image or file."""
    if not isinstance(source, Image.Image) and not hasattr(source, "read"):
        return os.fsdecode(source)
    name = getattr(source, "filename", None) or getattr(source, "name", None)
    return name if isinstance(name, str) and name else "the given picture"


@contextmanager
def explained(name):
    """Turn whatever goes wrong inside into a PictureError about name."""
    try:
        yield
    except PictureError:
        raise
    except ReadError as error:
        raise PictureError(f"{name} {error}") from error
    except FileNotFoundError as error:
        raise PictureError(f"{name}: there is no such file or folder; check the path") from error
    except IsADirectoryError as error:
        raise PictureError(f"{name} is a folder; name a picture file in it") from error
    except StoreError as error:
        raise PictureError(str(error)) from error
    except PermissionError as error:
        raise PictureError(f"{name} may not be read; change its permissions") from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{name} is too large for its format's reader; shrink it first") from error
    except MemoryError as error:
        raise PictureError(f"{name} does not fit into memory; shrink it first") from error
    except Exception as error:  # on a broken file pillow raises nearly anything, from OSError to SyntaxError
        reason = getattr(error, "strerror", None)  # other words are about pillow's own doings
        told = f"cannot be read ({reason})" if reason else "cannot be read: it is damaged, or of a rare kind"
        raise PictureError(f"{name} {told}; replace it with a whole copy, or convert it to PNG") from error


def _orientation(image):
    """EXIF's, 1 to 8; None where there is none, or the file's reader has turned the picture by itself."""
    if image.format == "JXL" and not image.jpeg:
        return None
    with suppress(Exception):
        return image.getexif().get(_ORIENTATION)


def _in_8_bits(image):
    """(image, profile, light, notes): a plain image of 8 bits; its ICC profile, or else its Light, if still to be
    applied; notes on what was taken for white."""
    profile = image.info.get("icc_profile")
    stated = _stated(image) if not profile or not is_profile(profile) else None
    samples, notes = _deep(image) or (None, [])
    if samples is None:
        image = plain(image)
        if image.mode in ("L", "LA"):
            stated = stated or of_profile(profile, 1)  # lcms is ten levels off in the shadows of linear grey
        return image, None if stated else profile, stated, notes
    light = stated or of_profile(profile, 1 if samples.shape[-1] < 3 else 3)
    return render(samples, light), None if light else profile, None, notes


def _stated(image):
    """The Light that a file states without a profile."""
    if isinstance(image, Png):
        return image.light
    nclx = image.info.get("nclx_profile")
    if not nclx:
        return None
    transfer = nclx["transfer_characteristics"]  # in AVIF and HEIC, browsers take television's for sRGB's
    return coded(nclx["color_primaries"], 13 if transfer in TELEVISION else transfer)


def _deep(image):
    """(uint16 samples (H, W, C), notes) of what has more than 8 bits, None of what has not."""
    if isinstance(image, (Png, Tiff)):
        return image.samples()
    if image.mode[0] not in "IF":
        return None
    white = None if image.mode == "F" else 2**31 - 1 if image.mode == "I" else 65535
    values = np.asarray(image)[..., None]
    if image.mode == "I" and values.max() <= 65535:  # as pillow has 16 bits in places
        white = 65535
    return to_samples(values, 1, white)

"""Picture files opened, and found in folders."""

import io
import os
import struct
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

from PIL import Image, ImageOps

from wct.images.colour import fill_invisible, plain, to_srgb
from wct.images.picture import Picture, PictureError

# The most pixels a picture may have, unless the caller says otherwise. The largest phone sensors give just
# under 200 megapixels; a file that claims more is more likely a decompression bomb than a photo.
MAX_PIXELS = 200_000_000

# The formats that are read. Others that pillow knows run programs (EPS) or hold no picture (HDF5).
READABLE = ["JPEG", "MPO", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000", "PPM", "PSD", "QOI", "TGA"]


def open_picture(source, max_size=None, max_pixels=MAX_PIXELS):
    """Open a picture: its first frame, upright, in sRGB, no side longer than max_size.

    source: a path, a PIL image (left as it is) or a binary file object (read from where it stands).
    max_size: a picture with a longer side is shrunk to it, its shape kept; a smaller one is never enlarged.
    max_pixels: the limit on width x height as the header states them, checked before anything is decoded.
    (Pillow holds TIFF and WebP to its own limit as well, PIL.Image.MAX_IMAGE_PIXELS x 2.)
    Returns a Picture. Raises PictureError where the source cannot be read, ValueError for a max_size below 1.
    """
    if max_size is not None and max_size < 1:
        raise ValueError(f"max_size must be at least 1, not {max_size}")
    name = _name(source)
    with _explained(name), _header(source, name) as image:
        _check_size(name, image.size, max_pixels)
        image = plain(image.copy() if image is source else image)
        if max_size is not None:
            # Decodes a big JPEG at a half, a quarter or an eighth; weighs colours by alpha.
            image.thumbnail((max_size, max_size), Image.Resampling.LANCZOS, reducing_gap=2.0)
        _turn_upright(image)
        alpha = image.getchannel("A") if "A" in image.mode else None
        rgb = to_srgb(image, image.info.get("icc_profile"))
        if alpha is not None:
            fill_invisible(rgb, alpha)
        rgb.info.clear()  # the profile and the orientation have been applied and must not be saved again
        return Picture(rgb, alpha, name)


def find_pictures(path, recursive=False):
    """The pictures at path: the file itself, or those in the folder, sorted, without hidden ones.

    In a folder a picture is what has the suffix of one. With recursive, folders inside are searched too, but
    links to folders are not followed. Returns a list of Path, never empty. Raises PictureError.
    """
    path = Path(path)
    with _explained(path):
        path.stat()
        if not path.is_dir():
            return [path]
        os.scandir(path).close()  # globbing would take a folder that may not be read for an empty one
        suffixes = {suffix for suffix, kind in Image.registered_extensions().items() if kind in READABLE}
        found = sorted(
            file
            for file in path.glob("**/*" if recursive else "*")
            if file.suffix.lower() in suffixes
            and not any(part.startswith(".") for part in file.relative_to(path).parts)
            and file.is_file()
        )
    if not found:
        where = "it or the folders inside" if recursive else "it (folders inside were not searched)"
        raise PictureError(f"{path}: no pictures in {where}; name a folder with files such as .jpg or .png")
    return found


def _name(source):
    """What messages call the source. Raises TypeError for what is no path, image or file."""
    if not isinstance(source, Image.Image) and not hasattr(source, "read"):
        return os.fsdecode(source)
    name = getattr(source, "filename", None) or getattr(source, "name", None)
    return name if isinstance(name, str) and name else "the given picture"


@contextmanager
def _explained(name):
    """Turn whatever goes wrong inside into a PictureError about name."""
    try:
        yield
    except PictureError:
        raise
    except FileNotFoundError as error:
        raise PictureError(f"{name}: there is no such file or folder; check the path") from error
    except IsADirectoryError as error:
        raise PictureError(f"{name} is a folder; name a picture file in it") from error
    except PermissionError as error:
        raise PictureError(f"{name} may not be read; change its permissions") from error
    except Image.DecompressionBombError as error:
        message = f"{name} is too large for pillow; shrink it, or raise PIL.Image.MAX_IMAGE_PIXELS"
        raise PictureError(message) from error
    except MemoryError as error:
        raise PictureError(f"{name} does not fit into memory; shrink it first") from error
    except Exception as error:  # on a broken file pillow raises nearly anything, from OSError to SyntaxError
        reason = getattr(error, "strerror", None) or error
        raise PictureError(f"{name} cannot be read ({reason}); replace it with a whole copy") from error


@contextmanager
def _header(source, name):
    """The source as a PIL image whose pixels are not decoded yet; its file stays open inside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # max_pixels has the say
        if isinstance(source, Image.Image):
            yield source
        elif hasattr(source, "read"):
            yield _identify(io.BytesIO(source.read()), name)
        else:
            with open(source, "rb") as file:
                yield _identify(file, name)


def _identify(file, name):
    """Image.open, but for READABLE formats alone and without a limit that all of the process would share."""
    Image.init()
    start = file.read(16)
    if not start:
        raise PictureError(f"{name} is empty; replace it with a whole copy")
    for factory, accepts in (Image.OPEN[kind] for kind in READABLE if kind in Image.OPEN):
        try:
            if accepts is None or accepts(start) is True:  # a string stands for a codec that is missing
                file.seek(0)
                return factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue
    raise PictureError(f"{name} is no picture of a known format, or is damaged; convert it to PNG or JPEG")


def _check_size(name, size, max_pixels):
    width, height = size
    if width * height > max_pixels:
        raise PictureError(
            f"{name} has {width} x {height} pixels, more than the limit of {max_pixels:,};"
            " shrink it first, or raise max_pixels"
        )
    if width * height == 0:
        raise PictureError(f"{name} has no pixels ({width} x {height}); name another picture")


def _turn_upright(image):
    """Apply the EXIF orientation, mirrored ones too, in place."""
    image.load()
    with suppress(Exception):  # the pixels are whole: broken EXIF, in whichever way, is no reason to refuse them
        ImageOps.exif_transpose(image, in_place=True)

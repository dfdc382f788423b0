"""Picture files in and out.

Every picture is opened by `open_picture` and written by `save_picture`. Between the two it is 8-bit sRGB:
a PIL image of mode RGB, a mask of mode L where the file had transparency, or a float tensor (1, 3, H, W) in
[0, 1] (`to_tensor`, `to_pil`). Whatever is wrong with a file becomes a `PictureError` of one sentence.
"""

import io
import os
import struct
import uuid
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, ImageStat

# The most pixels a picture may have, unless the caller says otherwise. The largest phone sensors give just
# under 200 megapixels; a file that claims more is more likely a decompression bomb than a photo.
MAX_PIXELS = 200_000_000

# The formats that are read. Others that pillow knows run programs (EPS) or hold no picture (HDF5).
READABLE = "JPEG MPO PNG WEBP TIFF GIF BMP AVIF JPEG2000 PPM PSD QOI TGA".split()


class PictureError(ValueError):
    """A picture that cannot be read or written: one sentence naming the file and the way out."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, upright and in sRGB. It equals itself alone.

    rgb: PIL image of mode RGB. alpha: PIL image of mode L and the same size (0 is invisible), or None.
    name: what messages call it, the path where there is one.
    """

    rgb: Image.Image
    alpha: Image.Image | None
    name: str

    @property
    def size(self):
        """(width, height) in pixels."""
        return self.rgb.size


@dataclass(frozen=True)
class Format:
    """How a kind of file is written: pillow's name, suffixes (the usual one first), limits, settings."""

    name: str
    suffixes: tuple[str, ...]
    alpha: bool
    max_side: int
    settings: dict

    @property
    def suffix(self):
        return self.suffixes[0]


FORMATS = {
    "png": Format("PNG", (".png",), True, 2**31 - 1, {}),
    "jpeg": Format("JPEG", (".jpg", ".jpeg"), False, 65500, {"quality": 95, "subsampling": 0}),
    "webp": Format("WEBP", (".webp",), True, 16383, {"quality": 95}),
}


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
        image = _plain(image.copy() if image is source else image)
        if max_size is not None:
            # Decodes a big JPEG at a half, a quarter or an eighth; weighs colours by alpha.
            image.thumbnail((max_size, max_size), Image.Resampling.LANCZOS, reducing_gap=2.0)
        _turn_upright(image)
        alpha = image.getchannel("A") if "A" in image.mode else None
        rgb = _to_srgb(image, image.info.get("icc_profile"))
        if alpha is not None:
            _fill_invisible(rgb, alpha)
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


def save_picture(image, path, format=None):
    """Write an sRGB PIL image to path: the whole file or none, with the permissions of any new file.

    format: a key of FORMATS; by default the suffix of path decides. JPEG has no alpha: there the picture is
    laid on white. Raises PictureError where the picture cannot be written; a file already there then stays.
    """
    path = Path(path)
    kind = check_room(image.size, path, format)
    image = _converted(image, "RGBA" if image.has_transparency_data else "RGB")
    if image.mode == "RGBA" and not kind.alpha:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    write_whole(path, lambda file: image.save(file, kind.name, **kind.settings))


def check_room(size, path, format=None):
    """The Format in which `save_picture` writes a picture of size (width, height) to path.

    Raises PictureError where there is none, or its sides are too long for it.
    """
    kind = _format(Path(path), format)
    if max(size) > kind.max_side:
        raise PictureError(
            f"{path} cannot be written: {size[0]} x {size[1]} pixels are too many,"
            f" {kind.name} has room for {kind.max_side} a side; save it as PNG"
        )
    return kind


def write_whole(path, write):
    """Call write with a binary file that becomes path once it is whole; until then, what was there stays.

    Raises PictureError where that fails.
    """
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        try:
            with open(part, "xb") as file:
                write(file)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PictureError(
            f"{path} cannot be written ({reason}); check its folder, its permissions and the space left"
        ) from error


def with_alpha(rgb, alpha):
    """An RGB image and a mask, fitted to its size -> RGBA; the image itself where alpha is None."""
    if alpha is None:
        return rgb
    if alpha.size != rgb.size:
        alpha = alpha.resize(rgb.size, Image.Resampling.LANCZOS)
    return Image.merge("RGBA", (*rgb.split(), alpha))


def to_tensor(image):
    """A PIL image of mode RGB or L -> float32 tensor (1, 3 or 1, H, W) in [0, 1], channels last in memory."""
    return torch.from_numpy(np.atleast_3d(np.array(image))).permute(2, 0, 1)[None].float().div_(255)


def to_pil(tensor):
    """A tensor (1, 3, H, W), any device and float type, clamped to [0, 1] -> PIL image of mode RGB."""
    pixels = tensor[0].float().clamp(0, 1).mul(255).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().cpu().numpy())


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


def _plain(image):
    """The image in 8 bits and mode L, LA, RGB, RGBA or CMYK; the same object where it is so already."""
    if image.mode[0] in "IF":
        return _from_deep(image)
    if image.mode == "CMYK":
        return image
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.has_transparency_data:
        mode += "A"
    return _converted(image, mode)


def _from_deep(image):
    """A grey image of 16 or 32 bits or of floats -> L.

    White is 65535, or 1.0 for floats, as the formats have it, or the brightest value where that is larger.
    """
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    white = max(1.0 if image.mode == "F" else 65535.0, values.max())
    grey = Image.fromarray((values.clip(0) * (255 / white)).round().astype(np.uint8))
    grey.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return grey


def _turn_upright(image):
    """Apply the EXIF orientation, mirrored ones too, in place."""
    image.load()
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception:  # the pixels are whole: broken EXIF, in whichever way, is no reason to refuse them
        pass


def _to_srgb(image, profile):
    """A plain image and its ICC profile (bytes or None) -> sRGB, mode RGB, without alpha.

    A profile that is broken or is for another kind of image is ignored.
    """
    mode = image.mode.removesuffix("A")
    if profile:
        from PIL import ImageCms

        try:
            embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            space = {"GRAY": "L", "CMYK": "CMYK", "RGB": "RGB"}[embedded.profile.xcolor_space.strip()]
            if mode == space or (mode, space) == ("L", "RGB"):
                convert = ImageCms.buildTransform(
                    embedded,
                    ImageCms.createProfile("sRGB"),
                    space,
                    "RGB",
                    ImageCms.Intent.RELATIVE_COLORIMETRIC,
                    flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
                )
                if space != "RGB" or _changes_colours(convert):
                    return ImageCms.applyTransform(image.convert(space), convert)
        except (ImageCms.PyCMSError, OSError, KeyError):
            pass
    return _converted(image, "RGB")


def _converted(image, mode):
    """The image itself where it has the mode: pillow would copy it."""
    return image if image.mode == mode else image.convert(mode)


def _changes_colours(convert):
    """Whether an ICC transform from RGB to RGB moves any colour by more than a step of 8-bit rounding."""
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(len(steps), -1, 3)
    converted = np.asarray(convert.apply(Image.fromarray(colours)), dtype=np.int16)
    return np.abs(converted - colours).max() > 1


def _fill_invisible(rgb, alpha):
    """Give pixels that are fully transparent the mean colour of the others, in place.

    Nobody sees what a file happens to hold there (mostly black), but the statistics would.
    """
    invisible = alpha.point([255] + [0] * 255)
    if alpha.getbbox():
        mean = ImageStat.Stat(rgb, alpha).mean
        rgb.paste(tuple(round(value) for value in mean), mask=invisible)


def _format(path, key):
    if key is None:
        suffix = path.suffix.lower()
        key = next((key for key, kind in FORMATS.items() if suffix in kind.suffixes), suffix)
    if key not in FORMATS:
        raise PictureError(f"{path} cannot be written as '{key}'; choose one of {', '.join(FORMATS)}")
    return FORMATS[key]

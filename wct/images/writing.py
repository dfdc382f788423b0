"""Pictures written: the whole file or none."""

import struct
from dataclasses import dataclass
from functools import cache

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from wct.images.colour import converted
from wct.images.picture import PictureError
from wct.runtime.files import write_whole
from wct.runtime.places import place


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
    # level 6, the usual one, takes two to four times as long, for 3 to 13 % fewer bytes
    "png": Format("PNG", (".png",), True, 2**31 - 1, {"compress_level": 2}),
    "jpeg": Format("JPEG", (".jpg", ".jpeg"), False, 65500, {"quality": 95, "subsampling": 0}),
    "webp": Format("WEBP", (".webp",), True, 16383, {"quality": 95}),
}


def save_picture(image: Image.Image, path, format: str | None = None, metadata: bytes | None = None,
                 rename=None) -> None:
    """Write an sRGB PIL image to path, tagged as such: the whole file or none, with the permissions of any new file.

    format: a key of FORMATS; by default the suffix of path decides. JPEG has no alpha: there the picture is
    laid on white. metadata: what the file is to keep of its photo, a `Picture.metadata`; nothing by default.
    path: on this machine, or a URL that fsspec writes. rename: as `write_whole` has it.
    Raises PictureError where the picture cannot be written; a file already there then stays.

    >>> save_picture(Image.new("RGB", (4, 3), "navy"), "navy.png")
    """
    path = place(path)
    kind = check_room(image.size, path, format)
    image = converted(image, "RGBA" if image.has_transparency_data else "RGB")
    if image.mode == "RGBA" and not kind.alpha:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    tags = {"pnginfo": _srgb_chunk()} if kind.name == "PNG" else {"icc_profile": _srgb_profile()}
    if metadata:
        tags["exif"] = metadata
    try:
        write_whole(path, lambda file: image.save(file, kind.name, **kind.settings, **tags), rename)
    except OSError as error:
        raise PictureError(str(error)) from error


def _srgb_chunk():
    chunks = PngInfo()
    chunks.add(b"sRGB", b"\0")  # perceptual intent, as usual
    return chunks


@cache
def _srgb_profile():
    """The bytes of an ICC profile, the same at any time."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]  # in place of the date of today


def check_room(size, path, format=None):
    """The Format in which `save_picture` writes a picture of size (width, height) to path.

    Raises PictureError where there is none, or its sides are too long for it.
    """
    kind = _format(place(path), format)
    if max(size) > kind.max_side:
        raise PictureError(
            f"{path} cannot be written: {size[0]} x {size[1]} pixels are too many,"
            f" {kind.name} has room for {kind.max_side} a side; save it as PNG"
        )
    return kind


def _format(path, key):
    if key is None:
        suffix = path.suffix.lower()
        key = next((key for key, kind in FORMATS.items() if suffix in kind.suffixes), suffix)
    if key not in FORMATS:
        raise PictureError(f"{path} cannot be written as '{key}'; choose one of {', '.join(FORMATS)}")
    return FORMATS[key]

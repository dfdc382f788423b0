"""A picture between its file and the pipeline: upright, 8-bit sRGB."""

from dataclasses import dataclass

from PIL import Image


class PictureError(ValueError):
    """A picture that cannot be read or written: one sentence naming the file and the way out."""


class ReadError(Exception):
    """What is wrong with a file, from below where its name is not known: the rest of a PictureError's sentence."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, upright and in sRGB. It equals itself alone.

    rgb: PIL image of mode RGB. alpha: PIL image of mode L and the same size (0 is invisible), or None.
    name: what messages call it, the path where there is one. notes: sentences on what its reader should know, such as
    bytes that are missing. metadata: date, camera and place as EXIF bytes, for `save_picture`, or None.
    """

    rgb: Image.Image
    alpha: Image.Image | None
    name: str
    notes: tuple[str, ...] = ()
    metadata: bytes | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.rgb.size


def with_alpha(rgb: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """An RGB image and a mask, fitted to its size -> RGBA; the image itself where alpha is None."""
    if alpha is None:
        return rgb
    if alpha.size != rgb.size:
        alpha = alpha.resize(rgb.size, Image.Resampling.LANCZOS)
    return Image.merge("RGBA", (*rgb.split(), alpha))

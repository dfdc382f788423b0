"""A picture between its file and the pipeline: upright, 8-bit sRGB."""

from dataclasses import dataclass

from PIL import Image


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


def with_alpha(rgb, alpha):
    """An RGB image and a mask, fitted to its size -> RGBA; the image itself where alpha is None."""
    if alpha is None:
        return rgb
    if alpha.size != rgb.size:
        alpha = alpha.resize(rgb.size, Image.Resampling.LANCZOS)
    return Image.merge("RGBA", (*rgb.split(), alpha))

"""Pixels decoded: all of them, or those that are there in a file that lacks its last bytes."""

import io
from contextlib import suppress

from PIL import Image, ImageChops

from wct.images.picture import ReadError

_END = b"\xff\xd9"  # of a JPEG


def draft(image, max_size):
    """Have a big JPEG decoded at a half, a quarter or an eighth, twice max_size at least; others are left alone."""
    if max_size is not None and image.format in ("JPEG", "MPO"):
        scale = 2 * max_size / max(image.size)
        if scale < 1:
            image.draft(None, tuple(max(1, round(side * scale)) for side in image.size))


def load(image) -> bool:
    """Decode an image in place; whether it was whole. What its file lacks stays blank."""
    try:
        image.load()
    except OSError as error:
        if "truncated" not in str(error) or image._im is None:
            raise
        image.tile = []
        with suppress(Exception):
            image.load()
        return False
    return True


def load_all(image, file, max_size, identify):
    """(the image decoded, notes): as far as its bytes go, as viewers show it.

    file: where it is from, None for an image that was given as such. identify: a function of a file that gives the
    image in it. Raises ReadError where none of its pixels are there.
    """
    draft(image, max_size)
    if file is None:
        image.load()
        return image, []
    if load(image):
        return image, []
    grey = 0
    if image.format in ("JPEG", "MPO"):  # libjpeg shows what it has once it meets the end
        file.seek(0)
        image, grey = identify(io.BytesIO(file.read() + _END)), 128
        draft(image, max_size)
        image.load()
    share = _blank(image, grey)
    if share == 1:
        raise ReadError("is cut short, and none of its pixels are there; replace it with a whole copy")
    lost = f", of which the lowest {100 * share:.0f} % are blank" if share >= 0.005 else ""
    return image, [f"lacks its last bytes; what is there was read{lost}"]


def _blank(image, grey):
    """The share of rows at the bottom that were not decoded."""
    pixels = image._new(image.im)
    if grey:
        pixels = ImageChops.difference(pixels, Image.new(image.mode, image.size, (grey,) * len(image.getbands())))
    box = pixels.getbbox(alpha_only=False)
    return 1 - box[3] / pixels.size[1] if box else 1

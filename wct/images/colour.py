"""Whatever light a file states, as 8-bit sRGB."""

import io

import numpy as np
from PIL import Image, ImageStat


def plain(image):
    """An image of no more than 8 bits in mode L, LA, RGB, RGBA or CMYK; the same object where it is so already."""
    if image.mode == "CMYK":
        return image
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.has_transparency_data:
        mode += "A"
    return converted(image, mode)


def is_profile(profile):
    """Whether these are the bytes of an ICC profile."""
    from PIL import ImageCms

    try:
        return bool(ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space)
    except (ImageCms.PyCMSError, OSError):
        return False


def to_srgb(image, profile):
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
    return converted(image, "RGB")


def converted(image, mode):
    """The image itself where it has the mode: pillow would copy it."""
    return image if image.mode == mode else image.convert(mode)


def _changes_colours(convert):
    """Whether an ICC transform from RGB to RGB moves any colour by more than a step of 8-bit rounding."""
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(len(steps), -1, 3)
    converted = np.asarray(convert.apply(Image.fromarray(colours)), dtype=np.int16)
    return np.abs(converted - colours).max() > 1


def fill_invisible(rgb, alpha):
    """Give pixels that are fully transparent the mean colour of the others, in place.

    Nobody sees what a file happens to hold there (mostly black), but the statistics would.
    """
    invisible = alpha.point([255] + [0] * 255)
    if alpha.getbbox():
        mean = ImageStat.Stat(rgb, alpha).mean
        rgb.paste(tuple(round(value) for value in mean), mask=invisible)

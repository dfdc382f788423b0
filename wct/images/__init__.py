"""Picture files in and out.

Every picture is found by `survey` or `find_pictures`, opened by `open_picture` and written by `save_picture`. Between
the last two it is 8-bit sRGB: a PIL image of mode RGB, a mask of mode L where the file had transparency, or a float
tensor (1, 3, H, W) in [0, 1] (`to_tensor`, `to_pil`). `open_mask` reads where a style applies, `open_labels` which
regions belong together. Whatever is wrong with a file becomes a `PictureError` of one sentence.
"""

from wct.images.finding import Survey, find_pictures, survey
from wct.images.labels import Labels, match, open_labels
from wct.images.masks import Mask, open_mask
from wct.images.picture import Picture, PictureError, with_alpha
from wct.images.reading import MAX_PIXELS, open_picture
from wct.images.tensors import to_pil, to_tensor
from wct.images.writing import FORMATS, check_room, save_picture

__all__ = [
    "FORMATS", "MAX_PIXELS", "Labels", "Mask", "Picture", "PictureError", "Survey", "check_room", "find_pictures",
    "match", "open_labels", "open_mask", "open_picture", "save_picture", "survey", "to_pil", "to_tensor", "with_alpha",
]

"""Picture files in and out.

Every picture is opened by `open_picture` and written by `save_picture`. Between the two it is 8-bit sRGB:
a PIL image of mode RGB, a mask of mode L where the file had transparency, or a float tensor (1, 3, H, W) in
[0, 1] (`to_tensor`, `to_pil`). Whatever is wrong with a file becomes a `PictureError` of one sentence.
"""

from wct.images.picture import Picture, PictureError, with_alpha
from wct.images.reading import MAX_PIXELS, READABLE, find_pictures, open_picture
from wct.images.tensors import to_pil, to_tensor
from wct.images.writing import FORMATS, check_room, save_picture

__all__ = [
    "FORMATS", "MAX_PIXELS", "READABLE", "Picture", "PictureError", "check_room", "find_pictures", "open_picture",
    "save_picture", "to_pil", "to_tensor", "with_alpha",
]

"""Clips in and out: films by PyAV, animated GIF, WebP and PNG, folders of numbered frames.

`open_clip` reads, `writer` writes. A clip's frames are upright, in 8-bit sRGB, and keep their own times. Whatever is
wrong with a file becomes a `ClipError` of one sentence.
"""

from wct.clips.clip import Clip, ClipError, Frame
from wct.clips.encoding import OUTPUTS, kind_of
from wct.clips.finding import ANIMATIONS, MOVIES, find_clips, open_clip
from wct.clips.writing import writer

__all__ = [
    "ANIMATIONS", "MOVIES", "OUTPUTS", "Clip", "ClipError", "Frame", "find_clips", "kind_of", "open_clip", "writer",
]

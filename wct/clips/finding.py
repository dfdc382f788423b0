"""Which files are clips, and how each is opened."""

from __future__ import annotations

import os
from pathlib import Path

from wct.clips.clip import Clip, ClipError
from wct.clips.movies import open_movie
from wct.clips.pictures import NUMBER, open_animation, open_folder
from wct.images.formats import SUFFIXES

MOVIES = frozenset((
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".wmv", ".flv", ".ogv",
    ".3gp", ".3g2", ".vob", ".mxf", ".y4m", ".asf", ".divx", ".dv", ".f4v", ".ivf", ".mj2", ".mpe", ".nut", ".ogm",
    ".qt", ".rm", ".rmvb", ".wtv",
))
ANIMATIONS = frozenset((".gif", ".webp", ".png", ".apng"))


def open_clip(path: str | os.PathLike, rate: float | None = None) -> Clip:
    """Open a film, an animated GIF, WebP or PNG, or a folder of numbered frames.

    rate: frames a second of a folder, by default 24. Raises ClipError, its message one sentence, for what is none.

    >>> clip = open_clip("examples/video/big-buck-bunny.mp4")
    >>> clip.size, clip.count, float(clip.rate)
    ((640, 360), 240, 24.0)
    """
    path = Path(path)
    if path.is_dir():
        return open_folder(path, rate)
    if path.suffix.lower() in ANIMATIONS:
        return open_animation(path)
    return open_movie(path)


def find_clips(path: str | os.PathLike) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The clips that a path stands for: a file, or a folder that holds numbered frames, itself; of a folder that holds
    films or animations, these, sorted. And (path, a sentence) of what else in it somebody may take for one.

    Raises ClipError where there are none.
    """
    path = Path(path)
    if not path.is_dir():
        return [path], []
    try:
        inside = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    except OSError as error:
        raise ClipError(f"{path} may not be searched ({error.strerror}); change its permissions") from error
    if any(_is_clip(p, damaged=False) for p in inside):  # else a picture that is damaged is a numbered frame
        clips = [p for p in inside if _is_clip(p, damaged=True)]
        return clips, _left_out(path, sorted({*inside} - {*clips}))
    if not any(p.suffix.lower() in SUFFIXES for p in inside):
        raise ClipError(f"{path} holds neither clips nor numbered frames (folders inside were not searched); name "
                        "another folder")
    return [path], []


def _is_clip(path, damaged):
    """Whether a file is a film, or a picture of several frames, as a GIF is in any case. damaged: what to say of one
    that may be such a picture, and cannot be opened."""
    from PIL import Image

    suffix = path.suffix.lower()
    if suffix in MOVIES or suffix not in ANIMATIONS or not path.is_file():
        return suffix in MOVIES and path.is_file()
    try:
        with Image.open(path) as image:
            return image.format == "GIF" or getattr(image, "is_animated", False)
    except Exception:  # opening it as a clip will say what is wrong
        return damaged


def _left_out(folder, others):
    """(path, a sentence) of what is no clip in a folder of clips, and looks like one."""
    found = [(p, f"{p} is a dead link; mend or remove it") for p in others
             if not p.exists() and p.suffix.lower() in MOVIES | ANIMATIONS]
    frames = [p for p in others if p.is_file() and p.suffix.lower() in SUFFIXES and NUMBER.search(p.stem)]
    if len(frames) > 1:
        found.append((folder, f"{folder} holds {len(frames)} numbered pictures beside clips, such as {frames[0].name}; "
                              "put them into a folder of their own"))
    return found

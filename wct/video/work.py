"""Clips made one after the other, those that were made already skipped."""

import os
import re
from contextlib import suppress
from functools import partial
from pathlib import Path

from wct.batch.inputs import for_each
from wct.batch.record import Record
from wct.batch.work import all_masks
from wct.options import STAGES
from wct.runtime.files import remove_dead_parts

COLUMNS = ("content", "style", "output", "status", "frames", "skipped", "width", "height", "seconds", *STAGES, "notes",
           "error")
_FRAME = re.compile(r"\d{6,}\.png")


def work(stylizer, todo, recipe, *, styles_of, masks=None, style_masks=None, overwrite=False, rate=None, progress=None,
         **options):
    """Make every (clip, style, path) of `todo`: yields one row of the report for each.

    A clip that fails is told in its row, and the others are made all the same. recipe: all that makes a difference and
    is the same for all. styles_of: the list of paintings of a style. progress: called with the number of the clip at
    hand, from 0, how many of its frames are written, of how many, and the seconds in it. The other options are those of
    `wct.pipeline.films.Recipe`.
    """
    records = {}
    for i, (clip, style, path) in enumerate(todo):
        styles = styles_of(style)
        row = dict.fromkeys(COLUMNS) | {"content": str(clip), "style": ", ".join(map(str, styles)),
                                        "output": str(path)}
        if path.parent not in records:
            remove_dead_parts(path.parent)
            records[path.parent] = Record(path.parent, recipe, overwrite, broken=_is_broken, replace=replace_all)
        own = [for_each(paths, name, len(styles)) if paths else None
               for name, paths in (("--mask", masks), ("--style-mask", style_masks))]
        try:
            row |= _made(stylizer, clip, styles, path, records[path.parent], *own, rate,
                         progress and partial(progress, i), options)
        except Exception as error:  # whatever is wrong with one clip, the others are still wanted
            row |= {"status": "failed", "error": _sentence(error, clip)}
        yield row


def _made(stylizer, clip, styles, path, record, masks, style_masks, rate, progress, options):
    """What the report says of one clip."""
    from wct.clips import open_clip
    from wct.pipeline.films import Recipe, make_film

    sources = clip, styles, all_masks(masks, style_masks, len(styles))
    with suppress(OSError):  # reading the files will tell
        if there := record.find(path, *sources):
            return {"status": "skipped", "output": str(there)}
    opened, identity = open_clip(clip, rate), record.identity(*sources)
    place, note = record.place(path, identity)
    _check_frames(place)  # now: they are replaced when all the work is done
    notes = [note]

    def rename(part, path):
        nonlocal place
        place, note = record.add(part, path, *sources)
        notes.append(note)

    film = make_film(stylizer, opened, path, Recipe(styles, masks=masks, style_masks=style_masks, **options),
                     identity=repr(tuple(identity)), rename=rename, progress=progress)
    width, height = film.size
    return film.seconds | {"status": "done", "output": str(place), "frames": film.frames, "skipped": film.skipped,
                           "width": width, "height": height, "notes": [*film.notes, *filter(None, notes)]}


def replace_all(part, path):
    """As os.replace, also of a folder of numbered frames by another; a folder with other files in it stays."""
    _check_frames(path)
    if os.path.isdir(path) and not os.path.islink(path):
        for name in os.listdir(path):
            os.unlink(os.path.join(path, name))
        os.rmdir(path)
    os.replace(part, path)


def _check_frames(path):
    """Raise OSError where a path is a folder with other files than numbered frames."""
    names = os.listdir(path) if os.path.isdir(path) and not os.path.islink(path) else []
    if others := [name for name in names if not _FRAME.fullmatch(name)]:
        raise OSError(f"{path} cannot be replaced: it holds other files, such as {others[0]}; name another folder")


def _is_broken(path):
    """Whether a file is no clip; an empty folder may be filled."""
    from wct.clips import ClipError, open_clip

    if os.path.isdir(path):
        return not os.listdir(path)
    try:
        open_clip(path)
    except ClipError:
        return True
    return False


def _sentence(error, clip):
    """What went wrong, in one line that names the file."""
    from wct.clips import ClipError
    from wct.images import PictureError

    reason = " ".join(str(error).split()) or type(error).__name__
    return reason if isinstance(error, (ClipError, PictureError, OSError)) else f"{Path(clip)}: {reason}"

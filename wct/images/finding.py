"""Picture files found in folders, and what looks like one and cannot be taken."""

import os
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from wct.images import raw
from wct.images.formats import SUFFIXES, identify, unread
from wct.images.picture import PictureError, ReadError
from wct.images.reading import explained
from wct.runtime.places import Url, listing, place


class Survey(NamedTuple):
    """What was found. pictures: files to open. left_out: of each file or folder that cannot be taken its path, and why,
    a whole sentence that names it."""

    pictures: Sequence[Path | Url]
    left_out: list[tuple[Path | Url, str]]


def survey(paths: str | PathLike | Iterable, recursive: bool = False,
           collect: Callable = list) -> Survey:
    """The pictures at one path or several, and what looks like one but is left out.

    A path that is a file is always taken; opening it says what is wrong. In a folder a picture is what has the suffix
    of one; hidden files are none. Files and folders of a store are named by URLs, s3://bucket/folder. With recursive,
    folders inside are searched too; links to folders are not followed, and told where they lead out of the folder. The
    order is that of the paths, sorted inside a folder; a file that is met twice is taken once. Of a camera's raw files,
    those with a preview of full size are taken. collect: makes what the pictures are appended to.

    Left out, with the reason: other raw files, dead links, folders that may not be read, and formats of pictures that
    are not read, such as SVG; where several paths are named, those that are not there too.
    Raises PictureError where nothing is found at all, and where the only path is not there or may not be read.
    """
    single = isinstance(paths, (str, PathLike))
    paths = [place(path) for path in ([paths] if single else paths)]
    found = Survey(collect(), [])
    for path in paths:
        try:
            with explained(path):
                path.stat()
                if not isinstance(path, Url) and path.is_dir():
                    os.scandir(path).close()
        except PictureError as error:
            if len(paths) == 1:
                raise
            found.left_out.append((path, str(error)))
            continue
        if path.is_dir():
            (_search_store if isinstance(path, Url) else _search)(path, recursive, found)
        else:
            found.pictures.append(path)
    pictures = found.pictures if len(paths) == 1 else _once(found.pictures, collect())
    if not pictures and not found.left_out:
        where = "it or the folders inside" if recursive else "it (folders inside were not searched)"
        names = ", ".join(map(str, paths))
        raise PictureError(f"{names}: no pictures in {where}; name a folder with files such as .jpg or .png")
    return Survey(pictures, found.left_out)


def _once(pictures, kept):
    """Fill `kept` with the pictures that are met for the first time."""
    seen = set()
    for path in pictures:
        key = hash(os.path.abspath(path))
        if key not in seen:
            seen.add(key)
            kept.append(path)
    return kept


def find_pictures(paths: str | PathLike | Iterable, recursive: bool = False) -> list[Path]:
    """The pictures of `survey`, never an empty list. Raises PictureError, which says why others are left out.

    >>> [path.stem for path in find_pictures("examples/content")][:2]
    ['astronaut', 'chelsea']
    """
    pictures, left_out = survey(paths, recursive)
    if not pictures:
        others = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
        raise PictureError(f"no pictures: {left_out[0][1]}{others}")
    return pictures


def _search(folder, recursive, found):
    """Add what is in a folder to the Survey."""
    def barred(error):
        found.left_out.append((Path(error.filename), f"{error.filename} may not be searched; change its permissions"))

    for path in _inside(folder, recursive, barred):
        if path.is_dir():
            reason = _leads_out(path, folder)
        elif path.suffix.lower() in SUFFIXES | raw.SUFFIXES:
            reason = _reason(path)
            if reason is None:
                found.pictures.append(path)
        else:
            reason = unread(path.suffix.lower())
        if reason:
            found.left_out.append((path, f"{path} {reason}"))


def _inside(folder, recursive, barred):
    """The files of a folder, and links to folders, in the order of their paths; of one folder at a time a list."""
    _, folders, files = next(os.walk(folder, onerror=barred), (folder, [], []))
    folders = set(folders) if recursive else set()
    for name in sorted(name for name in (*files, *folders) if not name.startswith(".")):
        path = Path(folder, name)
        if name in folders and not path.is_symlink():
            yield from _inside(path, recursive, barred)
        else:
            yield path


def _search_store(folder, recursive, found):
    """Add what is in a folder of a store to the Survey. Of raw files, opening them will tell: to look is to fetch."""
    with explained(folder):
        for path, _ in listing(folder, recursive):
            suffix = path.suffix.lower()
            if suffix in SUFFIXES | raw.SUFFIXES:
                found.pictures.append(path)
            elif reason := unread(suffix):
                found.left_out.append((path, f"{path} {reason}"))


def _leads_out(link, folder):
    if link.resolve().is_relative_to(folder.resolve()):
        return None  # what it leads to is found there
    return "is a link to a folder, which is not followed; name that folder as well"


def _reason(path):
    """Why a file with the suffix of a picture cannot be taken; None where it can, or opening it will say."""
    try:
        if not path.exists():
            return "is a dead link; mend or remove it"
        if not path.is_file():
            return "is no file; remove it"
        if path.suffix.lower() in raw.SUFFIXES:
            with open(path, "rb") as file:
                identify(file, lambda size: None, path.suffix.lower())
    except ReadError as error:
        return str(error)
    except Exception:  # of whatever is broken, opening it will tell
        return None
    return None

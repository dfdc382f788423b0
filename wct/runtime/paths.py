"""Many paths in little memory."""

import os
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

from wct.runtime.places import Url


class Paths(Sequence):
    """A sequence of Paths and Urls that keeps the bytes of their names and stamps, and each folder once.

        >>> Paths([Path("a/b.jpg"), Path("a/c.jpg")])[1]
        PosixPath('a/c.jpg')
    """

    def __init__(self, paths: Iterable[Path | Url] = ()):
        self._folders, self._numbers = [], {}
        self._folder, self._ends, self._text = array("L"), array("Q", [0]), bytearray()
        for path in paths:
            self.append(path)

    def append(self, path: Path | Url) -> None:
        folder = path.parent
        number = self._numbers.setdefault(folder, len(self._folders))
        if number == len(self._folders):
            self._folders.append(folder)
        self._folder.append(number)
        self._text += os.fsencode(path.name) + b"\0" + (getattr(path, "stamp", None) or "").encode()
        self._ends.append(len(self._text))

    def __len__(self):
        return len(self._folder)

    def __getitem__(self, i):
        i = range(len(self))[i]
        name, _, stamp = bytes(self._text[self._ends[i] : self._ends[i + 1]]).partition(b"\0")
        path = self._folders[self._folder[i]] / os.fsdecode(name)
        if stamp:
            path.stamp = stamp.decode()
        return path

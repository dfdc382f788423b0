"""What the pictures in an output folder were made of, so that the next run skips those, and those alone."""

import json
import os
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from stat import S_ISDIR
from threading import RLock
from typing import NamedTuple

from wct.runtime.files import lock
from wct.runtime.names import mark
from wct.runtime.places import Url, read, stamped
from wct.runtime.tables import Table

NAME = ".wct.jsonl"  # in the output folder, a line for each picture


class Identity(NamedTuple):
    """What a picture is made of: digests of its photo, its paintings, its masks, and of all the rest."""

    photo: str | None
    paintings: str
    masks: str | None
    options: str


WORDS = Identity("of another photo", "of another painting", "with another mask", "with other options or networks")


class Made(NamedTuple):
    """A picture that was made: what of, and how its file is recognised."""

    identity: Identity
    size: int
    time: int  # of its last change, in ns
    digest: str


class Record:
    """The record of an output folder.

    recipe: all that makes a difference to the pictures and is the same for all of this run. overwrite: whether pictures
    are made, and replace what is there, in any case. known: whether it is to know what was made before; without, as
    for a worker that is told what to make and where, it finds nothing. broken: tells of a path whether what is there is
    nothing whole, by default no whole picture. replace: gives a file its place, as os.replace does. Several runs may
    share a folder and its record. What is said of files holds for folders of them too. What the record tells is read
    into temporary files, so that memory does not grow with what was made.
    """

    def __init__(self, folder, recipe, overwrite=False, known=True, broken=None, replace=os.replace):
        self.path, self.overwrite, self._whole = folder / NAME, overwrite, known
        self._broken, self._replace = broken, replace
        self._options = _digest(json.dumps(recipe, sort_keys=True).encode())
        self._made = Table("name", *Identity._fields, *Made._fields[1:])
        self._known = Table("stamp", "digest")  # of photos and masks
        self._read, self._told, self._lock = 0, set(), RLock()
        self.file = lru_cache(4096)(self._file)
        self._begin()

    def _begin(self):
        if self._whole:
            self._refresh()
        elif os.path.exists(self.path):
            self._read = os.path.getsize(self.path)

    @staticmethod
    def check(folder):
        """Raise OSError, its message one sentence, where a folder has a record that cannot be written."""
        path = folder / NAME
        try:
            if path.exists():
                open(path, "ab").close()
        except OSError as error:
            raise OSError(f"{path}, the record of what was made, cannot be written ({error.strerror}); choose another "
                          "folder, or change its permissions") from error

    def identity(self, content, styles, masks=None):
        """The Identity of a picture of a content (None for a texture) in the styles, with masks (or None each)."""
        return Identity(
            content and self.file(content)[1], _digest(*(self.file(style)[1] for style in styles)),
            _digest(*(mask and self.file(mask)[1] for mask in masks)) if masks else None, self._options)

    def find(self, path, content, styles, masks=None):
        """Where the picture is that would be written to path, if it was made already; else None."""
        if self.overwrite or not self._whole or not (self._is_there(path) or self._told_of(path)):
            return None
        identity = self.identity(content, styles, masks)
        return next((p for p in (path, _marked(path, identity)) if self._made_of(p) == identity), None)

    def ahead(self, path, content, styles, masks=None):
        """The place, and a note or None, for a worker that knows nothing of what is there."""
        if not self._is_there(path):
            return path, None
        return self.place(path, self.identity(content, styles, masks))

    def place(self, path, identity):
        """Where a picture of that Identity is to be, path or beside it where another one is; and a note or None."""
        there = None if self.overwrite or not self._is_there(path) else self._made_of(path)
        if self.overwrite or not self._is_there(path) or there == identity or (there is None and self._is_broken(path)):
            return path, None
        target = _marked(path, identity)
        return target, self._note(path, target, there, identity)

    def add(self, part, path, content, styles, masks=None):
        """Give a whole file its place: path, or beside it where another picture is there.

        Returns the place, and a note or None. content, styles, masks: what the picture was made of.
        """
        identity = self.identity(content, styles, masks)
        files = dict(self.file(file) for file in (content, *(masks or [])) if file and not isinstance(file, Url))
        info, digest = os.stat(part), _file_digest(part)
        with self._lock, open(self.path, "ab+") as record:
            lock(record)
            if self._whole or self._is_there(path):
                self._refresh()
            target, note = self.place(path, identity)
            line = json.dumps([target.name, *identity, info.st_size, info.st_mtime_ns, digest, files])
            record.write(_ending(record) + line.encode() + b"\n")
            record.flush()
            self._replace(part, target)  # after the line: a picture without one would be another's
            return target, note

    def _is_there(self, path):
        try:
            return os.stat(path).st_size > 0
        except OSError:
            return False

    def _is_broken(self, path):
        """Whether a file is no whole picture, as after a power cut."""
        from PIL import Image

        if self._broken:
            return self._broken(path)
        try:
            with Image.open(path) as image:
                image.load()
        except Exception:  # pillow has many
            return True
        return False

    def _note(self, path, target, there, identity):
        reason = "and nothing tells how they were made"
        if there:
            differ = [word for word, a, b in zip(WORDS, there, identity) if a != b]
            reason = f"made {' and '.join(differ)}"
        if reason in self._told:
            return None
        self._told.add(reason)
        return (f"{path} and perhaps others are there already, {reason}: they stay, the new ones get names such as "
                f"{target.name}; to replace them use --overwrite")

    def _made_of(self, path):
        """The Identity of the picture at path; None where there is none, or it is not the one that was made."""
        for again in (False, True):
            if again:
                self._refresh()  # another run may have made it meanwhile
            made = self._told_of(path)
            try:
                info = os.stat(path)
                if made and made.size == info.st_size and (
                        made.time == info.st_mtime_ns or made.digest == _file_digest(path)):
                    return made.identity
            except OSError:
                return None
        return None

    def _told_of(self, path):
        """What the last line on a file of that name says, a Made; None without one."""
        row = self._made.get(os.fsencode(path.name))
        return row and Made(Identity(*row[1:5]), *row[5:])

    def _refresh(self):
        """Take in the lines that were added since the last time."""
        with self._lock, suppress(FileNotFoundError), open(self.path, "rb") as record:
            if os.fstat(record.fileno()).st_size < self._read:
                self._read = 0  # it is another one
            record.seek(self._read)
            for line in record:
                if not line.endswith(b"\n"):
                    break  # another run is writing it
                self._read += len(line)
                self._take_in(line)

    def _take_in(self, line):
        with suppress(ValueError, TypeError, AttributeError):  # cut off by a full disk
            name, *made, files = json.loads(line)
            self._known.put(files.items())
            self._made.put([(os.fsencode(name), *made)])

    def _file(self, path):
        """(stamp, digest) of a file. While its place, size and times are the same, it isn't read again. Of a folder,
        whose times stay when a file in it changes, both are of its listing.

        Of a file in a store the stamp will do, which its listing told: to look into each would be to fetch it.
        """
        if isinstance(path, Url):
            stamp = stamped(path)
            return _digest(str(path), stamp), _digest(stamp) if stamp else _digest(read(path))
        info = os.stat(path)
        if S_ISDIR(info.st_mode):
            return (_file_digest(path),) * 2
        place = os.fsencode(os.path.abspath(path))
        stamp = _digest(place, f"{info.st_size} {info.st_mtime_ns} {info.st_ctime_ns}".encode())
        known = self._known.get(stamp)
        return stamp, known[1] if known else _file_digest(path)


def fingerprint(networks):
    """A digest of networks, the same on every device and in every dtype that they run in."""
    import torch

    tensors = (tensor.detach().to("cpu", torch.bfloat16).contiguous() for network in networks
               for tensor in network.state_dict().values())
    return _digest(*(tensor.view(torch.int16).numpy().tobytes() for tensor in tensors))


def _digest(*parts):
    whole = blake2b(digest_size=12)
    for part in parts:
        whole.update(blake2b(part if isinstance(part, bytes) else repr(part).encode()).digest())
    return whole.hexdigest()


def _file_digest(path):
    whole = blake2b(digest_size=12)
    if os.path.isdir(path):
        with os.scandir(path) as entries:
            infos = sorted((entry.name, entry.stat()) for entry in entries)
        return _digest(*(f"{name} {info.st_size} {info.st_mtime_ns}" for name, info in infos))
    with open(path, "rb", buffering=0) as file:
        while block := file.read(2**20):
            whole.update(block)
    return whole.hexdigest()


def _marked(path, identity):
    """Beside path, the name for a picture of that Identity."""
    return path.with_name(f"{path.stem}-{mark(repr(tuple(identity)))}{path.suffix}")


def _ending(record):
    """A line's end where the last line has none."""
    if record.seek(0, os.SEEK_END) == 0:
        return b""
    record.seek(-1, os.SEEK_END)
    return b"" if record.read(1) == b"\n" else b"\n"

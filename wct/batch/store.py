"""The record of an output folder in a store, where no file can be added to."""

import json
import os
import time
import uuid
from itertools import islice

from wct.batch.record import Record
from wct.runtime.files import check_folder
from wct.runtime.places import Url, listing, put, read_all, write
from wct.runtime.tables import Table

LINES = 256  # in one file of the record, which is written again with each
AT_ONCE = 64  # files that are fetched


def record_of(folder, recipe, overwrite=False, known=True):
    """The Record of an output folder, wherever it is."""
    return (StoreRecord if isinstance(folder, Url) else Record)(folder, recipe, overwrite, known)


def check_record(folder):
    """Raise OSError, its message one sentence, where the record of an output folder cannot be written."""
    if isinstance(folder, Url):
        check_folder(folder)
    else:
        Record.check(folder)


class StoreRecord(Record):
    """A folder of files in the store, of lines as in a Record's; each run writes some of its own.

    What is there is asked once, at the beginning. A picture is the one that a line tells of where it has its length:
    there are no halves, and stores change their times. Two runs at once may share a folder where they make different
    pictures, or the same; the later one of two that make different pictures under one name replaces the other's.
    """

    def _begin(self):
        self._there, self._lines, self._file_name = Table("name", "size"), [], None
        if self._whole:
            self._there.put((os.fsencode(path.name), size) for path, size in listing(self.path.parent))
            files = (path for path, _ in listing(self.path))  # by their time
            while some := list(islice(files, AT_ONCE)):
                for line in b"\n".join(read_all(some)).splitlines():
                    self._take_in(line)

    def add(self, part, path, content, styles, masks=None):
        identity, size = self.identity(content, styles, masks), os.path.getsize(part)
        with self._lock:
            target, note = self.place(path, identity)
            self._write([target.name, *identity, size, None, None, {}])
            put(part, target)  # after the line: a picture without one would be another's
            if self._whole:
                self._take_in(self._lines[-1])
                self._there.put([(os.fsencode(target.name), size)])
        return target, note

    def _write(self, line):
        if len(self._lines) % LINES == 0:
            self._lines, self._file_name = [], f"{time.time_ns():020}-{uuid.uuid4().hex[:12]}.jsonl"
        self._lines.append(json.dumps(line).encode() + b"\n")
        write(self.path / self._file_name, b"".join(self._lines))

    def _refresh(self):
        """Others' lines are not asked for on the way."""

    def _is_there(self, path):
        return bool(self._size(path))

    def _is_broken(self, path):
        return False

    def _made_of(self, path):
        made = self._told_of(path)
        return made.identity if made and made.size == self._size(path) else None

    def _size(self, path):
        """The length of a file that is there."""
        there = self._there.get(os.fsencode(path.name))
        return there and there[1]

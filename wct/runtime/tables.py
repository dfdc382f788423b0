"""Rows by the million, in a temporary file and not in memory."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import RLock

from wct.runtime.files import NoSpaceError


class Table:
    """Rows of columns, the first of them the key; a row replaces the one that has its key.

    They are in a database of SQLite in a temporary file, which goes with the Table. Of it a process holds `MEGABYTES`,
    however many rows there are. Raises NoSpaceError where the disk of temporary files is full, ValueError for a row of
    another length, or with what is no number, text, bytes or None.

        >>> sizes = Table("name", "size")
        >>> sizes.put([("a.png", 3), ("b.png", 5), ("a.png", 4)])
        >>> sizes.get("a.png"), sizes.get("c.png")
        (('a.png', 4), None)
        >>> list(sizes.select("SELECT name FROM rows ORDER BY size DESC"))
        [('b.png',), ('a.png',)]
    """

    MEGABYTES = 16

    def __init__(self, key: str, *columns: str):
        self._lock = RLock()
        with self._told():
            self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)  # "": a temporary file
            self._base.execute(f"PRAGMA cache_size = {-1000 * self.MEGABYTES}")
            self._base.execute("PRAGMA journal_mode = OFF")
            self._base.execute(f"CREATE TABLE rows ({', '.join([f'{key} PRIMARY KEY', *columns])}) WITHOUT ROWID")
            self._base.execute("BEGIN")  # of one transaction, never ended: four times as fast
        self._put = f"REPLACE INTO rows VALUES ({', '.join('?' * (1 + len(columns)))})"
        self._get = f"SELECT * FROM rows WHERE {key} = ?"

    def put(self, rows: Iterable[tuple]) -> None:
        with self._lock, self._told():
            self._base.executemany(self._put, rows)

    def get(self, key) -> tuple | None:
        """The row with that key; None where there is none."""
        with self._lock, self._told():
            return self._base.execute(self._get, (key,)).fetchone()

    def select(self, query: str, *values) -> Iterator[tuple]:
        """What a SELECT from `rows` finds, one after the other. No other thread may put rows meanwhile."""
        with self._told():
            yield from self._base.execute(query, values)

    @contextmanager
    def _told(self):
        try:
            yield
        except sqlite3.OperationalError as error:
            raise NoSpaceError(f"the disk of temporary files has no room ({error}); make some, or name a folder on "
                               "another disk by TMPDIR") from error
        except (sqlite3.ProgrammingError, OverflowError) as error:
            raise ValueError(str(error)) from error

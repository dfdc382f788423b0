"""What became of the pictures: counted as it is told, and kept for the report in a file, not in memory."""

import json
from collections import Counter
from statistics import median

from wct.runtime.tables import Table

TIMES = ("seconds", "encode", "transform", "decode")
FIRST = -(2**40)  # the number of the first row that has none


class Rows:
    """The rows of a report, in the order of their pictures whatever the order they come in.

    kept: whether they are wanted again; else only what the closing table needs is kept.
    """

    def __init__(self, kept=True):
        self.counts, self._times = Counter(), Table("number", *TIMES)
        self._rows = Table("number", "row") if kept else None

    def __len__(self):
        return self.counts.total()

    def add(self, row, number=None):
        """number: that of its picture; rows without one stand first, in the order in which they were added."""
        number = FIRST + len(self) if number is None else number
        self.counts[row["status"]] += 1
        if row["status"] == "done":
            self._times.put([(number, *(row[name] for name in TIMES))])
        if self._rows:
            self._rows.put([(number, json.dumps(row))])

    def __iter__(self):
        for row, in self._rows.select("SELECT row FROM rows ORDER BY number"):
            yield json.loads(row)

    @property
    def failed(self):
        return bool(self.counts["failed"] or self.counts["left out"])

    def summary(self):
        """The closing table: counts, and median seconds per picture and stage."""
        yield ("pictures", self.counts["done"])
        yield ("skipped", self.counts["skipped"])
        yield ("failures", self.counts["failed"])
        if self.counts["left out"]:
            yield ("left out", self.counts["left out"])
        for name in TIMES:
            yield ("median s/picture" if name == "seconds" else f"  {name}",
                   f"{self._median(name):.3f}" if self.counts["done"] else "-")

    def _median(self, name):
        count = self.counts["done"]
        return median(time for time, in self._times.select(
            f"SELECT {name} FROM rows ORDER BY {name} LIMIT ? OFFSET ?", 2 - count % 2, (count - 1) // 2))


def print_table(rows):
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))))

"""What became of the pictures: counted as it is told, and kept for the report in a file, not in memory."""

import json
import tempfile
from array import array
from collections import Counter
from statistics import median

TIMES = ("seconds", "encode", "transform", "decode")


class Rows:
    """The rows of a report, in the order of their pictures whatever the order they come in.

    kept: whether they are wanted again; else only what the closing table needs is kept.
    """

    def __init__(self, kept=True):
        self.counts, self._times = Counter(), {name: array("f") for name in TIMES}
        self._file = tempfile.TemporaryFile() if kept else None  # noqa: SIM115
        self._numbers, self._starts = array("q"), array("Q")

    def __len__(self):
        return self.counts.total()

    def add(self, row, number=-1):
        """number: that of its picture; those with the same stay in the order in which they were added."""
        self.counts[row["status"]] += 1
        if row["status"] == "done":
            for name, times in self._times.items():
                times.append(row[name])
        if self._file:
            self._numbers.append(number)
            self._starts.append(self._file.tell())
            self._file.write(json.dumps(row).encode() + b"\n")

    def __iter__(self):
        for i in sorted(range(len(self._numbers)), key=self._numbers.__getitem__):
            self._file.seek(self._starts[i])
            yield json.loads(self._file.readline())

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
        for name, times in self._times.items():
            yield ("median s/picture" if name == "seconds" else f"  {name}", f"{median(times):.3f}" if times else "-")


def print_table(rows):
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))))

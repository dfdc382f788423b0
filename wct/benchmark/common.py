"""What the benchmarks share: kinds of arguments, the folders of their files, the table."""

import argparse

from wct.runtime.arguments import count
from wct.runtime.report import write_report


def side(text):
    value = count(text)
    if value % 16 or not 32 <= value <= 4096:
        raise argparse.ArgumentTypeError(f"{text} is not a multiple of 16 from 32 to 4096")
    return value


def available_devices():
    import torch

    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def make_folders(parser, *folders):
    """Make room for what is written at the end before anything is measured; None stands for no folder."""
    try:
        for folder in folders:
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(str(error))


def report(parser, path, rows, columns):
    """Write the rows to a file, where there is a path."""
    try:
        if path:
            write_report(path, rows, columns)
    except OSError as error:
        parser.error(str(error))


def print_table(rows, table, group):
    """Print rows as they come and pass them on, with headings wherever one of the keys in `group` changes.

    rows: dicts; None is shown as a dash. table: (heading, key of a row, width, format) of each column.
    """
    last = None
    for row in rows:
        if last != (last := [row[key] for key in group]):
            print("\n" + "  ".join(heading.rjust(width) for heading, _, width, _ in table))
        cells = (("-" if row[key] is None else format(row[key], shape)).rjust(w) for _, key, w, shape in table)
        print("  ".join(cells), flush=True)
        yield row

"""Reports of the command line programs: rows to a .json or .csv file."""

import argparse
import csv
import io
import json
import os
import textwrap

from wct.runtime.files import check_folder, write_whole
from wct.runtime.places import Url, place


def report_path(text):
    """The type of a --report argument."""
    path = place(text)
    if path.suffix.lower() not in (".json", ".csv"):
        raise argparse.ArgumentTypeError(f"{text} must end in .json or .csv")
    if os.path.isdir(path):  # which Path.is_dir cannot tell of names that are too long
        raise argparse.ArgumentTypeError(f"{text} is a folder; name a file")
    return path


def check_report(path):
    """Raise OSError, its message one sentence, where a report could not be written to path; its folder is made."""
    check_folder(path.parent)
    if isinstance(path, Url):
        return
    try:
        path.lstat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise OSError(f"{path} cannot be written ({getattr(error, 'strerror', error)}); choose another name") from error


def write_report(path, rows, columns):
    """Write rows, dicts with the keys `columns`, as the suffix of path says; the whole file or none, row by row.

    A .csv file has lists with semicolons between. Raises OSError, its message one sentence, where that fails.
    """
    def write(file):
        text = io.TextIOWrapper(file, "utf-8", "surrogateescape", newline="")
        (_write_json if path.suffix.lower() == ".json" else _write_csv)(text, rows, columns)
        text.detach()  # what is written stays open

    write_whole(path, write)


def _write_json(text, rows, columns):
    """As json.dump(rows, indent=2) writes a list, of which no two rows need be in memory."""
    between = "[\n"
    for row in rows:
        text.write(between + textwrap.indent(json.dumps(row, indent=2), "  "))
        between = ",\n"
    text.write("[]" if between == "[\n" else "\n]")


def _write_csv(text, rows, columns):
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows({key: "; ".join(map(str, value)) if isinstance(value, list) else value
                      for key, value in row.items()} for row in rows)

"""Reports of the command line programs: rows to a .json or .csv file."""

import argparse
import csv
import io
import json
import os
from pathlib import Path

from wct.runtime.files import check_folder, write_whole


def report_path(text):
    """The type of a --report argument."""
    path = Path(text)
    if path.suffix.lower() not in (".json", ".csv"):
        raise argparse.ArgumentTypeError(f"{text} must end in .json or .csv")
    if os.path.isdir(path):  # which Path.is_dir cannot tell of names that are too long
        raise argparse.ArgumentTypeError(f"{text} is a folder; name a file")
    return path


def check_report(path):
    """Raise OSError, its message one sentence, where a report could not be written to path; its folder is made."""
    check_folder(path.parent)
    try:
        path.lstat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise OSError(f"{path} cannot be written ({getattr(error, 'strerror', error)}); choose another name") from error


def write_report(path, rows, columns):
    """Write rows, dicts with the keys `columns`, as the suffix of path says; the whole file or none.

    A .csv file has lists with semicolons between. Raises OSError, its message one sentence, where that fails.
    """
    text = io.StringIO(newline="")
    if path.suffix.lower() == ".json":
        json.dump(rows, text, indent=2)
    else:
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows({key: "; ".join(map(str, value)) if isinstance(value, list) else value
                          for key, value in row.items()} for row in rows)
    write_whole(path, lambda file: file.write(text.getvalue().encode(errors="surrogateescape")))

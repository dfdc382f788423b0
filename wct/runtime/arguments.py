"""Kinds of arguments that the programs share."""

import argparse
from importlib.util import find_spec


def count(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def list_of(item):
    """The type of an argument that is a list of the type `item`, with commas between."""
    def parse(text):
        return [item(part) for part in text.split(",")]

    return parse


def one_of(*names):
    """The type of an argument that is one of `names`: as `choices`, but for a part of a list."""
    def parse(text):
        if text not in names:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(names)}")
        return text

    return parse


_INSTALLED_AS = {"cv2": "opencv-python-headless"}


def require(parser, *packages):
    """End the program, before it does any work, where a package that not everybody needs is not installed."""
    missing = [_INSTALLED_AS.get(package, package) for package in packages if find_spec(package) is None]
    if missing:
        names = " and ".join(missing)
        parser.error(f"{names} {'is' if len(missing) == 1 else 'are'} missing: pip install {' '.join(missing)}")

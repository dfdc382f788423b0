"""Kinds of arguments that the programs share."""

import argparse


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

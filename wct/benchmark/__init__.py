"""Measure speed and accuracy, and show pictures: python -m wct.benchmark matrix|pipeline|photo|pictures|sheet|video"""

import argparse

from wct.benchmark import matrix, photo, pictures, pipeline, sheet, video


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m wct.benchmark", description=__doc__.split(":")[0] + ".")
    commands = parser.add_subparsers(dest="command", required=True)
    for part in (matrix, pipeline, photo, pictures, sheet, video):
        part.add_command(commands)
    args = parser.parse_args(argv)
    args.run(args, parser)

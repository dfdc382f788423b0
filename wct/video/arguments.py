"""The arguments of python -m wct.video, without importing torch. Those of a picture are `wct.options`'."""

import argparse
import sys
from pathlib import Path

from wct.batch.arguments import add_option, check, dashed, mask_path, numbers
from wct.options import DEVICES, NETWORK, OPTIONS
from wct.runtime.report import report_path

FORMATS = {"mp4": ".mp4", "webm": ".webm", "gif": ".gif", "webp": ".webp", "png": ".png", "frames": ""}


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m wct.video",
        description="Write a clip in the style of a painting, without flicker: maps are fitted to shots, not to "
        "frames. Times and sound stay the clip's. Clips that were made already, of the same files with the same "
        "options, are skipped, and a film that was begun goes on where it stopped. Exit status: 0 all done, 1 some "
        "failed, 2 bad usage.",
    )
    add = parser.add_argument
    add("clip", type=Path, metavar="CLIP", help="a film, an animated GIF, WebP or PNG, a folder of numbered frames, or "
        "a folder of clips")
    add("style", type=Path, metavar="STYLE", help="a painting, or a folder of them")
    add("--output", type=Path, required=True, metavar="OUT", help="what to write, by its suffix: .mp4, .mov, .mkv, "
        ".webm, .gif, .webp, .png; without one, a folder of numbered frames; for several clips or paintings the folder "
        "of <clip>__<style>")
    for option in OPTIONS.values():
        add_option(parser, option)
    add("--blend", nargs="?", type=numbers, const=(), metavar="W,W,...", help="all the paintings mixed in one clip, by "
        "these weights in the order of their names (default: all the same)")
    add("--mask", type=mask_path, action="append", metavar="PATH", help="where the style applies (white), else the "
        "clip stays: a picture, or a clip of masks, frame by frame; with --blend one for each painting")
    add("--style-mask", type=mask_path, action="append", metavar="FILE", help="the part of the painting that is used "
        "(white); with --blend one for each painting")
    add("--frame-by-frame", action="store_true", help="every frame for itself, as if it were a picture: flickers")
    add("--rate", type=_rate, metavar="R", help="frames a second of numbered frames (default: 24)")
    add("--format", choices=tuple(FORMATS), default="mp4", help="what to write for several clips or paintings "
        "(default: mp4)")
    add(NETWORK.flag, choices=tuple(NETWORK.choices), help=f"{NETWORK.help} (default: {NETWORK.default}, or full for "
        "five levels)")
    add("--device", choices=DEVICES, default="auto", help="where to compute")
    add("--overwrite", action="store_true", help="make finished clips again, and replace those of other clips or "
        "options")
    add("--report", type=report_path, metavar="FILE", help="write one row per clip to FILE.json or FILE.csv")
    return parser


def arguments(argv: list[str] | None = None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """The parser, and what it makes of the command line."""
    made = parser()
    args = made.parse_intermixed_args(dashed(sys.argv[1:] if argv is None else argv))
    check(made, args)
    return made, args


def options_of(args: argparse.Namespace) -> dict:
    """What the command line says of each of `wct.options.OPTIONS`."""
    return {name: getattr(args, name) for name in OPTIONS}


def _rate(text):
    try:
        rate = float(text)
    except ValueError:
        rate = 0
    if not 0.01 <= rate <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of frames a second from 0.01 to 1000")
    return rate

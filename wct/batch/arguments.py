"""The arguments of python -m wct.batch, and kinds of arguments the benchmark shares, without importing torch."""

import argparse
from pathlib import Path

from wct.options import BACKENDS, MODES, SMALLEST_TILE, TRANSFORMS
from wct.runtime.arguments import list_of, one_of
from wct.runtime.report import report_path


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m wct.batch",
        description="Write every content picture in every style. Finished pictures are skipped, so an interrupted "
        "run goes on where it stopped. Exit status: 0 all done, 1 some failed, 2 bad usage.",
    )
    add = parser.add_argument
    add("content", type=Path, nargs="?", help="a photo, or a folder of them; none with --texture")
    add("style", type=Path, help="a painting, or a folder of them")
    add("--output", type=Path, required=True, metavar="DIR", help="where to write <content>__<style>.png")
    add("--recursive", action="store_true", help="look into the folders inside the folders too")
    add("--strength", type=float, default=1.0, metavar="0..1", help="0 is the photo, 1 the full style (default)")
    add("--size", type=int, metavar="N", help="longest side in pixels (default: that of the content, "
        "reduced to 4 megapixels where it has more)")
    add("--mode", choices=MODES, default="single", help="one pass through the networks (default), or the classic "
        "cascade of one per level")
    add("--blend", nargs="?", type=_numbers, const=(), metavar="W,W,...", help="mix all the paintings in one picture, "
        "with these weights by the order of their names (default: all the same)")
    add("--mask", type=_mask, action="append", metavar="PATH", help="where the style applies: a picture white there "
        "and black elsewhere, or a folder with one for each photo, by its name; with --blend one for each painting")
    add("--style-mask", type=_mask, action="append", metavar="FILE", help="the part of the painting that is used: a "
        "picture in its shape, white there and black elsewhere; with --blend one for each painting")
    add("--keep-colors", action="store_true", help="the photo's colours in the painting's strokes")
    add("--stroke", type=float, default=1.0, metavar="S", help="scale at which paintings are read, 0.25 to 4: more for "
        "wider strokes")
    add("--transform", choices=TRANSFORMS, default="zca", help="whitening and colouring (default), optimal transport, "
        "which keeps more of the photo, or AdaIN's, the cheapest")
    add("--levels", type=_levels, metavar="N|S,S,...", help="how many levels take part, 1 to 5 (default: 4), or their "
        "strengths, the finest first")
    add("--texture", type=_dimensions, metavar="WxH", help="the style alone, at this size, without a photo")
    add("--seed", type=int, default=0, metavar="N", help="another one, another texture")
    add("--backend", choices=BACKENDS, default="mpa", help="how matrix square roots are computed (default: mpa)")
    add("--compare", type=list_of(one_of(*BACKENDS)), metavar="B[,B...]", help="also run these backends on the same "
        "pairs, and compare their time, accuracy and pictures with svd")
    add("--tile", type=int, metavar="N", help="side of the squares that pictures beyond 4 megapixels are worked on in, "
        f"{SMALLEST_TILE} at least: smaller ones take less memory and more time (default: 1024)")
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    add("--format", choices=("png", "jpeg", "webp"), default="png")
    add("--overwrite", action="store_true", help="make finished pictures again")
    add("--report", type=report_path, metavar="FILE", help="write one row per picture to FILE.json or FILE.csv")
    args = parser.parse_intermixed_args(argv)  # options may stand between the photo and the painting
    if not 0 <= args.strength <= 1:
        parser.error(f"--strength must lie between 0 and 1, not {args.strength}")
    if args.size is not None and args.size < 1:
        parser.error(f"--size must be at least 1, not {args.size}")
    if args.tile is not None and args.tile < SMALLEST_TILE:
        parser.error(f"--tile must be at least {SMALLEST_TILE}, not {args.tile}")
    if not 0.25 <= args.stroke <= 4:
        parser.error(f"--stroke must lie between 0.25 and 4, not {args.stroke}")
    if (args.content is None) != (args.texture is not None):
        parser.error("name a photo and a painting; with --texture, a painting alone")
    if not 0 <= args.seed < 2**63:
        parser.error(f"--seed must lie between 0 and 2^63, not {args.seed}")
    if args.texture and (args.mask or args.size or args.strength != 1 or args.keep_colors):
        parser.error("--texture takes no --mask, --size, --strength and --keep-colors: there is no photo")
    return parser, args


def _numbers(text):
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers such as 2,1") from None


def _levels(text):
    return int(text) if text.isdecimal() else _numbers(text)


def _dimensions(text):
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 640x480")
    return int(width), int(height)


def _mask(text):
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"{text}: there is no such mask; check the path")
    return path

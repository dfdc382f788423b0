"""The arguments of python -m wct.batch, without importing torch. Those of a picture are `wct.options`'."""

import argparse
import os
import re
import sys

from wct.options import BACKENDS, DEVICES, NETWORK, OPTIONS, Option
from wct.runtime.arguments import list_of, one_of, require
from wct.runtime.places import Url, place
from wct.runtime.report import report_path

_RESOURCE = r"(cpus|gpus)=([0-9]{1,6}|0?\.[0-9]{1,4})"  # Ray shares what is one, and no more


def parser_and_actions() -> tuple[argparse.ArgumentParser, list[argparse.Action]]:
    """The parser, and what it takes besides the pictures, in the order of README's table."""
    parser = argparse.ArgumentParser(
        prog="python -m wct.batch",
        description="Write every content picture in every style. Pictures that were made already, of the same files "
        "with the same options, are skipped, so an interrupted run goes on where it stopped; what else is there stays. "
        "Exit status: 0 all done, 1 some failed or were left out, 2 bad usage.",
    )
    parser.add_argument("content", type=place, nargs="*", metavar="CONTENT",
                        help="photos, or folders of them, or URLs of these (s3://bucket/photos); none with --texture")
    parser.add_argument("style", type=place, metavar="STYLE", help="a painting, or a folder of them; comes last")
    add = parser.add_argument
    return parser, [
        add("--output", type=place, required=True, metavar="DIR", help="where to write <content>__<style>.png: a "
            "folder, or the URL of one, such as s3://bucket/results"),
        *(add_option(parser, option) for option in OPTIONS.values()),
        add("--blend", nargs="?", type=numbers, const=(), metavar="W,W,...", help="all the paintings mixed in one "
            "picture, by these weights in the order of their names (default: all the same)"),
        add("--mask", type=mask_path, action="append", metavar="PATH", help="where the style applies (white), else the "
            "photo stays: a file, or a folder (and those inside) with one per photo, by its name; with --blend one "
            "for each painting"),
        add("--style-mask", type=mask_path, action="append", metavar="FILE", help="the part of the painting that is "
            "used (white); with --blend one for each painting"),
        add("--texture", type=_dimensions, metavar="WxH", help="the painting alone, without a photo: a texture of this "
            "size"),
        add("--seed", type=int, default=0, metavar="N", help="where chance begins: another number, another texture, or "
            "another --sample"),
        add("--sample", type=_count, metavar="N", help="each photo in N of the paintings alone, drawn by chance, the "
            "same ones in every run"),
        add("--shard", type=_shard, default=(0, 1), metavar="I/N", help="the I-th of N parts of the work alone: the "
            "same command on N machines, each with another I, makes all of it"),
        add("--cluster", type=_address, nargs="?", const="local", metavar="ADDRESS", help="work in many processes, of "
            "this machine, or of the Ray cluster at HOST:PORT (auto: the one this machine belongs to)"),
        add("--per-worker", type=_resources, metavar="KIND=N,...", help="what each process of --cluster has, such as "
            "cpus=2 or gpus=1 (default: a GPU where there are any, else two cores)"),
        add("--compare", type=list_of(one_of(*BACKENDS)), metavar="B[,B...]", help="also run these backends on the "
            "same pairs, and compare their time, accuracy and pictures with svd"),
        add(NETWORK.flag, choices=tuple(NETWORK.choices), help=f"{NETWORK.help} (default: {NETWORK.default}, or full "
            "for five levels and for textures)"),
        add("--device", choices=DEVICES, default="auto", help="where to compute"),
        add("--format", choices=("png", "jpeg", "webp"), default="png", help="what to write"),
        add("--metadata", choices=("none", "keep"), default="none", help="whether results keep the photo's date, "
            "camera and place"),
        add("--recursive", action="store_true", help="look into the folders inside the folders too"),
        add("--overwrite", action="store_true", help="make finished pictures again, and replace those of other photos "
            "or options"),
        add("--report", type=report_path, metavar="FILE", help="write one row per picture to FILE.json or FILE.csv"),
    ]


def arguments(argv: list[str] | None = None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser, _ = parser_and_actions()
    args = parser.parse_intermixed_args(dashed(sys.argv[1:] if argv is None else argv))  # options may stand between
    if bool(args.content) == bool(args.texture):
        parser.error("name a photo and a painting; with --texture, a painting alone")
    if not 0 <= args.seed < 2**63:
        parser.error(f"--seed must lie between 0 and 2^63, not {args.seed}")
    if args.sample and args.blend is not None:
        parser.error("--sample draws from the paintings, and --blend takes all of them; leave out one of the two")
    if args.per_worker and not args.cluster:
        parser.error("--per-worker is for --cluster")
    if args.cluster and args.compare:
        parser.error("--compare measures one machine; leave out --cluster")
    if args.cluster:
        require(parser, "ray")
    photos_own = [name for name, option in OPTIONS.items() if option.needs_photo]
    if args.texture and (args.mask or any(getattr(args, name) != OPTIONS[name].default for name in photos_own)):
        flags = ", ".join(["--mask", *(OPTIONS[name].flag for name in photos_own)])
        parser.error(f"--texture takes none of {flags}: there is no photo")
    if args.texture and args.mode == "photo":
        parser.error("--mode photo needs a photo; leave out --texture, or choose another mode")
    check(parser, args)
    return parser, args


def check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """What does not go together, of pictures and of clips, is an error of the parser."""
    if args.mode == "photo" and args.keep_colors:
        parser.error("--mode photo is a change of colours: --keep-colors would leave nothing of it; choose one")
    if args.labels and (args.blend is not None or len(args.mask or []) != 1 or len(args.style_mask or []) != 1):
        parser.error("--labels needs one --mask, the photo's label map, and one --style-mask, that of the style; "
                     "it takes no --blend")


def dashed(argv: list[str]) -> list[str]:
    """The arguments without the `--` behind which all are paths, such as begin with a dash: ./ takes its place.

    Not every Python that we run on understands it among arguments that are intermixed.
    """
    if "--" not in argv:
        return argv
    i = argv.index("--")
    return [*argv[:i], *(os.path.join(".", path) if path.startswith("-") else path for path in argv[i + 1 :])]


def options_of(args: argparse.Namespace) -> dict:
    """What the command line says of each of `wct.options.OPTIONS`; for a texture, of those that need no photo."""
    return {name: getattr(args, name) for name, option in OPTIONS.items() if not (args.texture and option.needs_photo)}


def table() -> str:
    """README's table of the options, in Markdown."""
    rows = ["| option | meaning |", "| --- | --- |"]
    for action in parser_and_actions()[1]:
        shape = "|".join(action.choices) if action.choices else action.metavar
        flag = " ".join(filter(None, (action.option_strings[0], f"[{shape}]" if action.nargs == "?" else shape)))
        flag = flag.replace("|", "\\|")
        told = action.help.replace("<", "\\<")  # or it is taken for HTML
        rows.append(f"| `{flag}` | {told} |")
    return "\n".join(rows)


def add_option(parser: argparse.ArgumentParser, option: Option) -> argparse.Action:
    """The argument that an option of pictures is."""
    told = option.help
    if option.default not in (None, False):
        told += f" (default: {option.default})"
    if option.kind is bool:
        return parser.add_argument(option.flag, action="store_true", help=told)
    shape = option.shape or f"{option.least:g}..{option.most:g}" if not option.choices else None
    if option.choices:
        return parser.add_argument(option.flag, choices=tuple(option.choices), default=option.default, help=told)
    return parser.add_argument(option.flag, type=_checked(option), default=option.default, metavar=shape, help=told)


def _checked(option):
    """The type of an argument that is an option's value."""
    def parse(text):
        try:
            value = option.kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no value such as {option.shape or option.least}") from None
        try:
            option.check(value, option.flag)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return value

    return parse


def numbers(text):
    """The type of an argument that is a list of numbers."""
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers such as 2,1") from None


def _dimensions(text):
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 640x480")
    return int(width), int(height)


def _count(text):
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number such as 3")
    return int(text)


def _shard(text):
    """(i, n), i from 0."""
    own, _, parts = text.partition("/")
    if not (own.isdecimal() and parts.isdecimal() and 1 <= int(own) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is no part such as 1/4, 2/4, 3/4 or 4/4")
    return int(own) - 1, int(parts)


def _address(text):
    if text not in ("auto", "local") and not re.fullmatch(r"[^/\s]+:\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no address such as 10.0.0.1:6379; --cluster without one cannot "
                                         "stand before a picture")
    return text


def _resources(text):
    """{"cpus": n, "gpus": n}, those that were given."""
    parts = text.split(",")
    given = dict(part.split("=") for part in parts) if all(map(re.compile(_RESOURCE).fullmatch, parts)) else {}
    if len(given) < len(parts) or not all(map(float, given.values())):
        raise argparse.ArgumentTypeError(f"{text!r} is nothing such as cpus=2, gpus=1,cpus=4 or gpus=0.5")
    return {kind: float(number) for kind, number in given.items()}


def mask_path(text):
    """The type of an argument that is a path of a mask, which is there."""
    path = place(text)
    try:
        path.stat()
    except OSError as error:
        told = isinstance(path, Url) and not isinstance(error, FileNotFoundError)  # by the store, in a sentence
        message = str(error) if told else f"{text}: there is no such mask; check the path"
        raise argparse.ArgumentTypeError(message) from error
    return path


if __name__ == "__main__":
    print(table())

"""How near results are to their styles and contents, by a judge: python -m wct.benchmark pictures"""

import sys
from functools import partial
from pathlib import Path

from wct.benchmark import peers
from wct.benchmark.common import make_folders, print_table, report, side
from wct.options import NETWORK, OPTIONS
from wct.runtime.arguments import count, list_of, one_of, require
from wct.runtime.examples import EXAMPLES
from wct.runtime.report import report_path

CURVES = {"detail": [0.06, 0.1, 0.14, 0.2], "strength": [0.6, 0.8, 1.0]}  # options, and values to draw each along
TABLE = (  # heading, key of a row, width, format
    ("program", "program", 10, ""), ("option", "option", 8, ""), ("value", "value", 5, "g"), ("pairs", "pairs", 5, "d"),
    *((f"{name}{sign}", key, 7, ".4f") for name in ("lpips", "gram", "meanstd")
      for sign, key in (("", name), (" +-", f"{name}_error"))),
)
COLUMNS = tuple(key for _, key, *_ in TABLE)


def add_command(commands):
    parser = commands.add_parser(
        "pictures", help="nearness to style and content, along an option, beside the programs of others",
        description="Stylise pairs of photos and paintings and have a judge measure them: LPIPS to the content, and "
        "the distances of Gram matrices and of means and deviations to the style, each with its standard error, lower "
        "is better. The last lines are differences to the others, pair by pair, at the default.",
        epilog="The judge is a folder with a judge.py, whose Judge().score(content, style, result) takes float pixels "
        "(1, 3, H, W) in [0, 1] and returns a dict of numbers by name. It measures with a network that nothing here "
        "was trained against.",
    )
    parser.set_defaults(run=main)
    add = parser.add_argument
    add("--judge", type=Path, required=True, metavar="DIR", help="the judge's folder")
    add("--contents", type=Path, default=EXAMPLES / "content", metavar="DIR", help="default: examples/content")
    add("--styles", type=Path, default=EXAMPLES / "style", metavar="DIR", help="default: examples/style")
    add("--only", type=list_of(str), metavar="NAME,...", help="styles to take, without suffix (default: all)")
    add("--pairs", type=count, default=24, metavar="N", help="default: 24")
    add("--size", type=side, default=512, metavar="N", help="longest side of contents and styles (default: 512)")
    add("--networks", type=list_of(str), default=list(NETWORK.choices), metavar="N,...", help="default: both")
    add("--along", type=list_of(one_of(*CURVES)), default=[], metavar="O[,O]",
        help="measure curves along detail and strength, or one of them; of others along their strength")
    add("--values", type=list_of(float), metavar="X,...", help="of that option, where one is named")
    peers.add_options(parser)
    add("--report", type=report_path, metavar="FILE", help="write the rows to FILE.json or .csv")
    add("--plot", type=Path, metavar="FILE", help="draw the curve, Gram over LPIPS; needs matplotlib")


def pairs(args):
    """[(content, style)], float pixels (1, 3, H, W): every content in turn, in styles far apart in the alphabet."""
    contents, styles = (sorted(folder.glob("*.jpg")) for folder in (args.contents, args.styles))
    styles = [path for path in styles if not args.only or path.stem in args.only]
    chosen = ((contents[i % len(contents)], styles[(3 * i + i // len(styles)) % len(styles)])
              for i in range(args.pairs) if contents and styles)
    return [tuple(opened(path, args.size) for path in pair) for pair in chosen]


def opened(path, size):
    """A picture of that longest side, with sides that are multiples of 8."""
    from PIL import Image

    from wct.images import open_picture, to_tensor

    picture = open_picture(path).rgb
    scale = size / max(picture.size)
    sides = [max(8, round(side * scale / 8) * 8) for side in picture.size]
    return to_tensor(picture.resize(sides, Image.Resampling.LANCZOS)).contiguous()


def programs(args, others):
    """(name, option, value, program) of every row; a program takes pixels of a pair to those of the result."""
    from wct.images import to_pil, to_tensor
    from wct.pipeline.stylizer import Stylizer

    curves = {option: args.values or CURVES[option] for option in args.along}

    def ours(content, style, stylizer, **options):
        return to_tensor(stylizer(to_pil(content), to_pil(style), **options))

    for network in args.networks:
        stylizer = Stylizer.from_pretrained(network=network)
        for option, values in (curves or {"detail": [OPTIONS["detail"].default]}).items():
            for value in values:
                yield network, option, value, partial(ours, stylizer=stylizer, **{option: value})
    for name, peer in others.items():
        for strength in curves.get("strength", [1.0]) if peer.weaker else [1.0]:
            yield name, "strength", strength, partial(peer, strength=strength)


def told(scores):
    """Means and standard errors of lists of numbers by name."""
    from statistics import fmean, stdev

    found = {}
    for name, values in scores.items():
        found[name] = fmean(values)
        found[f"{name}_error"] = stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return found


def rows(args, others, chosen, judge, kept):
    """A row for every program, ours and `others`, Peers by name.

    kept: gets the scores of each, by (name, option, value).
    """
    for name, option, value, program in programs(args, others):
        found = [judge.score(content, style, program(content, style)) for content, style in chosen]
        scores = kept[name, option, value] = {key: [row[key] for row in found] for key in found[0]}
        yield {"program": name, "option": option, "value": value, "pairs": len(chosen)} | told(scores)


def differences(kept):
    """Lines: each network of ours less each peer, pair by pair, at the default of its option."""
    ours = {name: scores for (name, option, value), scores in kept.items()
            if name in NETWORK.choices and value == OPTIONS[option].default}
    theirs = {name: scores for (name, _, value), scores in kept.items() if name not in NETWORK.choices and value == 1}
    for a, b in ((a, b) for a in ours for b in theirs):
        less = told({key: [x - y for x, y in zip(ours[a][key], theirs[b][key])] for key in ("lpips", "gram")})
        yield (f"{a} - {b}: LPIPS {less['lpips']:+.4f} +- {less['lpips_error']:.4f}, "
               f"Gram {less['gram']:+.4f} +- {less['gram_error']:.4f}")


def plot(rows, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    for name, option in dict.fromkeys((row["program"], row["option"]) for row in rows):
        own = [row for row in rows if (row["program"], row["option"]) == (name, option)]
        axes.errorbar([row["lpips"] for row in own], [row["gram"] for row in own],
                      xerr=[row["lpips_error"] for row in own], yerr=[row["gram_error"] for row in own],
                      marker="o", label=f"{name}, {option}", capsize=2)
        for row in own:
            axes.annotate(f"{row['value']:g}", (row["lpips"], row["gram"]), xytext=(4, 4), textcoords="offset points")
    axes.set(xlabel="LPIPS to the content", ylabel="Gram to the style")
    axes.legend()
    figure.savefig(path, dpi=120)


def main(args, parser):
    for name in args.networks:
        if name not in NETWORK.choices:
            parser.error(f"--networks: {name} is none of {', '.join(NETWORK.choices)}")
    if args.values and len(args.along) != 1:
        parser.error("--values are those of one option: name it by --along")
    for value in args.values or []:
        try:
            OPTIONS[args.along[0]].check(value, "--values")
        except ValueError as error:
            parser.error(str(error))
    if args.plot:
        require(parser, "matplotlib")
    make_folders(parser, args.plot and args.plot.parent, args.report and args.report.parent)
    chosen, kept, others = pairs(args), {}, peers.named(args, parser)
    if not chosen:
        parser.error(f"no .jpg pictures in {args.contents} or in {args.styles}")
    found = list(print_table(rows(args, others, chosen, judge(args, parser), kept), TABLE, ("option",)))
    for line in differences(kept):
        print(line)
    report(parser, args.report, found, COLUMNS)
    if args.plot:
        plot(found, args.plot)


def judge(args, parser):
    """The judge in the folder named."""
    from importlib import import_module

    sys.path.insert(0, str(args.judge))
    try:
        return import_module("judge").Judge()
    except Exception as error:  # whatever it needs
        parser.error(f"--judge {args.judge}: {type(error).__name__}: {error}; name a folder with a judge.py")
    finally:
        sys.path.remove(str(args.judge))

"""Stylise files and folders: python -m wct.batch CONTENT STYLE --output DIR"""

import argparse
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from statistics import median

from wct import BACKENDS, MODES
from wct.report import report_path, write_report

COLUMNS = ("content", "style", "output", "status", "backend", "width", "height", "seconds",
           "encode", "transform", "decode", "error")


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m wct.batch",
        description="Write every content picture in every style. Finished pictures are skipped, so an interrupted "
        "run goes on where it stopped. Exit status: 0 all done, 1 some failed, 2 bad usage.",
    )
    add = parser.add_argument
    add("content", type=Path, help="a photo, or a folder of them")
    add("style", type=Path, help="a painting, or a folder of them")
    add("--output", type=Path, required=True, metavar="DIR", help="where to write <content>__<style>.png")
    add("--recursive", action="store_true", help="look into the folders inside the folders too")
    add("--strength", type=float, default=1.0, metavar="0..1", help="0 is the photo, 1 the full style (default)")
    add("--size", type=int, metavar="N", help="longest side in pixels (default: that of the content, "
        "reduced to 4 megapixels where it has more)")
    add("--mode", choices=MODES, default="single", help="one pass through the networks (default), or the classic "
        "cascade of one per level")
    add("--backend", choices=BACKENDS, default="mpa", help="how matrix square roots are computed (default: mpa)")
    add("--compare", type=_backends, metavar="B[,B...]", help="also run these backends on the same pairs, and "
        "compare their time, accuracy and pictures with svd")
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    add("--format", choices=("png", "jpeg", "webp"), default="png")
    add("--overwrite", action="store_true", help="make finished pictures again")
    add("--report", type=report_path, metavar="FILE", help="write one row per picture to FILE.json or FILE.csv")
    args = parser.parse_args(argv)
    if not 0 <= args.strength <= 1:
        parser.error(f"--strength must lie between 0 and 1, not {args.strength}")
    if args.size is not None and args.size < 1:
        parser.error(f"--size must be at least 1, not {args.size}")
    return parser, args


def _backends(text):
    names = text.split(",")
    unknown = [name for name in names if name not in BACKENDS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(BACKENDS)}")
    return names


def labels(paths):
    """A name for each path to build file names from: its stem, with more of the path where stems collide."""
    names = [path.stem for path in paths]
    for longer in (lambda path: path.name, lambda path: "-".join(path.parts[-2:]), lambda path: "-".join(path.parts)):
        twins = Counter(name.casefold() for name in names)
        names = [longer(p) if twins[n.casefold()] > 1 else n for p, n in zip(paths, names)]
    return [name.replace(os.sep, "") for name in names]


def jobs(contents, styles, output, suffix):
    """(content, style, path to write) for every pair, content by content; no two write the same file."""
    styles = list(zip(styles, labels(styles)))
    taken = set()
    for content, content_label in zip(contents, labels(contents)):
        for style, style_label in styles:
            name = f"{content_label}__{style_label}"
            while name.casefold() in taken:
                name += "_"
            taken.add(name.casefold())
            yield content, style, output / f"{name}{suffix}"


def work(stylizer, todo, *, format="png", overwrite=True, comparison=None, **options):
    """Stylise and write every (content, style, path) of `todo`: yields one row of the report per picture.

    A picture that fails is told in its row, and the others are made all the same. Without overwrite, those that
    are there already are skipped. The options are those of `Stylizer.stylise`.
    """
    for content, style, path in todo:
        row = dict.fromkeys(COLUMNS)
        row |= {"content": str(content), "style": str(style), "output": str(path), "backend": options.get("backend")}
        try:
            if not overwrite and path.is_file() and path.stat().st_size > 0:
                row["status"] = "skipped"
            else:
                row |= _write(stylizer, content, style, path, format, comparison, options)
        except Exception as error:  # whatever is wrong with one picture, the others are still wanted
            row["status"], row["error"] = "failed", _sentence(error, content, style)
        yield row


def _write(stylizer, content, style, path, format, comparison, options):
    """Make and write one picture: what the report says of it."""
    from wct.images import save_picture

    result = stylizer.stylise(content, style, measure=comparison is not None, **options)
    save_picture(result.picture, path, format)
    if comparison:
        others = options | {"measure": True}
        comparison.add(options["backend"], result,
                       lambda name: stylizer.stylise(content, style, **others | {"backend": name}))
    width, height = result.picture.size
    seconds = sum(result.seconds.values())
    return result.seconds | {"status": "done", "seconds": seconds, "width": width, "height": height}


def _sentence(error, content, style):
    """What went wrong, in one line that names the file."""
    from wct.images import PictureError

    reason = " ".join(str(error).split()) or type(error).__name__
    return reason if isinstance(error, PictureError) else f"{content} in the style of {style}: {reason}"


def run(stylizer, todo, **options):
    """Work through the jobs behind a progress bar: the rows of the report, and whether it was interrupted."""
    from tqdm import tqdm

    rows, told = [], set()
    with tqdm(todo, unit="picture", dynamic_ncols=True) as bar:
        try:
            for row in work(stylizer, bar, **options):
                rows.append(row)
                if row["error"] and row["error"] not in told:
                    told.add(row["error"])
                    bar.write(f"failed: {row['error']}", file=sys.stderr)
        except KeyboardInterrupt:
            return rows, True
    return rows, False


def print_table(rows):
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))))


def summary(rows):
    """The closing table: counts, and median seconds per picture and stage."""
    counts = Counter(row["status"] for row in rows)
    yield ("pictures", counts["done"])
    yield ("skipped", counts["skipped"])
    yield ("failures", counts["failed"])
    for name in ("seconds", "encode", "transform", "decode"):
        times = [row[name] for row in rows if row["status"] == "done"]
        yield ("median s/picture" if name == "seconds" else f"  {name}", f"{median(times):.3f}" if times else "-")


def _inputs(path, recursive, finished):
    """The pictures at path, without those in the folder `finished` inside it: they are results."""
    from wct.images import find_pictures

    inside = path.resolve() in finished.parents
    return [p for p in find_pictures(path, recursive) if not inside or finished not in p.resolve().parents]


def main(argv=None):
    parser, args = arguments(argv)
    from wct.comparison import Comparison
    from wct.images import FORMATS, PictureError
    from wct.stylizer import Stylizer

    try:
        if args.output.is_file():
            parser.error(f"--output {args.output} is a file; name a folder")
        if args.report and args.report.is_dir():
            parser.error(f"--report {args.report} is a folder; name a file")
        for folder in (args.output, (args.report or args.output / "report").parent):
            folder.mkdir(parents=True, exist_ok=True)
        finished = args.output.resolve()
        if finished in (args.content.resolve(), args.style.resolve()):
            parser.error("--output must be another folder than the pictures come from")
        contents, styles = (_inputs(path, args.recursive, finished) for path in (args.content, args.style))
        stylizer = Stylizer.from_pretrained(device=args.device)
    except (OSError, RuntimeError, ValueError) as error:
        parser.error(str(error))

    todo = list(jobs(contents, styles, args.output, FORMATS[args.format].suffix))
    comparison = Comparison(dict.fromkeys([args.backend, *args.compare, "svd"])) if args.compare else None
    rows, interrupted = run(
        stylizer, todo, format=args.format, overwrite=args.overwrite, comparison=comparison,
        strength=args.strength, size=args.size, mode=args.mode, backend=args.backend,
    )
    failed = any(row["status"] == "failed" for row in rows)
    if args.report:
        try:
            write_report(args.report, rows, COLUMNS)
        except PictureError as error:
            print(f"failed: {error}", file=sys.stderr)
            failed = True
    print_table(summary(rows))
    if comparison:
        print()
        print_table(comparison.table())
    if interrupted:
        print("Interrupted. The same command goes on with the pictures that are left.", file=sys.stderr)
        return 130
    return int(failed)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends a run as Ctrl-C does
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("Interrupted before the first picture.", file=sys.stderr)
        sys.exit(130)

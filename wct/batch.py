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


def run(stylizer, todo, args, comparison):
    """Work through the jobs behind a progress bar: the rows of the report, and whether it was interrupted.

    A picture that fails is told in one line, and the others are made all the same.
    """
    from tqdm import tqdm

    rows, told = [], set()
    with tqdm(todo, unit="picture", dynamic_ncols=True) as bar:
        try:
            for content, style, path in bar:
                row = dict.fromkeys(COLUMNS)
                row |= {"content": str(content), "style": str(style), "output": str(path), "backend": args.backend}
                rows.append(row)
                try:
                    if not args.overwrite and path.is_file() and path.stat().st_size > 0:
                        row["status"] = "skipped"
                    else:
                        row |= stylise(stylizer, content, style, path, args, comparison)
                except Exception as error:  # whatever is wrong with one picture, the others are still wanted
                    row["status"], row["error"] = "failed", _sentence(error, content, style)
                    if row["error"] not in told:
                        told.add(row["error"])
                        bar.write(f"failed: {row['error']}", file=sys.stderr)
        except KeyboardInterrupt:
            return [row for row in rows if row["status"]], True
    return rows, False


def _sentence(error, content, style):
    """What went wrong, in one line that names the file."""
    from wct.images import PictureError

    reason = " ".join(str(error).split()) or type(error).__name__
    return reason if isinstance(error, PictureError) else f"{content} in the style of {style}: {reason}"


def stylise(stylizer, content, style, path, args, comparison):
    """Make and write one picture: what the report says of it."""
    from wct.images import save_picture

    options = {"strength": args.strength, "size": args.size, "mode": args.mode, "measure": comparison is not None}
    result = stylizer.stylise(content, style, backend=args.backend, **options)
    save_picture(result.picture, path, args.format)
    if comparison:
        comparison.add(args.backend, result, lambda name: stylizer.stylise(content, style, backend=name, **options))
    width, height = result.picture.size
    seconds = sum(result.seconds.values())
    return result.seconds | {"status": "done", "seconds": seconds, "width": width, "height": height}


class Comparison:
    """Time, accuracy and pictures of several backends on the same pairs."""

    def __init__(self, backends):
        self.rows = {name: [] for name in backends}

    def add(self, backend, result, run):
        """One pair: the result of `backend`, and `run(name)` for those of the others."""
        results = {name: result if name == backend else run(name) for name in self.rows}
        encode = {"encode": result.seconds["encode"]}  # the others found the pictures encoded already
        for name, other in results.items():
            decibels = _psnr(other.picture, results["svd"].picture)
            self.rows[name].append((other.seconds | encode, other.residual, decibels))

    def table(self):
        yield ("backend", "transform ms", "of the total", "residual", "PSNR to svd")
        for name, rows in self.rows.items():
            if rows:
                seconds, residuals, decibels = zip(*rows)
                share = median(s["transform"] / sum(s.values()) for s in seconds)
                yield (name, f"{1000 * median(s['transform'] for s in seconds):.1f}", f"{share:.0%}",
                       f"{max(residuals):.1e}", f"{median(decibels):.1f} dB")


def _psnr(a, b):
    import numpy as np

    a, b = (np.asarray(image.convert("RGB"), dtype=np.float64) for image in (a, b))
    error = np.square(a - b).mean()
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


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
    rows, interrupted = run(stylizer, todo, args, comparison)
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

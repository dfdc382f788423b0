"""Stylise files and folders: python -m wct.batch CONTENT STYLE --output DIR"""

import signal
import sys
from collections import Counter
from statistics import median

from wct.batch.arguments import arguments, options_of
from wct.batch.jobs import jobs
from wct.batch.work import COLUMNS, work
from wct.options import level_strengths
from wct.runtime.process import prepare
from wct.runtime.report import write_report


def run(stylizer, todo, **options):
    """Work through the jobs behind a progress bar: the rows of the report, and whether it was interrupted."""
    from tqdm import tqdm

    rows, told = [], set()
    shape = "{percentage:3.0f}%|{bar}| {n:.0f}/{total} [{elapsed}<{remaining}, {rate_fmt}]"
    with tqdm(total=len(todo), unit="picture", dynamic_ncols=True, bar_format=shape) as bar:
        def advance(i, share=0.0, stage=None):
            bar.update(max(0.0, i + share - bar.n))

        try:
            for row in work(stylizer, todo, progress=advance, **options):
                rows.append(row)
                advance(len(rows))
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
    from wct.images import PictureError, find_pictures

    inside = path.resolve() in finished.parents
    found = [p for p in find_pictures(path, recursive) if not inside or finished not in p.resolve().parents]
    if not found:
        raise PictureError(f"{path}: no pictures in it but those in {finished.name}, which are results")
    return found


def _options(args, count):
    """The options of `Stylizer.stylise` or `texture`, for pictures of `count` styles each."""
    from wct.pipeline.mapping import normalised

    options = options_of(args) | {"timed": True}
    if args.blend:
        options["weights"] = normalised(args.blend, count)
    for name, masks in (("masks", args.mask), ("style_masks", args.style_mask)):
        if masks:
            if len(masks) not in (1, count):
                option = name.replace("_", "-").removesuffix("s")
                raise ValueError(f"{len(masks)} times --{option}: name one, or with --blend one for each painting")
            options[name] = masks * (1 if len(masks) == count else count)
    if args.texture:
        options |= {"size": args.texture, "seed": args.seed}
    return options


def main(argv=None):
    parser, args = arguments(argv)
    prepare()
    from wct.images import FORMATS
    from wct.pipeline.comparison import Comparison
    from wct.pipeline.stylizer import Stylizer

    try:
        if args.output.is_file():
            parser.error(f"--output {args.output} is a file; name a folder")
        for folder in (args.output, (args.report or args.output / "report").parent):
            folder.mkdir(parents=True, exist_ok=True)
        finished = args.output.resolve()
        if finished in (path.resolve() for path in (args.content, args.style) if path):
            parser.error("--output must be another folder than the pictures come from")
        contents = [None] if args.texture else _inputs(args.content, args.recursive, finished)
        styles = _inputs(args.style, args.recursive, finished)
        options = _options(args, 1 if args.blend is None else len(styles))
        stylizer = Stylizer.from_pretrained(device=args.device, levels=max(4, len(level_strengths(args.levels, 5))))
    except (OSError, RuntimeError, ValueError) as error:
        parser.error(str(error))

    todo = list(jobs(contents, styles, args.output, FORMATS[args.format].suffix, args.blend is not None))
    comparison = Comparison(dict.fromkeys([args.backend, *args.compare, "svd"])) if args.compare else None
    rows, interrupted = run(
        stylizer, todo, format=args.format, overwrite=args.overwrite, comparison=comparison, **options
    )
    failed = any(row["status"] == "failed" for row in rows)
    if args.report:
        try:
            write_report(args.report, rows, COLUMNS)
        except OSError as error:
            print(f"failed: {error}", file=sys.stderr)
            failed = True
    print_table(summary(rows))
    if comparison and not any(comparison.rows.values()):
        print("Nothing was compared, as no picture was made; --overwrite makes finished ones again.")
    elif comparison:
        print()
        print_table(comparison.table())
    if interrupted:
        print("Interrupted. The same command goes on with the pictures that are left.", file=sys.stderr)
        return 130
    return int(failed)


def cli():
    """`python -m wct.batch` and the command `wct`: `main`, interrupted by SIGTERM as by Ctrl-C; the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return main()
    except KeyboardInterrupt:
        print("Interrupted before the first picture.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(cli())

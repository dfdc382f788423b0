"""Stylise files and folders: python -m wct.batch CONTENT [CONTENT ...] STYLE --output DIR"""

import os
import signal
import sys
from collections import Counter
from statistics import median

from wct.batch.arguments import arguments, options_of
from wct.batch.inputs import for_each, masks, pictures, prepare_places
from wct.batch.jobs import jobs
from wct.batch.record import Record, fingerprint
from wct.batch.work import COLUMNS, work
from wct.options import DEFAULT_LEVELS, MOST_LEVELS, level_strengths
from wct.runtime.files import NoSpaceError
from wct.runtime.process import prepare
from wct.runtime.report import write_report


class Teller:
    """Prints sentences for people to standard error, each once; above the progress bar while there is one."""

    def __init__(self):
        self.told, self.bar = set(), None

    def __call__(self, kind, sentence):
        if sentence and sentence not in self.told:
            self.told.add(sentence)
            (self.bar.write if self.bar else print)(f"{kind}: {sentence}", file=sys.stderr)


def run(stylizer, todo, tell, **options):
    """Work through the jobs behind a progress bar: the rows of the report, and whether it was interrupted."""
    from tqdm import tqdm

    rows = []
    shape = "{percentage:3.0f}%|{bar}| {n:.0f}/{total} [{elapsed}<{remaining}, {rate_fmt}]"
    with tqdm(total=len(todo), unit="picture", dynamic_ncols=True, bar_format=shape) as tell.bar:
        def advance(i, share=0.0, stage=None):
            tell.bar.update(max(0.0, i + share - tell.bar.n))

        try:
            for row in work(stylizer, todo, progress=advance, **options):
                rows.append(row)
                advance(len(rows))
                for note in row["notes"] or []:
                    tell("note", note)
                tell("failed", row["error"])
        except KeyboardInterrupt:
            return rows, True
        finally:
            tell.bar = None
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
    if counts["left out"]:
        yield ("left out", counts["left out"])
    for name in ("seconds", "encode", "transform", "decode"):
        times = [row[name] for row in rows if row["status"] == "done"]
        yield ("median s/picture" if name == "seconds" else f"  {name}", f"{median(times):.3f}" if times else "-")


def _found(args):
    """The contents (None for a texture) and the styles, and rows of the report for what looks like one and isn't."""
    results_and_masks = [path.resolve() for path in (args.output, *(args.mask or [])) if not os.path.isfile(path)]
    found = [pictures(paths, args.recursive, results_and_masks) for paths in (args.content, [args.style]) if paths]
    left_out = [dict.fromkeys(COLUMNS) | {column: str(path), "status": "left out", "error": reason}
                for survey, column in zip(found, ("content", "style") if args.content else ("style",))
                for path, reason in survey.left_out]
    return found[0].pictures if args.content else [None], found[-1].pictures, left_out


def _options(args, count):
    """The options of `Stylizer.stylise` or `texture` that make a difference, for pictures of `count` styles each."""
    from wct.pipeline.mapping import normalised

    options = options_of(args)
    if args.blend is not None:
        options["weights"] = normalised(args.blend or None, count)
    if args.style_mask:
        if folder := next((path for path in args.style_mask if path.is_dir()), None):
            raise ValueError(f"--style-mask {folder} is a folder; name a file")
        options["style_masks"] = for_each(args.style_mask, "--style-mask", count)
    if args.texture:
        options |= {"size": args.texture, "seed": args.seed}
    return options


def _recipe(options, args, stylizer):
    """What a `Record` is to know of the options: those that make no difference are left out, or made the same."""
    same = {name: value for name, value in options.items() if name not in ("tile", "style_masks")}
    return same | {"levels": level_strengths(args.levels, MOST_LEVELS), "metadata": args.metadata,
                   "networks": fingerprint([stylizer.encoder, stylizer.decoder])}


def _prepared(args, contents, styles):
    """The Stylizer, the jobs, and the other arguments of `work`; what cannot work is found here, before the work."""
    from wct.images import FORMATS
    from wct.pipeline.comparison import Comparison
    from wct.pipeline.stylizer import Stylizer

    blend = args.blend is not None
    count = len(styles) if blend else 1
    options = _options(args, count)
    masks_of = masks(args.mask, contents, args.content, count)
    prepare_places(args.output, args.report)
    levels = max(DEFAULT_LEVELS, len(level_strengths(args.levels, MOST_LEVELS)))
    stylizer = Stylizer.from_pretrained(network=args.network, device=args.device, levels=levels)
    todo = list(jobs(contents, styles, args.output, FORMATS[args.format].suffix, blend))
    return stylizer, todo, options | {
        "format": args.format, "metadata": args.metadata, "masks_of": masks_of, "timed": True,
        "record": Record(args.output, _recipe(options, args, stylizer), args.overwrite),
        "comparison": Comparison(dict.fromkeys([args.backend, *args.compare, "svd"])) if args.compare else None,
    }


def main(argv=None):
    parser, args = arguments(argv)
    prepare()
    tell, made, interrupted, comparison = Teller(), [], False, None
    try:
        if os.path.isfile(args.output):  # which Path.is_file cannot tell of names that are too long
            parser.error(f"--output {args.output} is a file; name a folder")
        if args.output.resolve() in (path.resolve() for path in (*args.content, args.style)):
            parser.error("--output must be another folder than the pictures come from")
        contents, styles, left_out = _found(args)
        if contents and styles:
            stylizer, todo, options = _prepared(args, contents, styles)
            comparison = options["comparison"]
    except (OSError, RuntimeError, ValueError) as error:
        parser.error(str(error))
    for row in left_out:
        tell("left out", row["error"])
    if contents and styles:
        try:
            made, interrupted = run(stylizer, todo, tell, **options)
        except NoSpaceError as error:
            parser.error(str(error))
    return finish(args, left_out + made, tell, comparison, interrupted)


def finish(args, rows, tell, comparison, interrupted):
    """Write the report and print the tables: the exit status."""
    failed = any(row["status"] in ("failed", "left out") for row in rows)
    if args.report:
        try:
            write_report(args.report, rows, COLUMNS)
        except OSError as error:
            tell("failed", str(error))
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

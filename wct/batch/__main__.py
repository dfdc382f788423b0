"""Stylise files and folders: python -m wct.batch CONTENT [CONTENT ...] STYLE --output DIR"""

import os
import signal
import sys
from collections import deque

from wct.batch.arguments import arguments, options_of
from wct.batch.inputs import for_each, masks, pictures, prepare_places
from wct.batch.jobs import Plan, Share
from wct.batch.record import fingerprint
from wct.batch.rows import Rows, print_table
from wct.batch.store import record_of
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


def here(stylizer, plan, progress, **options):
    """Work through a Plan in this process: (number, row) of every picture."""
    numbers = deque()

    def todo():
        for block in plan.blocks():
            for number, *job in block:
                numbers.append(number)
                yield tuple(job)

    for row in work(stylizer, todo(), progress=progress, **options):
        yield numbers.popleft(), row


def run(made, total, rows, tell):
    """Take the (number, row) of every picture from `made(progress)`, behind a bar: whether it was interrupted."""
    from tqdm import tqdm

    shape = "{percentage:3.0f}%|{bar}| {n:.0f}/{total} [{elapsed}<{remaining}, {rate_fmt}]"
    with tqdm(total=total, unit="picture", dynamic_ncols=True, bar_format=shape) as tell.bar:
        def advance(i, share=0.0, stage=None):
            tell.bar.update(max(0.0, i + share - tell.bar.n))

        begun = len(rows)
        try:
            for number, row in made(advance):
                rows.add(row, number)
                advance(len(rows) - begun)
                for note in row["notes"] or []:
                    tell("note", note)
                tell("failed", row["error"])
        except KeyboardInterrupt:
            return True
        finally:
            tell.bar = None
    return False


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


def _prepared(args, contents, styles, workers=1):
    """The Stylizer, the Plan, and the other arguments of `work`; what cannot work is found here, before the work."""
    from wct.images import FORMATS
    from wct.pipeline.comparison import Comparison
    from wct.pipeline.stylizer import Stylizer

    blend = args.blend is not None
    count = len(styles) if blend else 1
    if args.sample and args.sample > len(styles):
        raise ValueError(f"--sample {args.sample} cannot be drawn from {len(styles)} paintings")
    options = _options(args, count)
    masks_of = masks(args.mask, contents, args.content, count)
    prepare_places(args.output, args.report)
    levels = max(DEFAULT_LEVELS, len(level_strengths(args.levels, MOST_LEVELS)))
    stylizer = Stylizer.from_pretrained(network=args.network, device=args.device, levels=levels)
    share = Share(args.sample, args.seed, args.shard)
    plan = Plan(contents, styles, args.output, FORMATS[args.format].suffix, blend, share=share, workers=workers)
    return stylizer, plan, options | {
        "format": args.format, "metadata": args.metadata, "masks_of": masks_of, "timed": True,
        "record": record_of(args.output, _recipe(options, args, stylizer), args.overwrite),
        "comparison": Comparison(dict.fromkeys([args.backend, *args.compare, "svd"])) if args.compare else None,
    }


def main(argv=None):
    parser, args = arguments(argv)
    prepare()
    tell, rows, interrupted, comparison = Teller(), Rows(kept=args.report is not None), False, None
    try:
        if os.path.isfile(args.output):  # which Path.is_file cannot tell of names that are too long
            parser.error(f"--output {args.output} is a file; name a folder")
        if args.output.resolve() in (path.resolve() for path in (*args.content, args.style)):
            parser.error("--output must be another folder than the pictures come from")
        contents, styles, left_out = _found(args)
        if contents and styles:
            stylizer, plan, options = _prepared(args, contents, styles)
            comparison = options["comparison"]
    except (OSError, RuntimeError, ValueError) as error:
        parser.error(str(error))
    for row in left_out:
        tell("left out", row["error"])
        rows.add(row)
    if contents and styles:
        try:
            interrupted = run(lambda progress: here(stylizer, plan, progress, **options), len(plan), rows, tell)
        except NoSpaceError as error:
            parser.error(str(error))
    return finish(args, rows, tell, comparison, interrupted)


def finish(args, rows, tell, comparison, interrupted):
    """Write the report and print the tables: the exit status."""
    failed = rows.failed
    if args.report:
        try:
            write_report(args.report, rows, COLUMNS)
        except OSError as error:
            tell("failed", str(error))
            failed = True
    print_table(rows.summary())
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

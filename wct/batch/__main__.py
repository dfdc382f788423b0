"""Stylise files and folders: python -m wct.batch CONTENT [CONTENT ...] STYLE --output DIR"""

import os
import sys
from collections import deque
from contextlib import ExitStack, suppress

from wct.batch.arguments import arguments, options_of
from wct.batch.cluster import Cluster
from wct.batch.inputs import for_each, masks, pictures, prepare_places
from wct.batch.jobs import Plan, Share
from wct.batch.maker import pretrained
from wct.batch.pool import NoWorkerError, Pool
from wct.batch.record import fingerprint
from wct.batch.rows import Rows, print_table
from wct.batch.store import record_of
from wct.batch.work import COLUMNS, work
from wct.options import DEFAULT_LEVELS, MOST_LEVELS, TEXTURE_NETWORK, level_strengths
from wct.runtime.files import NoSpaceError, remove_dead_parts
from wct.runtime.process import interruptible, prepare
from wct.runtime.report import write_report


class Teller:
    """Prints sentences for people to standard error, each once; above the progress bar while there is one."""

    def __init__(self):
        self.told, self.bar = set(), None

    def __call__(self, kind, sentence):
        if sentence and sentence not in self.told:
            self.told.add(sentence)
            (print if self.bar is None else self.bar.write)(f"{kind}: {sentence}", file=sys.stderr)


class Here:
    """Works through a Plan in this process, with the options of `work`."""

    def __init__(self, stylizer, plan, **options):
        self._stylizer, self._plan, self._options, self._numbers = stylizer, plan, options, deque()

    def rows(self, progress):
        """(number, row) of every picture."""
        for row in work(self._stylizer, self._todo(), progress=progress, **self._options):
            yield self._numbers.popleft(), row

    def _todo(self):
        for block in self._plan.blocks():
            for number, *job in block:
                self._numbers.append(number)
                yield tuple(job)

    def stop(self):
        return ()  # what was in hand is told, or lost

    def close(self):
        pass


def run(pool, total, rows, tell):
    """Take the (number, row) of every picture from Here or a Pool, behind a bar: whether it was interrupted."""
    from tqdm import tqdm

    shape = "{percentage:3.0f}%|{bar}| {n:.0f}/{total} [{elapsed}<{remaining}, {rate_fmt}]"
    with tqdm(total=total, unit="picture", dynamic_ncols=True, bar_format=shape) as tell.bar:
        def advance(i, share=0.0, stage=None):
            tell.bar.update(max(0.0, i + share - tell.bar.n))

        def take(found):
            for number, row in found:
                rows.add(row, number)
                advance(len(rows) - begun)
                for note in row["notes"] or []:
                    tell("note", note)
                tell("failed", row["error"])

        begun = len(rows)
        try:
            take(pool.rows(advance))
        except KeyboardInterrupt:
            with suppress(KeyboardInterrupt):  # who asks twice does not wait
                take(pool.stop())
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
    return found[0].pictures if args.content else [None], list(found[-1].pictures), left_out


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
                   "networks": fingerprint(stylizer.networks(args.mode))}


def _prepared(args, contents, styles, cluster, tell):
    """What makes the pictures, how many they are, the Comparison: what cannot work is found here, before the work."""
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
    network = args.network or (TEXTURE_NETWORK if args.texture else None)
    networks = {"network": network, "device": "cpu" if cluster else args.device, "levels": levels}
    stylizer = Stylizer.from_pretrained(**networks)
    recipe = _recipe(options, args, stylizer)
    record = record_of(args.output, recipe, args.overwrite)
    options |= {"format": args.format, "metadata": args.metadata, "timed": True}
    plan = Plan(contents, styles, args.output, FORMATS[args.format].suffix, blend,
                share=Share(args.sample, args.seed, args.shard), workers=cluster.room() if cluster else 1)
    if cluster:
        networks["device"] = args.device if cluster.gpus or args.device != "auto" else "cpu"
        if cluster.local and not cluster.gpus:
            networks["dtype"] = stylizer.dtype  # machines of other kinds choose for themselves
        load = pretrained(recipe["networks"], args.mode, **networks)
        arguments = load, os.getcwd(), args.output, recipe, args.overwrite
        pool = Pool(cluster, plan, arguments, tell, record=record, masks_of=masks_of, options=options)
        return pool, len(plan), None
    comparison = Comparison(dict.fromkeys([args.backend, *args.compare, "svd"])) if args.compare else None
    here = Here(stylizer, plan, record=record, masks_of=masks_of, comparison=comparison, **options)
    return here, len(plan), comparison


def _connected(args, tell):
    """The Cluster that is asked for, None where none is."""
    if not args.cluster:
        return None
    cluster = Cluster(args.cluster, args.per_worker, gpus=args.device in ("auto", "cuda"))
    if cluster.dashboard:
        token = "; ray get-auth-token tells the token that it asks for" if os.getenv("RAY_AUTH_MODE") == "token" else ""
        tell("note", f"Ray's dashboard is at {cluster.dashboard}{token}")
    return cluster


def main(argv=None):
    parser, args = arguments(argv)
    prepare()
    tell, rows, comparison = Teller(), Rows(kept=args.report is not None), None
    with ExitStack() as opened:
        try:
            if os.path.isfile(args.output):  # which Path.is_file cannot tell of names that are too long
                parser.error(f"--output {args.output} is a file; name a folder")
            if args.output.resolve() in (path.resolve() for path in (*args.content, args.style)):
                parser.error("--output must be another folder than the pictures come from")
            contents, styles, left_out = _found(args)
            if contents and styles:
                if args.cluster:
                    opened.callback(remove_dead_parts, args.output)  # of workers that died
                cluster = _connected(args, tell)
                opened.callback(cluster.close if cluster else tuple)
                pool, total, comparison = _prepared(args, contents, styles, cluster, tell)
                opened.callback(pool.close)
        except (OSError, RuntimeError, ValueError) as error:
            parser.error(str(error))
        for row in left_out:
            tell("left out", row["error"])
            rows.add(row)
        try:
            interrupted = bool(contents and styles) and run(pool, total, rows, tell)
        except (NoSpaceError, NoWorkerError) as error:
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
    return interruptible(main, "Interrupted before the first picture.")


if __name__ == "__main__":
    sys.exit(cli())

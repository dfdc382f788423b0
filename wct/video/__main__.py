"""Stylise clips: python -m wct.video CLIP STYLE --output OUT.mp4"""

import sys
from collections import Counter
from importlib.util import find_spec

from wct.batch.__main__ import Teller
from wct.batch.rows import print_table
from wct.options import MOST_LEVELS, level_strengths
from wct.runtime.files import check_folder
from wct.runtime.process import interruptible, prepare
from wct.runtime.report import check_report, write_report
from wct.video.arguments import FORMATS, arguments, options_of
from wct.video.work import COLUMNS, work


def run(stylizer, todo, tell, **options):
    """Work through the clips behind a progress bar: the rows of the report, and whether it was interrupted."""
    from tqdm import tqdm

    rows = []
    shape = "{desc}{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]"
    with tqdm(unit="frame", dynamic_ncols=True, bar_format=shape) as tell.bar:
        def advance(i, done, count, seconds):
            bar = tell.bar
            if bar.n > done or bar.total is None:
                bar.reset(max(count or 0, done) or None)
                bar.initial = done - 1  # of an earlier run: the time left is that of the others
            if len(todo) > 1:
                bar.set_description(f"clip {i + 1} of {len(todo)}", refresh=False)
            bar.update(done - bar.n)

        try:
            for row in work(stylizer, todo, progress=advance, **options):
                rows.append(row)
                for note in row["notes"] or []:
                    tell("note", note)
                tell("failed", row["error"])
        except KeyboardInterrupt:
            return rows, True
        finally:
            tell.bar = None
    return rows, False


def _prepared(parser, args):
    """The Stylizer, the jobs, the other arguments of `work`, and rows of the report for what is left out; what cannot
    work is found here, before the work."""
    from wct.batch.inputs import for_each
    from wct.batch.jobs import jobs
    from wct.batch.record import Record, fingerprint
    from wct.clips import find_clips, kind_of
    from wct.images import find_pictures
    from wct.options import DEFAULT_LEVELS, Options
    from wct.pipeline.mapping import normalised
    from wct.pipeline.stylizer import Stylizer

    (clips, left_out), styles = find_clips(args.clip), find_pictures(args.style)
    blend, options = args.blend is not None, options_of(args)
    count = len(styles) if blend else 1
    weights = normalised(args.blend or None, count) if blend else None
    for paths, name in ((args.mask, "--mask"), (args.style_mask, "--style-mask")):
        for_each(paths or [], name, count) if paths else None
    into_folder = clips[0] != args.clip and (not args.output.suffix or args.output.is_dir())
    if len(clips) > 1 or (len(styles) > 1 and not blend) or into_folder:
        if args.output.suffix and not args.output.is_dir():
            parser.error(f"--output {args.output}: there are {len(clips)} clips and {len(styles)} paintings; name a "
                         "folder")
        if args.output.resolve() == args.clip.resolve():
            parser.error("--output must be another folder than the clips come from")
        folder, todo = args.output, list(jobs(clips, styles, args.output, FORMATS[args.format], blend))
    else:
        kind_of(args.output)
        if args.output.suffix and args.output.is_dir():
            parser.error(f"--output {args.output} is a folder; name a file")
        if not args.output.suffix and args.output.is_file():
            parser.error(f"--output {args.output} is a file; without a suffix it must be the name of a folder")
        if args.output.resolve() in [path.resolve() for path in (*clips, *styles)]:
            parser.error("--output must be another file than the clip and the painting")
        folder, todo = args.output.parent, [(clips[0], styles if blend else styles[0], args.output)]
    check_folder(folder)
    Record.check(folder)
    if args.report:
        check_report(args.report)
    levels = max(DEFAULT_LEVELS, len(level_strengths(args.levels, MOST_LEVELS)))
    stylizer = Stylizer.from_pretrained(network=args.network, device=args.device, levels=levels)
    recipe = {name: value for name, value in options.items() if name != "tile"} | {
        "levels": level_strengths(args.levels, MOST_LEVELS), "weights": weights, "steady": not args.frame_by_frame,
        "rate": args.rate, "networks": fingerprint(stylizer.networks(args.mode))}
    rows = [dict.fromkeys(COLUMNS) | {"content": str(path), "status": "left out", "error": reason}
            for path, reason in left_out]
    return stylizer, todo, rows, {
        "recipe": recipe, "styles_of": lambda style: style if isinstance(style, list) else [style],
        "masks": args.mask, "style_masks": args.style_mask, "overwrite": args.overwrite, "rate": args.rate,
        "weights": weights, "steady": not args.frame_by_frame, "options": Options(**options)}


def summary(rows):
    """The closing table: what became of the clips, and how fast they were."""
    counts = Counter(row["status"] for row in rows)
    yield from (("clips", counts["done"]), ("skipped", counts["skipped"]), ("failures", counts["failed"]))
    if counts["left out"]:
        yield "left out", counts["left out"]
    done = [row for row in rows if row["status"] == "done" and row["frames"] > row["skipped"]]
    frames, seconds = (sum(values) for values in zip(*((row["frames"] - row["skipped"], row["seconds"])
                                                       for row in done))) if done else (0, 0)
    yield "frames", frames
    if frames:
        yield "frames/s", f"{frames / seconds:.2f}"
        inside = sum(row[stage] for row in done for stage in ("encode", "transform", "decode"))
        yield "  in the networks", f"{inside / seconds:.0%}"


def main(argv=None):
    parser, args = arguments(argv)
    if any(find_spec(package) is None for package in ("av", "cv2")):
        parser.error('clips need av and opencv, which are not installed: pip install av opencv-python-headless')
    prepare()
    tell, failed = Teller(), False
    try:
        stylizer, todo, left_out, options = _prepared(parser, args)
    except (OSError, RuntimeError, ValueError) as error:
        parser.error(str(error))
    for row in left_out:
        tell("left out", row["error"])
    rows, interrupted = run(stylizer, todo, tell, **options)
    rows = left_out + rows
    if args.report:
        try:
            write_report(args.report, rows, COLUMNS)
        except OSError as error:
            tell("failed", str(error))
            failed = True
    print_table(summary(rows))
    if interrupted:
        print("Interrupted. What was done of a film is beside its place, in files named .unfinished; the same command "
              "goes on from there.", file=sys.stderr)
        return 130
    return int(failed or any(row["status"] in ("failed", "left out") for row in rows))


def cli():
    """`python -m wct.video` and the command `wct-video`: `main`, interrupted by SIGTERM as by Ctrl-C; its status."""
    return interruptible(main, "Interrupted before the first frame.")


if __name__ == "__main__":
    sys.exit(cli())

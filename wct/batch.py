"""Stylise files and folders: python -m wct.batch CONTENT STYLE --output DIR"""

import os
import signal
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

from wct.command_line import arguments, share_cores
from wct.report import write_report

COLUMNS = ("content", "style", "output", "status", "backend", "width", "height", "seconds",
           "encode", "transform", "decode", "error")


def labels(paths):
    """A name for each path to build file names from: its stem, with more of the path where stems collide."""
    names = [path.stem for path in paths]
    for longer in (lambda path: path.name, lambda path: "-".join(path.parts[-2:]), lambda path: "-".join(path.parts)):
        twins = Counter(name.casefold() for name in names)
        names = [longer(p) if twins[n.casefold()] > 1 else n for p, n in zip(paths, names)]
    return [name.replace(os.sep, "") for name in names]


def jobs(contents, styles, output, suffix, blend=False):
    """(content, style, path to write) for every pair, content by content; no two write the same file.

    With blend, the style is the list of them all. A content may be None, for a texture.
    """
    styles = [(styles, "blend")] if blend else list(zip(styles, labels(styles)))
    taken = set()
    for content, content_label in zip(contents, labels([content or Path("texture") for content in contents])):
        for style, style_label in styles:
            name = f"{content_label}__{style_label}"
            while name.casefold() in taken:
                name += "_"
            taken.add(name.casefold())
            yield content, style, output / f"{name}{suffix}"


def work(stylizer, todo, *, format="png", overwrite=True, comparison=None, masks=None, size=None, progress=None,
         **options):
    """Stylise and write every (content, style, path) of `todo`: yields one row of the report per picture.

    While one is computed, the next content is read and the last result is written. A picture that fails is told in its
    row, and the others are made all the same. Without overwrite, those that are there already are skipped. masks: for
    each style a mask, or a folder with one per content, by its name. progress: called with the number of the picture
    at hand, from 0, the share of it that is done, and the stage. The other options are those of `Stylizer.stylise`, or
    of `texture` where the content is None.
    """
    from wct.images import check_room, save_picture

    def wanted(path):
        try:
            return overwrite or not path.is_file() or path.stat().st_size == 0
        except OSError:  # a name too long, say: writing will tell
            return True

    def read(content):
        return reader.submit(lambda: content and stylizer.open(content, size))

    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        told = ((content, style, path, wanted(path)) for content, style, path in todo)
        last = None
        for i, (content, style, path, opened) in enumerate(_read_ahead(told, read)):
            names = [", ".join(map(str, s)) if isinstance(s, list) else str(s or "") for s in (content, style)]
            row = dict.fromkeys(COLUMNS)
            row |= dict(zip(COLUMNS, (*names, str(path)))) | {"backend": options.get("backend"), "status": "skipped"}
            written = stopped = None
            try:
                if opened:
                    own = {"size": size, "progress": progress and partial(progress, i)}
                    if masks:
                        own["masks"] = [_mask_of(content, mask) for mask in masks]
                    photo = opened.result()
                    check_room(photo.size if photo else size, path, format)
                    result = _make(stylizer, photo, style, comparison, options | own)
                    row |= _told(result)
                    written = writer.submit(save_picture, result.picture, path, format)
            except Exception as error:  # whatever is wrong with one picture, the others are still wanted
                row |= {"status": "failed", "error": _sentence(error, *names)}
            except BaseException as error:  # the run is over, but the last picture was made
                stopped = error
            if last:
                yield _settled(*last)
            if stopped:
                raise stopped
            last = row, written, names
        if last:
            yield _settled(*last)


def _read_ahead(jobs, read):
    """(content, style, path, future) of every job, what `read` gives for the next content asked for meanwhile.

    jobs: (content, style, path, is it wanted?); the future is None where it is not, and the same for jobs in a row
    with the same content.
    """
    waiting, asked, future = None, None, None
    for content, style, path, is_wanted in jobs:
        if is_wanted and (future is None or content != asked):
            asked, future = content, read(content)
        if waiting:
            yield waiting
        waiting = content, style, path, future if is_wanted else None
    if waiting:
        yield waiting


def _make(stylizer, content, style, comparison, options):
    """The Result of one picture, compared to those of the other backends where asked for."""
    make = partial(stylizer.stylise, content) if content else stylizer.texture
    options = options | {"measure": comparison is not None}
    result = make(style, **options)
    if comparison:
        def again(backend):
            stylizer.forget(styles=False)  # or what is kept of the content would be its gain
            return make(style, **options | {"backend": backend})

        comparison.add(options["backend"], result, again)
    return result


def _told(result):
    """What the report says of a Result."""
    width, height = result.picture.size
    return result.seconds | {"status": "done", "seconds": sum(result.seconds.values()), "width": width,
                             "height": height}


def _settled(row, written, names):
    """The row once its picture is written, `written` being the future of that or None."""
    try:
        if written:
            written.result()
    except Exception as error:
        row |= {"status": "failed", "error": _sentence(error, *names)}
    return row


def _mask_of(content, mask):
    """The mask, or the one named like the content where it is a folder."""
    from wct.images import PictureError, find_pictures

    if not mask.is_dir():
        return mask
    found = [path for path in find_pictures(mask) if path.stem == content.stem]
    if not found:
        raise PictureError(f"{content}: {mask} has no mask named {content.stem}")
    return found[0]


def _sentence(error, content, style):
    """What went wrong, in one line that names the file."""
    from wct.images import PictureError

    reason = " ".join(str(error).split()) or type(error).__name__
    return reason if isinstance(error, PictureError) else f"{content or 'texture'} in the style of {style}: {reason}"


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
    from wct.mapping import normalised

    options = {name: getattr(args, name) for name in ("mode", "backend", "transform", "stroke", "levels", "tile")}
    if args.blend:
        options["weights"] = normalised(args.blend, count)
    for name, masks in (("masks", args.mask), ("style_masks", args.style_mask)):
        if masks:
            if len(masks) not in (1, count):
                option = name.replace("_", "-").removesuffix("s")
                raise ValueError(f"{len(masks)} times --{option}: name one, or with --blend one for each painting")
            options[name] = masks * (1 if len(masks) == count else count)
    if args.texture:
        return options | {"size": args.texture, "seed": args.seed}
    return options | {"strength": args.strength, "size": args.size, "keep_colors": args.keep_colors}


def main(argv=None):
    parser, args = arguments(argv)
    share_cores()
    from wct.comparison import Comparison
    from wct.images import FORMATS, PictureError
    from wct.mapping import level_strengths
    from wct.stylizer import Stylizer

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
        except PictureError as error:
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


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends a run as Ctrl-C does
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("Interrupted before the first picture.", file=sys.stderr)
        sys.exit(130)

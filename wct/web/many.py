"""What makes several pictures at once: a folder, all paintings, a comparison. Each picture has a turn of its own."""

import time
import zipfile
from pathlib import Path

import pandas as pd

from wct.batch.jobs import jobs
from wct.batch.work import work
from wct.images import save_picture
from wct.options import NETWORK, STAGES
from wct.pipeline.comparison import compare
from wct.runtime.examples import EXAMPLES, titles
from wct.runtime.files import write_whole
from wct.runtime.report import write_report
from wct.web.handlers import CANCELLED, named, need, passes
from wct.web.turns import Cancelled
from wct.web.uploads import keep, new_folder, served, without_folders

TABLE = ("backend", *(f"{stage} ms" for stage in STAGES), "total ms", "residual", "PSNR to svd, dB")
WALL = 320  # longest side of the pictures of all paintings at once


class Many:
    """What takes several turns of a Web."""

    def __init__(self, web):
        self.web = web

    def pictures(self, contents, styles, paintings, size, progress, over=lambda: False, network=NETWORK.default,
                 **options):
        """Yields (pictures, failures, zip, line) after every picture; where it is cancelled too, with what is made."""
        uploads = [*dict.fromkeys(contents or [])], [*dict.fromkeys(styles or [])]
        known = [EXAMPLES / "style" / f"{name}.jpg" for name in paintings or []]
        if not uploads[0]:
            raise ValueError("Choose some photos first.")
        if not uploads[1] and not known:
            raise ValueError("Choose some paintings first.")
        photos, sources, folder = [Path(path) for path in uploads[0]], [*map(Path, uploads[1]), *known], new_folder()
        todo = list(jobs(photos, sources, folder, ".png", folders=False))
        gallery, failures, failed, notes, began, stopped = [], [], 0, {}, time.monotonic(), ""
        for i, job in enumerate(todo):
            yield gallery, failures, None, f"{len(gallery)} of {len(todo)} pictures"
            try:
                row, told = self._picture(i, job, len(todo), network, size, options, progress, over)
            except Cancelled:
                stopped = f"{CANCELLED} {len(gallery)} of {len(todo)} pictures are finished"
                break
            if row["status"] == "done":
                made = Path(row["output"])
                gallery.append((str(made), made.stem.replace("__", " in the style of ")))
                notes |= dict.fromkeys(told)
            else:
                failed += 1
                why = [without_folders(row["error"])]
                if why not in failures:  # what is no picture fails with every painting
                    failures.append(why)
            keep([*photos, *uploads[1], *(path for path, _ in gallery)])
        line = stopped or f"{len(gallery)} pictures in {time.monotonic() - began:.0f} s"
        if failed:
            line += f", {failed} failed"
        line = " ".join([f"{line}.", *notes])
        yield gallery, failures, _zip(folder / "pictures.zip", [path for path, _ in gallery]), line

    def _picture(self, i, job, count, network, size, options, progress, over):
        """(row, what there is to say) of one picture of a folder."""
        try:
            side, megapixels, note = self.web.fitting(job[0], size)
        except ValueError:  # work says it
            side, megapixels, note = None, 0.01, ""
        with self.web.turn(progress, network, passes(options) * megapixels, over, i, count) as (stylizer, report):
            (row,) = work(stylizer, [job], size=side, timed=True, format="png",
                          progress=lambda _, share, stage: report(share, stage), **options)
        told = [note.strip(), *(without_folders(f"{said.rstrip('.')}.") for said in row["notes"] or [])]
        return row, filter(None, told)

    def wall(self, content, progress, over=lambda: False, **options):
        """Yields (pictures, line): the photo in every painting that comes with the program, one more each time."""
        need(photo=content)
        shipped, made = titles("style"), []
        network, (side, megapixels, _) = options.pop("network"), self.web.fitting(content, WALL)
        for i, (path, title) in enumerate(shipped.items()):
            with self.web.turn(progress, network, megapixels, over, i, len(shipped), "painting") as (stylizer, report):
                result = stylizer.stylise(content, path, size=side, progress=report, **options)
            file = new_folder() / named(content, path, suffix=".jpg")
            save_picture(result.picture, file)
            made.append({"name": path.stem, "title": title, "picture": served(file)})
            yield made, f"{i + 1} of {len(shipped)} paintings"
        yield made, f"All {len(shipped)} paintings. Choose one for the full picture."

    def compared(self, content, style, backends, repeats, size, progress, over=lambda: False):
        need(photo=content, painting=style)
        if not backends:
            raise ValueError("Choose at least one backend.")
        side, megapixels, note = self.web.fitting(content, size)
        runs = len(backends) * (int(repeats) + 1)
        with self.web.turn(progress, NETWORK.default, runs * megapixels, over) as (stylizer, report):
            measured = compare(stylizer, content, style, backends, int(repeats), report, size=side)
        folder, rows, pictures, times = new_folder(), [], [], []
        for backend, m in measured.items():
            ms = [1000 * m.seconds[stage] for stage in STAGES]
            total, transform = sum(ms), 1000 * m.seconds["transform"]
            rows.append([backend, *(round(t, 1) for t in (*ms, total)), f"{m.residual:.1e}", f"{m.psnr:.1f}"])
            times += [(backend, stage, t) for stage, t in zip(STAGES, ms)]
            save_picture(m.picture, folder / f"{backend}.png")
            pictures.append((folder / f"{backend}.png", f"{backend}: {transform:.0f} of {total:.0f} ms"))
        write_report(folder / "backends.csv", [dict(zip(TABLE, row)) for row in rows], TABLE)
        plot = pd.DataFrame(times, columns=["backend", "stage", "milliseconds"])
        line = f"Medians of {repeats} run{'s' * (repeats > 1)}, style cached.{note}"
        return pictures, rows, plot, str(folder / "backends.csv"), line


def _zip(archive, paths):
    """The path of a zip of these files, None where there are none."""
    if not paths:
        return None

    def write(file):
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as zipped:
            for path in paths:
                zipped.write(path, Path(path).name)

    write_whole(archive, write)
    return str(archive)

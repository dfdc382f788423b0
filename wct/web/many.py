"""What makes several pictures at once: a folder, all paintings, a comparison. Each picture has a turn of its own."""

import time
import zipfile
from pathlib import Path

import gradio as gr
import pandas as pd

from wct.batch.jobs import jobs
from wct.batch.work import work
from wct.images import save_picture
from wct.options import STAGES, Options
from wct.pipeline.comparison import compare
from wct.runtime.examples import EXAMPLES, titles
from wct.runtime.report import write_report
from wct.web.handlers import CANCELLED, named, readable
from wct.web.turns import Cancelled
from wct.web.uploads import fetched, keep, new_folder, without_folders

TABLE = ("backend", *(f"{stage} ms" for stage in STAGES), "total ms", "residual", "PSNR to svd, dB")
WALL = 320  # longest side of the pictures of all paintings at once


class Many:
    """The handlers over a Web, which has the Stylizer and its turns."""

    def __init__(self, web):
        self.web = web

    def folder(self, contents, styles=None, paintings=None, strength=Options.strength, size=None,
               keep_colors=Options.keep_colors, mode=Options.mode, progress=gr.Progress()):
        """Give many photos the styles of many paintings, each photo in each style.

        Args:
            contents: the photos
            styles: picture files whose styles are taken
            paintings: names of paintings that come with the program, taken as well
            strength: 0 is the photo itself, 1 the full style
            size: longest side of the results in pixels; by default that of each photo, as far as the server allows it
            keep_colors: whether to keep the photos' colours
            mode: "single" passes once through the networks; "cascade" once per level, which takes longer;
                "photo" gives a photograph in the light and colours of the other

        Yields:
            the pictures that are finished, what failed and why, and in the end a zip of them all
        """
        with readable():
            yield from self.pictures(contents, styles, paintings, size, progress, strength=strength,
                                     keep_colors=keep_colors, mode=mode)

    folder._mcp_type = None  # no MCP tool: Gradio's schema for lists of files is one that no client can use

    def pictures(self, contents, styles, paintings, size, progress, over=lambda: False, **options):
        """Yields (pictures, failures, zip, line) after every picture; where it is cancelled too, with what is made."""
        uploads = [*dict.fromkeys(contents or [])], [*dict.fromkeys(styles or [])]
        known = [EXAMPLES / "style" / f"{name}.jpg" for name in paintings or []]
        if not uploads[0]:
            raise ValueError("Choose some photos first.")
        if not uploads[1] and not known:
            raise ValueError("Choose some paintings first.")
        photos, sources, folder = [Path(path) for path in uploads[0]], [*map(Path, uploads[1]), *known], new_folder()
        todo, archive = list(jobs(photos, sources, folder, ".png", folders=False)), folder / "pictures.zip"
        gallery, failures, began, stopped = [], [], time.monotonic(), ""
        for i, job in enumerate(todo):
            yield gallery, failures, gr.skip(), f"{len(gallery)} of {len(todo)} pictures"
            try:
                row = self._picture(i, job, len(todo), size, options, progress, over)
            except Cancelled:
                stopped = f"{CANCELLED} {len(gallery)} of {len(todo)} pictures are finished."
                break
            if row["status"] == "done":
                made = Path(row["output"])
                gallery.append((str(made), made.stem.replace("__", " in the style of ")))
                with zipfile.ZipFile(archive, "a", zipfile.ZIP_STORED) as zipped:
                    zipped.write(made, made.name)
            else:
                failures.append([without_folders(row["error"])])
            keep([*photos, *uploads[1], archive, *(path for path, _ in gallery)])
        line = stopped or f"{len(gallery)} pictures in {time.monotonic() - began:.0f} s"
        yield gallery, failures, str(archive) if gallery else None, line + (
            f", {len(failures)} failed" if failures else "")

    def _picture(self, i, job, count, size, options, progress, over):
        """The row of one picture of a folder."""
        def tell(share, stage):
            progress((i + share) / count, desc=f"picture {i + 1} of {count}: {stage}")

        try:
            side, megapixels, _ = self.web.fitting(job[0], size)
        except ValueError:  # work says it
            side, megapixels = None, 0.01
        ahead = count - i  # a folder stands behind those who want a single picture
        with self.web.turn(progress, ahead * megapixels * (4 if options.get("mode") == "cascade" else 1), over,
                           tell) as report:
            (row,) = work(self.web.stylizer, [job], size=side, timed=True, format="png",
                          progress=lambda _, share, stage: report(share, stage), **options)
        return row

    def folder_of_urls(self, contents, styles="", paintings=None, strength=Options.strength, size=None,
                       keep_colors=Options.keep_colors, mode=Options.mode, progress=gr.Progress()):
        """Give many photos the styles of many paintings, each photo in each style, where all are named by URLs.

        Args:
            contents: URLs of the photos, http:, https: or data:, one a line
            styles: URLs of picture files whose styles are taken, one a line
            paintings: names of paintings that come with the program, taken as well
            strength: 0 is the photo itself, 1 the full style
            size: longest side of the results in pixels; by default that of each photo, as far as the server allows it
            keep_colors: whether to keep the photos' colours
            mode: "single" passes once through the networks; "cascade" once per level, which takes longer;
                "photo" gives a photograph in the light and colours of the other

        Returns:
            a zip of the pictures, what failed and why, and how many were made
        """
        with readable():
            files = [[fetched(url) for url in (urls or "").split()] for urls in (contents, styles)]
        *_, (_, failures, archive, told) = self.folder(*files, paintings, strength, size, keep_colors, mode, progress)
        return archive, "\n".join(row[0] for row in failures), told

    def wall(self, content, progress, over=lambda: False, **options):
        """Yields (pictures, line): the photo in every painting that comes with the program, one more each time."""
        if not content:
            raise ValueError("Choose a photo first.")
        keep([content])
        shipped, made = titles("style"), []
        for i, (path, title) in enumerate(shipped.items()):
            side = min(WALL, self.web.largest(self.web.dimensions(content)))

            def tell(share, stage, i=i):
                progress((i + share) / len(shipped), desc=f"painting {i + 1} of {len(shipped)}: {stage}")

            with self.web.turn(progress, (len(shipped) - i) * side**2 / 1e6, over, tell) as report:
                result = self.web.stylizer.stylise(content, path, size=side, progress=report, **options)
            file = new_folder() / named(content, path, suffix=".jpg")
            save_picture(result.picture, file)
            made.append({"name": path.stem, "title": title, "picture": str(file)})
            yield made, f"{i + 1} of {len(shipped)} paintings"
        yield made, f"All {len(shipped)} paintings. Choose one for the full picture."

    def compare(self, content, style, backends, repeats=3, size=512, progress=gr.Progress()):
        """Run several backends on one pair of pictures, and compare their time, their accuracy and their pictures.

        Args:
            content: the photo
            style: the painting
            backends: which ways of computing the matrix square roots
            repeats: timed runs of each, after one to warm up; medians are shown
            size: longest side of the pictures in pixels

        Returns:
            the pictures, a table (milliseconds per stage, residual of the whitening, PSNR to the SVD's picture), the
            same for a plot, and as a CSV file
        """
        with readable():
            return self.compared(content, style, backends, repeats, size, progress)

    def compared(self, content, style, backends, repeats, size, progress, over=lambda: False):
        for name, path in (("photo", content), ("painting", style)):
            if not path:
                raise ValueError(f"Choose a {name} first.")
        if not backends:
            raise ValueError("Choose at least one backend.")
        keep([content, style])
        side, megapixels, note = self.web.fitting(content, size)
        with self.web.turn(progress, megapixels * len(backends) * (int(repeats) + 1), over) as report:
            measured = compare(self.web.stylizer, content, style, backends, int(repeats), report, size=side)
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
        return pictures, rows, plot, str(folder / "backends.csv"), f"Medians of {repeats} runs, style cached.{note}"

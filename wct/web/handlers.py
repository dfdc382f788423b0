"""What the page, its API and its MCP tools do when they are asked: stylise, mix, texture, compare, folder."""

import threading
import time
import zipfile
from contextlib import contextmanager
from functools import reduce
from pathlib import Path

import gradio as gr
import pandas as pd
from gradio.context import LocalContext
from PIL import ImageChops

from wct.batch.jobs import jobs
from wct.batch.names import joined
from wct.batch.work import work
from wct.images import open_picture, save_picture, with_alpha
from wct.options import STAGES, Options
from wct.pipeline.comparison import compare
from wct.runtime.examples import EXAMPLES
from wct.runtime.report import write_report
from wct.web.uploads import fetched, keep, new_folder, without_folders

TABLE = ("backend", *(f"{stage} ms" for stage in STAGES), "total ms", "residual", "PSNR to svd, dB")
SLOTS = 3  # for paintings to mix
CANCELLED = "Cancelled."


class Cancelled(BaseException):
    """Ends a run from inside; no Exception, so that a folder run does not take it for a picture that failed."""


def _seconds(seconds):
    stages = ", ".join(f"{stage} {seconds[stage]:.2f}" for stage in STAGES)
    return f"{sum(seconds.values()):.2f} s ({stages})"


@contextmanager
def _readable():
    """Turn what goes wrong inside into a message on the page."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise gr.Error(without_folders(str(error)), print_exception=False) from error
    except MemoryError as error:
        raise gr.Error("Not enough memory for this picture; choose a smaller size.", print_exception=False) from error


def _chosen(**paths):
    """See to it that every picture is there: photo=..., painting=..."""
    for name, path in paths.items():
        if not path:
            raise ValueError(f"Choose a {name} first.")
    keep(paths.values())


def _saved(result, name):
    """A result as a file, and the seconds it took."""
    path = new_folder() / name
    save_picture(result.picture, path)
    return str(path), _seconds(result.seconds)


def _shown(content, result, name, report):
    """A result for the page: the pair for the slider, the file, the seconds."""
    report(1.0, "save")
    path, seconds = _saved(result, name)
    photo = open_picture(content, max_size=max(result.picture.size))
    before = with_alpha(photo.rgb, photo.alpha).resize(result.picture.size)
    return (before, path), path, seconds


def _painted(value):
    """The mask painted on a gr.ImageEditor, white where a layer covers its background; None where nothing is."""
    alphas = [layer.getchannel("A") for layer in (value or {}).get("layers") or []]
    mask = reduce(ImageChops.lighter, alphas) if alphas else None
    return mask if mask and mask.getbbox() else None


class Web:
    """The handlers. All share one Stylizer, which works for one of them at a time."""

    def __init__(self, stylizer):
        self.stylizer, self.most = stylizer, stylizer.max_pixels
        self._turn = threading.Lock()

    @contextmanager
    def _run(self, progress):
        """One run: waits for its turn, and gives a progress callback, which ends it where nobody waits for it."""
        run, events = LocalContext.event_id.get(), LocalContext.blocks.get()._queue.event_ids_to_events

        def report(share, stage):
            if run not in events or not events[run].alive:  # cancelled, or its client is gone
                raise Cancelled
            progress(share, desc=stage)

        with self._turn, _readable():
            report(0.0, "start")
            yield report

    def stylise(self, content, style, strength=Options.strength, size=768, keep_colors=Options.keep_colors,
                stroke=Options.stroke, mode=Options.mode, transform=Options.transform, detail=Options.detail,
                backend=Options.backend, ridge=Options.ridge, relu1_1=1.0, relu2_1=1.0, relu3_1=1.0, relu4_1=1.0,
                relu5_1=0.0, progress=gr.Progress()):
        """Give a photo the style of a painting.

        Args:
            content: the photo
            style: the painting, or any other picture, whose style is taken
            strength: 0 is the photo itself, 1 the full style
            size: longest side of the result in pixels
            keep_colors: whether to keep the photo's colours
            stroke: the scale at which the painting is read, 0.25 to 4; more makes wider strokes
            mode: "single" passes once through the networks; "cascade" once per level, which takes longer
            transform: "zca" for whitening and colouring, "transport", which keeps more of the photo, or "adain"
            detail: the share of the photo's own features that is kept, 0 to 1
            backend: how the matrix square roots are computed
            ridge: added to the covariances, relative to their mean variance
            relu1_1: strength at the finest level, 0 to 1: colours
            relu2_1: strength at this level: grain
            relu3_1: strength at this level: small strokes
            relu4_1: strength at this level: strokes
            relu5_1: strength at the deepest level: shapes

        Returns:
            the photo and the result as a pair, the result as a PNG file, and the seconds it took
        """
        try:
            with self._run(progress) as report:
                _chosen(photo=content, painting=style)
                result = self.stylizer.stylise(
                    content, style, strength=strength, size=size, keep_colors=keep_colors, stroke=stroke, mode=mode,
                    transform=transform, detail=detail, backend=backend, ridge=ridge, timed=True, progress=report,
                    levels=[relu1_1, relu2_1, relu3_1, relu4_1, relu5_1],
                )
                return _shown(content, result, f"{joined(Path(content).stem, Path(style).stem)}.png", report)
        except Cancelled:
            return gr.skip(), gr.skip(), CANCELLED

    def restyle(self, content, style, progress=gr.Progress(), *controls):
        """`stylise`, where there is something to stylise."""
        if not content or not style:
            return [gr.skip()] * 3
        return self.stylise(content, style, *controls, progress)

    def mix(self, content, style_1, weight_1=0.5, mask_1=None, part_1=None, painted_1=None, style_2=None, weight_2=0.5,
            mask_2=None, part_2=None, painted_2=None, style_3=None, weight_3=0.5, mask_3=None, part_3=None,
            painted_3=None, strength=Options.strength, size=768, keep_colors=Options.keep_colors,
            transform=Options.transform, progress=gr.Progress()):
        """Give a photo the styles of up to three paintings, mixed by weights, each everywhere or under a mask.

        Args:
            content: the photo
            style_1: the first painting
            weight_1: its weight, relative to those of the others
            mask_1: a picture in the photo's shape, white where the first painting applies, black elsewhere
            part_1: a picture in the painting's shape, white where the painting's style is taken from
            painted_1: the mask painted on the photo as a layer
            style_2: the second painting
            weight_2: its weight
            mask_2: its mask
            part_2: the part of it that is used
            painted_2: its painted mask
            style_3: the third painting
            weight_3: its weight
            mask_3: its mask
            part_3: the part of it that is used
            painted_3: its painted mask
            strength: 0 is the photo itself, 1 the full style
            size: longest side of the result in pixels
            keep_colors: whether to keep the photo's colours
            transform: "zca" for whitening and colouring, "transport", which keeps more of the photo, or "adain"

        Returns:
            the photo and the result as a pair, the result as a PNG file, and the seconds it took
        """
        slots = ((style_1, weight_1, mask_1 or _painted(painted_1), part_1),
                 (style_2, weight_2, mask_2 or _painted(painted_2), part_2),
                 (style_3, weight_3, mask_3 or _painted(painted_3), part_3))
        try:
            with self._run(progress) as report:
                chosen = [slot for slot in slots if slot[0]]
                _chosen(photo=content, painting=chosen and chosen[0][0])
                styles, weights, masks, parts = map(list, zip(*chosen))
                result = self.stylizer.stylise(
                    content, styles, weights=weights, masks=masks, style_masks=parts, strength=strength, size=size,
                    keep_colors=keep_colors, transform=transform, timed=True, progress=report,
                )
                return _shown(content, result, f"{joined(Path(content).stem, 'mix')}.png", report)
        except Cancelled:
            return gr.skip(), gr.skip(), CANCELLED

    def texture(self, style, width=512, height=512, stroke=Options.stroke, seed=0, progress=gr.Progress()):
        """Make a texture in the style of a painting, from noise, without a photo.

        Args:
            style: the painting
            width: of the texture, in pixels
            height: of the texture, in pixels
            stroke: the scale at which the painting is read, 0.25 to 4; more makes wider strokes
            seed: another number makes another texture

        Returns:
            the texture, and the seconds it took
        """
        try:
            with self._run(progress) as report:
                _chosen(painting=style)
                dimensions, seed = (int(width), int(height)), int(seed or 0) % 2**63
                result = self.stylizer.texture(style, dimensions, seed, stroke=stroke, timed=True, progress=report)
                return _saved(result, f"{joined('texture', Path(style).stem)}.png")
        except Cancelled:
            return gr.skip(), CANCELLED

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
        try:
            with self._run(progress) as report:
                _chosen(photo=content, painting=style)
                if not backends:
                    raise ValueError("Choose at least one backend.")
                measured = compare(self.stylizer, content, style, backends, int(repeats), report, size=size)
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
                return pictures, rows, plot, str(folder / "backends.csv"), f"Medians of {repeats} runs, style cached."
        except Cancelled:
            return *[gr.skip()] * 4, CANCELLED

    def folder(self, contents, styles=None, paintings=None, strength=Options.strength, size=768,
               keep_colors=Options.keep_colors, mode=Options.mode,
               progress=gr.Progress()):
        """Give many photos the styles of many paintings, each photo in each style.

        Args:
            contents: the photos
            styles: picture files whose styles are taken
            paintings: names of paintings that come with the program, taken as well
            strength: 0 is the photo itself, 1 the full style
            size: longest side of the results in pixels
            keep_colors: whether to keep the photos' colours
            mode: "single" passes once through the networks; "cascade" once per level, which takes longer

        Yields:
            the pictures that are finished, what failed and why, and in the end a zip of them all
        """
        gallery, failures, began = [], [], time.monotonic()
        try:
            with self._run(progress) as report:
                uploads = list(dict.fromkeys(contents or [])), list(dict.fromkeys(styles or []))
                photos, sources = ([Path(path) for path in paths] for paths in uploads)
                sources += [EXAMPLES / "style" / f"{name}.jpg" for name in paintings or []]
                if not photos:
                    raise ValueError("Choose some photos first.")
                if not sources:
                    raise ValueError("Choose some paintings first.")
                folder = new_folder()
                todo, archive = list(jobs(photos, sources, folder, ".png", folders=False)), folder / "pictures.zip"

                def stage(i, share, name):
                    report((i + share) / len(todo), f"picture {i + 1} of {len(todo)}: {name}")

                options = {"strength": strength, "size": size, "keep_colors": keep_colors, "mode": mode, "timed": True}
                for row in work(self.stylizer, todo, progress=stage, **options):
                    if row["status"] == "done":
                        made = Path(row["output"])
                        gallery.append((str(made), made.stem.replace("__", " in the style of ")))
                        with zipfile.ZipFile(archive, "a", zipfile.ZIP_STORED) as zipped:
                            zipped.write(made, made.name)
                    else:
                        failures.append([without_folders(row["error"])])
                    keep([*photos, *uploads[1], archive, *(path for path, _ in gallery)])
                    yield gallery, failures, gr.skip(), f"{len(gallery)} of {len(todo)} pictures"
                told = f"{len(gallery)} pictures in {time.monotonic() - began:.0f} s"
                told += f", {len(failures)} failed" if failures else ""
                yield gallery, failures, str(archive) if gallery else None, told
        except Cancelled:
            yield gallery, failures, gr.skip(), f"{CANCELLED} {len(gallery)} pictures are finished."

    folder._mcp_type = None  # no MCP tool: Gradio's schema for lists of files is one that no client can use

    def folder_of_urls(self, contents, styles="", paintings=None, strength=Options.strength, size=768,
                       keep_colors=Options.keep_colors, mode=Options.mode, progress=gr.Progress()):
        """Give many photos the styles of many paintings, each photo in each style, where all are named by URLs.

        Args:
            contents: URLs of the photos, http:, https: or data:, one a line
            styles: URLs of picture files whose styles are taken, one a line
            paintings: names of paintings that come with the program, taken as well
            strength: 0 is the photo itself, 1 the full style
            size: longest side of the results in pixels
            keep_colors: whether to keep the photos' colours
            mode: "single" passes once through the networks; "cascade" once per level, which takes longer

        Returns:
            a zip of the pictures, what failed and why, and how many were made
        """
        with _readable():
            files = [[fetched(url) for url in (urls or "").split()] for urls in (contents, styles)]
        options = (strength, size, keep_colors, mode, progress)
        *_, (_, failures, archive, told) = self.folder(*files, paintings, *options)
        return archive, "\n".join(row[0] for row in failures), told

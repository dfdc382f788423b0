"""The tab of clips, its API and its tool: a film in a painting's style."""

import threading
import time
from contextlib import ExitStack
from importlib.util import find_spec

import gradio as gr

from wct.options import Options
from wct.web.gradio_internals import somebody_waits
from wct.web.handlers import CANCELLED, named, readable
from wct.web.tabs import API, PAGE
from wct.web.tabs_of_many import AllTabs
from wct.web.turns import Cancelled
from wct.web.uploads import guarded, keep, new_folder, without_folders
from wct.web.widgets import QUIETLY, option, photo, run_buttons, side, told

SIZE = 640  # longest side of results, unless another is asked for
TURN = 2.0  # seconds after which a film lets others have a turn


class Clips:
    """The handlers over a Web, with the small network, which is loaded when it is first asked for."""

    def __init__(self, web):
        self.web = web
        self._small, self._lock = None, threading.Lock()

    def stylizer(self):
        from wct import Stylizer

        with self._lock:
            if self._small is None:
                big = self.web.stylizer
                self._small = Stylizer.from_pretrained(network="small", device=str(big.device), styles=16,
                                                       max_pixels=big.max_pixels)
            return self._small

    def video(self, clip, style, strength=Options.strength, size=SIZE, keep_colors=Options.keep_colors,
              stroke=Options.stroke, progress=gr.Progress()):
        """Give a film the style of a painting, without flicker; times and sound stay as they are.

        Args:
            clip: the film, MP4, WebM, MOV or another that FFmpeg reads, or an animated GIF
            style: the painting, or any other picture, whose style is taken
            strength: 0 is the film itself, 1 the full style
            size: longest side of the result in pixels
            keep_colors: whether to keep the film's colours
            stroke: the scale at which the painting is read, 0.25 to 4; more makes wider strokes

        Returns:
            the result as an MP4 file, and how long it took
        """
        with readable():
            return self.made(clip, style, size, progress, strength=strength, keep_colors=keep_colors, stroke=stroke)

    def made(self, clip, style, size, progress, over=lambda: False, partly=False, **options):
        """(path, line) of a film; partly: where it is cancelled, of what was made until then."""
        if not clip or not style:
            raise ValueError(f"Choose a {'painting' if clip else 'film'} first.")
        keep([clip, style])
        path, waits, began = new_folder() / named(clip, style, suffix=".mp4"), somebody_waits(), time.monotonic()
        pace = since = None
        longest = int(size or SIZE)

        def ended():
            return over() or not waits()

        with ExitStack() as turn:
            def wait(seconds):
                nonlocal since
                turn.close()
                turn.enter_context(self.web.turns.turn(seconds, lambda line: progress(0.0, desc=line), ended))
                since = time.monotonic()

            def tell(done, count, seconds):
                nonlocal pace
                if ended():
                    raise Cancelled
                pace = (time.monotonic() - began) / done
                if time.monotonic() - since > TURN:
                    wait(TURN)
                left = f", {(count - done) * pace:.0f} s left" if count and count > done else ""
                progress(min(1.0, done / count) if count else 0.0, desc=f"{seconds:.1f} s of the film{left}")

            try:
                wait(TURN)
                film = self.stylizer().stylise_video(clip, style, path, size=longest, progress=tell, **options)
            except Cancelled:
                piece = path.with_name(f"{path.name}.unfinished-1.mp4")
                if not partly or not piece.is_file():
                    raise
                return str(piece.replace(path)), f"{CANCELLED} What was made until then stands here."
        seconds = time.monotonic() - began
        line = f"{film.frames} frames in {seconds:.0f} s, {film.frames / seconds:.1f} a second."
        return str(path), " ".join([line, *(without_folders(f"{note.rstrip('.')}.") for note in film.notes)])


class EveryTab(AllTabs):
    """Those of `AllTabs`, and that of clips where what it needs is installed."""

    has_video = all(find_spec(package) for package in ("av", "cv2"))

    def video(self):
        clips = Clips(self.web)
        with gr.Row(elem_classes="studio"):
            with gr.Column(elem_classes="inputs", min_width=280):
                clip = guarded(gr.Video(label="Film", sources=["upload"], height=260, elem_classes="zone-film"))
                style = photo("Painting")
                self.paintings.into(style)
            with gr.Column(elem_classes="result", min_width=280):
                start, cancel = run_buttons("Stylise the film")
                line = told()
                result = gr.Video(label="The film in the painting's style", interactive=False, autoplay=True,
                                  buttons=["download"], elem_classes="film")
                strength = option("strength")
            with gr.Column(elem_classes="options", min_width=280), gr.Group():
                controls = [side(self.web.most, SIZE, "Size", "Longest side of the result in pixels"),
                            option("keep_colors"), option("stroke")]
        values = [clip, style, strength, *controls]

        def run(clip, style, strength, size, keep_colors, stroke, request: gr.Request, progress=gr.Progress()):
            def make(over):
                self.web.ledger.add(request.session_hash, [clip])
                path, text = clips.made(clip, style, size, progress, over, partly=True, strength=strength,
                                        keep_colors=keep_colors, stroke=stroke)
                self.web.ledger.add(request.session_hash, [path])
                yield path, text

            yield from self.live.several("video", make, 2, request)

        start.click(run, values, [result, line], show_progress_on=line, **PAGE)
        cancel.click(self.live.cancel, **QUIETLY)
        self._stale(line, values)
        made = [gr.File(visible=False), gr.Textbox(visible=False)]
        gr.Button(visible=False).click(clips.video, values, made, api_name="video", **API)

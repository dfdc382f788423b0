"""Films: what the tab of that name and the API's endpoint do."""

import time
from contextlib import ExitStack

import gradio as gr

from wct.clips.writing import piece_of
from wct.options import NETWORK, Options
from wct.web.api import documented, readable
from wct.web.gradio_internals import somebody_waits
from wct.web.handlers import CANCELLED, named, need
from wct.web.turns import Cancelled
from wct.web.uploads import keep, new_folder, without_folders

SIZE = 640  # longest side of results, unless another is asked for
TURN = 2.0  # seconds after which a film lets others have a turn
BEHIND = 50  # pictures: so far behind those who want one it stands


class Clips:
    """The handlers over a Web, which has the Stylizers and their turns."""

    def __init__(self, web):
        self.web = web

    @documented
    def video(self, clip, style, strength=Options.strength, size=SIZE, keep_colors=Options.keep_colors,
              stroke=Options.stroke, network=NETWORK.default, progress=gr.Progress()):
        """Give a film the style of a painting, without flicker; times and sound stay as they are.

        Args:
            clip: the film, MP4, WebM, MOV or another that FFmpeg reads, or an animated GIF
            style: the painting, or any other picture, whose style is taken
            {strength}
            size: longest side of the result in pixels
            {keep_colors}
            {stroke}
            {network}

        Returns:
            the result as an MP4 file, and how long it took
        """
        with readable():
            return self.made(clip, style, size, network, progress, strength=strength, keep_colors=keep_colors,
                             stroke=stroke)

    def made(self, clip, style, size, network, progress, over=lambda: False, partly=False, **options):
        """(path, line) of a film; partly: where it is cancelled, of what was made until then."""
        need(film=clip, painting=style)
        path, waits, began = new_folder() / named(clip, style, suffix=".mp4"), somebody_waits(), time.monotonic()
        since = None

        def ended():
            return over() or not waits()

        with ExitStack() as turn:
            def wait(seconds):
                nonlocal since
                turn.close()
                turn.enter_context(self.web.turns.turn(
                    seconds, lambda line: progress(0.0, desc=line), ended, BEHIND, since is None))
                since = time.monotonic()

            def tell(done, count, seconds):
                if ended():
                    raise Cancelled
                keep([clip, style])  # the film is read again at its end, for its sound
                pace = (time.monotonic() - began) / done
                if time.monotonic() - since > TURN:
                    wait(TURN)
                left = f", {(count - done) * pace:.0f} s left" if count and count > done else ""
                progress(min(1.0, done / count) if count else 0.0, desc=f"{seconds:.1f} s of the film{left}")

            try:
                wait(TURN)
                film = self.web.stylizers[network].stylise_video(clip, style, path, size=int(size or SIZE),
                                                                 progress=tell, **options)
            except Cancelled:
                piece = piece_of(path, 1)
                if not partly or not piece.is_file():
                    raise
                return str(piece.replace(path)), f"{CANCELLED} What was made until then stands here."
        seconds = time.monotonic() - began
        line = f"{film.frames} frames in {seconds:.0f} s, {film.frames / seconds:.1f} a second."
        return str(path), " ".join([line, *(without_folders(f"{note.rstrip('.')}.") for note in film.notes)])

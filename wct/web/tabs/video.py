"""A film in a painting's style, played beside the film."""

import gradio as gr

from wct.web.clips import SIZE, Clips
from wct.web.tabs.common import buttons, endpoint, place
from wct.web.widgets import QUIETLY, files, option, side

PLAYED = (".mp4", ".m4v", ".mov", ".webm")  # by browsers
OPTIONS = ("keep_colors", "stroke", "network")  # besides strength and size


def build(shared):
    clips = Clips(shared.web)
    with gr.Row(elem_classes="studio"):
        with place("inputs"):
            # an interactive gr.Video would load a program for cutting films, which the page's policy does not let run
            clip = files("Film", "film", height=120)
            before = gr.Video(label="Before", interactive=False, height=200, buttons=[], elem_classes="before-film")
            style = shared.picture("Painting")
            shared.paintings.into(style)
        with place("result"):
            above = buttons("Stylise the film")
            result = gr.Video(label="The film in the painting's style", interactive=False, autoplay=True,
                              buttons=["download"], elem_classes="film")
            strength = option("strength")
        with place("options"), gr.Group():
            size = side(shared.web.most, SIZE, "Size", "Longest side of the result in pixels")
            controls = [option("keep_colors"), option("stroke"), option("network")]

    clip.change(lambda path: path if path and path.lower().endswith(PLAYED) else None, clip, before, **QUIETLY)

    def make(values, over, progress, request):
        clip, style, strength, size, *chosen = values
        shared.web.ledger.add(request.session_hash, [clip])
        path, text = clips.made(clip, style, size, progress=progress, over=over, partly=True, strength=strength,
                                **dict(zip(OPTIONS, chosen)))
        shared.web.ledger.add(request.session_hash, [path])
        yield path, text

    values = [clip, style, strength, size, *controls]
    shared.several("video", make, values, [result], above)
    endpoint(clips.video, values, [gr.File(visible=False), gr.Textbox(visible=False)])
    return []

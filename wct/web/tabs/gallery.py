"""A photo in every painting that comes with the program, each a click from the full picture."""

import gradio as gr

from wct.web.tabs.common import buttons, place
from wct.web.widgets import ALOUD, drawn, option

OPTIONS = ("network", "strength", "keep_colors")


def build(shared):
    with gr.Row(elem_classes="studio"):
        with place("inputs"):
            content = shared.picture("Photo")
        with place("result"):
            above = buttons("Show all paintings")
            wall = drawn("wall", value=[], empty="The photo in every painting stands here")
        with place("options"), gr.Group():
            controls = [option(name) for name in OPTIONS]

    def make(values, over, progress, request):
        content, *chosen = values
        for made, text in shared.many.wall(content, progress, over, **dict(zip(OPTIONS, chosen))):
            shared.web.ledger.add(request.session_hash, [one["picture"]["path"] for one in made])
            yield made, text

    shared.several("wall", make, [content, *controls], [wall], above)
    first = shared.first

    def full(event: gr.EventData, photo, *chosen):
        name = getattr(event, "name", None)
        return photo, shared.paintings.path(name), name, *chosen

    first.again(wall.pick(
        full, [content, *controls], [first.content, first.style, first.picker, *(first.settings[o] for o in OPTIONS)],
        js="(...values) => { wct.tab('Stylise'); return values; }", **ALOUD))
    return [content]

"""A painting's texture, without a photo."""

import gradio as gr

from wct.options import TEXTURE_NETWORK
from wct.web.tabs.common import endpoint, picture_outputs, place, run
from wct.web.uploads import guarded
from wct.web.widgets import drawn, option, side


def build(shared):
    most = shared.web.most
    with gr.Row(elem_classes="studio"):
        with place("inputs"):
            style = shared.picture("Painting")
            picker = shared.paintings.into(style)
        with place("result"):
            result = run("Make a texture", "Choose a painting")
            history = drawn("past", tab="texture")
        with place("options"), gr.Group():
            controls = [
                side(most, 512, "Width", "In pixels"), side(most, 512, "Height", "In pixels"), option("stroke"),
                guarded(gr.Number(0, precision=0, label="Seed", info="Another number, another texture"), 0),
                option("network", TEXTURE_NETWORK),
            ]

    def make(values, over, progress):
        return shared.web.textured(*values, progress, over)

    shared.one("texture", make, [style, *controls], result)
    shared.visit("texture", history, [style, picker, *controls])
    endpoint(shared.api.texture, [style, *controls], picture_outputs())
    return []

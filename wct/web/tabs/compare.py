"""The ways to compute matrix square roots, on one pair of pictures."""

import gradio as gr

from wct.options import BACKENDS
from wct.web.many import TABLE
from wct.web.tabs.common import buttons, endpoint, place
from wct.web.uploads import guarded
from wct.web.widgets import side


def build(shared):
    with gr.Row(elem_classes="studio"):
        with place("inputs"):
            with gr.Row(elem_classes="pair"):
                pair = [shared.picture("Photo", min_width=140), shared.picture("Painting", min_width=140)]
            picker = shared.paintings.into(pair[1])
        with place("result"):
            above = buttons("Compare")
            pictures = gr.Gallery(label="Pictures: ms of the transform, and in all", columns=3, object_fit="contain",
                                  interactive=False, format="png", buttons=["download"], visible=False)
            table = gr.Dataframe(headers=list(TABLE), label="Medians", interactive=False, visible=False)
            plot = gr.BarPlot(x="backend", y="milliseconds", color="stage", label="Milliseconds by stage and backend",
                              visible=False)
            csv = gr.DownloadButton("Download the table as CSV", visible=False)
        with place("options"), gr.Group():
            some = ["mpa", "zolotarev", "svd"]
            compared = guarded(gr.CheckboxGroup([*BACKENDS], value=some, label="Backends",
                                                info="How matrix square roots are computed"), some)
            repeats = guarded(gr.Slider(1, 20, 3, step=1, label="Repeats",
                                        info="Timed runs of each, after one to warm up"), 3)
            controls = [compared, repeats, side(shared.web.most, 512, "Size", "Longest side in pixels")]

    def make(values, over, progress, request):
        *made, path, text = shared.many.compared(*values, progress, over)
        kinds = gr.Gallery, gr.Dataframe, gr.BarPlot, gr.DownloadButton
        yield *(kind(value=value, visible=True) for kind, value in zip(kinds, (*made, path))), text

    shared.several("compare", make, [*pair, *controls], [pictures, table, plot, csv], above)
    endpoint(shared.api.compare, [*pair, *controls],
        [pictures, table, plot, gr.File(visible=False), gr.Textbox(visible=False)])
    return [*pair, picker]

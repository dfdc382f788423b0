"""Widgets of the page: those of options are as `wct.options` has them."""

import gradio as gr

from wct.options import OPTIONS
from wct.runtime.examples import titles
from wct.web.uploads import image_input

STEPS = {"strength": 0.05, "stroke": 0.05, "ridge": 0.001, "detail": 0.01}
MOST = {"ridge": 0.3, "detail": 0.5}  # beyond which a slider is of no use
QUIETLY = {"queue": False, "api_visibility": "private"}


def option(name: str):
    """The widget of an option."""
    known = OPTIONS[name]
    told = {"value": known.default, "label": known.label, "info": known.help[0].upper() + known.help[1:]}
    if known.choices:
        choices = [(label, value) for value, label in known.choices.items()]
        return (gr.Radio if len(choices) < 4 else gr.Dropdown)(choices, **told)
    if known.kind is bool:
        return gr.Checkbox(**told)
    step = STEPS[name]
    return gr.Slider(max(known.least, step) if known.least else 0, MOST.get(name, known.most), step=step, **told)


def size(most: int, value: int = 768, label: str = OPTIONS["size"].label,
         info: str = "Longest side of the result in pixels"):
    """A side of the result; most: the pixels that it may have."""
    longest = max(128, int((2 * most) ** 0.5) // 64 * 64)  # of a picture twice as long as high
    return gr.Slider(64, longest, min(value, longest), step=64, label=label, info=info)


def photo(label: str, **options):
    return image_input(**{"label": label, "height": 260, "sources": ["upload", "clipboard"]} | options)


def paintings(style):
    """The paintings that come with the program; a click takes one into `style`."""
    shipped = titles("style")
    gallery = gr.Gallery(
        list(shipped.items()), label="Paintings to choose from", columns=8, height="auto", allow_preview=False,
        object_fit="cover", interactive=False, show_label=False, buttons=[], elem_classes="paintings",
    )

    def pick(event: gr.SelectData):
        return str(list(shipped)[event.index])

    gallery.select(pick, outputs=style, **QUIETLY)


def run_buttons(name: str):
    with gr.Row():
        return gr.Button(name, variant="primary", scale=3), gr.Button("Cancel", scale=1)


def results():
    """The before-after slider, the download and the line below."""
    slider = gr.ImageSlider(label="Photo and result", type="filepath", format="png", interactive=False,
                            max_height=720, slider_position=10, buttons=["fullscreen"])
    told = gr.Markdown(elem_classes="told")
    return slider, gr.DownloadButton("Download as PNG"), told

"""Widgets of the page: those of options are as `wct.options` has them, those in HTML are drawn by static/drawn.js."""

from pathlib import Path

import gradio as gr

from wct.options import NETWORK, OPTIONS
from wct.runtime.examples import titles
from wct.web.gradio_internals import with_preprocess
from wct.web.handlers import LEVELS
from wct.web.uploads import guarded, image_input, shipped, thumbnails

STATIC = Path(__file__).parent / "static"
STEPS = {"strength": 0.05, "stroke": 0.05, "ridge": 0.001, "detail": 0.01}
MOST = {"ridge": 0.3, "detail": 0.5}  # beyond which a slider is of no use
QUIETLY = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
# For what may go wrong: Gradio shows the errors of those events alone that pass through its queue.
ALOUD = QUIETLY | {"queue": True, "concurrency_limit": None, "trigger_mode": "always_last"}


def option(name: str, value=None):
    """The widget of an option, with its default or another."""
    known = NETWORK if name == NETWORK.name else OPTIONS[name]
    value = known.default if value is None else value
    told = {"value": value, "label": known.label, "info": known.help[0].upper() + known.help[1:],
            "elem_classes": f"option-{name}"}
    if known.choices:
        choices = [(label, value) for value, label in known.choices.items()]
        widget = (gr.Radio if len(choices) < 4 else gr.Dropdown)(choices, **told)
    elif known.kind is bool:
        widget = gr.Checkbox(**told)
    else:
        step = STEPS[name]
        least = max(known.least, step) if known.least else 0
        widget = gr.Slider(least, MOST.get(name, known.most), step=step, **told)
    return guarded(widget, value)


def number(name: str):
    """An option for the API, in all its range, of which its slider has the useful part."""
    known = OPTIONS[name]
    return guarded(gr.Number(known.default, label=known.label, minimum=known.least, maximum=known.most, visible=False),
                   known.default)


def levels():
    """The strengths of the five levels, the finest first."""
    return [
        guarded(gr.Slider(0, 1, float(k < 5), step=0.05, label=name[0].upper() + name[1:],
                          info=f"Strength of the painting's {name}", elem_classes=f"option-relu{k}_1"), float(k < 5))
        for k, name in enumerate(LEVELS, 1)
    ]


def side(most: int, value: int, label: str, info: str):
    """A side of a picture that may have `most` pixels."""
    longest = max(128, int((2 * most) ** 0.5) // 64 * 64)  # of one twice as long as high
    return guarded(gr.Slider(64, longest, min(value, longest), step=64, label=label, info=info), min(value, longest))


def optional_size(info, make):
    """[original size?, longest side as `make` makes it], of which the second shows where the first is not wanted."""
    original = guarded(gr.Checkbox(True, label="Original size", info=info, elem_classes="option-original"), True)
    longest = make()
    longest.visible = False
    original.change(lambda own: gr.Slider(visible=not own), original, longest, **QUIETLY)
    return original, longest


def size(web, photo):
    """`optional_size` that knows what the photo can have."""
    unknown = "The photo's own, as far as this page makes it"
    most = max(128, web.largest((3, 2)))
    start = min(768, most)

    def slider():
        made = gr.Slider(64, most, start, step=1, label=OPTIONS["size"].label,
                         info="Longest side of the result in pixels", elem_classes="option-size")
        # a link, or an earlier photo, may have left more than the limit; the run takes what fits
        return guarded(with_preprocess(made, lambda self, payload: int(payload)), start)

    original, longest = optional_size(unknown, slider)

    def known(path, size):
        if not path:
            return gr.Checkbox(info=unknown), gr.skip()
        try:
            width, height = web.dimensions(path)
        except ValueError:
            return gr.skip(), gr.skip()  # the run says it
        most = web.largest((width, height))
        told = f"{width} × {height} pixels"
        if most < max(width, height):
            told += f"; made {most} long, the most that this page makes of it"
        return gr.Checkbox(info=told), gr.Slider(maximum=most, value=min(size, most))

    photo.change(known, [photo, longest], [original, longest], **QUIETLY)
    return original, longest


def image(label: str, **options):
    """A place for a photo or a painting, named for people and for programs."""
    kind = label.split()[0].lower()
    here = f"Drop a {kind} here\n- or -\nclick to choose one"
    return image_input(**{"label": label, "height": 260, "sources": ["upload", "clipboard"], "placeholder": here,
                          "buttons": ["fullscreen"], "elem_classes": f"photo zone-{kind}"} | options)


def files(label: str, kind: str, **options):
    """A place for files: static/style.css has a text for each kind."""
    return guarded(gr.File(label=label, elem_classes=f"takes takes-{kind}", **options))


def drawn(kind: str, value=None, **options):
    """A component that a function in static draws; its `pick` tells what was clicked."""
    return gr.HTML(value, html_template='<div class="drawn"></div>', elem_classes=kind, apply_default_css=False,
                   js_on_load=f"wct.{kind}(element, props, (data) => trigger('pick', data), watch)", **options)


class Paintings:
    """The paintings that come with the program, as small pictures with names."""

    def __init__(self):
        self.titles = titles("style")
        self.paths = {path.stem: path for path in self.titles}
        small = thumbnails(self.titles)
        self.items = [
            {"name": path.stem, "title": title.partition(": ")[2] or title, "by": title.partition(": ")[0],
             "small": small[path]}
            for path, title in self.titles.items()
        ]

    def picker(self, label="Paintings to choose from"):
        return drawn("picker", items=self.items, label=label)

    def into(self, style, label="Paintings to choose from"):
        """A picker that puts what is clicked into `style`; an own painting there takes its mark away."""
        picker = self.picker(label)

        def pick(event: gr.EventData):
            return self.path(getattr(event, "name", None))

        picker.pick(pick, outputs=style, **ALOUD)
        style.input(lambda: None, outputs=picker, **QUIETLY)
        return picker

    def path(self, name):
        """The file of a painting, by its name. Raises gr.Error for another."""
        if name not in self.paths:
            raise gr.Error("There is no such painting.", print_exception=False)
        return shipped(self.paths[name])

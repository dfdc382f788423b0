"""What the tabs are made of: places, a button with what comes of it, and the runs that it starts."""

from dataclasses import dataclass, field

import gradio as gr

from wct.images import FORMATS
from wct.web.api import Api, readable
from wct.web.handlers import Web
from wct.web.live import Live
from wct.web.many import Many
from wct.web.uploads import guarded, showable
from wct.web.widgets import ALOUD, QUIETLY, Paintings, drawn, image

STALE = "The settings have changed since. Start again for a result that follows them."
PAGE = {"api_visibility": "private", "concurrency_limit": None, "show_progress": "full"}


@dataclass
class First:
    """What other tabs know of the first: its widgets, those that a link has, and what has an event start its run."""

    content: gr.Image
    style: gr.Image
    picker: gr.HTML
    settings: dict  # {name: widget}
    again: object


@dataclass
class Shared:
    """What all tabs are built over."""

    web: Web
    live: Live
    many: Many
    api: Api
    paintings: Paintings = field(default_factory=Paintings)
    first: First | None = None

    def picture(self, label, **options):
        """A place for a photo or a painting. What browsers cannot show is shown as a PNG."""
        place = image(label, **options)

        def show(path, request: gr.Request):
            if not path:
                return gr.skip()
            self.web.ledger.add(request.session_hash, [path])
            try:
                shown = showable(path)
            except ValueError:
                return gr.skip()  # the run says it
            self.web.ledger.add(request.session_hash, [shown])
            return gr.skip() if shown == path else shown

        place.upload(show, place, place, **QUIETLY)
        return place

    def one(self, tab, make, values, run):
        """Has a Run's button make a picture, a change of a value make it anew, and its other button end it.

        make: (values, over, progress) -> Made. Returns a function that has another event start it too.
        """
        def pictures(live, request, progress, *values):
            *values, format = values
            return self.live.pictures(tab, lambda chosen, over: make(chosen, over, progress), format, values, live,
                                      request)

        def now(request: gr.Request, progress=gr.Progress(), *values):
            return pictures(False, request, progress, *values)

        def anew(request: gr.Request, progress=gr.Progress(), *values):
            return pictures(True, request, progress, *values)

        def load(format, request: gr.Request):
            with readable():
                return self.live.download(tab, format, request)

        there = {"inputs": [*values, run.format], "outputs": [run.viewer, run.line, run.download],
                 "show_progress_on": run.line, **PAGE}
        run.start.click(now, js="(...values) => { wct.look(); return values; }", **there)
        gr.on([value.change for value in values], anew, trigger_mode="multiple", **there)
        run.cancel.click(self.live.cancel, **QUIETLY)
        run.format.change(load, run.format, run.download, **ALOUD)
        return lambda event: event.success(now, trigger_mode="multiple", **there)

    def visit(self, tab, history, widgets):
        """Has the browser know what these widgets hold when a result is made, and a click there bring it back."""
        gr.on([widget.change for widget in widgets], None, widgets, None,
              js=f"(...values) => {{ wct.settle({tab!r}, values); return []; }}", **QUIETLY)
        history.pick(None, None, widgets, js="() => wct.reopened()", **QUIETLY)

    def several(self, tab, make, values, outputs, buttons):
        """Has a button start what shows more and more, and its neighbour end it; a change marks it as old.

        make: (values, over, progress, request) -> generator of what `outputs` show and what the line says.
        """
        start, cancel, line = buttons

        def run(request: gr.Request, progress=gr.Progress(), *values):
            yield from self.live.several(tab, lambda over: make(values, over, progress, request), len(outputs) + 1,
                                         request)

        start.click(run, values, [*outputs, line], show_progress_on=line,
                    js=f"(...values) => wct.start({tab!r}, values)", **PAGE)
        cancel.click(self.live.cancel, **QUIETLY)
        gr.on([line.change, *(value.change for value in values)], None, [line, *values], line, **QUIETLY,
              js=f"(line, ...values) => wct.stale({tab!r}, {STALE!r}, line, values)")


@dataclass
class Run:
    """A button that makes a picture, and what comes of it."""

    start: gr.Button
    cancel: gr.Button
    line: gr.HTML
    viewer: gr.HTML
    format: gr.Radio
    download: gr.DownloadButton


def place(name):
    """A part of a tab: inputs, result or options."""
    return gr.Column(elem_classes=name, min_width=280)


def buttons(name):
    """[start, cancel, the line below that says how far a run is, what it took, or what went wrong]"""
    with gr.Row(elem_classes="run"):
        pair = gr.Button(name, variant="primary", scale=3, min_width=120), gr.Button("Cancel", scale=1, min_width=90)
    return *pair, gr.HTML(elem_classes="told")


def run(name, empty):
    """A Run; empty: what stands in the place of its picture at first."""
    above, viewer = buttons(name), drawn("viewer", empty=empty)
    with gr.Row(elem_classes="save"):
        choices = [({"webp": "WebP"}.get(name, name.upper()), name) for name in FORMATS]
        format = guarded(gr.Radio(choices, value="png", show_label=False, label="Format of the download",
                                  container=False, min_width=200), "png")
        return Run(*above, viewer, format, gr.DownloadButton("Download", interactive=False, min_width=140))


def endpoint(function, inputs, outputs):
    """Offer a function as the endpoint of its name."""
    gr.Button(visible=False).click(function, inputs, outputs, api_name=function.__name__, concurrency_limit=None)


def any_size():
    """The size that the API takes: a number, or null for the photo's own."""
    return gr.Number(None, precision=0, label="Size", visible=False)


def picture_outputs():
    """What the API gives: the picture, and what there is to say."""
    return [gr.Image(visible=False, format="png"), gr.Textbox(visible=False)]

"""The tabs that make one picture: which widgets stand where, and which run each starts."""

import gradio as gr

from wct.runtime.examples import EXAMPLES
from wct.web.handlers import LEVELS, SLOTS
from wct.web.uploads import guarded
from wct.web.widgets import QUIETLY, Paintings, drawn, levels, option, photo, result, run_buttons, side, size, told

PAIRS = (
    ("moose", "hokusai-great-wave", 1.0),
    ("astronaut", "van-gogh-cafe-terrace-at-night", 0.8),
    ("chelsea", "kandinsky-composition-viii", 1.0),
)
NAMES = ("original", "size", "strength", "keep_colors", "stroke", "mode", "transform", "detail", "backend", "ridge",
         *LEVELS)  # of what a link has besides the painting
OPTIONS = ("keep_colors", "stroke", "mode", "transform", "detail", "backend", "ridge")  # besides strength and size
PAGE = {"api_visibility": "private", "concurrency_limit": None, "show_progress": "full"}
API = {"concurrency_limit": None}


class Tabs:
    """Builds the tabs; `settings` are the widgets that a reload and a link bring back."""

    def __init__(self, web, live, many):
        self.web, self.live, self.many = web, live, many
        self.paintings, self.settings = Paintings(), []

    def stylise(self):
        with gr.Row(elem_classes="studio"):
            with gr.Column(elem_classes="inputs", min_width=280):
                with gr.Row(elem_classes="pair"):
                    content = photo("Photo", sources=["upload", "webcam", "clipboard"], min_width=140)
                    style = photo("Painting", min_width=140)
                picker = self.paintings.into(style)
            with gr.Column(elem_classes="result", min_width=280):
                start, cancel = run_buttons("Stylise")
                line = told()
                viewer, format, download = result("Choose a photo and a painting, or one of the pairs below")
                strength = option("strength")
                history = drawn("past")
                examples = drawn("pairs", items=[
                    {"photo": f"gradio_api/file={EXAMPLES / 'content' / c}.jpg", "photo_name": c, "strength": strength,
                     "style": next(item for item in self.paintings.items if item["name"] == s)}
                    for c, s, strength in PAIRS])
            with gr.Column(elem_classes="options", min_width=280):
                with gr.Group():
                    sizes = size(self.web, content)
                    controls = [option(name) for name in OPTIONS[:3]]
                with gr.Accordion("Advanced", open=False):
                    controls += [option(name) for name in OPTIONS[3:]]
                    gr.Markdown("Strength at each level, from the finest to the coarsest")
                    by_level = levels()
                link = gr.Button("Copy a link to this painting and these settings", size="sm", elem_classes="link")
        values = [content, style, *sizes, strength, *controls, *by_level]

        def make(values, over, progress):
            content, style, original, size, strength, *rest = values
            chosen, strengths = rest[:len(OPTIONS)], rest[len(OPTIONS):]
            return self.web.stylised(content, style, strengths, None if original else size, progress, over,
                                     strength=strength, **dict(zip(OPTIONS, chosen)))

        again = self._runs("stylise", make, values, start, cancel, viewer, line, format, download)
        self.settings = [*sizes, strength, *controls, *by_level]
        link.click(None, None, None, js="() => wct.link()", **QUIETLY)
        there = [content, style, picker, *self.settings]
        gr.on([widget.change for widget in there], None, there, None,
              js="(...values) => { wct.remember(values); return []; }", **QUIETLY)
        history.pick(None, None, there, js="() => wct.reopened()", **QUIETLY)

        def pair(event: gr.EventData):
            names = [one[:2] for one in PAIRS]
            chosen = event._data.get("index")
            if not isinstance(chosen, int) or not 0 <= chosen < len(names):
                return gr.skip(), gr.skip(), gr.skip(), gr.skip()
            (c, s), strength = names[chosen], PAIRS[chosen][2]
            return str(EXAMPLES / "content" / f"{c}.jpg"), self.paintings.path(s), s, strength

        again(examples.pick(pair, None, [content, style, picker, strength], **QUIETLY))
        self._stylise_api(values, controls, by_level, strength)
        self.stylised = content, style, picker, again
        return content, style

    def _stylise_api(self, values, controls, by_level, strength):
        any_size = gr.Number(None, precision=0, label="Size", visible=False)
        made = [gr.Image(visible=False, format="png"), gr.File(visible=False), gr.Textbox(visible=False)]
        gr.Button(visible=False).click(self.web.stylise, [*values[:2], strength, any_size, *controls, *by_level], made,
                                       api_name="stylise", **API)

    def _runs(self, tab, make, values, start, cancel, viewer, line, format, download):
        """Has the button make a picture, a change of a value make it anew, and `cancel` end it.

        Returns a function that has another event start it too.
        """
        def run(live, request, progress, *values):
            *values, format = values
            return self.live.pictures(tab, lambda chosen, over: make(chosen, over, progress), format, values, live,
                                      request)

        def now(request: gr.Request, progress=gr.Progress(), *values):
            return run(False, request, progress, *values)

        def anew(request: gr.Request, progress=gr.Progress(), *values):
            return run(True, request, progress, *values)

        def load(format, request: gr.Request):
            return self.live.download(tab, format, request)

        there = {"inputs": [*values, format], "outputs": [viewer, line, download], "show_progress_on": line, **PAGE}
        start.click(now, js="(...values) => { wct.look(); return values; }", **there)
        gr.on([value.change for value in values], anew, trigger_mode="multiple", **there)
        cancel.click(self.live.cancel, **QUIETLY)
        format.change(load, format, download, **QUIETLY)
        return lambda event: event.then(now, trigger_mode="multiple", **there)

    def mix(self):
        slots, editors, boxes, styles = [], [], [], []
        with gr.Row(elem_classes="studio"):
            with gr.Column(elem_classes="inputs", min_width=280):
                content = photo("Photo")
                picker = self.paintings.picker("Paintings to mix: each click adds one")
                for number in range(1, SLOTS + 1):
                    with gr.Group(visible=number == 1, elem_classes="slot") as box:
                        styles.append(photo(f"Painting {number}", height=180))
                        weight = guarded(gr.Slider(0, 1, 0.5, step=0.05, label=f"Weight {number}",
                                                   info="Relative to the others"), 0.5)
                        with gr.Accordion(f"Where painting {number} applies", open=False):
                            editors.append(guarded(gr.ImageEditor(
                                label=f"Paint where painting {number} applies", type="pil", sources=[], transforms=[],
                                layers=False, image_mode="RGBA",
                                brush=gr.Brush(default_size=40, colors=["#d6006c"], color_mode="fixed"),
                            )))
                            mask = guarded(gr.File(label=f"Or a mask {number}, white where it applies", height=150))
                            part = guarded(gr.File(label=f"Part of painting {number} that is used, white", height=150))
                    boxes.append(box)
                    slots += [styles[-1], weight, mask, part, editors[-1]]
                more = gr.Button("Add a painting", size="sm")
            with gr.Column(elem_classes="result", min_width=280):
                start, cancel = run_buttons("Mix")
                line = told()
                viewer, format, download = result("Choose a photo and some paintings")
                strength = option("strength")
            with gr.Column(elem_classes="options", min_width=280), gr.Group():
                sizes = size(self.web, content)
                controls = [option("keep_colors"), option("transform")]
        values = [content, *slots, *sizes, strength, *controls]
        count = gr.State(1)

        def add(count):
            count = min(SLOTS, count + 1)
            return count, *[gr.Group(visible=i < count) for i in range(SLOTS)], gr.Button(visible=count < SLOTS)

        def pick(count, event: gr.EventData, *paths):
            free = next((i for i, path in enumerate(paths) if not path), SLOTS - 1)
            new = [self.paintings.path(event._data.get("name")) if i == free else gr.skip() for i in range(SLOTS)]
            return *new, *add(max(count - 1, free))

        more.click(add, count, [count, *boxes, more], **QUIETLY)
        picker.pick(pick, [count, *styles], [*styles, count, *boxes, more], **QUIETLY)
        content.change(lambda path: [path] * SLOTS, content, editors, **QUIETLY)
        for editor in editors:
            editor.clear(lambda path: path, content, editor, **QUIETLY)

        def make(values, over, progress):
            content, *rest = values
            original, size, strength, keep_colors, transform = rest[5 * SLOTS:]
            return self.web.mixed(content, [rest[i:i + 5] for i in range(0, 5 * SLOTS, 5)],
                                  None if original else size, progress, over, strength=strength,
                                  keep_colors=keep_colors, transform=transform)

        self._runs("mix", make, values, start, cancel, viewer, line, format, download)
        any_size = gr.Number(None, precision=0, label="Size", visible=False)
        made = [gr.Image(visible=False, format="png"), gr.File(visible=False), gr.Textbox(visible=False)]
        gr.Button(visible=False).click(self.web.mix, [content, *slots, strength, any_size, *controls], made,
                                       api_name="mix", **API)
        return [content]

    def texture(self):
        with gr.Row(elem_classes="studio"):
            with gr.Column(elem_classes="inputs", min_width=280):
                style = photo("Painting")
                self.paintings.into(style)
            with gr.Column(elem_classes="result", min_width=280):
                start, cancel = run_buttons("Make a texture")
                line = told()
                viewer, format, download = result("Choose a painting")
            with gr.Column(elem_classes="options", min_width=280), gr.Group():
                controls = [
                    side(self.web.most, 512, "Width", "In pixels"), side(self.web.most, 512, "Height", "In pixels"),
                    option("stroke"),
                    guarded(gr.Number(0, precision=0, label="Seed", info="Another number, another texture"), 0),
                ]

        def make(values, over, progress):
            return self.web.textured(*values, progress, over)

        self._runs("texture", make, [style, *controls], start, cancel, viewer, line, format, download)
        made = [gr.Image(visible=False, format="png"), gr.Textbox(visible=False)]
        gr.Button(visible=False).click(self.web.texture, [style, *controls], made, api_name="texture", **API)

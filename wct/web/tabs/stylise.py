"""A photo in a painting: the first tab, whose settings a reload and a link bring back."""

import gradio as gr

from wct.runtime.examples import EXAMPLES
from wct.web.handlers import LEVELS
from wct.web.tabs.common import First, any_size, endpoint, picture_outputs, place, run
from wct.web.uploads import shipped, thumbnails
from wct.web.widgets import ALOUD, MOST, QUIETLY, drawn, levels, number, option, size

PAIRS = (
    ("moose", "hokusai-great-wave", 1.0),
    ("astronaut", "van-gogh-cafe-terrace-at-night", 0.8),
    ("chelsea", "kandinsky-composition-viii", 1.0),
)
OPTIONS = ("network", "keep_colors", "stroke", "mode", "transform", "detail", "backend", "ridge")
PLAIN = 4  # of these stand open, the others behind "Advanced"


def build(shared):
    with gr.Row(elem_classes="studio"):
        with place("inputs"):
            with gr.Row(elem_classes="pair"):
                content = shared.picture("Photo", sources=["upload", "webcam", "clipboard"], min_width=140)
                style = shared.picture("Painting", min_width=140)
            picker = shared.paintings.into(style)
        with place("result"):
            result = run("Stylise", "Choose a photo and a painting, or one of the pairs below")
            strength = option("strength")
            history = drawn("past", tab="stylise")
            examples = drawn("pairs", items=_pairs(shared.paintings))
        with place("options"):
            with gr.Group():
                original, longest = size(shared.web, content)
                controls = [option(name) for name in OPTIONS[:PLAIN]]
            with gr.Accordion("Advanced", open=False):
                controls += [option(name) for name in OPTIONS[PLAIN:]]
                gr.Markdown("Strength at each level, from the finest to the coarsest")
                by_level = levels()
            link = gr.Button("Copy a link to this painting and these settings", size="sm")

    def make(values, over, progress):
        content, style, original, size, strength, *rest = values
        chosen, strengths = rest[:len(OPTIONS)], rest[len(OPTIONS):]
        return shared.web.stylised(content, style, strengths, None if original else size, progress, over,
                                   strength=strength, **dict(zip(OPTIONS, chosen)))

    names = ("original", "size", "strength", *OPTIONS, *LEVELS)
    settings = dict(zip(names, (original, longest, strength, *controls, *by_level)))
    again = shared.one("stylise", make, [content, style, *settings.values()], result)
    shared.visit("stylise", history, [content, style, picker, *settings.values()])
    shared.first = First(content, style, picker, settings, again)
    link.click(None, None, None, js="() => wct.link()", **QUIETLY)

    def fill(event: gr.EventData):
        index = getattr(event, "index", None)
        if not isinstance(index, int) or not 0 <= index < len(PAIRS):
            return [gr.skip()] * 4
        photo, painting, strength = PAIRS[index]
        return shipped(_photo(photo)), shared.paintings.path(painting), painting, strength

    again(examples.pick(fill, None, [content, style, picker, strength], **ALOUD))
    called = [number(name) if name in MOST else control for name, control in zip(OPTIONS, controls)]
    endpoint(shared.api.stylise, [content, style, strength, any_size(), *called, *by_level], picture_outputs())
    return []


def _pairs(paintings):
    """The pairs to try, as static/drawn.js draws them."""
    items = {item["name"]: item for item in paintings.items}
    small = thumbnails([_photo(photo) for photo, *_ in PAIRS])
    return [{"photo": small[_photo(photo)], "photo_name": photo, "style": items[painting]}
            for photo, painting, _ in PAIRS]


def _photo(name):
    return EXAMPLES / "content" / f"{name}.jpg"

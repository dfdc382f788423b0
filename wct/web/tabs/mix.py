"""A photo in several paintings, each everywhere, under a mask, or where one paints."""

from pathlib import Path

import gradio as gr

from wct.web.handlers import SLOTS
from wct.web.tabs.common import any_size, endpoint, picture_outputs, place, run
from wct.web.uploads import guarded
from wct.web.widgets import ALOUD, QUIETLY, drawn, files, option, size

OPTIONS = ("network", "keep_colors", "transform")
OF_A_SLOT = 5  # painting, weight, mask, part, painted mask


def build(shared):
    with gr.Row(elem_classes="studio"):
        with place("inputs"):
            content = shared.picture("Photo")
            picker = shared.paintings.picker("Paintings to mix: each click adds one")
            boxes, slots = zip(*(_slot(shared, number) for number in range(1, SLOTS + 1)))
            more = gr.Button("Add a painting", size="sm")
        with place("result"):
            result = run("Mix", "Choose a photo and some paintings")
            strength = option("strength")
            history = drawn("past", tab="mix")
        with place("options"), gr.Group():
            sizes = size(shared.web, content)
            controls = [option(name) for name in OPTIONS]
    styles, editors = [slot[0] for slot in slots], [slot[-1] for slot in slots]
    flat = [widget for slot in slots for widget in slot]
    count = gr.State(1)

    def show(count):
        count = min(SLOTS, count)
        return count, *[gr.Group(visible=i < count) for i in range(SLOTS)], gr.Button(visible=count < SLOTS)

    def pick(count, event: gr.EventData, *paths):
        free = next((i for i, path in enumerate(paths) if not path), SLOTS - 1)
        new = [shared.paintings.path(getattr(event, "name", None)) if i == free else gr.skip() for i in range(SLOTS)]
        return *new, *show(max(count, free + 1))

    more.click(lambda count: show(count + 1), count, [count, *boxes, more], **QUIETLY)
    picker.pick(pick, [count, *styles], [*styles, count, *boxes, more], **ALOUD)
    gr.on([style.change for style in styles], lambda *paths: [Path(path).stem for path in paths if path], styles,
          picker, **QUIETLY)
    content.change(lambda path: [path] * SLOTS, content, editors, **QUIETLY)
    for editor in editors:
        editor.clear(lambda path: path, content, editor, **QUIETLY)

    def make(values, over, progress):
        content, *rest = values
        original, size, strength, *chosen = rest[OF_A_SLOT * SLOTS:]
        return shared.web.mixed(content, [rest[i:i + OF_A_SLOT] for i in range(0, OF_A_SLOT * SLOTS, OF_A_SLOT)],
                                None if original else size, progress, over, strength=strength,
                                **dict(zip(OPTIONS, chosen)))

    shared.one("mix", make, [content, *flat, *sizes, strength, *controls], result)
    unpainted = [widget for widget in flat if widget not in editors]
    shared.visit("mix", history, [content, *unpainted, *sizes, strength, *controls])
    endpoint(shared.api.mix, [content, *flat, strength, any_size(), *controls], picture_outputs())
    return [content]


def _slot(shared, number):
    """(box, [painting, weight, mask, part, painted mask])"""
    with gr.Group(visible=number == 1, elem_classes="slot") as box:
        style = shared.picture(f"Painting {number}", height=180)
        weight = guarded(gr.Slider(0, 1, 0.5, step=0.05, label=f"Weight {number}", info="Relative to the others"), 0.5)
        with gr.Accordion(f"Where painting {number} applies", open=False):
            painted = guarded(gr.ImageEditor(
                label=f"Paint mask {number}", type="pil", sources=[], transforms=[], layers=False,
                image_mode="RGBA", brush=gr.Brush(default_size=40, colors=["#d6006c"], color_mode="fixed"),
            ))
            mask = files(f"Or a mask file, white where painting {number} applies", "mask", height=150)
            part = files(f"Only a part of painting {number}, white in a mask file", "mask", height=150)
    return box, [style, weight, mask, part, painted]

"""The web page: its tabs, their widgets, and which handler of wct.web each calls."""

import gradio as gr

from wct.options import BACKENDS
from wct.runtime.examples import EXAMPLES, titles
from wct.web.handlers import CANCELLED, SLOTS, TABLE, Web
from wct.web.uploads import guarded
from wct.web.widgets import QUIETLY, option, paintings, photo, results, run_buttons, size

KEPT = 3600  # seconds for which uploads and results are kept after their last use
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]  # none that has to be fetched
THEME = gr.themes.Default(primary_hue="indigo", font=FONTS, font_mono=["ui-monospace", "monospace"])
CSS = """
.gradio-container {max-width: 1240px !important; width: 100%; margin: 0 auto !important}
@media (max-width: 480px) {.tab-container button {padding: 0 8px !important; font-size: 14px !important}}
.told {min-height: 1.6em; opacity: .8}
.paintings .caption-label {display: none}
.paintings .grid-wrap {min-height: 0 !important; height: auto !important}
.paintings .grid-container {grid-template-columns: repeat(auto-fill, minmax(60px, 1fr)) !important}
"""
PAIRS = (
    ("moose", "hokusai-great-wave", 1.0),
    ("astronaut", "van-gogh-cafe-terrace-at-night", 0.8),
    ("chelsea", "kandinsky-composition-viii", 1.0),
)
ONE_AT_A_TIME = {"concurrency_limit": 1, "concurrency_id": "device"}


def cancels(button, told, runs):
    button.click(lambda: CANCELLED, outputs=told, cancels=runs, **QUIETLY)


def stylise_tab(web):
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            with gr.Row():
                content = photo("Photo", sources=["upload", "webcam", "clipboard"], min_width=140)
                style = photo("Painting", min_width=140)
            paintings(style)
            start, cancel = run_buttons("Stylise")
            controls = [option("strength"), size(web.most), option("keep_colors"), option("stroke"), option("mode")]
            with gr.Accordion("Advanced", open=False):
                controls += [option(name) for name in ("transform", "detail", "backend", "ridge")]
                controls += [
                    gr.Slider(0, 1, float(k < 5), step=0.05, label=f"relu{k}_1", info="Strength at this level: " + what)
                    for k, what in enumerate(("colours", "grain", "small strokes", "strokes", "shapes"), 1)
                ]
        with gr.Column(scale=5, min_width=320):
            slider, download, told = results()
            run = {"fn": web.stylise, "inputs": [content, style, *controls], "outputs": [slider, download, told],
                   "show_progress_on": slider, "scroll_to_output": True, **ONE_AT_A_TIME}
            examples = gr.Examples(
                [[str(EXAMPLES / "content" / f"{c}.jpg"), str(EXAMPLES / "style" / f"{s}.jpg"), a]
                 for c, s, a in PAIRS],
                [content, style, controls[0]], label="Examples: one click fills the page", api_visibility="private",
            )
    private = {"api_visibility": "private"}
    again = {"fn": web.restyle, "show_progress": "minimal", "trigger_mode": "always_last"}
    cancels(cancel, told, [
        start.click(**run, api_name="stylise"),
        controls[0].input(**run | again, **private),
        examples.load_input_event.then(**run, **private),
    ])
    return content, style


def mix_tab(web):
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            content = photo("Photo")
            slots, editors = [], []
            for number in range(1, SLOTS + 1):
                with gr.Row():
                    slots.append(photo(f"Painting {number}", height=180, min_width=140))
                    with gr.Column(min_width=140):
                        slots.append(gr.Slider(0, 1, 0.5, step=0.05, label=f"Weight {number}"))
                with gr.Row():
                    slots.append(guarded(gr.File(label=f"Mask {number}: where it applies", height=110, min_width=140)))
                    slots.append(guarded(gr.File(label=f"Part of painting {number}", height=110, min_width=140)))
                with gr.Accordion(f"Or paint on the photo where painting {number} applies", open=False):
                    editors.append(guarded(gr.ImageEditor(
                        label=f"Where painting {number} applies", type="pil", sources=[], transforms=[], layers=False,
                        brush=gr.Brush(default_size=40, colors=["#ffffff"], color_mode="fixed"), image_mode="RGBA",
                    )))
                    slots.append(editors[-1])
        with gr.Column(scale=5, min_width=320):
            start, cancel = run_buttons("Mix")
            slider, download, told = results()
            controls = [option("strength"), size(web.most), option("keep_colors"), option("transform")]
            gr.Markdown("Weights are relative to each other. A mask, painted or a file, is white where its painting "
                        "applies; a painting without one applies everywhere, and what is under none stays the photo. A "
                        "part, a file in the painting's shape, is white where the style is taken from.")
    content.input(lambda path: [path] * SLOTS, content, editors, **QUIETLY)
    cancels(cancel, told, start.click(
        web.mix, [content, *slots, *controls], [slider, download, told], api_name="mix", show_progress_on=slider,
        scroll_to_output=True, **ONE_AT_A_TIME,
    ))


def texture_tab(web):
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            style = photo("Painting")
            paintings(style)
            start, cancel = run_buttons("Make a texture")
            controls = [
                size(web.most, 512, "Width", "In pixels"), size(web.most, 512, "Height", "In pixels"), option("stroke"),
                gr.Number(0, precision=0, label="Seed", info="Another number, another texture"),
            ]
        with gr.Column(scale=5, min_width=320):
            picture = gr.Image(label="Texture", type="filepath", format="png", interactive=False,
                               buttons=["download", "fullscreen"])
            told = gr.Markdown(elem_classes="told")
    cancels(cancel, told, start.click(
        web.texture, [style, *controls], [picture, told], api_name="texture", show_progress_on=picture, **ONE_AT_A_TIME,
    ))


def compare_tab(web):
    with gr.Row():
        pair = [photo("Photo"), photo("Painting")]
        with gr.Column():
            compared = gr.CheckboxGroup(BACKENDS, value=["mpa", "zolotarev", "svd"], label="Backends",
                                        info="How matrix square roots are computed")
            repeats = gr.Slider(1, 20, 3, step=1, label="Repeats", info="Timed runs of each, after one to warm up")
            controls = [compared, repeats, size(web.most, 512)]
            start, cancel = run_buttons("Compare")
    told = gr.Markdown(elem_classes="told")
    pictures = gr.Gallery(label="Pictures, with the milliseconds of the transform and in all", columns=3,
                          object_fit="contain", interactive=False, format="png")
    table = gr.Dataframe(headers=list(TABLE), label="Medians", interactive=False, wrap=True)
    plot = gr.BarPlot(x="backend", y="milliseconds", color="stage", label="Milliseconds by stage and backend")
    csv = gr.DownloadButton("Download the table as CSV")
    cancels(cancel, told, start.click(
        web.compare, [*pair, *controls], [pictures, table, plot, csv, told], api_name="compare",
        show_progress_on=pictures, **ONE_AT_A_TIME,
    ))
    return pair


def folder_tab(web):
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            sources = [
                guarded(gr.File(file_count="multiple", label="Photos", height=160)),
                guarded(gr.File(file_count="multiple", label="Paintings", height=160)),
                gr.Dropdown([(title, path.stem) for path, title in titles("style").items()], multiselect=True,
                            label="Paintings that come with the program"),
            ]
            controls = [option("strength"), size(web.most), option("keep_colors"), option("mode")]
            start, cancel = run_buttons("Stylise all")
        with gr.Column(scale=5, min_width=320):
            told = gr.Markdown(elem_classes="told", min_height=64)
            finished = gr.Gallery(label="Finished pictures", columns=3, object_fit="contain", interactive=False)
            failures = gr.Dataframe(headers=["What failed, and why"], label="Failures", interactive=False, wrap=True)
            archive = gr.DownloadButton("Download all as a zip")
    cancels(cancel, told, start.click(
        web.folder, [*sources, *controls], [finished, failures, archive, told], api_name="folder",
        show_progress_on=told, **ONE_AT_A_TIME,
    ))
    urls = [gr.Textbox(label="URLs of photos, one a line", visible=False),
            gr.Textbox("", label="URLs of paintings, one a line", visible=False)]
    made = [gr.File(visible=False), gr.Textbox(visible=False), gr.Textbox(visible=False)]
    gr.Button(visible=False).click(
        web.folder_of_urls, [*urls, sources[2], *controls], made, api_name="folder_of_urls", **ONE_AT_A_TIME
    )


def build(stylizer):
    """The page as gr.Blocks."""
    web = Web(stylizer)
    with gr.Blocks(title="Any photo in any painting's style", analytics_enabled=False, delete_cache=(60, KEPT)) as page:
        gr.Markdown("# Any photo in any painting's style")
        with gr.Tab("Stylise"):
            chosen = stylise_tab(web)
        with gr.Tab("Mix"):
            mix_tab(web)
        with gr.Tab("Texture"):
            texture_tab(web)
        with gr.Tab("Compare") as tab:
            pair = compare_tab(web)
        with gr.Tab("Folder"):
            folder_tab(web)
        tab.select(lambda *paths: [path or gr.skip() for path in paths], chosen, pair, **QUIETLY)
    return page

"""The web page: python app.py

Stylise a photo, compare backends, run a folder; the same three as an API, and with --mcp as tools.
"""

import argparse
import os
import tempfile
from pathlib import Path

from wct import BACKENDS, MODES

EXAMPLES = Path(__file__).resolve().parent / "examples"
KEPT = 3600  # seconds for which uploads and results are kept after their last use
UPLOAD = "50mb"
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
CSS = """
.gradio-container {max-width: 1240px !important; width: 100%; margin: 0 auto !important}
.told {min-height: 1.6em; opacity: .8}
.paintings .caption-label {display: none}
.paintings .grid-wrap {min-height: 0 !important; height: auto !important}
.paintings .grid-container {grid-template-columns: repeat(auto-fill, minmax(60px, 1fr)) !important}
"""


def arguments(argv=None):
    parser = argparse.ArgumentParser(
        prog="python app.py", description="The web page: stylise, compare backends, run a folder."
    )
    add = parser.add_argument
    add("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), help="address to listen on "
        "(default: %(default)s, this machine alone; 0.0.0.0 for all)")
    add("--port", type=int, help="port to listen on (default: 7860, or the next that is free)")
    add("--share", action="store_true", help="also make a public link through Gradio's servers, for a week")
    add("--auth", metavar="USER:PASSWORD", default=os.environ.get("WCT_AUTH"),
        help="ask for these (default: the environment's WCT_AUTH, else nobody is asked)")
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    add("--max-pixels", type=int, default=4_000_000, metavar="N", help="most pixels of a result (default: %(default)s)")
    add("--queue-size", type=int, default=40, metavar="N", help="runs that may wait; more are refused "
        "(default: %(default)s)")
    add("--mcp", action="store_true", help="also offer the tools to language models, by the Model Context Protocol")
    args = parser.parse_args(argv)
    if args.auth is not None and not all(args.auth.partition(":")):
        parser.error("--auth must be USER:PASSWORD")
    if args.max_pixels < 1 or args.queue_size < 1:
        parser.error("--max-pixels and --queue-size must be at least 1")
    return args


def titles(folder):
    """{path: "artist: work"} of the example pictures in a folder, as examples/CREDITS.md has them."""
    rows = (line.split(" | ") for line in (EXAMPLES / "CREDITS.md").read_text(encoding="utf-8").splitlines())
    named = {EXAMPLES / row[0].removeprefix("| "): f"{row[2]}: {row[1]}" for row in rows if len(row) > 3}
    return {path: named.get(path, path.stem) for path in sorted((EXAMPLES / folder).glob("*.jpg"))}


def build(stylizer):
    """The page as gr.Blocks."""
    import gradio as gr

    from wct.web import TABLE, Web, image_input

    web = Web(stylizer)
    paintings = titles("style")
    longest = max(128, int((2 * stylizer.max_pixels) ** 0.5) // 64 * 64)  # of a picture twice as long as high

    def photo(label, **more):
        return image_input(label=label, height=260, **more)

    def strength():
        return gr.Slider(0, 1, 1, step=0.05, label="Strength",
                         info="0 is the photo, 1 the full style; 0.6-0.8 suits faces")

    def size(value):
        return gr.Slider(64, longest, min(value, longest), step=64, label="Size",
                         info="Longest side of the result in pixels")

    def mode():
        choices = list(zip(("Single pass", "Cascade"), MODES))
        return gr.Radio(choices, value=MODES[0], label="Mode", info="The cascade is the classic way, 3-4 times as slow")

    def run_buttons(name):
        with gr.Row():
            return gr.Button(name, variant="primary", scale=3), gr.Button("Cancel", scale=1)

    one_at_a_time = {"concurrency_limit": 1, "concurrency_id": "device"}

    with gr.Blocks(title="Any photo in any painting's style", analytics_enabled=False, delete_cache=(60, KEPT)) as page:
        gr.Markdown("# Any photo in any painting's style")
        with gr.Tab("Stylise"), gr.Row():
            with gr.Column(scale=4, min_width=320):
                with gr.Row():
                    content = photo("Photo", sources=["upload", "webcam", "clipboard"], min_width=140)
                    style = photo("Painting", sources=["upload", "clipboard"], min_width=140)
                gallery = gr.Gallery(
                    list(paintings.items()), label="Paintings to choose from",
                    columns=8, height="auto", allow_preview=False, object_fit="cover", interactive=False,
                    show_label=False, buttons=[], elem_classes="paintings",
                )
                start, cancel = run_buttons("Stylise")
                controls = [strength(), size(768), mode()]
                with gr.Accordion("Advanced", open=False):
                    controls += [
                        gr.Dropdown(BACKENDS, value="mpa", label="Backend", info="How matrix square roots are computed"),
                        gr.Slider(1, stylizer.levels, min(4, stylizer.levels), step=1, label="Levels",
                                  info="Up to relu4_1 by default; fewer change colours and fine texture alone"),
                        gr.Slider(0.001, 0.3, 0.01, step=0.001, label="Ridge",
                                  info="Added to the covariances; more is a calmer, weaker style"),
                    ]
            with gr.Column(scale=5, min_width=320):
                result = gr.ImageSlider(label="Photo and result", type="filepath", format="png", interactive=False,
                                        max_height=720, slider_position=10, buttons=["fullscreen"])
                told = gr.Markdown(elem_classes="told")
                download = gr.DownloadButton("Download as PNG")
                run = {
                    "fn": web.stylise, "inputs": [content, style, *controls], "outputs": [result, download, told],
                    "show_progress_on": result, "scroll_to_output": True, **one_at_a_time,
                }
                examples = gr.Examples(
                    [[str(EXAMPLES / "content" / f"{c}.jpg"), str(EXAMPLES / "style" / f"{s}.jpg"), a] for c, s, a in (
                        ("moose", "hokusai-great-wave", 1.0),
                        ("astronaut", "van-gogh-cafe-terrace-at-night", 0.8),
                        ("chelsea", "kandinsky-composition-viii", 1.0),
                    )],
                    [content, style, controls[0]], label="Examples: one click fills the page", api_visibility="private",
                )
        runs = [
            start.click(**run, api_name="stylise"),
            controls[0].input(**run | {"fn": web.restyle}, api_visibility="private", trigger_mode="always_last",
                              show_progress="minimal"),
            examples.load_input_event.then(**run, api_visibility="private"),
        ]
        cancel.click(web.cancel, outputs=told, cancels=runs, queue=False, api_visibility="private")

        def pick(event: gr.SelectData):
            return str(list(paintings)[event.index])

        gallery.select(pick, outputs=style, queue=False, api_visibility="private")

        with gr.Tab("Compare backends") as tab:
            with gr.Row():
                pair = [photo("Photo", sources=["upload", "clipboard"]), photo("Painting", sources=["upload", "clipboard"])]
                with gr.Column():
                    compared = gr.CheckboxGroup(BACKENDS, value=["mpa", "zolotarev", "svd"], label="Backends",
                                                info="How matrix square roots are computed")
                    repeats = gr.Slider(1, 20, 3, step=1, label="Repeats", info="Timed runs of each, after one to warm up")
                    compare_size = size(512)
                    start, cancel = run_buttons("Compare")
            told = gr.Markdown(elem_classes="told")
            pictures = gr.Gallery(label="Pictures, with the milliseconds of the transform and in all", columns=3,
                                  object_fit="contain", interactive=False, format="png")
            table = gr.Dataframe(headers=list(TABLE), label="Medians", interactive=False, wrap=True)
            plot = gr.BarPlot(x="backend", y="milliseconds", color="stage", label="Milliseconds by stage and backend")
            csv = gr.DownloadButton("Download the table as CSV")
            comparing = start.click(
                web.compare, [*pair, compared, repeats, compare_size], [pictures, table, plot, csv, told],
                api_name="compare", show_progress_on=pictures, **one_at_a_time,
            )
            cancel.click(web.cancel, outputs=told, cancels=comparing, queue=False, api_visibility="private")
        tab.select(lambda *chosen: [value or gr.skip() for value in chosen], [content, style], pair, queue=False,
                   api_visibility="private")

        with gr.Tab("Folder"), gr.Row():
            with gr.Column(scale=4, min_width=320):
                contents = gr.File(file_count="multiple", label="Photos", height=160)
                styles = gr.File(file_count="multiple", label="Paintings", height=160)
                shipped = gr.Dropdown([(title, path.stem) for path, title in paintings.items()], multiselect=True,
                                      label="Paintings that come with the program")
                folder_controls = [strength(), size(768), mode()]
                start, cancel = run_buttons("Stylise all")
            with gr.Column(scale=5, min_width=320):
                told = gr.Markdown(elem_classes="told", min_height=64)
                finished = gr.Gallery(label="Finished pictures", columns=3, object_fit="contain", interactive=False)
                failures = gr.Dataframe(headers=["What failed, and why"], label="Failures", interactive=False, wrap=True)
                archive = gr.DownloadButton("Download all as a zip")
            working = start.click(
                web.folder, [contents, styles, shipped, *folder_controls], [finished, failures, archive, told],
                api_name="folder", show_progress_on=told, **one_at_a_time,
            )
            cancel.click(web.cancel, outputs=told, cancels=working, queue=False, api_visibility="private")
    return page


def main(argv=None):
    args = arguments(argv)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    with tempfile.TemporaryDirectory(prefix="wct-", ignore_cleanup_errors=True) as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads
        import gradio as gr

        from wct import Stylizer

        stylizer = Stylizer.from_pretrained(device=args.device, levels=5, max_pixels=args.max_pixels)
        page = build(stylizer).queue(max_size=args.queue_size, api_open=False)
        page.launch(
            server_name=args.host, server_port=args.port, share=args.share, max_file_size=UPLOAD,
            auth=tuple(args.auth.split(":", 1)) if args.auth else None, mcp_server=args.mcp,
            theme=gr.themes.Default(primary_hue="indigo", font=FONTS, font_mono=["ui-monospace", "monospace"]),
            css=CSS, footer_links=["api"], ssr_mode=False, allowed_paths=[str(EXAMPLES)],
        )


if __name__ == "__main__":
    main()

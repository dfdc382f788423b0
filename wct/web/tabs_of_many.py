"""The tabs that make several pictures: all paintings at once, a comparison, a folder."""

import gradio as gr

from wct.options import BACKENDS
from wct.web.many import TABLE
from wct.web.tabs import API, PAGE, Tabs
from wct.web.uploads import guarded
from wct.web.widgets import QUIETLY, drawn, option, photo, run_buttons, side, told

STALE = "The settings have changed since. Start again for a result that follows them."


class AllTabs(Tabs):
    """Those of `Tabs`, and these."""

    def wall(self):
        with gr.Row(elem_classes="studio"):
            with gr.Column(elem_classes="inputs", min_width=280):
                content = photo("Photo")
                start, cancel = run_buttons("Show all paintings")
                controls = [option("strength"), option("keep_colors")]
            with gr.Column(elem_classes="result", min_width=280):
                line = told()
                wall = drawn("wall", value=[])

        def run(content, strength, keep_colors, request: gr.Request, progress=gr.Progress()):
            def make(over):
                for made, text in self.many.wall(content, progress, over, strength=strength, keep_colors=keep_colors):
                    files = [{**one, "picture": {"path": one["picture"], "meta": {"_type": "gradio.FileData"}}}
                             for one in made]
                    yield files, text

            yield from self.live.several("wall", make, 2, request)

        start.click(run, [content, *controls], [wall, line], show_progress_on=line, **PAGE)
        cancel.click(self.live.cancel, **QUIETLY)
        first, style, picker, again = self.stylised

        def open_(path, event: gr.EventData):
            name = event._data.get("name")
            return path, self.paintings.path(name), name

        again(wall.pick(open_, content, [first, style, picker], js="(path) => { wct.tab('Stylise'); return [path]; }",
                        **QUIETLY))
        self._stale(line, [content, *controls])
        return [content]

    def compare(self):
        with gr.Row(elem_classes="studio even"):
            with gr.Column(elem_classes="inputs", min_width=280):
                with gr.Row(elem_classes="pair"):
                    pair = [photo("Photo", min_width=140), photo("Painting", min_width=140)]
                self.paintings.into(pair[1])
            with gr.Column(elem_classes="result", min_width=280):
                compared = gr.CheckboxGroup([*BACKENDS], value=["mpa", "zolotarev", "svd"], label="Backends",
                                            info="How matrix square roots are computed")
                repeats = guarded(gr.Slider(1, 20, 3, step=1, label="Repeats",
                                            info="Timed runs of each, after one to warm up"), 3)
                controls = [compared, repeats, side(self.web.most, 512, "Size", "Longest side in pixels")]
                start, cancel = run_buttons("Compare")
                line = told()
        pictures = gr.Gallery(label="Pictures, with the milliseconds of the transform and in all", columns=3,
                              object_fit="contain", interactive=False, format="png", buttons=["download"],
                              visible=False)
        table = gr.Dataframe(headers=list(TABLE), label="Medians", interactive=False, wrap=True, visible=False)
        plot = gr.BarPlot(x="backend", y="milliseconds", color="stage", label="Milliseconds by stage and backend",
                          visible=False)
        csv = gr.DownloadButton("Download the table as CSV", visible=False)

        def run(content, style, backends, repeats, size, request: gr.Request, progress=gr.Progress()):
            def make(over):
                *made, path, text = self.many.compared(content, style, backends, repeats, size, progress, over)
                kinds = gr.Gallery, gr.Dataframe, gr.BarPlot, gr.DownloadButton
                yield *(kind(value=value, visible=True) for kind, value in zip(kinds, (*made, path))), text

            yield from self.live.several("compare", make, 5, request)

        start.click(run, [*pair, *controls], [pictures, table, plot, csv, line], show_progress_on=line, **PAGE)
        cancel.click(self.live.cancel, **QUIETLY)
        self._stale(line, [*pair, *controls])
        file, text = gr.File(visible=False), gr.Textbox(visible=False)
        gr.Button(visible=False).click(self.many.compare, [*pair, *controls], [pictures, table, plot, file, text],
                                       api_name="compare", **API)
        return pair

    def folder(self):
        with gr.Row(elem_classes="studio"):
            with gr.Column(elem_classes="inputs", min_width=280):
                shipped = [(title, path.stem) for path, title in self.paintings.titles.items()]
                sources = [
                    guarded(gr.File(file_count="multiple", label="Photos", height=170, elem_classes="drops-folder")),
                    guarded(gr.File(file_count="multiple", label="Paintings", height=170)),
                    guarded(gr.Dropdown(shipped, multiselect=True, label="Paintings that come with the program")),
                ]
            with gr.Column(elem_classes="result", min_width=280):
                start, cancel = run_buttons("Stylise all")
                line = told()
                archive = gr.DownloadButton("Download all as a zip", interactive=False)
                finished = gr.Gallery(label="Finished pictures", columns=3, object_fit="contain", interactive=False,
                                      buttons=["download"], visible=False)
                failures = gr.Dataframe(headers=["What failed, and why"], label="Failures", interactive=False,
                                        wrap=True, visible=False)
            with gr.Column(elem_classes="options", min_width=280), gr.Group():
                original = guarded(gr.Checkbox(True, label="Original size", info="Each photo's own"), True)
                longest = side(self.web.most, 768, "Size", "Longest side of the results in pixels")
                longest.visible = False
                original.change(lambda own: gr.Slider(visible=not own), original, longest, **QUIETLY)
                controls = [option("strength"), option("keep_colors"), option("mode")]

        def run(contents, styles, paintings, original, size, strength, keep_colors, mode, request: gr.Request,
                progress=gr.Progress()):
            def make(over):
                self.web.ledger.add(request.session_hash, [*(contents or []), *(styles or [])])
                for pictures, failed, path, text in self.many.pictures(
                        contents, styles, paintings, None if original else size, progress, over, strength=strength,
                        keep_colors=keep_colors, mode=mode):
                    button = gr.DownloadButton(value=path, interactive=True) if isinstance(path, str) else gr.skip()
                    self.web.ledger.add(request.session_hash, [file for file, _ in pictures])
                    shown = gr.Gallery(pictures, visible=bool(pictures)), gr.Dataframe(failed, visible=bool(failed))
                    yield *shown, button, text

            yield from self.live.several("folder", make, 4, request)

        start.click(run, [*sources, original, longest, *controls], [finished, failures, archive, line],
                    show_progress_on=line, **PAGE)
        cancel.click(self.live.cancel, **QUIETLY)
        self._stale(line, [*sources, original, longest, *controls])
        any_size = gr.Number(None, precision=0, label="Size", visible=False)
        made = [gr.Gallery(visible=False), gr.Dataframe(visible=False), gr.File(visible=False),
                gr.Textbox(visible=False)]
        options = [controls[0], any_size, *controls[1:]]
        gr.Button(visible=False).click(self.many.folder, [*sources, *options], made, api_name="folder", **API)
        urls = [gr.Textbox(label="URLs of photos, one a line", visible=False),
                gr.Textbox("", label="URLs of paintings, one a line", visible=False)]
        texts = [gr.File(visible=False), gr.Textbox(visible=False), gr.Textbox(visible=False)]
        gr.Button(visible=False).click(self.many.folder_of_urls, [*urls, sources[2], *options], texts,
                                       api_name="folder_of_urls", **API)

    @staticmethod
    def _stale(line, widgets):
        """What stands there is marked as old where a setting changes after it was made."""
        gr.on([widget.change for widget in widgets], None, line, line, **QUIETLY,
              js=f"(line) => wct.stale(line, {STALE!r})")

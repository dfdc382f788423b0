"""Many photos in many paintings, as a zip."""

import gradio as gr

from wct.web.tabs.common import any_size, buttons, endpoint, place
from wct.web.uploads import guarded
from wct.web.widgets import files, option, optional_size, side

OPTIONS = ("network", "strength", "keep_colors", "mode")


def build(shared):
    with gr.Row(elem_classes="studio"):
        with place("inputs"):
            shipped = [(title, path.stem) for path, title in shared.paintings.titles.items()]
            sources = [
                files("Photos", "photos", file_count="multiple", height=170),
                files("Paintings", "paintings", file_count="multiple", height=170),
                guarded(gr.Dropdown(shipped, multiselect=True, label="Paintings that come with the program")),
            ]
        with place("result"):
            above = buttons("Stylise all")
            archive = gr.DownloadButton("Download all as a zip", interactive=False)
            finished = gr.Gallery(label="Finished pictures", columns=3, object_fit="contain", interactive=False,
                                  buttons=["download"], visible=False)
            failures = gr.Dataframe(headers=["What failed, and why"], label="Failures", interactive=False, wrap=True,
                                    visible=False)
        with place("options"), gr.Group():
            sizes = optional_size("Each photo's own", lambda: side(shared.web.most, 768, "Size",
                                                                   "Longest side of the results in pixels"))
            controls = [option(name) for name in OPTIONS]

    def make(values, over, progress, request):
        contents, styles, paintings, original, size, *chosen = values
        shared.web.ledger.add(request.session_hash, [*(contents or []), *(styles or [])])
        for pictures, failed, path, text in shared.many.pictures(
                contents, styles, paintings, None if original else size, progress, over, **dict(zip(OPTIONS, chosen))):
            shared.web.ledger.add(request.session_hash, [file for file, _ in pictures])
            yield (gr.Gallery(pictures, visible=bool(pictures)), gr.Dataframe(failed, visible=bool(failed)),
                   gr.DownloadButton(value=path, interactive=bool(path)), text)

    shared.several("folder", make, [*sources, *sizes, *controls], [finished, failures, archive], above)
    network, strength, *others = controls
    options = [strength, any_size(), network, *others]
    made = [gr.Gallery(visible=False), gr.Dataframe(visible=False), gr.File(visible=False), gr.Textbox(visible=False)]
    endpoint(shared.api.folder, [*sources, *options], made)
    urls = [gr.Textbox(label="URLs of photos, one a line", visible=False),
            gr.Textbox("", label="URLs of paintings, one a line", visible=False)]
    texts = [gr.File(visible=False), gr.Textbox(visible=False), gr.Textbox(visible=False)]
    endpoint(shared.api.folder_of_urls, [*urls, sources[2], *options], texts)
    return []

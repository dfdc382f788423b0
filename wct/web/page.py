"""The web page: its tabs, and what goes from one to another."""

from importlib.util import find_spec

import gradio as gr

from wct.web.api import Api
from wct.web.gradio_internals import brief_errors
from wct.web.handlers import Web
from wct.web.live import Live
from wct.web.many import Many
from wct.web.tabs import compare, folder, gallery, mix, stylise, texture, video
from wct.web.tabs.common import Shared
from wct.web.widgets import QUIETLY, STATIC

KEPT = 3600  # seconds for which uploads and results are kept after their last use
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]  # none that has to be fetched
THEME = gr.themes.Default(primary_hue="indigo", font=FONTS, font_mono=["ui-monospace", "monospace"]).set(
    body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300",
    block_info_text_color="*neutral_600", block_info_text_color_dark="*neutral_300",
    block_label_text_color="*neutral_700", block_label_text_color_dark="*neutral_200",
    block_title_text_color="*neutral_700", block_title_text_color_dark="*neutral_200",
    button_primary_background_fill="*primary_600", button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_dark="*primary_600", button_primary_background_fill_hover_dark="*primary_700",
    input_placeholder_color="*neutral_600", input_placeholder_color_dark="*neutral_400",
    link_text_color="*primary_700", link_text_color_dark="*primary_300",
    checkbox_label_text_color="*body_text_color",
)
SCRIPTS = ("common.js", "drawn.js", "visit.js", "kept.js", "given.js", "page.js")
HEAD = "".join(  # Gradio's own `css` would reach only what lies in its container
    f"<{tag}>{(STATIC / name).read_text(encoding='utf-8')}</{tag}>"
    for tag, name in (("style", "style.css"), *(("script", name) for name in SCRIPTS))
)
TITLE = "Any photo in any painting's style"


TABS = (stylise, mix, gallery, texture, compare, folder)
if all(find_spec(package) for package in ("av", "cv2")):  # which not everybody needs
    TABS += (video,)


def build(stylizers, queue=40, log_out=False):
    """The page as gr.Blocks over {network: Stylizer}.

    queue: how many runs may wait. log_out: whether there is anybody to log out.
    """
    brief_errors()
    web = Web(stylizers, queue)
    many = Many(web)
    shared = Shared(web, Live(web), many, Api(web, many))
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(60, KEPT)) as page:
        with gr.Row(elem_classes="head"):
            gr.Markdown(f"# {TITLE}")
            if log_out:
                gr.HTML('<a class="log-out" href="logout">Log out</a>')
        for module in TABS:
            name = module.__name__.rpartition(".")[2]
            with gr.Tab(name.capitalize(), id=name) as tab:
                places = module.build(shared)
            if places:
                _takes_over(tab, shared.first, places)
        settings = [*shared.first.settings.values()]
        page.load(None, settings, settings, js=f"(...values) => wct.recall({[*shared.first.settings]}, values)",
                  **QUIETLY)
        page.unload(shared.live.left)
    return page


def _takes_over(tab, first, places):
    """Where a tab is opened, what was chosen on the first since then comes along.

    places: for the photo, the painting, and the mark of the painting in a picker; or for the first of these.
    """
    chosen, last = [first.content, first.style, first.picker], gr.State([None, None])

    def take(last, photo, painting, mark):
        new = [bool(path and path != old) for path, old in zip((photo, painting), last)]
        taken = [value if is_new else gr.skip()
                 for value, is_new in zip((photo, painting, mark), (*new, new[1]))]
        return [[photo, painting], *taken[:len(places)]]

    tab.select(take, [last, *chosen], [last, *places], **QUIETLY)

"""The web page: its tabs, and what goes from one to another."""

import gradio as gr

from wct.web.gradio_internals import brief_errors
from wct.web.handlers import Web
from wct.web.live import Live
from wct.web.many import Many
from wct.web.tabs import NAMES
from wct.web.tabs_of_many import AllTabs
from wct.web.uploads import showable
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
HEAD = "".join(  # Gradio's own `css` would reach only what lies in its container
    f"<{tag}>{(STATIC / name).read_text(encoding='utf-8')}</{tag}>"
    for tag, name in (("style", "style.css"), ("script", "script.js"))
)
TITLE = "Any photo in any painting's style"


def build(stylizer, queue=40, log_out=False):
    """The page as gr.Blocks; queue: how many runs may wait. log_out: whether there is anybody to log out."""
    brief_errors()
    web = Web(stylizer, queue)
    live, many = Live(web), Many(web)
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(60, KEPT)) as page:
        with gr.Row(elem_classes="head"):
            gr.Markdown(f"# {TITLE}")
            if log_out:
                gr.HTML('<a class="log-out" href="logout">Log out</a>')
        tabs = AllTabs(web, live, many)
        photos = []  # of the tabs that take over that of the first
        with gr.Tab("Stylise", id="stylise"):
            content, style = tabs.stylise()
        for name, build_tab in (("Mix", tabs.mix), ("Gallery", tabs.wall), ("Texture", tabs.texture),
                                ("Compare", tabs.compare), ("Folder", tabs.folder)):
            with gr.Tab(name, id=name.split()[0].lower()) as tab:
                pair = build_tab()
            if pair:
                photos.append(pair[0])
                _takes_over(tab, (content, style), pair)
        for photo in (content, *photos):
            _shown(photo, live)
        page.load(None, tabs.settings, tabs.settings, js=f"(...values) => wct.recall({[*NAMES]}, values)", **QUIETLY)
        page.unload(live.left)
    return page


def _takes_over(tab, chosen, pair):
    """Where a tab is opened, what was chosen on the first since then comes along."""
    last = gr.State([None, None])

    def take(last, *paths):
        new = [path if path and path != old else gr.skip() for path, old in zip(paths, last)]
        return [list(paths), *new[:len(pair)]]

    tab.select(take, [last, *chosen], [last, *pair], **QUIETLY)


def _shown(photo, live):
    """What browsers cannot show is shown as a PNG, and the client's files are known as its own."""
    def show(path, request: gr.Request):
        if not path:
            return gr.skip()
        live.web.ledger.add(request.session_hash, [path])
        try:
            shown = showable(path)
        except ValueError:
            return gr.skip()  # the run says it
        live.web.ledger.add(request.session_hash, [shown])
        return gr.skip() if shown == path else shown

    photo.upload(show, photo, photo, **QUIETLY)

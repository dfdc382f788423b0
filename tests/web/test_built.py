"""The page as it is built, without a server: what its tabs hand over, and what they take."""

from types import SimpleNamespace

import gradio as gr
import pytest
from common import CONTENTS, STYLES

from wct.options import NETWORK, OPTIONS
from wct.web import handlers, many
from wct.web.handlers import Web
from wct.web.many import Many
from wct.web.page import build
from wct.web.tabs.common import Shared


@pytest.fixture(autouse=True)
def uploads(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(handlers, "somebody_waits", lambda: lambda: True)


@pytest.fixture
def built(monkeypatch):
    """(the page, {tab: the function that makes what it shows}) over networks that make nothing."""
    several, makes = Shared.several, {}

    def noted(self, tab, make, *options):
        makes[tab] = make
        several(self, tab, make, *options)

    monkeypatch.setattr(Shared, "several", noted)
    return build({network: SimpleNamespace(max_pixels=100, levels=4) for network in NETWORK.choices}), makes


def event(page, name):
    return next(fn for fn in page.fns.values() if name in (fn.name, fn.api_name))


def nobody(share, desc):
    """Is told of progress."""


def failing(stylizer, todo, **options):
    yield {"status": "failed", "error": "no room", "notes": None}


def done(stylizer, todo, **options):
    yield {"status": "done", "output": str(todo[0][2]), "notes": ["A tiny painting"]}


def test_a_folder_offers_no_zip_of_an_earlier_run(built, monkeypatch):
    monkeypatch.setattr(many, "work", failing)
    values = [[str(CONTENTS[1])], [str(STYLES[3])], [], True, 64, NETWORK.default, 1.0, False, "single"]
    buttons = [archive for _, _, archive, _ in built[1]["folder"](
        values, lambda: False, nobody, SimpleNamespace(session_hash="somebody"))]
    assert buttons and all(button.value is None and not button.interactive for button in buttons)


def test_a_folder_says_what_there_is_to_say_once(monkeypatch):
    monkeypatch.setattr(many, "work", done)
    monkeypatch.setattr(many, "_zip", lambda *_: None)
    web = Web({NETWORK.default: SimpleNamespace(max_pixels=10_000)})
    *_, (_, _, _, told) = Many(web).pictures([str(CONTENTS[1])], list(map(str, STYLES[:2])), [], None, nobody)
    assert told.startswith("2 pictures in 0 s. Made ")
    assert told.count("the most that this page makes of this photo.") == told.count("A tiny painting.") == 1


def test_the_gallery_opens_a_picture_by_its_own_network(built):
    full = event(built[0], "full")
    first = event(built[0], "stylise").inputs
    (network,) = (widget for widget in first if widget.elem_classes == ["option-network"])
    values = [f"value of {widget.label}" for widget in full.inputs]
    given = dict(zip(full.outputs, full.fn(SimpleNamespace(name=STYLES[0].stem), *values)))
    assert given[network] == "value of Network"


def test_a_painting_that_comes_along_takes_its_mark_with_it(built):
    take = max((fn for fn in built[0].fns.values() if fn.name == "take"), key=lambda fn: len(fn.outputs)).fn
    assert take([None, None], "photo", "painting", None) == [["photo", "painting"], "photo", "painting", None]
    assert take(["photo", "painting"], "photo", "other", "mark") \
        == [["photo", "other"], gr.skip(), "other", "mark"]
    assert take(["photo", "other"], "photo", "other", "mark") == [["photo", "other"], *[gr.skip()] * 3]


def test_the_api_takes_every_option_in_all_its_range(built):
    inputs = {widget.label: widget for widget in event(built[0], "stylise").inputs}
    for name in ("strength", "stroke", "detail", "ridge"):
        known, widget = OPTIONS[name], inputs[OPTIONS[name].label]
        assert [widget.preprocess(value) for value in (known.least, known.most, None)] \
            == [known.least, known.most, known.default]
        for value in (known.least - 1, known.most + 1):
            with pytest.raises(gr.Error):
                widget.preprocess(value)


def test_null_backends_are_those_that_the_page_compares(built):
    backends = event(built[0], "compare").inputs[2]
    assert backends.preprocess(None) == backends.value == ["mpa", "zolotarev", "svd"]

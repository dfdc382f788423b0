"""A disk without room, as those who use the page meet it: without a server."""

import errno
import html
from contextlib import contextmanager
from types import SimpleNamespace

import gradio as gr
import pytest
from common import CONTENTS, STYLES

from wct.options import NETWORK
from wct.web import handlers
from wct.web.handlers import Web, sentence
from wct.web.live import Live
from wct.web.many import Many
from wct.web.uploads import FULL, shipped

SOMEBODY = SimpleNamespace(session_hash="somebody")
PHOTO, PAINTING = str(CONTENTS[1]), str(STYLES[3])


@pytest.fixture
def web(stylizer, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(handlers, "somebody_waits", lambda: lambda: True)
    return Web({NETWORK.default: stylizer})


@contextmanager
def full_disk():
    def fsync(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", fsync)
        yield


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def nobody(share, desc):
    """Is told of progress."""


def test_a_result_is_said_not_to_fit_and_the_next_one_is_made(web, tmp_path):
    live = Live(web)

    def run():
        def make(values, over):
            return web.stylised(PHOTO, PAINTING, [1, 1, 1, 1, 0], 64, nobody, over)

        return live.pictures("stylise", make, "png", ["settings"], False, SOMEBODY)

    with full_disk():
        viewer, line, _ = run()
    assert html.escape(FULL) in line and "after" not in viewer and not files(tmp_path)
    viewer, line, _ = run()
    assert "after" in viewer and "encode" in line


def test_a_zip_that_does_not_fit_is_said_and_not_left_in_half(web, tmp_path):
    run = Many(web).pictures([PHOTO], [PAINTING, str(STYLES[4])], [], 64, nobody)
    while not next(run)[0]:
        pass
    with full_disk(), pytest.raises(OSError, match="No space left") as told:
        next(run)
    assert sentence(told.value) == FULL
    assert [path.suffix for path in files(tmp_path)] == [".png"]


def test_a_painting_that_cannot_be_copied(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert shipped(STYLES[0]) == str(STYLES[0])
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(total=1e9, free=1000))
    with pytest.raises(gr.Error, match="disk is full"):
        shipped(STYLES[0])

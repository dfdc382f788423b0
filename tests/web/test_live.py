"""Runs of the page, and what becomes of files: without a server, and without a network."""

import shutil
import time
from types import SimpleNamespace

import gradio as gr
import pytest
from common import CONTENTS
from PIL import Image

from wct.options import NETWORK
from wct.web import clips, handlers, live
from wct.web.clips import Clips
from wct.web.handlers import Made, Web
from wct.web.live import Live
from wct.web.uploads import Ledger, new_folder
from wct.web.widgets import size

SOMEBODY = SimpleNamespace(session_hash="somebody")


@pytest.fixture(autouse=True)
def uploads(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    for module in (handlers, clips):
        monkeypatch.setattr(module, "somebody_waits", lambda: lambda: True)
    return tmp_path


@pytest.fixture
def runs():
    """The function (values, format, live) of a page on which each run makes a picture of the photo in `runs.photo`."""
    page = Live(SimpleNamespace(ledger=Ledger()))

    def make(values, over):
        run.made.append(values)
        return Made(Image.new("RGB", (64, 48)), f"{len(run.made)}.png", run.photo, "told")

    def run(values, format="png", live=False):
        return page.pictures("stylise", make, format, values, live, SOMEBODY)

    run.made, run.photo, run.page = [], None, page
    return run


def web(**options):
    return Web({NETWORK.default: SimpleNamespace(max_pixels=4_000_000, levels=4, **options)})


def upload(folder, name="photo.jpg", path=CONTENTS[1]):
    folder.mkdir(exist_ok=True)
    return shutil.copy(path, folder / name)


def nobody(share, desc):
    """Is told of progress."""


def during(monkeypatch, act):
    """Has the page do something else while it writes a download, once; what came of it, in a list."""
    save, came = live.save_picture, []

    def slowly(picture, path, format=None):
        if not came:
            came.append(None)
            came[0] = act()
        save(picture, path, format)

    monkeypatch.setattr(live, "save_picture", slowly)
    return came


def test_a_change_while_the_download_is_written_wins(runs, monkeypatch):
    newer = during(monkeypatch, lambda: runs(["new"]))
    viewer, line, download = runs(["old"], "jpeg")
    assert viewer == line == download == gr.skip()
    assert newer[0][0]["after"]["path"].endswith("2.png")
    assert runs.page.download("stylise", "png", SOMEBODY).value["path"].endswith("2.png")


def test_a_download_is_in_the_format_that_was_chosen_last(runs, monkeypatch):
    during(monkeypatch, lambda: runs.page.download("stylise", "webp", SOMEBODY))
    assert runs(["one"], "jpeg")[2].value["path"].endswith("1.webp")


def test_an_older_result_gets_no_button_once_there_is_a_newer_one(runs, monkeypatch):
    runs(["old"])
    came = during(monkeypatch, lambda: runs(["new"], "jpeg"))
    assert runs.page.download("stylise", "webp", SOMEBODY) == gr.skip()
    assert came[0][2].value["path"].endswith("2.jpg")


def test_a_download_that_cannot_be_written_leaves_the_result(runs, monkeypatch):
    runs(["old"])

    def no(*_):
        raise OSError("too long for it")

    monkeypatch.setattr(live, "save_picture", no)
    viewer, line, _ = runs(["new"], "webp", True)
    assert viewer == gr.skip() and "too long for it" in line
    assert runs.page.download("stylise", "png", SOMEBODY).value["path"].endswith("1.png")


def test_a_result_is_shown_again_while_both_its_pictures_are_there(runs, uploads):
    runs.photo = upload(uploads / "sha")
    first = runs(["a"])[0]
    runs(["b"], live=True)
    assert runs(["a"], live=True)[0] == first and len(runs.made) == 2
    runs(["b"], live=True)
    for path in uploads.rglob("*-before.webp"):
        path.unlink()
    again = runs(["a"], live=True)[0]
    assert len(runs.made) == 3 and len([*uploads.rglob("*-before.webp")]) == 1
    runs.page.web.ledger.left("somebody")
    assert [path.name for path in uploads.rglob("*.*")] == ["photo.jpg"] and again["before"]


def test_painted_masks_are_known_by_their_pixels(runs):
    def painted(color):
        return {"layers": [Image.new("RGBA", (8, 8), color)]}

    runs([painted("red")])
    runs([painted("blue")], live=True)
    runs([painted("red")], live=True)
    assert len(runs.made) == 2


def test_a_client_leaves_the_uploads_of_others_with_the_same_content(uploads):
    ledger, paths = Ledger(), [upload(uploads / "sha", name) for name in ("a.jpg", "b.jpg")]
    for client, path in zip("ab", paths):
        ledger.add(client, [path])
    ledger.add("a", [uploads / "of-no-folder.jpg"])
    ledger.left("a")
    assert paths[1].is_file()
    ledger.left("b")
    assert not paths[1].exists() and uploads.is_dir()


def kept_since(paths, begun):
    return [path.stat().st_ctime_ns > begun for path in paths]


def later():
    """Now, as file systems count, of which what comes after is told apart."""
    time.sleep(0.02)
    now = time.time_ns()
    time.sleep(0.02)
    return now


def test_all_that_is_mixed_is_kept(uploads):
    files = [upload(uploads / name) for name in ("content", "one", "two", "mask", "part")]
    content, one, two, mask, part = map(str, files)
    slots, begun = [(one, 0, None, None, None), (two, 0, mask, part, None)], later()
    with pytest.raises(ValueError, match="Raise the weight"):
        web().mixed(content, slots, None, nobody)
    assert all(kept_since(files, begun))


def test_a_film_is_kept_while_it_is_made(uploads):
    clip, style, kept = upload(uploads / "film", "film.mp4"), upload(uploads / "style"), []

    def stylise_video(*_, progress, **__):
        begun = later()
        progress(1, 2, 0.1)
        kept.extend(kept_since([clip, style], begun))
        return SimpleNamespace(frames=2, notes=[])

    Clips(web(stylise_video=stylise_video)).made(str(clip), str(style), 64, NETWORK.default, nobody)
    assert kept == [True, True]


def test_a_size_beyond_what_the_photo_can_have_is_what_it_can_have():
    page = Web({NETWORK.default: SimpleNamespace(max_pixels=300_000)})
    with gr.Blocks() as blocks:
        photo = gr.Image()
        _, longest = size(page, photo)
    assert longest.value == longest.preprocess(None) == longest.maximum == 670
    assert longest.preprocess(3000) == 3000  # which the run takes back
    known = next(fn.fn for fn in blocks.fns.values() if fn.inputs == [photo, longest])
    square = str(new_folder() / "square.png")
    Image.new("RGB", (2000, 2000)).save(square)
    assert [(slider.value, slider.maximum) for slider in (known(square, 3000)[1], known(square, 100)[1])] \
        == [(547, 547), (100, 547)]

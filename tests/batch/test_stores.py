"""Pictures, results and reports in stores, by URLs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from common import ROOT
from PIL import Image
from stores import Flaky

from wct.batch.record import NAME
from wct.images import PictureError, open_picture, save_picture, survey
from wct.runtime.places import Url, listing, place, read_all, write


@pytest.fixture
def store(monkeypatch):
    """Its files by their names; a tenth of the writes to it are refused."""
    import fsspec

    fsspec.register_implementation("flaky", Flaky, clobber=True)
    monkeypatch.setattr("wct.runtime.places.WAITS", (0, 0, 0))
    monkeypatch.setattr(Flaky, "never", ())
    files = Flaky()
    for known in (files.store, files.asked):
        known.clear()
    return files.store


@pytest.fixture
def fill(store, paint, tmp_path):
    """Put small pictures into a folder of the store, and the same ones into a folder here."""
    def fill(folder, count, seed=0):
        for i in range(count):
            path = paint(tmp_path / folder / f"{i}.png", seed + i)
            Flaky().fill(f"/{folder}/{i}.png", path.read_bytes())
        return tmp_path / folder

    return fill


def count(told, name):
    return int(re.search(rf"^{name} +(\d+)", told, re.MULTILINE)[1])


def pictures(store):
    return {Path(name).name: file.getvalue() for name, file in store.items() if re.fullmatch(r"/out/[^.][^/]*", name)}


def test_names_are_those_of_paths():
    url = place("s3://bucket/a b/photo.jpg")
    assert (url.name, url.stem, url.parent) == ("photo.jpg", "photo", Url("s3://bucket/a b"))
    assert os.fspath(url.with_name("c.png")) == "s3://bucket/a b/c.png" == str(url.parent / "c.png")
    assert str(url.relative_to("s3://bucket")) == "a b/photo.jpg" and Url("s3://bucket") in url.parents
    assert str(place("memory://")) == "memory://" and str(place("s3://b").parent / "c") == "s3://c"
    assert [type(place(path)) for path in ("C://a", "a:b/c", "file:///a", Path("a"), "a//b")] == [type(Path())] * 5
    assert place("file:///a/b c") == Path("/a/b c")


def test_names_that_look_like_patterns_are_names(store):
    urls = [place(f"flaky://in/{name}") for name in ("a [1].txt", "b*.txt", "c.txt")]
    for i, url in enumerate(urls):
        write(url, str(i).encode())
    assert read_all(urls) == [b"0", b"1", b"2"]


def test_the_same_pictures_as_in_folders(batch, fill, store, tmp_path):
    contents, styles = fill("in", 7), fill("styles", 3, 50)
    status, told = batch("flaky://in", "flaky://styles", "--output", "flaky://out", "--report", "flaky://rows/r.json")
    assert status == 0 and count(told, "pictures") == 21, told
    assert batch(contents, styles, "--output", tmp_path / "out", "--report", tmp_path / "r.json")[0] == 0
    assert pictures(store) == {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.png")}
    there, here = json.loads(store["/rows/r.json"].getvalue()), json.loads((tmp_path / "r.json").read_text())
    assert [row["output"].removeprefix("flaky:/") for row in there] == [
        row["output"].removeprefix(str(tmp_path)) for row in here]
    assert not [name for name in store if "trial" in name]
    before = pictures(store)
    status, told = batch("flaky://in", "flaky://styles", "--output", "flaky://out")
    assert status == 0 and count(told, "skipped") == 21 and pictures(store) == before
    del store["/out/3__1.png"]
    status, told = batch("flaky://in", "flaky://styles", "--output", "flaky://out")
    assert status == 0 and count(told, "pictures") == 1 and pictures(store) == before


def test_a_store_is_not_asked_for_each_picture_that_is_there(batch, fill, store):
    asked = []
    for number in (3, 9):
        fill("in", number), fill("styles", 1, 50)
        assert batch("flaky://in", "flaky://styles/0.png", "--output", "flaky://out")[0] == 0
        Flaky.asked.clear()
        status, told = batch("flaky://in", "flaky://styles/0.png", "--output", "flaky://out")
        assert status == 0 and count(told, "skipped") == number
        asked.append([name for name in Flaky.asked if name != "cat"])  # of which the record has some
    assert asked[0] == asked[1]


def test_another_photo_of_that_name_loses_nothing(batch, fill, store):
    run = ("flaky://in", "flaky://styles", "--output", "flaky://out")
    fill("in", 2), fill("styles", 1, 50)
    assert batch(*run)[0] == 0
    first = pictures(store)
    fill("in", 2, 30)
    status, told = batch(*run)
    assert status == 0 and "made of another photo" in told and len(pictures(store)) == 4
    assert first.items() <= pictures(store).items()
    assert count(batch(*run)[1], "skipped") == 2
    assert batch(*run, "--strength", 0.5)[0] == 0 and len(pictures(store)) == 6
    assert batch(*run, "--overwrite")[0] == 0 and len(pictures(store)) == 6
    assert pictures(store)["0__0.png"] in [data for name, data in pictures(store).items() if name.startswith("0__0-")]


def test_a_picture_that_was_not_written_after_its_line_is_made_again(batch, fill, store, monkeypatch):
    fill("in", 3), fill("styles", 1, 50)
    monkeypatch.setattr(Flaky, "never", ("1__0",))
    status, told = batch("flaky://in", "flaky://styles", "--output", "flaky://out")
    assert status == 1 and count(told, "failures") == 1 and "flaky://out/1__0.png: the store failed 4 times" in told
    assert "Slow Down" in told
    monkeypatch.setattr(Flaky, "never", ())
    status, told = batch("flaky://in", "flaky://styles", "--output", "flaky://out")
    assert status == 0 and (count(told, "pictures"), count(told, "skipped")) == (1, 2) and len(pictures(store)) == 3


def test_what_is_broken_costs_itself(batch, fill, store):
    fill("in", 2), fill("styles", 1, 50)
    Flaky().fill("/in/broken.jpg", b"no picture")
    Flaky().fill("/in/deep/drawing.svg", b"<svg/>")
    Flaky().fill("/in/.hidden.png", b"")
    Flaky().fill("/in/notes.txt", b"")
    status, told = batch("flaky://in", "flaky://styles/0.png", "--output", "flaky://out", "--recursive")
    assert status == 1 and [count(told, name) for name in ("pictures", "failures", "left out")] == [2, 1, 1]
    assert "flaky://in/broken.jpg is no picture" in told and "flaky://in/deep/drawing.svg is a vector drawing" in told


@pytest.mark.parametrize("content, out, words", [
    ("flaky://lost", "flaky://out", "flaky://lost: there is no such file or folder"),
    ("flaky://empty", "flaky://out", "no pictures in it"), ("nonsense://in", "flaky://out", "nonsense://in: "),
    ("abfs://in/a", "flaky://out", "pip install"), ("flaky://in", "flaky://shut", "flaky://shut"),
    ("flaky://in", "flaky://in", "another folder"),
])
def test_what_cannot_work_is_said_before_the_work(batch, fill, store, content, out, words, monkeypatch):
    fill("in", 1), fill("styles", 1, 50)
    Flaky().fill("/empty/notes.txt", b"")
    monkeypatch.setattr(Flaky, "never", ("/shut",))
    monkeypatch.setattr("wct.pipeline.stylizer.Stylizer.stylise", lambda *_, **__: pytest.fail("it was computed"))
    status, told = batch(content, "flaky://styles", "--output", out)
    assert status == 2 and words in told and not pictures(store)


def test_without_fsspec(batch, tmp_path, paint, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    status, told = batch("s3://bucket/in", paint(tmp_path / "s.png"), "--output", tmp_path / "out")
    assert status == 2 and "pip install fsspec s3fs" in told


def test_nobody_imports_them_who_does_not_ask():
    code = "import sys, wct.batch.__main__ as m; m.arguments(['a', 's3://b', '--output', 'c']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and not {"fsspec", "ray", "s3fs", "numpy"} & set(done.stdout.split())


def test_masks_and_style_masks(batch, fill, store, tmp_path, stylizer):
    contents, styles = fill("in", 2), fill("styles", 1, 50)
    mask = Image.new("L", (48, 32))
    mask.paste(255, (0, 0, 24, 32))
    mask.save(tmp_path / "mask.png")
    for i in range(2):
        Flaky().fill(f"/masks/{i}_mask.png", (tmp_path / "mask.png").read_bytes())
    status, told = batch("flaky://in", "flaky://styles/0.png", "--mask", "flaky://masks", "--style-mask",
                         "flaky://masks/0_mask.png", "--output", "flaky://out")
    assert status == 0, told
    parts = dict(masks=[tmp_path / "mask.png"], style_masks=[tmp_path / "mask.png"])
    for i in range(2):
        expected = stylizer(contents / f"{i}.png", styles / "0.png", **parts)
        assert open_picture(f"flaky://out/{i}__0.png").rgb.tobytes() == expected.tobytes()


@pytest.mark.parametrize("option", ["--mask", "--style-mask"])
def test_a_mask_that_is_not_there_is_told_before_the_work(batch, fill, store, idle, option):
    fill("in", 2)
    status, told = batch("flaky://in", "flaky://in/0.png", option, "flaky://masks/0.png", "--output", "flaky://out")
    assert status == 2 and "flaky://masks/0.png: there is no such mask" in told


def test_python_takes_urls_too(fill, store, stylizer):
    fill("in", 2)
    picture = stylizer("flaky://in/0.png", "flaky://in/1.png")
    save_picture(picture, "flaky://out/made.png")
    assert open_picture("flaky://out/made.png").rgb.tobytes() == picture.tobytes()
    assert [str(path) for path in survey("flaky://in").pictures] == ["flaky://in/0.png", "flaky://in/1.png"]
    with pytest.raises(PictureError, match="flaky://in/2.png: there is no such file"):
        open_picture("flaky://in/2.png")


def test_listings_are_in_the_order_of_folders(store):
    names = ["b/2.png", "b/10.png", "b.png", "a/c/1.png", "a.png", "a/d.png"]
    for name in names:
        Flaky().fill(f"/in/{name}", b"x")
    found = [str(path.relative_to("flaky://in")) for path, _ in listing(Url("flaky://in"), recursive=True)]
    assert found == [str(path) for path in sorted(map(Path, names))]
    assert NAME not in found


def test_s3_that_refuses_one_write_in_ten(batch, bucket, paint, tmp_path):
    import fsspec

    files = fsspec.filesystem("s3")
    for i in range(11):
        paint(tmp_path / "in" / f"{i}.png", i)
        paint(tmp_path / "styles" / "deep" / f"{i % 2}.png", 50 + i % 2)
    for folder in ("in", "styles"):
        files.put(str(tmp_path / folder), f"pictures/plain/{folder}", recursive=True)
    run = (f"{bucket}/plain/in", f"{bucket}/plain/styles", "--recursive", "--output", f"{bucket}/plain/out")
    status, told = batch(*run, "--report", f"{bucket}/plain/rows.csv")
    assert status == 0 and count(told, "pictures") == 22, told
    status, told = batch(*run)
    assert status == 0 and count(told, "skipped") == 22, told
    assert batch(tmp_path / "in", tmp_path / "styles" / "deep", "--output", tmp_path / "out")[0] == 0
    for path in (tmp_path / "out").glob("*.png"):
        assert files.cat_file(f"pictures/plain/out/{path.name}") == path.read_bytes()
    assert batch(f"{bucket}/lost", *run[1:])[0] == 2 and batch(*run[:3], "--output", "s3://none/out")[0] == 2

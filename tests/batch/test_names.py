"""Names that fit, and that no file system takes for one."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wct.batch.jobs import Labels, jobs
from wct.runtime.names import composed, folded, joined, length, longest, shortened

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=90).filter(
    lambda name: name.strip(".") and length(name) < 250)


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True), st.lists(NAMES, min_size=1, max_size=3, unique=True),
       st.booleans())
def test_results_have_names_of_their_own_that_fit(contents, styles, folders):
    contents, styles = ([Path(f"{i % 2}") / name for i, name in enumerate(names)] for names in (contents, styles))
    todo = list(jobs(contents, styles, Path("out"), ".png", folders=folders))
    names = [path.name for *_, path in todo]
    assert len(todo) == len(contents) * len(styles) == len(set(map(folded, names)))
    assert max(map(length, names)) <= 255 and all(path.parent == Path("out") for *_, path in todo)
    assert names == [path.name for *_, path in jobs(contents, styles, Path("out"), ".png", folders=folders)]


@given(NAMES, st.integers(20, 120))
def test_shortened(name, most):
    short = shortened(name, most)
    assert length(short) <= most and (short == name or short != shortened(name + "!", most))
    assert os.fsencode(short).decode()  # no character is cut in two


def test_a_long_name_leaves_the_other_whole():
    assert joined("a" * 300, "starry-night").endswith("__starry-night")
    assert joined("dog", "b" * 300).startswith("dog__bbb")
    both = joined("a" * 300, "b" * 300)
    assert "aaa~" in both and "bbb~" in both and length(both) <= 240
    assert joined("a" * 299 + "1", "s") != joined("a" * 299 + "2", "s")


def test_an_accent_stays_with_its_letter():
    name = unicodedata.normalize("NFD", "é" * 60)
    assert unicodedata.combining(shortened(name, 31).partition("~")[0][-1])


def test_the_file_system_says_what_is_long(monkeypatch, tmp_path):
    assert 100 < longest(tmp_path) <= 255 and longest(tmp_path / "absent") == 255
    monkeypatch.setattr(os, "pathconf", lambda *_: 143)  # as eCryptfs
    assert max(length(p.name) for *_, p in jobs([Path("x" * 200)], [Path("y" * 200)], tmp_path, ".webp")) <= 143


def test_twins_by_case_and_by_form():
    e = unicodedata.normalize("NFD", "é")
    assert folded("É.PNG") == folded(f"{e}.png") != folded("e.png") and composed("é") == composed(e) != composed("É")
    names = Labels([Path("a/é.jpg"), Path(f"a/{e}.jpg"), Path("a/É.jpg")])
    assert len({folded(name) for name in names}) == 3


def test_uploads_are_numbered_without_their_folders():
    paths = [Path(f"/tmp/{digit * 40}/photo.jpg") for digit in "abc"] + [Path("/tmp/dd/photo-2.jpg")]
    assert list(Labels(paths, folders=False)) == ["photo", "photo-2", "photo-3", "photo-2-2"]
    names = [path.name for *_, path in jobs(paths, [Path("/tmp/ee/s.png")], Path("out"), ".png", folders=False)]
    assert len(set(names)) == 4 and not any("aa" in name for name in names)


@pytest.mark.parametrize("count", [2000])
def test_thousands_of_twins_take_no_time(count):
    assert len(set(Labels([Path(f"{i}/image.png") for i in range(count)], folders=False))) == count


def test_long_names_from_end_to_end(batch, paint, tmp_path):
    photos = [paint(tmp_path / "in" / ("photo of a friend " * 13 + f"{i}.png"), i) for i in range(2)]
    style = paint(tmp_path / ("painting by somebody " * 11 + ".png"), 9)
    for status in (0, 0):
        assert batch(*photos, style, "--output", tmp_path / "out")[0] == status
        assert len(list((tmp_path / "out").glob("photo of a friend*__painting by somebody*.png"))) == 2


def test_names_that_begin_with_a_dash(batch, paint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i, name in enumerate(("-a.png", "--size.png", "b.png")):
        paint(tmp_path / name, i)
    status, told = batch("--output", "out", "b.png", "--", "--size.png", "-a.png")
    assert status == 0, told
    assert sorted(path.name for path in Path("out").glob("*.png")) == ["--size__-a.png", "b__-a.png"]
    assert batch("--output", "out", "--texture", "32x32", "--", "-a.png")[0] == 0


def test_photos_as_the_shell_expands_them(batch, paint, tmp_path):
    photos = [paint(tmp_path / "in" / f"{i}.png", i) for i in range(3)]
    more = paint(tmp_path / "more" / "x.png", 7).parent
    status, told = batch(*photos, more, paint(tmp_path / "style.png", 9), "--output", tmp_path / "out")
    assert status == 0 and len(list((tmp_path / "out").glob("*.png"))) == 4, told

"""Pictures found in folders, and what looks like one and is left out."""

import io
import os
import tempfile
from pathlib import Path

import pytest
from pictures import noise, raw_file

from wct.images import PictureError, find_pictures, survey


def reasons(left_out):
    for path, reason in left_out:
        assert str(path) in reason and "\n" not in reason
    return {path.name: reason.removeprefix(str(path)).strip(" :") for path, reason in left_out}


def test_find_pictures(tmp_path):
    for name in ["b.PNG", "a.jpg", "notes.txt", ".hidden.png", "c.webp", "inside/d.gif", ".cache/e.png", "inside/f"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "linked.png").symlink_to(tmp_path / "a.jpg")

    def names(**options):
        return [str(path.relative_to(tmp_path)) for path in find_pictures(tmp_path, **options)]

    assert names() == ["a.jpg", "b.PNG", "c.webp", "linked.png"]
    assert names(recursive=True) == ["a.jpg", "b.PNG", "c.webp", "inside/d.gif", "linked.png"]
    assert find_pictures(str(tmp_path / "notes.txt")) == [tmp_path / "notes.txt"]
    assert survey(tmp_path, recursive=True).left_out == []


def test_the_order_is_that_of_paths(tmp_path):
    names = ["b/2.png", "b/10.png", "b.png", "a/c/1.png", "a.png", "a/d.png", "A.png", "a-.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_pictures(tmp_path, recursive=True) == sorted(tmp_path / name for name in names)


@pytest.mark.parametrize("suffix", ["heic", "HEIF", "avif", "jxl", "jp2", "jpeg", "tif", "mpo", "psd", "qoi", "pgm"])
def test_suffixes_of_all_that_is_read(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").touch()
    assert find_pictures(tmp_path) == [tmp_path / f"a.{suffix}"]


def test_what_looks_like_a_picture_is_named_with_its_reason(tmp_path):
    for name in ("a.svg", "b.XCF", "c.exr", "d.ai", "e.ico", "f.nef", "h.pdf", "i.txt", "j.mp4", ".k.svg", "z.png"):
        (tmp_path / name).write_bytes(b"x" * 100)
    raw_file(tmp_path / "g.dng", (400, 300))
    (tmp_path / "dead.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "itself.png").symlink_to(tmp_path / "itself.png")
    os.mkfifo(tmp_path / "pipe.png")
    pictures, left_out = survey(tmp_path)
    assert pictures == [tmp_path / "z.png"] == find_pictures(tmp_path)
    told = reasons(left_out)
    assert sorted(told) == sorted(["a.svg", "b.XCF", "c.exr", "d.ai", "e.ico", "f.nef", "g.dng", "dead.jpg",
                                   "itself.png", "pipe.png"])
    assert told["a.svg"] == "is a vector drawing (SVG); export it as PNG or JPEG"
    assert "HDR" in told["c.exr"] and "icon" in told["e.ico"]
    assert "raw file" in told["f.nef"] and "raw file (DNG)" in told["g.dng"] and "converter" in told["g.dng"]
    assert "dead link" in told["dead.jpg"] and "dead link" in told["itself.png"]


def test_raw_files_with_a_full_preview_are_pictures(tmp_path):
    file = io.BytesIO()
    noise(396, 300).save(file, "JPEG")
    raw_file(tmp_path / "a.dng", (400, 300), preview=file.getvalue())
    assert survey(tmp_path) == ([tmp_path / "a.dng"], [])


def test_a_folder_of_nothing_else(tmp_path):
    (tmp_path / "a.svg").touch()
    (tmp_path / "b.svg").touch()
    pictures, left_out = survey(tmp_path)
    assert pictures == [] and len(left_out) == 2
    with pytest.raises(PictureError, match="a.svg is a vector drawing.*and 1 more"):
        find_pictures(tmp_path)


def test_several_paths(tmp_path):
    for name in ("one/b.jpg", "one/a.jpg", "two/c.png", "d.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    paths = [tmp_path / "two", tmp_path / "one", tmp_path / "d.webp", tmp_path / "gone.jpg", tmp_path / "one" / "b.jpg"]
    pictures, left_out = survey(paths)
    assert [path.name for path in pictures] == ["c.png", "a.jpg", "b.jpg", "d.webp"]
    assert "no such file" in reasons(left_out)["gone.jpg"]
    assert find_pictures(map(str, paths[:1])) == [tmp_path / "two" / "c.png"]
    with pytest.raises(PictureError, match="gone.jpg: there is no such file"):
        survey(paths[3])
    with pytest.raises(PictureError, match="gone.jpg: there is no such file"):
        find_pictures([paths[3], tmp_path / "lost.jpg"])


@pytest.fixture
def shut():
    """A folder with a picture, and in it one that may not be searched. Root may search any, so it steps down."""
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        folder.chmod(0o755)
        (folder / "shut").mkdir(0o000)
        (folder / "a.png").touch()
        if user == 0:
            os.seteuid(65534)
        yield folder
        os.seteuid(user)


def test_folders_that_may_not_be_searched_are_told(shut):
    assert survey(shut) == ([shut / "a.png"], [])
    pictures, left_out = survey(shut, recursive=True)
    assert pictures == [shut / "a.png"]
    assert reasons(left_out) == {"shut": "may not be searched; change its permissions"}
    with pytest.raises(PictureError, match="shut may not be read"):
        survey(shut / "shut")


def test_links_to_folders_are_told_where_they_lead_out(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    for name in ("here/a.png", "there/b.png"):
        (tmp_path / name).touch()
    (tmp_path / "here" / "back").symlink_to(tmp_path / "here")
    (tmp_path / "here" / "out").symlink_to(tmp_path / "there")
    assert survey(tmp_path / "here") == ([tmp_path / "here" / "a.png"], [])
    pictures, left_out = survey(tmp_path / "here", recursive=True)
    assert pictures == [tmp_path / "here" / "a.png"]
    assert list(reasons(left_out)) == ["out"]


def test_hidden_above_the_folder_does_not_matter(tmp_path):
    (tmp_path / ".home").mkdir()
    (tmp_path / ".home" / "a.png").touch()
    assert find_pictures(tmp_path / ".home") == [tmp_path / ".home" / "a.png"]


def test_no_pictures_to_find(tmp_path):
    with pytest.raises(PictureError, match="no such file or folder"):
        find_pictures(tmp_path / "missing")
    (tmp_path / "notes.txt").touch()
    for recursive in (False, True):
        with pytest.raises(PictureError, match="no pictures"):
            find_pictures(tmp_path, recursive=recursive)



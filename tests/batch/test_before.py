"""What is told before the work: what is left out, what cannot work."""

import json
import os
import re
from collections import namedtuple

import pytest
from PIL import Image

from wct.batch.record import NAME


@pytest.fixture
def place(tmp_path, paint):
    """A folder `in` with a photo, and a painting."""
    paint(tmp_path / "in" / "a.png")
    paint(tmp_path / "style.png", 9)
    return tmp_path


def count(told, name):
    return int(re.search(rf"^{name} +(\d+)", told, re.MULTILINE)[1])


def test_what_is_left_out_is_named_counted_and_reported(batch, place):
    (place / "in" / "lost.jpg").symlink_to("nowhere.jpg")
    (place / "in" / "drawing.svg").write_text("<svg/>")
    (place / "in" / "notes.txt").write_text("no picture")
    (place / "in" / ".hidden.svg").write_text("<svg/>")
    args = (place / "in", place / "style.png", "--output", place / "out", "--report", place / "report.json")
    for made in (1, 0):
        status, told = batch(*args)
        assert status == 1 and count(told, "pictures") == made and count(told, "left out") == 2
        assert sorted(line.split(": ")[1].split()[0] for line in told.splitlines() if "left out:" in line) == [
            str(place / "in" / "drawing.svg"), str(place / "in" / "lost.jpg")]
        assert "notes.txt" not in told and "hidden" not in told
        rows = json.loads((place / "report.json").read_text())
        left_out = {row["content"]: row["error"] for row in rows if row["status"] == "left out"}
        assert len(rows) == 3 and len(left_out) == 2 and "dead link" in left_out[str(place / "in" / "lost.jpg")]


def test_nothing_but_what_is_left_out(batch, place, idle):
    (place / "raw").mkdir()
    (place / "raw" / "drawing.svg").write_text("<svg/>")
    for contents, style in (("raw", "style.png"), ("in", "raw")):
        status, told = batch(place / contents, place / style, "--output", place / "out")
        assert status == 1 and "drawing.svg" in told and count(told, "left out") == 1


def test_one_of_several_that_is_not_there(batch, place):
    status, told = batch(place / "in", place / "lost.png", place / "style.png", "--output", place / "out")
    assert status == 1 and count(told, "pictures") == count(told, "left out") == 1 and "lost.png" in told


@pytest.mark.parametrize("contents, style", [("lost", "style.png"), ("in/*.jpg", "style.png"), ("in", "lost.png"),
                                             ("empty", "style.png"), ("in", "empty")])
def test_no_pictures_at_all(batch, place, idle, contents, style):
    (place / "empty").mkdir()
    status, told = batch(place / contents, place / style, "--output", place / "out")
    assert status == 2 and not (place / "out").exists(), told


@pytest.mark.parametrize("output", ["/proc/self", "/dev/null/out", "in/a.png/out", "x" * 300, "in/a.png"])
def test_an_output_folder_that_cannot_be(batch, place, idle, output):
    status, told = batch(place / "in", place / "style.png", "--output", place / output)
    assert status == 2 and len(re.findall("cannot be written|is a file", told)) == 1, told


def test_a_record_that_cannot_be_written(batch, place, idle):
    (place / "out" / NAME).mkdir(parents=True)
    status, told = batch(place / "in", place / "style.png", "--output", place / "out")
    assert status == 2 and "record" in told


@pytest.mark.parametrize("report", ["/proc/self/report.csv", "in/a.png/report.csv", "x" * 300 + ".csv"])
def test_a_report_that_cannot_be_written(batch, place, idle, report):
    status, told = batch(place / "in", place / "style.png", "--output", place / "out", "--report", place / report)
    assert status == 2 and "cannot be written" in told, told


def test_a_disk_without_room(batch, place, idle, monkeypatch):
    disk = namedtuple("disk", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: disk(10**9, 10**9 - 1000, 1000))
    (place / "in" / "broken.png").write_bytes(b"no picture")
    status, told = batch(place / "in", place / "style.png", "--output", place / "out")
    assert status == 2 and "MB left" in told and not list((place / "out").glob("*.png"))


def test_a_disk_that_fills_up(batch, place, paint, monkeypatch):
    """What is finished stays, what has no room is told without being computed, and the next run makes the rest."""
    for i in range(3):
        paint(place / "in" / f"b{i}.png", i)
    disk, left = namedtuple("disk", "total used free"), iter([10**9, 10**9, 10, 10])
    with monkeypatch.context() as full:
        full.setattr("shutil.disk_usage", lambda path: disk(10**9, 0, next(left)))
        status, told = batch(place / "in", place / "style.png", "--output", place / "out")
    assert status == 1 and count(told, "pictures") == count(told, "failures") == 2
    status, told = batch(place / "in", place / "style.png", "--output", place / "out")
    assert status == 0 and count(told, "pictures") == count(told, "skipped") == 2


def test_a_full_disk_needs_no_room_for_what_is_there(batch, place, monkeypatch):
    batch(place / "in", place / "style.png", "--output", place / "out")
    disk = namedtuple("disk", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: disk(10**9, 10**9, 0))
    status, told = batch(place / "in", place / "style.png", "--output", place / "out")
    assert status == 0 and count(told, "skipped") == 1


def test_a_folder_as_a_mask_of_the_painting(batch, place, idle):
    status, told = batch(place / "in", place / "style.png", "--output", place / "out", "--style-mask", place / "in")
    assert status == 2 and "is a folder" in told


def test_what_results_keep_of_their_photos(batch, place):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Camera 3000"
    exif.get_ifd(0x8825)[1] = "N"
    Image.open(place / "in" / "a.png").convert("RGB").save(place / "in" / "a.jpg", exif=exif)
    (place / "in" / "a.png").unlink()
    for format in ("png", "jpeg", "webp"):
        for choice, camera in ((["--metadata", "keep"], "Camera 3000"), ([], None), (["--metadata", "none"], None)):
            out = place / f"{format}{len(choice)}{camera}"
            assert batch(place / "in", place / "style.png", "--output", out, "--format", format, *choice)[0] == 0
            with Image.open(next(out.glob("a__style*"))) as made:
                assert made.getexif().get(0x0110) == camera and bool(made.getexif().get_ifd(0x8825)) == bool(camera)


def test_notes_are_printed_once_each(batch, place, paint):
    for i in range(3):
        paint(place / "styles" / f"{i}.png", i)
    whole = place / "in" / "a.jpg"
    paint(whole, 4, (200, 160))
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) * 3 // 4])
    (place / "in" / "a.png").unlink()
    status, told = batch(place / "in", place / "styles", "--output", place / "out", "--report", place / "report.json")
    assert status == 0 and told.count("note:") == 1 and "a.jpg" in told
    rows = json.loads((place / "report.json").read_text())
    assert len(rows) == 3 and all(len(row["notes"]) == 1 for row in rows)


def test_the_output_folder_may_be_a_link(batch, place):
    (place / "real").mkdir()
    os.symlink(place / "real", place / "out")
    assert batch(place / "in", place / "style.png", "--output", place / "out")[0] == 0
    assert len(list((place / "real").glob("*.png"))) == 1

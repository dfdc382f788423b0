"""Folders: reading and writing beside the computing, and what goes wrong on the way."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
from common import CONTENTS, EXAMPLES, STYLES
from PIL import Image

from wct.batch.jobs import jobs
from wct.batch.work import work
from wct.images import Picture
from wct.pipeline.stylizer import Result


class Probe:
    """A stylizer whose pictures wait for what should happen meanwhile."""

    def __init__(self, count):
        self.opened, self.begun = ([Event() for _ in range(count + 1)] for _ in range(2))
        self.opened[count].set()  # there is none after the last

    def open(self, content, size=None, mode="single"):
        self.opened[int(content.stem)].set()
        return Picture(Image.new("RGB", (4, 4)), None, content.stem)

    def stylise(self, content, style, **options):
        i = int(content.name)
        self.begun[i].set()
        assert self.opened[i + 1].wait(20), "the next picture was not read meanwhile"
        return Result(Slow(self.begun[i + 1]), dict.fromkeys(("encode", "transform", "decode"), 0.1))


class Slow:
    """A picture that takes until the next one is being computed to write."""

    size, width, height, mode, has_transparency_data = (4, 4), 4, 4, "L", False

    def __init__(self, next_begun):
        self.next_begun = next_begun

    def convert(self, mode):
        assert self.next_begun.wait(20), "the next picture was not computed meanwhile"
        return Image.new("RGB", (4, 4))


def test_reading_and_writing_happen_beside_computing(tmp_path):
    contents = [Path(f"{i}.png") for i in range(4)]
    probe = Probe(4)
    probe.begun[4].set()
    rows = list(work(probe, jobs(contents, [Path("style.png")], tmp_path, ".png")))
    assert [row["status"] for row in rows] == ["done"] * 4, rows
    assert [row["content"] for row in rows] == [str(path) for path in contents]


def test_an_interrupt_tells_of_the_picture_made_before_it(stylizer, tmp_path):
    def progress(i, share, stage):
        if i == 1:
            raise KeyboardInterrupt

    rows = []
    with pytest.raises(KeyboardInterrupt):
        for row in work(stylizer, jobs(CONTENTS[:3], STYLES[:1], tmp_path, ".png"), size=64, progress=progress):
            rows.append(row)
    assert [row["status"] for row in rows] == ["done"]
    assert [Path(row["output"]) for row in rows] == list(tmp_path.iterdir())


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in CONTENTS[:3]:
        Image.open(path).resize((96, 64)).save(folder / f"{path.stem}.png")
    return folder


def test_a_folder_that_vanishes_on_the_way(stylizer, photos, tmp_path):
    statuses, errors = [], []
    todo = jobs(sorted(photos.iterdir()), STYLES[:2], tmp_path / "out", ".png")
    (tmp_path / "out").mkdir()
    for row in work(stylizer, todo, size=48):
        statuses.append(row["status"])
        errors.append(row["error"])
        shutil.rmtree(photos, ignore_errors=True)
    assert statuses[:2] == ["done"] * 2 and statuses[-2:] == ["failed"] * 2
    assert "there is no such file" in errors[-1] and CONTENTS[2].stem in errors[-1]


def test_an_output_folder_that_vanishes_and_comes_back(stylizer, photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    first = []
    for row in work(stylizer, jobs(sorted(photos.iterdir()), STYLES[:1], out, ".png"), size=48):
        first.append(row)
        shutil.rmtree(out, ignore_errors=True)
    assert first[-1]["status"] == "failed" and "cannot be written" in first[-1]["error"]
    out.mkdir()
    again = list(work(stylizer, jobs(sorted(photos.iterdir()), STYLES[:1], out, ".png"), size=48))
    assert [row["status"] for row in again] == ["done"] * 3


def test_a_full_disk_costs_a_line_each_and_leaves_nothing_half_written(photos, tmp_path, environment):
    done = subprocess.run(
        [sys.executable, "-m", "wct.batch", photos, STYLES[0], "--output", tmp_path / "out", "--size", "64"],
        cwd=EXAMPLES.parent, env=environment, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),  # no file may be longer
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.count("failed:") == 3 and done.stderr.count("cannot be written") == 3
    assert "space left" in done.stderr and list((tmp_path / "out").iterdir()) == []

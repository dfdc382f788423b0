"""The command line of clips: what is written, what is skipped, what goes on, and what is said."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
import torch
from common import ROOT, STYLES
from films import film, noisy, panned, photo, pictures, sound
from PIL import Image

from wct import Stylizer
from wct.clips import open_clip
from wct.video.__main__ import main


@pytest.fixture
def place(tmp_path):
    """A folder with a clip and a painting."""
    film(tmp_path / "clip.mp4", panned(30), sound="aac")
    Image.open(STYLES[0]).convert("RGB").resize((96, 72)).save(tmp_path / "style.png")
    return tmp_path


@pytest.fixture(scope="module")
def small():
    return Stylizer.from_pretrained(network="small", device="cpu", dtype=torch.float32)


@pytest.fixture
def start(place, environment):
    """Starts the command in a process of its own, in the folder."""
    def start(*arguments):
        command = [sys.executable, "-m", "wct.video", *map(str, arguments)]
        return subprocess.Popen(command, cwd=place, env=environment | {"PYTHONPATH": str(ROOT)}, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    return start


@pytest.fixture
def run(place, small, monkeypatch, capsys):
    """The command in this process, without loading the network again: what it prints, and what of it are errors."""
    monkeypatch.setattr(Stylizer, "from_pretrained", lambda **options: small)
    monkeypatch.chdir(place)

    def run(*arguments, status=0):
        try:
            found = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            found = stop.code
        told, errors = capsys.readouterr()
        assert found == status, errors
        assert "Traceback" not in errors
        return told, errors

    return run


def table(told):
    return dict(line.rsplit(None, 1) for line in told.splitlines() if line.strip())


def test_a_clip(place, run):
    told, errors = run("clip.mp4", "style.png", "--output", "out.mp4", "--report", "rows.json")
    assert table(told)["clips"] == "1" and table(told)["frames"] == "30" and "30/30" in errors
    times, made = pictures(place / "out.mp4")
    before_times, before = pictures(place / "clip.mp4")
    assert times == before_times and made[0].shape == before[0].shape
    assert np.abs(made[9].astype(float) - before[9]).mean() > 10
    assert sound(place / "out.mp4") == sound(place / "clip.mp4")
    (row,) = json.loads((place / "rows.json").read_text())
    assert row["status"] == "done" and row["frames"] == 30 and row["width"] == 96 and row["seconds"] > row["encode"] > 0
    assert table(run("clip.mp4", "style.png", "--output", "out.mp4")[0])["skipped"] == "1"
    told, errors = run("clip.mp4", "style.png", "--output", "out.mp4", "--strength", "0.5")
    assert table(told)["clips"] == "1" and "are there already" in errors and len(list(place.glob("out*.mp4"))) == 2
    told, errors = run("clip.mp4", "style.png", "--output", "out.mp4", "--strength", "0.5", "--overwrite")
    assert np.abs(pictures(place / "out.mp4")[1][9].astype(float) - made[9]).mean() > 3


def test_other_kinds_and_options(place, run):
    mask = Image.new("L", (96, 64))
    mask.paste(255, (0, 0, 48, 64))
    mask.save(place / "mask.png")
    noisy(4)[0].save(place / "a.gif", save_all=True, append_images=noisy(4)[1:], duration=70, loop=0)
    run("a.gif", "style.png", "--output", "out.webp", "--mask", "mask.png", "--keep-colors", "--network", "full",
        "--size", "80")
    made = open_clip(place / "out.webp")
    assert made.size == (80, 53) and abs(made.duration - 0.28) < 0.01
    run("a.gif", "style.png", "--output", "frames", "--frame-by-frame", "--levels", "2")
    assert len(list((place / "frames").glob("*.png"))) == 4
    assert table(run("a.gif", "style.png", "--output", "frames", "--frame-by-frame", "--levels", "2")[0])[
        "skipped"] == "1"
    run("frames", "style.png", "--output", "again.gif", "--rate", "5")
    assert abs(open_clip(place / "again.gif").duration - 0.8) < 0.01
    run("a.gif", "style.png", "--output", "frames", "--overwrite")
    assert len(list((place / "frames").iterdir())) == 4


def test_odd_sides(place, run):
    film(place / "odd.mp4", noisy(3, (97, 63)), pixels="yuv444p")
    run("odd.mp4", "style.png", "--output", "out.mp4")
    run("odd.mp4", "style.png", "--output", "out.webm")
    assert open_clip(place / "out.mp4").size == (96, 62) and open_clip(place / "out.webm").size == (97, 63)


def test_what_a_clip_cannot_have_is_said(place, run):
    frames = [image.convert("RGBA") for image in noisy(3)]
    for frame in frames:
        frame.putalpha(128)
    frames[0].save(place / "a.png", save_all=True, append_images=frames[1:], duration=50)
    assert "has transparency, which .mp4 cannot hold" in run("a.png", "style.png", "--output", "out.mp4")[1]
    film(place / "mask.mp4", noisy(3, (32, 64)))
    assert "must have the shape of its clip" in run("clip.mp4", "style.png", "--output", "masked.mp4", "--mask",
                                                    "mask.mp4", status=1)[1]


def test_label_maps(place, run):
    for name, size in (("labels.png", (96, 64)), ("style-labels.png", (96, 72))):
        regions = Image.new("L", size, 1)
        regions.paste(2, (0, 0, 40, size[1]))
        regions.save(place / name)
    told, errors = run("clip.mp4", "style.png", "--output", "out.mp4", "--labels", "--mask", "labels.png",
                       "--style-mask", "style-labels.png", "--mode", "photo")
    assert table(told)["clips"] == "1" and "note" not in errors
    assert "--labels needs one --mask" in run("clip.mp4", "style.png", "--output", "o.mp4", "--labels", status=2)[1]


def test_a_folder_of_clips_of_which_one_is_broken(place, run):
    folder = place / "in"
    folder.mkdir()
    for name in "ab":
        film(folder / f"{name}.mp4", noisy(3))
    (folder / "broken.mp4").write_bytes(b"nothing")
    told, errors = run("in", "style.png", "--output", "out", "--format", "gif", status=1)
    assert table(told)["clips"] == "2" and table(told)["failures"] == "1"
    assert errors.count("broken.mp4 cannot be read") == 1
    assert sorted(path.name for path in (place / "out").glob("[!.]*")) == ["a__style.gif", "b__style.gif"]


def test_a_folder_of_one_clip_and_what_else_is_in_it(place, run):
    folder = place / "in"
    folder.mkdir()
    film(folder / "a.mp4", noisy(3))
    run("in", "style.png", "--output", "out.mp4")
    assert open_clip(place / "out.mp4").count == 3
    assert "must be another file" in run("in", "style.png", "--output", "in/a.mp4", status=2)[1]
    run("in", "style.png", "--output", "out")
    assert (place / "out" / "a__style.mp4").is_file()
    (folder / "gone.mov").symlink_to("nowhere.mov")
    told, errors = run("in", "style.png", "--output", "out.mp4", "--report", "rows.json", status=1)
    assert table(told)["skipped"] == table(told)["left out"] == "1" and "left out: in/gone.mov is a dead link" in errors
    assert [row["status"] for row in json.loads((place / "rows.json").read_text())] == ["left out", "skipped"]


@pytest.mark.parametrize("what", ["clip", "mask"])
def test_a_numbered_frame_that_has_changed_is_noticed(place, run, what):
    for name in ("clip", "mask"):
        (place / name).mkdir()
        for n in range(3):
            photo().convert("RGB" if name == "clip" else "L").save(place / name / f"{n}.png")
    command = ("clip", "style.png", "--output", "out.mp4", "--mask", "mask")
    run(*command)
    assert table(run(*command)[0])["skipped"] == "1"
    before = (place / what).stat()
    Image.new("L", (96, 64), 255).save(place / what / "1.png")
    after = (place / what).stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_size, before.st_mtime_ns, before.st_ctime_ns)
    assert table(run(*command)[0])["clips"] == "1"


def test_a_folder_that_cannot_be_replaced_is_told_before_the_work(place, run, monkeypatch):
    command = ("clip.mp4", "style.png", "--output", "frames")
    run(*command)
    (place / "frames" / "Thumbs.db").touch()
    monkeypatch.setattr("wct.pipeline.films.make_film", lambda *_, **__: pytest.fail("something was computed"))
    assert "holds other files, such as Thumbs.db" in run(*command, "--overwrite", status=1)[1]


def stop(done, count, seconds):
    if done == 4:
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["out.mp4", "frames"])
def test_in_python_nothing_goes_on_in_another_style(place, small, name):
    for options in ({"strength": 0.2, "progress": stop}, {"size": 48}):
        with suppress(KeyboardInterrupt):
            made = small.stylise_video(place / "clip.mp4", place / "style.png", place / name, **options)
    assert made.skipped == 0 and open_clip(place / name).size == (48, 32)
    assert len(list(open_clip(place / name))) == 30 and not list(place.glob("*unfinished*"))


def test_in_python_a_place_that_is_taken_is_told_before_the_work(place, small):
    (place / "frames").mkdir()
    (place / "frames" / "notes.txt").touch()
    (place / "folder.mp4").mkdir()
    (place / "file").touch()
    for name in ("frames", "folder.mp4", "file"):
        with pytest.raises(OSError, match=name):
            small.stylise_video(place / "clip.mp4", place / "style.png", place / name,
                                progress=lambda *_: pytest.fail("something was computed"))


def test_all_the_paintings_mixed(place, run):
    (place / "paintings").mkdir()
    for n in (0, 1):
        Image.open(STYLES[n]).convert("RGB").resize((96, 72)).save(place / "paintings" / f"{n}.png")
    run("clip.mp4", "paintings", "--output", "mixed.mp4", "--blend", "2,1", "--size", "48")
    run("clip.mp4", "paintings", "--output", "out", "--size", "48")
    assert sorted(path.name for path in (place / "out").glob("[!.]*")) == ["clip__0.mp4", "clip__1.mp4"]
    assert open_clip(place / "mixed.mp4").count == 30


def test_bad_usage(place, run):
    (place / "folder").mkdir()
    (place / "file").write_text("somebody's")
    for arguments, said in (
        (("clip.mp4", "style.png", "--output", "out.avi"), "out.avi cannot be written; name a file that ends in .mp4"),
        (("clip.mp4", "style.png", "--output", "clip.mp4"), "must be another file"),
        (("no.mp4", "style.png", "--output", "out.mp4", "--strength", "3"), "must lie between 0 and 1"),
        (("clip.mp4", "no.png", "--output", "out.mp4"), "no.png: there is no such file"),
        (("clip.mp4", "style.png", "--output", "out.mp4", "--rate", "0"), "is no number of frames a second"),
        (("clip.mp4", "style.png", "--output", "file"), "file is a file"),
        (("folder", "style.png", "--output", "out.mp4"), "neither clips nor numbered frames"),
        (("clip.mp4", "style.png", "--output", "out.mp4", "--mode", "photo", "--keep-colors"), "choose one"),
    ):
        assert said in run(*arguments, status=2)[1]
    assert "no.mp4: there is no such file" in run("no.mp4", "style.png", "--output", "out.mp4", status=1)[1]


def test_without_what_clips_need(place, environment):
    code = ("import sys, importlib.util as u; find = u.find_spec; "
            "u.find_spec = lambda name, *a: None if name == 'av' else find(name, *a); "
            "from wct.video.__main__ import main; main(['clip.mp4', 'style.png', '--output', 'out.mp4'])")
    done = subprocess.run([sys.executable, "-c", code], cwd=place, env=environment | {"PYTHONPATH": str(ROOT)},
                          capture_output=True, text=True)
    assert done.returncode == 2 and 'pip install av opencv-python-headless' in done.stderr


def _begun(place, count, process, least=1):
    """Wait until some frames of out.mp4 are readable."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        for piece in place.glob(f"out.mp4.unfinished-{count}.mp4"):
            try:
                if len(pictures(piece)[0]) >= least:
                    return piece
            except Exception:
                pass
        time.sleep(0.05)
    raise AssertionError(f"it ended by itself: {process.stderr.read()}")


def test_killed_and_interrupted(place, start):
    """Whatever ends it, what was done is readable, and the next run goes on behind it."""
    film(place / "long.mp4", panned(120, step=0.5), sound="aac")
    command = ("long.mp4", "style.png", "--output", "out.mp4")
    for count, how in ((1, signal.SIGKILL), (2, signal.SIGINT), (3, signal.SIGTERM)):
        with start(*command) as process:
            piece = _begun(place, count, process) if how == signal.SIGKILL else None
            if piece is None:
                deadline = time.monotonic() + 120
                while not list(place.glob(f"out.mp4.unfinished-{count}.mp4")) and time.monotonic() < deadline:
                    time.sleep(0.02)
                time.sleep(0.3)
            process.send_signal(how)
            _, errors = process.communicate(timeout=60)
        assert not (place / "out.mp4").exists() and "Traceback" not in errors
        if how != signal.SIGKILL:
            assert process.returncode == 130 and "the same command goes on" in errors
            assert pictures(place / f"out.mp4.unfinished-{count}.mp4")[0]
    with start(*command) as process:
        told, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert 0 < int(table(told)["frames"]) < 120
    times, made = pictures(place / "out.mp4")
    assert times == pictures(place / "long.mp4")[0] and len(made) == 120
    assert sound(place / "out.mp4") == sound(place / "long.mp4")
    assert not list(place.glob("*unfinished*")) and not list(place.glob(".*.part"))


@pytest.mark.skipif(not shutil.which("unshare") or subprocess.run(
    ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /tmp"], capture_output=True).returncode != 0,
    reason="no small disk can be mounted here")
@pytest.mark.parametrize("name, room", [("out.mp4", "32k"), ("out.gif", "64k"), ("frames", "128k")])
def test_a_full_disk(place, name, room):
    """It says so in a sentence; with more room, the same command makes the clip."""
    script = """mkdir -p disk; mount -t tmpfs -o size=$3 tmpfs disk; export PYTHONPATH=$1
        run() { "$0" -m wct.video clip.mp4 style.png --output "disk/$2"; echo "status $?"; ls -A disk; }
        run "$1" "$2"; mount -o remount,size=32m disk; run "$1" "$2"
        "$0" -c "from wct.clips import open_clip; print('count', len(list(open_clip('disk/$2'))))" """
    script = script.replace('run() {', 'run() { set -- "$PYTHONPATH" "$2";')
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script, sys.executable, str(ROOT), name, room], cwd=place,
                          env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True, timeout=300)
    first, second = done.stdout.split("status ")[1:]
    assert first.split()[0] == "1" and second.split()[0] == "0", done.stderr
    assert "Traceback" not in done.stderr and "cannot be written" in done.stderr
    assert ".part" not in second and "unfinished" not in second and "count 30" in second

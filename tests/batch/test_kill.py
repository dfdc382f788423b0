"""Runs that are killed, and disks that are full: what is there is whole, the next run makes the rest and clears up."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from common import ROOT
from PIL import Image

from wct.runtime.files import lock, remove_dead_parts, write_whole

COUNT = 24


def command(place, out, environment, *options):
    args = [sys.executable, "-m", "wct.batch", place / "in", place / "style.png", "--output", out, *options]
    return subprocess.Popen([str(arg) for arg in args], cwd=ROOT, env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture
def place(tmp_path, paint):
    for i in range(COUNT):
        paint(tmp_path / "in" / f"{i}.png", i, (96, 64))
    paint(tmp_path / "style.png", 99)
    return tmp_path


def test_killed_at_random_moments(place, environment):
    out, moments = place / "out", random.Random(1)
    out.mkdir()
    for _ in range(3):
        before = len(list(out.glob("*.png")))
        with command(place, out, environment) as run:
            deadline = time.monotonic() + 120
            while len(list(out.glob("*.png"))) <= before and run.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(moments.uniform(0, 0.4))
            run.send_signal(signal.SIGKILL)
        for path in out.glob("*.png"):
            Image.open(path).load()
    (out / f".{'0f' * 16}.part").write_bytes(b"of a run that was killed")
    done = len(list(out.glob("*.png")))
    with command(place, out, environment) as run:
        told, errors = run.communicate(timeout=300)
    assert run.returncode == 0 and "note" not in errors
    assert told.split()[:4] == ["pictures", str(COUNT - done), "skipped", str(done)]
    assert sorted(path.name for path in out.glob("*")) == sorted(
        [".wct.jsonl", *(f"{i}__style.png" for i in range(COUNT))])


def test_two_runs_at_once(place, environment):
    """Both may make the same picture; neither takes the other's for a foreign one."""
    runs = [command(place, place / "out", environment) for _ in range(2)]
    for run in runs:
        assert "note" not in run.communicate(timeout=300)[1] and run.returncode == 0
    made = {path.name for path in (place / "out").glob("[!.]*")}
    assert made == {f"{i}__style.png" for i in range(COUNT)}


@pytest.mark.skipif(not shutil.which("unshare") or subprocess.run(
    ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /tmp"], capture_output=True).returncode != 0,
    reason="no small disk can be mounted here")
def test_a_full_disk(place):
    """On a disk with room for two pictures, the rest fails by name; with more room, it is made."""
    script = """mkdir -p disk; mount -t tmpfs -o size=32k tmpfs disk; export PYTHONPATH=$1
        run() { "$0" -m wct.batch in style.png --output disk/out; echo "status $?"; ls -A disk/out; }
        run; mount -o remount,size=4m disk; run"""
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script, sys.executable, str(ROOT)], cwd=place,
                          env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True, timeout=300)
    first, second = done.stdout.split("status ")[1:]
    names = first.split("pictures")[0].split()
    assert names[0] == "1" and ".wct.jsonl" in names and 1 <= len(names) - 2 < COUNT
    assert "Traceback" not in done.stderr and "left" in done.stderr
    assert second.split()[0] == "0" and len(second.split()) == COUNT + 2 and ".part" not in second


def test_what_is_being_written_is_left_alone(tmp_path):
    """The hidden file of a run that is alive stays, those of dead ones go, and files of others too are left alone."""
    dead, theirs = tmp_path / f".{'ab' * 16}.part", tmp_path / ".film.part"
    for path in (dead, theirs):
        path.write_bytes(b"...")
    write_whole(tmp_path / "whole", lambda file: (file.write(b"data"), remove_dead_parts(tmp_path)))
    assert (tmp_path / "whole").read_bytes() == b"data" and theirs.exists() and not dead.exists()
    with open(dead, "wb") as file:
        lock(file)
        code = f"from wct.runtime.files import *; remove_dead_parts({str(tmp_path)!r})"
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
        assert dead.exists()
    remove_dead_parts(tmp_path)
    assert not dead.exists()


def test_an_error_on_the_way_leaves_what_was_there(tmp_path):
    (tmp_path / "file").write_bytes(b"before")

    def write(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="file cannot be written .No space left on device"):
        write_whole(tmp_path / "file", write)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]

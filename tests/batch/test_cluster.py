"""A Ray cluster of two machines of one core, in this one; and S3, which refuses one write in ten.

What takes the time is the start of processes: there are two Rays, of the command's own and of the module's, and as few
workers as show what is to be seen.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import torch
from common import ROOT

from wct import Stylizer
from wct.batch.__main__ import main
from wct.batch.rows import Rows

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install ray")


@pytest.fixture(scope="module")
def machines(bucket):
    """The cluster, this process being connected to it."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.setenv("CUDA_VISIBLE_DEVICES", "")
        size = dict(num_cpus=1, object_store_memory=80_000_000)
        cluster = Cluster(initialize_head=True, head_node_args=size | {"include_dashboard": False})
        cluster.second = cluster.add_node(**size)
        cluster.size = size
        ray.init(cluster.address, log_to_driver=False)
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def command(machines, capsys, monkeypatch):
    """The command, in two workers: its exit status and all it prints. load: what a worker does for its Stylizer."""

    def command(*arguments, load=None):
        if load:
            monkeypatch.setattr("wct.batch.__main__.pretrained", lambda *_, **__: load)
        try:
            status = main([*map(str, arguments), "--network", "small", "--device", "cpu", "--cluster", "auto",
                           "--per-worker", "cpus=1"])
        except SystemExit as stop:
            status = stop.code
        told = "".join(capsys.readouterr())
        assert "Traceback" not in told
        return status, told

    return command


@pytest.fixture
def place(tmp_path, paint):
    """A folder with eight photos, one with two paintings."""
    for i in range(8):
        paint(tmp_path / "in" / f"{i}.png", i)
    for i in range(2):
        paint(tmp_path / "styles" / f"s{i}.png", 50 + i)
    return tmp_path


def shell(environment, place, *arguments):
    """The command as a process in a group of its own, as a terminal has it."""
    args = [sys.executable, "-m", "wct.batch", place / "in", place / "styles", "--output", place / "out", "--report",
            place / "r.json", "--network", "small", "--per-worker", "cpus=1", *arguments]
    return subprocess.Popen(list(map(str, args)), cwd=ROOT, env=environment | {"OMP_NUM_THREADS": "1"}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def quick(folder):
    """A function that gives a worker a Stylizer without networks, which dies of photos called so.

    Where there is a file await-2 or await-3, it goes on once so many machines have begun.
    """
    def load():
        import os
        import signal
        import time
        from types import SimpleNamespace

        import ray

        from wct.images import open_picture

        def stylise(picture, style, **_):
            (folder / f"machine-{ray.get_runtime_context().get_node_id()}").touch()
            end = time.monotonic() + 120
            while any(len(list(folder.glob("machine-*"))) < n and (folder / f"await-{n}").exists() for n in (2, 3)):
                if time.monotonic() > end:
                    break
                time.sleep(0.1)
            name = os.path.basename(picture.name)
            died = folder / f"died-{name}"
            if name.startswith("deadly") or (name.startswith("once") and not died.exists()):
                died.touch()
                time.sleep(0.3)  # until what was made before is written
                os.kill(os.getpid(), signal.SIGKILL)
            times = dict.fromkeys(("encode", "transform", "decode"), 0.01)
            return SimpleNamespace(picture=open_picture(style).rgb, seconds=times, notes=())

        return SimpleNamespace(open=lambda path, *_: open_picture(path), stylise=stylise)

    return load


def count(told, name):
    return int(re.search(rf"^{name} +(\d+)", told, re.MULTILINE)[1])


def hidden(folder):
    return sorted(path.name for path in folder.glob(".*"))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:99999999", "nohost.invalid:6379"])
def test_nobody_is_there(batch, place, address, monkeypatch):
    monkeypatch.setenv("RAY_NUM_REDIS_GET_RETRIES", "20")  # as it is, for the other tests
    begun = time.monotonic()
    status, told = batch(place / "in", place / "styles", "--output", place / "out", "--cluster", address)
    assert status == 2 and f"--cluster {address}: no Ray answers" in told and "ray start" in told
    assert time.monotonic() - begun < 30


def test_a_ray_of_its_own_makes_the_same_pictures(place, environment):
    """From the shell, to the bit, in whichever precision was chosen; with a dashboard while it runs."""
    with shell(environment, place, "--cluster", "--sample", "1") as run:
        first = run.stderr.readline()
        if find_spec("aiohttp_cors"):  # of ray[default]
            with pytest.raises(HTTPError, match="401"):
                urlopen(re.search(r"dashboard is at (http://\S+);", first)[1] + "/nodes?view=summary")
            assert "ray get-auth-token" in first
        told = first + run.communicate(timeout=300)[1]
    assert run.returncode == 0 and "8/8" in told and "Traceback" not in told, told
    rows = json.loads((place / "r.json").read_text())
    assert [row["content"] for row in rows] == sorted(map(str, (place / "in").iterdir()))
    equal, threads = [], torch.get_num_threads()
    torch.set_num_threads(1)
    for dtype in (torch.float32, torch.bfloat16):
        stylizer = Stylizer.from_pretrained(network="small", device="cpu", dtype=dtype)
        pictures = [stylizer(row["content"], row["style"]).tobytes() for row in rows]
        equal.append(pictures == [Stylizer.open(stylizer, row["output"]).rgb.tobytes() for row in rows])
    torch.set_num_threads(threads)
    assert any(equal) and hidden(place / "out") == [".wct.jsonl"]


def test_a_picture_that_kills_its_worker_twice_is_told_and_no_other_is_lost(command, place, paint):
    for name in ("deadly", "once"):
        paint(place / "in" / f"{name}.png", 40)
    run = (place / "in", place / "styles" / "s0.png", "--output", place / "out", "--report", place / "r.json")
    status, told = command(*run, load=quick(place))
    rows = json.loads((place / "r.json").read_text())
    failed = [row for row in rows if row["status"] == "failed"]
    assert status == 1 and len(rows) == 10 and count(told, "pictures") == 9, told
    assert [row["content"] for row in failed] == [str(place / "in" / "deadly.png")]
    assert "two workers died of it" in failed[0]["error"]
    made = sorted(path.name for path in (place / "out").glob("[!.]*"))
    assert made == sorted(os.path.basename(row["output"]) for row in rows if row["status"] == "done")
    assert [row["content"] for row in rows] == sorted(row["content"] for row in rows)
    assert hidden(place / "out") == [".wct.jsonl"]
    (place / "in" / "deadly.png").unlink()
    paint(place / "in" / "0.png", 77)
    before = {path: path.read_bytes() for path in (place / "out").glob("*.png")}
    status, told = command(*run, load=quick(place))
    assert status == 0 and "made of another photo" in told
    assert (count(told, "pictures"), count(told, "skipped")) == (1, 8)
    assert before == {path: path.read_bytes() for path in before}
    assert len(list((place / "out").glob("*.png"))) == len(before) + 1


def test_from_a_store_to_a_store(command, bucket, place, capsys, monkeypatch):
    """A half in this process, the rest in the cluster, which skips what is there; then nothing, by nobody."""
    import fsspec

    files = fsspec.filesystem("s3")
    for folder in ("in", "styles"):
        files.put(str(place / folder), f"pictures/{folder}", recursive=True)
    run = (f"{bucket}/in", f"{bucket}/styles", "--output", f"{bucket}/out")
    assert main([*run, "--shard", "1/2", "--network", "small", "--device", "cpu"]) == 0
    capsys.readouterr()
    status, told = command(*run, "--report", f"{bucket}/rows.csv", load=quick(place))
    assert status == 0 and (count(told, "pictures"), count(told, "skipped")) == (8, 8)
    files.invalidate_cache()
    made = {path.rpartition("/")[2] for path in files.glob("pictures/out/*.png")}
    assert made == {f"{i}__s{j}.png" for i in range(8) for j in range(2)}
    assert files.cat_file("pictures/rows.csv").count(b"done") == 8
    monkeypatch.setattr("wct.batch.cluster.Cluster.start", lambda *_: pytest.fail("a worker was started"))
    status, told = command(*run)
    assert status == 0 and count(told, "skipped") == 16


def test_ctrl_c_ends_in_order(machines, environment, place, paint):
    """From the shell, on the cluster at its address, which has no dashboard."""
    for i in range(200):
        paint(place / "in" / f"{i}.png", i)
    with shell(environment, place, "--cluster", machines.address) as run:
        while len(list((place / "out").glob("*.png"))) < 3 and run.poll() is None:
            time.sleep(0.05)
        os.killpg(run.pid, signal.SIGINT)
        errors = run.communicate(timeout=120)[1]
    rows = json.loads((place / "r.json").read_text())
    assert run.returncode == 130 and "goes on" in errors and "Traceback" not in errors, errors
    assert "dashboard" not in errors and 3 <= len(rows) < 400
    made = {path.name for path in (place / "out").glob("*.png")}
    told = {os.path.basename(row["output"]) for row in rows}
    assert told <= made and len(made - told) <= 2  # what workers had in hand may be written, and is skipped next time
    assert hidden(place / "out") == [".wct.jsonl"]


def test_workers_that_do_not_start(command, place, monkeypatch):
    monkeypatch.setattr("wct.batch.pool.STARTS", 2)

    def load():
        raise ValueError("there is no such network")

    status, told = command(place / "in", place / "styles", "--output", place / "out", load=load)
    assert status == 2 and "no worker of the cluster starts: there is no such network" in told


def test_a_machine_leaves_and_another_joins(command, machines, place, monkeypatch):
    add = Rows.add

    def change(rows, *row):
        add(rows, *row)
        if not (place / "await-3").exists() and len(list(place.glob("machine-*"))) == 2:
            (place / "await-3").touch()
            machines.remove_node(machines.second, allow_graceful=False)
            machines.second = machines.add_node(**machines.size)

    monkeypatch.setattr(Rows, "add", change)
    (place / "await-2").touch()
    status, told = command(place / "in", place / "styles", "--output", place / "out", load=quick(place))
    assert status == 0 and count(told, "pictures") == 16, told
    assert len(list(place.glob("machine-*"))) == 3, "the one that joined has made nothing"

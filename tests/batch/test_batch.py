import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from common import CONTENTS, EXAMPLES, STYLES
from PIL import Image

from wct.batch.__main__ import main
from wct.batch.jobs import Labels, jobs

ROOT = EXAMPLES.parent


def command(*args, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "wct.batch", *map(str, args)], cwd=ROOT, capture_output=True, text=True, **kwargs
    )


@pytest.fixture
def folders(tmp_path):
    """Two small photos and two small paintings."""
    for name, pictures in (("content", CONTENTS[:2]), ("style", STYLES[:2])):
        (tmp_path / name).mkdir()
        for path in pictures:
            Image.open(path).resize((48, 40)).save(tmp_path / name / path.name)
    return tmp_path


@pytest.fixture
def run(folders, stylizer, monkeypatch, capsys):
    """The command in this process, on the folders, without loading the networks again."""
    from wct.pipeline.stylizer import Stylizer

    monkeypatch.setattr(Stylizer, "from_pretrained", lambda **options: stylizer)

    def run(*args, content=folders / "content", style=folders / "style"):
        try:
            status = main([str(a) for a in (content, style, "--output", folders / "out", *args)])
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return run


def outputs(folders):
    return sorted(p.name for p in (folders / "out").glob("[!.]*"))


def test_every_content_in_every_style(folders, environment):
    done = command(folders / "content", folders / "style", "--output", folders / "out", env=environment)
    assert done.returncode == 0, done.stderr
    assert outputs(folders) == sorted(f"{c.stem}__{s.stem}.png" for c in CONTENTS[:2] for s in STYLES[:2])
    assert all(Image.open(p).size == (48, 40) for p in (folders / "out").glob("[!.]*"))
    table = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines())
    assert table["pictures"] == "4" and table["failures"] == "0"
    assert all(float(table[name]) > 0 for name in ("median s/picture", "  encode", "  transform", "  decode"))
    assert "4/4" in done.stderr  # the progress bar


def test_files_instead_of_folders(run, folders):
    assert run(content=CONTENTS[0], style=STYLES[0], *("--size", 32))[0] == 0
    (name,) = outputs(folders)
    assert max(Image.open(folders / "out" / name).size) == 32


def test_finished_pictures_are_skipped_unless_told_otherwise(run, folders):
    run()
    first = folders / "out" / outputs(folders)[0]
    os.utime(first, (1, 1))
    (folders / "out" / outputs(folders)[1]).unlink()
    status, out, _ = run()
    assert status == 0 and first.stat().st_mtime == 1 and len(outputs(folders)) == 4
    assert out.splitlines()[0].split() == ["pictures", "1"] and out.splitlines()[1].split() == ["skipped", "3"]
    run("--overwrite")
    assert first.stat().st_mtime > 1


def test_a_broken_picture_costs_only_itself(run, folders):
    (folders / "content" / "broken.jpg").write_text("not a picture")
    status, _out, err = run("--report", folders / "report.json")
    assert status == 1 and len(outputs(folders)) == 4
    (line,) = [line for line in err.splitlines() if line.startswith("failed")]
    assert "broken.jpg" in line and "Traceback" not in err
    rows = json.loads((folders / "report.json").read_text())
    assert [row["status"] for row in rows].count("done") == 4
    assert all("broken.jpg" in row["error"] for row in rows if row["status"] == "failed")


def test_reports(run, folders):
    run("--report", folders / "report.csv")
    with open(folders / "report.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    for row in rows:
        assert Path(row["output"]).is_file() and row["backend"] == "auto"
        assert (row["width"], row["height"]) == ("48", "40")
        stages = sum(float(row[stage]) for stage in ("encode", "transform", "decode"))
        assert float(row["seconds"]) == pytest.approx(stages)


def test_report_that_cannot_be_written(run, folders):
    (folders / "locked.csv").mkdir()
    status, _, err = run("--report", folders / "locked.csv")
    assert status == 2 and "is a folder" in err and not (folders / "out").exists()
    assert run("--report", folders / "new" / "report.csv")[0] == 0
    assert (folders / "new" / "report.csv").is_file()


def test_comparison(run):
    status, out, _ = run("--compare", "eigh,newton_schulz")
    assert status == 0
    table = [line.split() for line in out.splitlines()[out.splitlines().index("") + 2 :]]
    assert [row[0] for row in table] == ["auto", "eigh", "newton_schulz", "svd"]
    for _name, milliseconds, share, residual, decibels, _ in table:
        assert float(milliseconds) > 0 and 0 < int(share.rstrip("%")) < 100
        assert float(residual) < 1e-2
        assert float(decibels) > 40
    assert "Nothing was compared" in run("--compare", "eigh")[1]  # all are finished


def test_comparison_without_whitening(run, folders):
    status, out, err = run("--compare", "eigh", "--transform", "adain")
    assert status == 0 and out.splitlines()[-2].split()[3] == "-" and "failed" not in err


def test_options_may_stand_between_the_pictures(run, folders):
    """As they do where a command is built up bit by bit."""
    assert run("--size", 32, STYLES[0], content=CONTENTS[0], style="--overwrite")[0] == 0
    assert outputs(folders) == [f"{CONTENTS[0].stem}__{STYLES[0].stem}.png"]


@pytest.mark.parametrize("given, found", [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"),
                                          ({"OMP_WAIT_POLICY": "ACTIVE"}, None)])
def test_waiting_threads_give_way_unless_told_otherwise(environment, folders, given, found):
    """Set by the time torch reads it: when it is imported."""
    code = (
        "import os, sys; from importlib.abc import MetaPathFinder; from wct.batch.__main__ import main\n"
        "class Finder(MetaPathFinder):\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'torch': sys.exit(str(os.environ.get('GOMP_SPINCOUNT')))\n"
        "sys.meta_path.insert(0, Finder()); main(sys.argv[1:])"
    )
    own = {k: v for k, v in environment.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run([sys.executable, "-c", code, CONTENTS[0], STYLES[0], "--output", folders / "out"], cwd=ROOT,
                          env=own | given, capture_output=True, text=True)
    assert done.stderr.strip() == str(found)


@pytest.mark.parametrize("format, kind", [("jpeg", "JPEG"), ("webp", "WEBP")])
def test_formats(run, folders, format, kind):
    assert run("--format", format, content=CONTENTS[0], style=STYLES[0], *("--size", 32))[0] == 0
    (name,) = outputs(folders)
    assert Image.open(folders / "out" / name).format == kind


def test_what_no_file_has_room_for_is_told_before_the_work(run, folders, monkeypatch):
    Image.new("RGB", (16400, 4)).save(folders / "content" / "long.png")
    made = []
    monkeypatch.setattr("wct.pipeline.stylizer.Stylizer.stylise", lambda *_, **__: made.append(1))
    status, _, err = run("--format", "webp", "--size", 16400, content=folders / "content" / "long.png")
    assert status == 1 and "16400 x 4 pixels are too many, WEBP has room for 16383" in err
    status, _, err = run("--format", "webp", "--texture", "16400x4", content=STYLES[0], style="--overwrite")
    assert status == 1 and "16400 x 4 pixels are too many" in err
    assert not made and not outputs(folders)


def test_nothing_but_results(run, folders):
    out = folders / "empty" / "out"
    assert run(style=STYLES[0], *("--size", 32))[0] == 0
    (folders / "empty").mkdir()
    (folders / "out").rename(out)
    status, _, err = run("--recursive", "--output", out, content=folders / "empty")
    assert status == 2 and "no pictures in it but those in out" in err


def test_recursive_leaves_out_its_own_results(run, folders):
    (folders / "content" / "deep").mkdir()
    Image.new("RGB", (20, 20), "red").save(folders / "content" / "deep" / "red.png")
    out = folders / "content" / "out"
    for _ in range(2):
        assert run("--recursive", "--output", out, style=STYLES[0])[0] == 0
        assert len(list(out.glob("*.png"))) == 3


@pytest.mark.parametrize(
    "args, message",
    [
        (["absent", "examples/style", "--output", "{tmp}/out"], "absent: there is no such file"),
        (["examples/content", "examples/style"], "--output"),
        (["examples/content", "examples/style", "--output", "{tmp}/out", "--strength", "2"], "between 0 and 1"),
        (["examples/content", "examples/style", "--output", "{tmp}/out", "--size", "0"], "at least 1"),
        (["examples/content", "examples/style", "--output", "{tmp}/out", "--tile", "64"], "at least 512"),
        (["examples/content", "examples/style", "--output", "{tmp}/out", "--mask", "no.png"], "no.png: there is no"),
        (["--texture", "9x9", "examples/style", "--output", "{tmp}/out", "--seed", "-1"], "--seed must lie"),
        (["examples/content", "examples/style", "--output", "{tmp}/out", "--backend", "qr"], "invalid choice: 'qr'"),
        (["examples/content", "examples/style", "--output", "{tmp}/out", "--compare", "qr"], "'qr' is none of"),
        (["examples/content", "examples/style", "--output", "{tmp}/out", "--report", "x.txt"], ".json or .csv"),
        (["examples/content", "examples/style", "--output", "examples/content"], "another folder"),
        (["examples/content", "examples/style", "--output", "README.md"], "README.md"),
    ],
)
def test_bad_usage(args, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as stop:
        main([arg.replace("{tmp}", str(tmp_path)) for arg in args])
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err


def test_arguments_are_read_without_torch():
    code = "import sys, wct.batch.arguments as a; a.arguments(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    command = [sys.executable, "-c", code, "a", "b", "--output", "c"]
    assert subprocess.run(command, cwd=ROOT).returncode == 0


def test_interrupt_leaves_whole_files_and_the_next_run_goes_on(folders, environment):
    for i in range(30):
        Image.open(CONTENTS[0]).resize((96, 96)).save(folders / "content" / f"more{i}.png")
    args = [sys.executable, "-m", "wct.batch", folders / "content", folders / "style", "--output", folders / "out"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job may have inherited that it is ignored
    with subprocess.Popen(args, cwd=ROOT, env=environment, **pipes) as process:
        try:
            deadline = time.monotonic() + 120
            while not list((folders / "out").glob("*.png")) and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130 and "goes on" in err and "Traceback" not in err
    made = list((folders / "out").glob("[!.]*"))
    assert 0 < len(made) < 64
    for path in made:
        Image.open(path).load()


def test_odd_names(run, folders):
    name = os.fsdecode(b"a \xff\n'.png")
    Image.new("RGB", (20, 20), "red").save(folders / "content" / "plain.png")
    (folders / "content" / "plain.png").rename(folders / "content" / name)
    (folders / "content" / ("z" * 250 + ".png")).write_bytes(b"not a picture, and no room for a longer name")
    status, _, err = run("--report", folders / "report.csv", style=STYLES[0])
    assert status == 1 and len(outputs(folders)) == 3 and "Traceback" not in err
    assert (folders / "report.csv").is_file()
    assert len([line for line in err.splitlines() if line.startswith("failed")]) == 1


def test_size_beyond_memory_is_refused(run):
    status, _, err = run("--size", 100_000, content=CONTENTS[0], style=STYLES[0])
    assert status == 1 and "smaller size" in err


def test_output_may_be_above_the_pictures(run, folders):
    assert run("--output", folders)[0] == 0
    assert len(list(folders.glob("*__*.png"))) == 4


def test_no_two_pairs_write_the_same_file():
    pairs = jobs([Path("a__b.png"), Path("a.png")], [Path("c.png"), Path("b__c.png")], Path("out"), ".png")
    assert len({path for *_, path in pairs}) == 4


def test_labels_tell_twins_apart():
    paths = [Path("a/x.jpg"), Path("a/x.png"), Path("a/y.jpg")]
    assert list(Labels(paths)) == ["x.jpg", "x.png", "y"]
    assert list(Labels([Path("a/x.jpg"), Path("b/x.jpg")])) == ["a-x.jpg", "b-x.jpg"]
    assert len(set(Labels([Path("p/a/x.jpg"), Path("q/a/x.jpg")]))) == 2

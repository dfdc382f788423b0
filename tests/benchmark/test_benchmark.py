"""python -m wct.benchmark as a user runs it, on tiny matrices."""

import csv
import json
import subprocess
import sys

import pytest
from common import benchmark

from wct.benchmark import main

TINY = ["--n", "4,8", "--batch", "1,3", "--repeats", "1", "--dtype", "float32", "--device", "cpu"]


def test_matrix_prints_a_table_and_writes_a_report(tmp_path):
    report = tmp_path / "report.csv"
    table = benchmark("matrix", *TINY, "--methods", "mpa,eigh", "--report", str(report))
    with open(report, newline="") as file:
        rows = list(csv.DictReader(file))
    methods = ["torch.linalg.svd", "torch.linalg.eigh", "mpa", "eigh"]
    assert [row["method"] for row in rows] == 4 * methods
    assert all(table.count(f"{method} ") >= 4 for method in methods)
    for row in rows:
        assert float(row["residual"]) < 1e-3
        assert float(row["forward_ms"]) > 0 and float(row["backward_ms"]) > 0
    svd, eigh, mpa, _ = (float(row["forward_ms"]) for row in rows[:4])
    assert float(rows[2]["svd_forward"]) == pytest.approx(svd / mpa)
    assert float(rows[2]["eigh_forward"]) == pytest.approx(eigh / mpa)


def test_plots_and_json(tmp_path):
    report = tmp_path / "report.json"
    arguments = ["--n", "4", "--batch", "1", "--repeats", "1", "--dtype", "float64", "--device", "cpu"]
    benchmark("matrix", *arguments, "--plot", str(tmp_path / "plots"), "--report", str(report))
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert names == {"time-cpu-float64.png", "residual.png"}
    swept = [row for row in json.loads(report.read_text()) if row["degree"]]
    errors = {row["degree"]: row["residual"] for row in swept if row["method"] == "zolotarev"}
    assert errors[8] < 1e-3 < errors[1]
    assert {"mpa", "mpa (paper)", "newton_schulz (paper)"} <= {row["method"] for row in swept}


def test_what_would_take_too_long_is_left_out():
    table = benchmark("matrix", *TINY, "--methods", "mpa", "--limit", "1e-9")
    assert table.count("mpa ") == 2  # n = 4, by which n = 8 is judged


def test_help_and_mistakes_need_no_torch():
    code = "import sys, wct.benchmark as b\ntry: b.main(sys.argv[1:])\n"
    code += "except SystemExit: sys.exit('torch' in sys.modules)\nelse: sys.exit('measured')"
    for arguments in (["--help"], ["matrix", "--help"], ["matrix", "--n", "0"], ["pipeline", "--help"],
                      ["pipeline", "--sizes", "100"], ["sheet", "--help"], ["sheet", "--size", "50"]):
        subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)


def test_a_report_that_cannot_be_written_is_told_in_a_line(tmp_path):
    report = tmp_path / ("long" * 80 + ".csv")
    told = benchmark("matrix", *TINY, "--methods", "mpa", "--report", str(report), status=2)
    assert "cannot be written" in told and "Traceback" not in told


def test_a_package_that_is_missing_is_told_before_the_work(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("wct.runtime.arguments.find_spec", lambda name: None)
    with pytest.raises(SystemExit) as stop:
        main(["matrix", *TINY, "--plot", str(tmp_path / "plots")])
    assert stop.value.code == 2 and not (tmp_path / "plots").exists()
    assert "matplotlib is missing: pip install matplotlib" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--n", "0"], "positive whole number"),
        (["--methods", "pade"], "none of auto, mpa"),
        (["--dtype", "float16"], "none of float32, float64"),
        (["--report", "table.txt"], "must end in .json or .csv"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments, words):
    assert words in benchmark("matrix", *arguments, status=2)


def test_tune_writes_the_table_that_auto_reads(tmp_path, monkeypatch):
    from wct.benchmark import tune
    from wct.sqrtm import choice

    monkeypatch.setattr(choice, "SIZES", [2, 4])
    monkeypatch.setattr(choice, "BATCHES", [1, 8])
    path = tmp_path / "table.json"
    path.write_text('{"cuda": {"float32": "kept"}, "cpu": {"float64": "kept"}}')
    tune.tune(["cpu"], ["float32"], 0.0, path)
    table = choice.load(path)
    assert table["cuda"]["float32"] == table["cpu"]["float64"] == "kept"
    for rows in table["cpu"]["float32"].values():
        assert [len(row.split()) for row in rows] == [2, 2]
        assert all(method in choice.candidates("float32", n) for n, row in zip((2, 4), rows) for method in row.split())

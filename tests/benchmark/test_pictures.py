"""python -m wct.benchmark pictures, by a judge of its own that sees colours alone."""

import csv

import pytest
from common import EXAMPLES, benchmark
from PIL import Image

JUDGE = """
class Judge:
    def score(self, content, style, result):
        mean = lambda x: x.mean((2, 3))
        return {"lpips": float((result - content).abs().mean()), "gram": float((mean(result) - mean(style)).norm()),
                "meanstd": float((result.std() - style.std()).abs())}
"""


@pytest.fixture
def judge(tmp_path):
    folder = tmp_path / "judge"
    folder.mkdir()
    (folder / "judge.py").write_text(JUDGE)
    return str(folder)


def test_a_curve_with_its_plot(judge, tmp_path):
    report, drawing = tmp_path / "curve.csv", tmp_path / "curve.png"
    told = benchmark("pictures", "--judge", judge, "--pairs", "3", "--size", "64", "--networks", "small",
                     "--along", "strength", "--values", "0,0.5,1", "--report", str(report), "--plot", str(drawing))
    with open(report, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["program"] for row in rows] == 3 * ["small"] and [row["value"] for row in rows] == ["0.0", "0.5", "1.0"]
    content, style = ([float(row[name]) for row in rows] for name in ("lpips", "gram"))
    assert content == sorted(content) and content[0] < 0.01
    assert style == sorted(style, reverse=True)
    assert all(float(row["gram_error"]) > 0 for row in rows)
    assert Image.open(drawing).size[0] > 300
    assert told.count("small") == 3


def test_both_curves_in_one_plot(judge, tmp_path):
    report, drawing = tmp_path / "curve.csv", tmp_path / "curve.png"
    benchmark("pictures", "--judge", judge, "--pairs", "1", "--size", "64", "--networks", "small",
              "--along", "detail,strength", "--report", str(report), "--plot", str(drawing))
    with open(report, newline="") as file:
        rows = {(row["option"], float(row["value"])): row["lpips"] for row in csv.DictReader(file)}
    assert len(rows) == 7 and rows["strength", 1.0] == rows["detail", 0.14] and len(set(rows.values())) == 6
    assert Image.open(drawing).size[0] > 300


def test_the_default_alone(judge):
    told = benchmark("pictures", "--judge", judge, "--pairs", "2", "--size", "64", "--networks", "full,small",
                     "--only", "hokusai-poppies")
    assert told.count("detail") == 2 and "full" in told and "small" in told


@pytest.mark.parametrize("arguments, words", [
    (["--judge", "gone"], "name a folder with a judge.py"),
    (["--judge", "JUDGE", "--values", "0.1"], "name it by --along"),
    (["--judge", "JUDGE", "--along", "detail,strength", "--values", "0.1"], "name it by --along"),
    (["--judge", "JUDGE", "--along", "detail,size"], "none of detail, strength"),
    (["--judge", "JUDGE", "--along", "detail", "--values", "2"], "must lie between 0 and 1"),
    (["--judge", "JUDGE", "--networks", "tiny"], "none of small, full"),
    (["--judge", "JUDGE", "--styles", str(EXAMPLES.parent / "docs")], "no .jpg pictures"),
    (["--judge", "JUDGE", "--pairs", "1", "--size", "64", "--networks", "small", "--microast", "gone"], "net_microAST"),
])
def test_mistakes_are_told_in_a_line(judge, arguments, words):
    told = benchmark("pictures", *(judge if a == "JUDGE" else a for a in arguments), status=2)
    assert words in told and "Traceback" not in told

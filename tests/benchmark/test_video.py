"""python -m wct.benchmark video: what it measures and writes."""

import json

from common import benchmark
from PIL import Image


def test_flicker_and_speed(tmp_path):
    told = benchmark("video", "--size", "96", "--frames", "4", "--speed", "64", "--report", tmp_path / "rows.json",
                     "--plot", tmp_path, "--strips", tmp_path / "strips")
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert [(row["clip"], row["program"]) for row in rows] == [
        *((clip, program) for clip in ("still camera, noise", "pan", "film")
          for program in ("ours, frame by frame", "ours")), ("film, file to file", "ours")]
    for alone, steady in zip(rows[0:6:2], rows[1:6:2]):
        assert alone["relative"] == 1 and 0 < steady["relative"] < 0.6 and len(steady["each"]) == 3
    assert rows[6]["frames"] == 240 and rows[6]["size"] == "64 x 36" and 0.2 < rows[6]["network"] <= 1
    assert "of frame by frame" in told and (tmp_path / "flicker.png").exists()
    assert Image.open(tmp_path / "strips" / "pan-ours.jpg").size == (4 * 96, 54)


def test_what_cannot_be_read(tmp_path):
    told = benchmark("video", "--clip", tmp_path / "no.mp4", "--size", "64", "--frames", "2", status=2)
    assert "no.mp4: there is no such file" in told

"""Skipped is what is there already, and that alone; and nothing that is there is lost."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from common import ROOT
from PIL import Image

from wct.batch.record import NAME, Record, fingerprint


@pytest.fixture
def frames(tmp_path, paint):
    """Two clips of two frames, named alike; a painting."""
    paint(tmp_path / "style.png", 9)
    for clip in (1, 2):
        for i in (1, 2):
            paint(tmp_path / f"clip{clip}" / f"000{i}.png", 10 * clip + i)
    return tmp_path


def made(folder):
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*")}


def counts(told):
    """(pictures, skipped) of the closing table."""
    return tuple(int(re.search(rf"^{name} +(\d+)", told, re.MULTILINE)[1]) for name in ("pictures", "skipped"))


def test_another_photo_of_that_name_loses_nothing(batch, frames):
    out, style = frames / "out", frames / "style.png"
    first, second = ((frames / clip, style, "--output", out) for clip in ("clip1", "clip2"))
    assert counts(batch(*first)[1]) == (2, 0)
    before = made(out)
    status, told = batch(*second)
    assert status == 0 and counts(told) == (2, 0) and len(made(out)) == 4 and before.items() <= made(out).items()
    assert told.count("of another photo") == 1 and "--overwrite" in told
    everything = made(out)
    for clip in (first, second, first):  # all of both is there
        status, told = batch(*clip)
        assert status == 0 and counts(told) == (0, 2) and made(out) == everything and "note" not in told
    assert counts(batch(*second, "--overwrite")[1]) == (2, 0)
    assert made(out)["0001__style.png"] == everything[next(n for n in everything if n.startswith("0001__style-"))]


@pytest.mark.parametrize("options, changed", [
    ([], ["--strength", 0.5]),
    (["--strength", 0.5], ["--strength", 0.6]),
    ([], ["--size", 40]),
    ([], ["--backend", "eigh"]),
    ([], ["--levels", 2]),
    ([], ["--levels", "1,1,1,0.5"]),
    ([], ["--keep-colors"]),
    ([], ["--detail", 0.5]),
    ([], ["--metadata", "keep"]),
])
def test_other_options_are_other_pictures(batch, frames, options, changed):
    run = (frames / "clip1" / "0001.png", frames / "style.png", "--output", frames / "out")
    batch(*run, *options)
    status, told = batch(*run, *changed)
    assert status == 0 and counts(told) == (1, 0) and "made with other options" in told
    assert len(made(frames / "out")) == 2
    assert counts(batch(*run, *changed)[1]) == counts(batch(*run, *options)[1]) == (0, 1)


@pytest.mark.parametrize("same", [["--tile", 512], ["--levels", 4], ["--levels", "1,1,1,1"], ["--strength", 1],
                                  ["--device", "cpu"], ["--recursive"]])
def test_what_makes_no_difference_is_no_other_picture(batch, frames, same):
    run = (frames / "clip1", frames / "style.png", "--output", frames / "out")
    batch(*run)
    assert counts(batch(*run, *same)[1]) == (0, 2)


def test_seeds_and_sizes_of_textures(batch, frames):
    run = ("--output", frames / "out", frames / "style.png", "--texture")
    for wanted in (["40x40"], ["40x40", "--seed", 1], ["40x48"]):
        assert counts(batch(*run, *wanted)[1]) == (1, 0)
        assert counts(batch(*run, *wanted)[1]) == (0, 1)
    assert len(set(made(frames / "out").values())) == 3


def test_blends_and_their_weights(batch, frames, paint):
    paint(frames / "styles" / "a.png", 1)
    paint(frames / "styles" / "b.png", 2)
    run = (frames / "clip1" / "0001.png", frames / "styles", "--output", frames / "out", "--blend")
    assert counts(batch(*run)[1]) == (1, 0)
    assert counts(batch(*run, "2,2")[1]) == (0, 1)
    assert counts(batch(*run, "2,1")[1]) == (1, 0)


@pytest.mark.parametrize("what", ["photo", "style", "mask", "part"])
def test_a_file_that_has_changed_is_noticed(batch, tmp_path, paint, what):
    """Though its size and time are as they were."""
    paths = {name: paint(tmp_path / f"{name}.bmp", i) for i, name in enumerate(("photo", "style"))}
    for name in ("mask", "part"):
        paths[name] = tmp_path / f"{name}.bmp"
        Image.new("L", (48, 32), 255).save(paths[name])
    run = (paths["photo"], paths["style"], "--output", tmp_path / "out", "--mask", paths["mask"], "--style-mask",
           paths["part"])
    assert counts(batch(*run)[1]) == (1, 0) and counts(batch(*run)[1]) == (0, 1)
    before = os.stat(paths[what])
    with Image.open(paths[what]) as image:
        other = image.copy()
    other.paste(0, (0, 0, 20, 20))
    other.save(paths[what])
    os.utime(paths[what], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat(paths[what]).st_size == before.st_size
    assert counts(batch(*run)[1]) == (1, 0)


def test_a_mask_and_a_style_mask_are_not_the_same(batch, tmp_path, paint):
    photo, style, mask = paint(tmp_path / "photo.bmp", 0), paint(tmp_path / "style.bmp", 1), tmp_path / "mask.png"
    part = Image.new("L", (48, 32), 255)
    part.paste(0, (0, 0, 20, 20))
    part.save(mask)
    for option in ("--mask", "--style-mask"):
        assert counts(batch(photo, style, "--output", tmp_path / "out", option, mask)[1]) == (1, 0)


def test_all_may_move(batch, frames):
    """To another folder, with other times: the files are the same."""
    batch(frames / "clip1", frames / "style.png", "--output", frames / "out")
    new = frames / "new"
    for name in ("clip1", "out"):
        shutil.copytree(frames / name, new / name, copy_function=shutil.copyfile)
    shutil.copyfile(frames / "style.png", new / "style.png")
    status, told = batch(new / "clip1", new / "style.png", "--output", new / "out")
    assert status == 0 and counts(told) == (0, 2)


def test_ten_thousand_finished_pictures_are_not_read_again(batch, frames, monkeypatch):
    """Of files whose size and times are as they were, none is opened."""
    run = (frames / "clip1", frames / "style.png", "--output", frames / "out")
    batch(*run)
    read = []
    monkeypatch.setattr("wct.batch.record._file_digest", lambda path: read.append(path) or "")
    record = Record(frames / "out", {})
    for i in (1, 2):
        record.find(frames / "out" / f"000{i}__style.png", frames / "clip1" / f"000{i}.png", [])
    assert not read


def test_memory_does_not_grow_with_what_was_made(tmp_path):
    """A process that reads the record of 100,000 pictures, the last of which is there, and of one."""
    photo = tmp_path / "photo"

    def peak(count):
        out, path = tmp_path / str(count), tmp_path / str(count) / "c__s.png"
        out.mkdir()
        record = Record(out, {})
        (out / "part").write_bytes(b"a picture")
        record.add(out / "part", path, photo, [photo])
        line = json.loads((out / NAME).read_bytes())
        with (out / NAME).open("ab") as file:
            for i in range(count):
                file.write(json.dumps([f"{i:09}__s.png", *line[1:-1], {f"{i:024x}": f"{i:024x}"}]).encode() + b"\n")
        code = f"""import resource; from pathlib import PosixPath; from wct.batch.record import Record
assert Record({out!r}, {{}}).find({path!r}, {photo!r}, [{photo!r}])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"""
        return int(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout) / 1e3

    photo.write_bytes(b"a photo")
    assert peak(100_000) - peak(1) < 40  # MB; of 30 MB of lines


def test_a_picture_that_nobody_knows_of_stays(batch, frames, paint):
    theirs = paint(frames / "out" / "0001__style.png", 5).read_bytes()
    for expected in ((2, 0), (0, 2)):
        status, told = batch(frames / "clip1", frames / "style.png", "--output", frames / "out")
        assert status == 0 and counts(told) == expected and made(frames / "out")["0001__style.png"] == theirs
    assert len(made(frames / "out")) == 3


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: data[: len(data) // 2], lambda data: bytes(len(data)),
])
def test_what_a_power_cut_left_is_made_again(batch, frames, damage):
    run = (frames / "clip1", frames / "style.png", "--output", frames / "out")
    batch(*run)
    before = made(frames / "out")
    (frames / "out" / "0001__style.png").write_bytes(damage(before["0001__style.png"]))
    assert counts(batch(*run)[1]) == (1, 1) and made(frames / "out") == before


def test_a_record_with_broken_lines(batch, frames):
    run = (frames / "clip1", frames / "style.png", "--output", frames / "out")
    batch(*run)
    record = frames / "out" / NAME
    record.write_bytes(b'{"a": 1}\n\xff\xfe[[\n[1, 2]\n' + record.read_bytes() + b'["cut o')  # no end of a line
    paint = frames / "clip1" / "0003.png"
    shutil.copy(frames / "clip2" / "0001.png", paint)
    assert counts(batch(*run)[1]) == (1, 2) and counts(batch(*run)[1]) == (0, 3)
    assert json.loads(record.read_bytes().splitlines()[-1])[0] == "0003__style.png"


def test_two_runs_at_once_know_of_each_other(frames):
    """Each decides before the other has written, and while it runs, sees what the other has made."""
    out, style = frames / "out", frames / "style.png"
    out.mkdir()
    one, two = Record(out, {}), Record(out, {})
    photos = [frames / clip / "0001.png" for clip in ("clip1", "clip2")]
    path = out / "0001__style.png"
    assert one.find(path, photos[0], [style]) is two.find(path, photos[1], [style]) is None
    places = []
    for record, photo in zip((one, two), photos):
        (out / "part").write_bytes(photo.read_bytes())
        places.append(record.add(out / "part", path, photo, [style])[0])
    assert places[0] == path != places[1] and len(made(out)) == 2
    for photo, place in zip(photos, places):
        for record in (one, two, Record(out, {})):
            assert record.find(path, photo, [style]) == place
    assert Record(out, {"strength": 0.5}).find(path, photos[0], [style]) is None


def test_a_picture_removed_by_hand_is_made_again_in_its_place(batch, frames):
    run = (frames / "clip1", frames / "style.png", "--output", frames / "out")
    batch(*run)
    before = made(frames / "out")
    (frames / "out" / "0002__style.png").unlink()
    assert counts(batch(*run)[1]) == (1, 1) and made(frames / "out") == before


def test_networks_are_told_apart_and_are_the_same_in_bfloat16(stylizer):
    import torch

    from wct import Stylizer

    half = Stylizer(stylizer.encoder, stylizer.decoder, device="cpu", dtype=torch.bfloat16)
    assert fingerprint([half.encoder, half.decoder]) == fingerprint([stylizer.encoder, stylizer.decoder])
    assert fingerprint([stylizer.encoder]) != fingerprint([stylizer.decoder])

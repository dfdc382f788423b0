"""Which pictures a run makes: samples, shards, blocks of many styles."""

import re
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wct.batch.jobs import KEPT, Plan, Share

SIZES = dict(contents=st.integers(1, 9), styles=st.integers(1, 7), parts=st.integers(1, 5))


def plan(contents, styles, share=Share(), **options):  # noqa: B008
    paths = [[Path(f"{name}{i}.png") for i in range(n)] for name, n in (("c", contents), ("s", styles))]
    return Plan(*paths, Path("out"), ".png", share=share, **options)


def made(plan):
    return [path.name for block in plan.blocks() for *_, path in block]


@given(**SIZES, sample=st.integers(1, 7) | st.none(), workers=st.integers(1, 6))
def test_the_shards_are_the_whole_and_share_nothing(contents, styles, parts, sample, workers):
    sample = sample and min(sample, styles)
    whole = made(plan(contents, styles, Share(sample, 3)))
    shards = [plan(contents, styles, Share(sample, 3, (i, parts)), workers=workers) for i in range(parts)]
    found = [made(shard) for shard in shards]
    assert sorted(chain(*found)) == sorted(whole) and list(map(len, found)) == list(map(len, shards))
    assert len(whole) == contents * (sample or styles)
    if contents >= parts:  # each is read for one of them alone
        assert len({name.split("__")[0] for shard in found for name in set(shard)}) == contents
    assert max(map(len, found)) - min(map(len, found)) <= (sample or styles if contents >= parts else 1)


def test_a_sample_is_that_of_its_seed_and_name():
    whole = made(plan(20, 7, Share(2, 5)))
    assert whole == made(plan(20, 7, Share(2, 5))) != made(plan(20, 7, Share(2, 6)))
    assert set(made(plan(8, 7, Share(2, 5)))) <= set(whole)  # whatever else is in the folder
    drawn = [name.split("__")[1] for name in whole]
    assert len(set(drawn)) == 7 and max(map(drawn.count, drawn)) < 15


def test_long_lists_of_styles_come_in_blocks_that_a_worker_can_keep():
    blocks = [list(block) for block in plan(3, 2 * KEPT + 5).blocks()]
    assert [len({style for _, _, style, _ in block}) <= KEPT for block in blocks] == [True] * 3
    assert sorted(number for block in blocks for number, *_ in block) == list(range(3 * (2 * KEPT + 5)))


@pytest.mark.parametrize("contents, styles, workers, blocks", [
    (1000, 10, 4, 1), (10, 64, 16, 10), (1, 64, 16, 16), (1, 3, 16, 3), (5, 40, 1, 1), (10**6, 1000, 8, 4)])
def test_styles_are_cut_where_that_saves_encoding(contents, styles, workers, blocks):
    class Many(list):
        def __len__(self):
            return contents

    cut = Plan(Many([Path("a.png")] * min(contents, 9)), [Path(f"{i}.png") for i in range(styles)], Path("out"), ".png",
               workers=workers)
    assert cut.cuts() == blocks


def test_from_end_to_end(batch, paint, tmp_path):
    for i in range(4):
        paint(tmp_path / "in" / f"{i}.png", i)
        paint(tmp_path / "styles" / f"s{i}.png", 10 + i)
    run = (tmp_path / "in", tmp_path / "styles", "--sample", 2, "--seed", 4, "--output", tmp_path / "out")
    for i in (1, 2, 3):
        status, told = batch(*run, "--shard", f"{i}/3")
        assert status == 0 and f"{4 if i == 1 else 2}/{4 if i == 1 else 2}" in told
    status, told = batch(*run, "--report", tmp_path / "report.csv")
    assert status == 0 and re.search("skipped +8", told) and len(list((tmp_path / "out").glob("*.png"))) == 8


def test_without_ray(batch, paint, tmp_path, monkeypatch):
    monkeypatch.setattr("wct.runtime.arguments.find_spec", lambda name: None)
    run = paint(tmp_path / "a.png"), paint(tmp_path / "s.png"), "--output", tmp_path / "out"
    status, told = batch(*run, "--cluster")
    assert status == 2 and "ray is missing: pip install ray" in told
    assert batch(*run)[0] == 0


@pytest.mark.parametrize("options, words", [
    (["--sample", 5], "cannot be drawn from 1"), (["--sample", 0], "no number such as 3"),
    (["--sample", 1, "--blend"], "leave out one"), (["--shard", "0/4"], "no part such as 1/4"),
    (["--shard", "5/4"], "no part such as"), (["--shard", "2"], "no part such as"),
    (["--per-worker", "cpus=1"], "is for --cluster"), (["--cluster", "photos"], "no address such as"),
    (["--cluster", "auto", "--per-worker", "cores=2"], "nothing such as"),
    (["--cluster", "auto", "--per-worker", "cpus=2,"], "nothing such as"),
    (["--cluster", "auto", "--per-worker", "gpus=0"], "nothing such as"),
    (["--cluster", "auto", "--per-worker", "gpus=1.5"], "nothing such as"),
    (["--cluster", "auto", "--per-worker", "cpus=0.00001"], "nothing such as"),
    (["--cluster", "auto", "--per-worker", "cpus=1,cpus=2"], "nothing such as"),
])
def test_bad_usage(batch, paint, tmp_path, options, words):
    photo, style = paint(tmp_path / "a.png"), paint(tmp_path / "s.png")
    status, told = batch(photo, style, "--output", tmp_path / "out", *options)
    assert status == 2 and words in told and not (tmp_path / "out").exists()

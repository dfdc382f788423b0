"""python -m wct.benchmark pipeline on tiny pictures, and the arithmetic of its baselines."""

import csv
from types import SimpleNamespace

import pytest
import torch
from common import CONTENTS, STYLES, benchmark
from PIL import Image

from models import load_decoder, load_encoder
from wct.benchmark import memory, pipeline
from wct.benchmark.baselines import AdaIN, Classic, adapted, channel_moments, decoded, moments, power, recoloured
from wct.images import to_pil, to_tensor
from wct.transform import colouring, statistics, whitening, zca


def pixels(path, size=128):
    return to_tensor(Image.open(path).convert("RGB").resize((size, size))).contiguous()


@pytest.fixture(scope="module")
def features():
    """[relu1_1, ..., relu5_1] of a photo and of a painting, (1, n, h, w) each."""
    encoder = load_encoder()
    return encoder(pixels(CONTENTS[0])), encoder(pixels(STYLES[0]))


@pytest.fixture(scope="module")
def classic():
    return Classic("cpu")


def test_table_report_and_plot(tmp_path):
    report, plots = tmp_path / "report.csv", tmp_path / "plots"
    tiny = ["--sizes", "32,64", "--repeats", "1", "--backends", "mpa", "--device", "cpu"]
    table = benchmark("pipeline", *tiny, "--report", str(report), "--plot", str(plots))
    with open(report, newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == pipeline.COLUMNS
    both = ("yes", "no")
    wanted = []
    for network in ("small", "full"):
        for backend in ("auto", "mpa") if network == "full" else ("auto",):
            wanted += [(program, network, backend, cached) for program in ("single", "cascade") for cached in both]
            wanted += [("strength changed", network, backend, "yes")]
    wanted += [(program, "", "", cached) for program in ("classic", "adain") for cached in both]
    assert [(row["program"], row["network"], row["backend"], row["style_cached"]) for row in rows] == 2 * wanted
    assert [row["size"] for row in rows] == ["32"] * len(wanted) + ["64"] * len(wanted)
    assert table.count("strength changed") == 6 and table.count("classic") == table.count("adain") == 4
    for row in rows:
        seconds, default = (float(r["seconds"]) for r in (row, rows[0 if row["size"] == "32" else len(wanted)]))
        assert sum(float(row[stage]) for stage in pipeline.STAGES) == pytest.approx(seconds) and seconds > 0
        assert float(row["relative"]) == pytest.approx(seconds / default)
    assert [path.name for path in plots.iterdir()] == ["pipeline-cpu.png"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--sizes", "100"], "multiple of 16"),
        (["--sizes", "16"], "from 32 to 4096"),
        (["--backends", "pade"], "none of mpa, mtp"),
        (["--report", "table.txt"], "must end in .json or .csv"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments, words):
    assert words in benchmark("pipeline", *arguments, status=2)


def test_classic_is_left_out_where_memory_is_short(monkeypatch, capsys):
    monkeypatch.setattr(memory, "free", lambda device: 1e6)
    args = SimpleNamespace(sizes=[32], backends=["eigh"], repeats=1, dtype="float32", microast=None)
    rows = list(pipeline.run(args, "cpu"))
    assert [row["program"] for row in rows[-3:]] == ["strength changed", "adain", "adain"]
    assert [row["backend"] for row in rows] == 10 * ["auto"] + 5 * ["eigh"] + 2 * [None]
    assert {row["dtype"] for row in rows} == {"float32"}
    assert capsys.readouterr().out.count("classic at 32 is left out") == 1


def test_peak_is_what_a_run_takes():
    taken = memory.peak(lambda: torch.ones(25_000_000), "cpu")
    assert taken is None or 90e6 < taken < 150e6  # None where the kernel keeps no peak that can be reset
    assert memory.free("cpu") > 1e6


@pytest.mark.parametrize("level", [2, 3])
def test_classic_level_agrees_with_our_transform(features, level):
    """In float64 and with a small ridge; what differs is VARIANCE_FLOOR and the directions that are left out."""
    content, style = (f[level - 1].double() for f in features)
    mean, _, covariance = moments(style)
    classic = recoloured(content, mean, power(covariance, 0.5))
    a, b = statistics(content), statistics(style)
    ours = zca(a, b, whitening(a, 1e-6, "eigh"), colouring(b, 1e-6, "eigh"))(content)
    assert (classic - ours).norm() < 1e-2 * ours.norm()


def test_classic_level_has_the_styles_statistics(features):
    content, style = (f[1].double() for f in features)
    mean, _, covariance = moments(style)
    result = recoloured(content, mean, power(covariance, 0.5))
    found_mean, _, found = moments(result)
    assert torch.allclose(found_mean, mean)
    assert (found - covariance).norm() < 1e-4 * covariance.norm()


def test_directions_without_variance_are_left_out():
    covariance = torch.diag(torch.tensor([4.0, 1e-7, 0.25], dtype=torch.float64))
    assert torch.allclose(power(covariance, -0.5), torch.diag(torch.tensor([0.5, 0, 2.0], dtype=torch.float64)))


def test_adain_has_the_styles_means_and_deviations(features):
    content, style = (f[3] for f in features)
    wanted = channel_moments(style)
    assert torch.allclose(wanted[0], style.mean((2, 3), keepdim=True))
    mean, deviation = channel_moments(adapted(content, *wanted))
    alive = (channel_moments(content)[1] > 0.1) & (wanted[1] > 0.1)  # beside them the 1e-5 in the variance is nothing
    assert alive.sum() > 300
    assert torch.allclose(mean, wanted[0], atol=1e-4)
    assert torch.allclose(deviation[alive], wanted[1][alive], rtol=1e-3)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_explicit_decoder_gives_the_same_picture(features, level):
    decoder, x = load_decoder("reconstruction", corrected=False), features[0][level - 1]
    assert torch.allclose(decoded(decoder, x, level), decoder(x, level), atol=1e-4)


def test_classic_is_one_level_after_the_other(classic):
    """The cascade written out with the project's own encoder and decoder."""
    content, style = (to_pil(pixels(path, 64)) for path in (CONTENTS[1], STYLES[1]))
    encoder, decoder = load_encoder(), load_decoder("reconstruction", corrected=False)
    x, target = to_tensor(content), encoder(to_tensor(style))
    for level in (5, 4, 3, 2, 1):
        mean, _, covariance = moments(target[level - 1])
        f = recoloured(encoder(x, level)[level - 1], mean, power(covariance, 0.5))
        x = decoder(f, level).clamp(0, 1)
    found = to_tensor(classic.stylise(content, style).picture)
    assert (found - x).abs().mean() < 1e-2


def test_baselines_keep_a_style_until_told_and_the_default_layout(classic, monkeypatch):
    kept = []
    known = classic.known
    monkeypatch.setattr(classic, "known", lambda x, clock: kept.append(x.is_contiguous()) or known(x, clock))
    content, first, second = (to_pil(pixels(path, 32)) for path in (CONTENTS[0], *STYLES[:2]))
    for style in (first, first, second):
        classic.stylise(content, style)
    assert kept == [True, True]
    classic.forget(styles=False)
    classic.stylise(content, second)
    classic.forget()
    classic.stylise(content, second)
    assert len(kept) == 3


def test_adain_makes_a_picture_and_tells_its_stages():
    result = AdaIN("cpu").stylise(*(to_pil(pixels(path, 48)) for path in (CONTENTS[2], STYLES[2])))
    assert result.picture.size == (48, 48)
    assert all(result.seconds[stage] > 0 for stage in pipeline.STAGES)

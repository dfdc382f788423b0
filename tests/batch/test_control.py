"""The options of the command line that mix, mask and make textures."""

import numpy as np
import pytest
from common import CONTENTS, STYLES
from PIL import Image

from wct.batch.__main__ import main


@pytest.fixture
def run(tmp_path, monkeypatch, stylizer):
    from wct.pipeline.stylizer import Stylizer

    monkeypatch.setattr(Stylizer, "from_pretrained", lambda **options: stylizer)
    (tmp_path / "styles").mkdir()
    for style in STYLES[2:4]:
        Image.open(style).resize((96, 96)).save(tmp_path / "styles" / style.name)

    def run(*arguments):
        status = main([*map(str, arguments), "--output", str(tmp_path / "out")])
        return status, {path.name: Image.open(path) for path in sorted((tmp_path / "out").glob("*.png"))}

    return run


@pytest.fixture
def mask(tmp_path):
    mask = Image.new("L", (96, 64))
    mask.paste(255, (0, 0, 48, 64))
    (tmp_path / "masks").mkdir()
    mask.save(tmp_path / "masks" / f"{CONTENTS[1].stem}.png")
    return tmp_path / "masks"


def test_blend_is_one_picture(run, tmp_path, stylizer):
    status, pictures = run(CONTENTS[1], tmp_path / "styles", "--blend", "1,3", "--size", 96)
    assert status == 0 and list(pictures) == [f"{CONTENTS[1].stem}__blend.png"]
    expected = stylizer(CONTENTS[1], sorted((tmp_path / "styles").iterdir()), weights=[1, 3], size=96)
    assert np.array_equal(np.asarray(pictures.popitem()[1]), np.asarray(expected))


@pytest.mark.parametrize("folder", [True, False])
def test_mask(run, tmp_path, mask, folder):
    path = mask if folder else mask / f"{CONTENTS[1].stem}.png"
    status, pictures = run(CONTENTS[1], STYLES[3], "--mask", path, "--size", 96)
    assert status == 0
    photo = Image.open(CONTENTS[1]).convert("RGB")
    change = np.abs(np.asarray(pictures.popitem()[1], dtype=int) - np.asarray(photo.resize((96, 64)), dtype=int))
    assert change[:, 50:].mean() < 6 < change[:, :40].mean()


def test_style_mask(run, tmp_path, stylizer):
    part = Image.new("L", Image.open(STYLES[3]).size)
    part.paste(255, (0, 0, part.width // 3, part.height))
    part.save(tmp_path / "part.png")
    status, pictures = run(CONTENTS[1], STYLES[3], "--style-mask", tmp_path / "part.png", "--size", 96)
    assert status == 0
    parts = ([tmp_path / "part.png"], None)
    expected, whole = (stylizer(CONTENTS[1], STYLES[3], size=96, style_masks=part) for part in parts)
    made = np.asarray(pictures.popitem()[1])
    assert np.array_equal(made, np.asarray(expected)) and not np.array_equal(made, np.asarray(whole))


def test_a_photo_without_its_mask_fails_alone(run, tmp_path, mask, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    for content in CONTENTS[:2]:
        Image.open(content).resize((96, 64)).save(photos / content.name)
    status, pictures = run(photos, STYLES[3], "--mask", mask)
    assert status == 1 and len(pictures) == 1
    assert f"has no mask named {CONTENTS[0].stem}" in capsys.readouterr().err


def test_texture(run):
    status, pictures = run(STYLES[3], "--texture", "80x48", "--seed", 2)
    assert status == 0
    ((name, picture),) = pictures.items()
    assert name == f"texture__{STYLES[3].stem}.png" and picture.size == (80, 48)


def test_every_option_counts(run, tmp_path):
    seen = set()
    for options in ([], ["--keep-colors"], ["--stroke", 2], ["--transform", "transport"], ["--transform", "adain"],
                    ["--levels", 2], ["--levels", "1,0.5,1,1"]):
        status, pictures = run(CONTENTS[1], STYLES[3], "--size", 64, "--overwrite", *options)
        assert status == 0
        seen.add(pictures.popitem()[1].tobytes())
    assert len(seen) == 7


@pytest.mark.parametrize("options, words", [
    ([CONTENTS[1], STYLES[3], "--texture", "64x64"], "a painting alone"),
    ([STYLES[3]], "name a photo and a painting"),
    ([STYLES[3], "--texture", "64"], "no size such as 640x480"),
    ([STYLES[3], "--texture", "64x64", "--keep-colors"], "there is no photo"),
    ([CONTENTS[1], STYLES[3], "--blend", "1,2"], "1 styles take 1 weights"),
    ([CONTENTS[1], STYLES[3], "--blend", "a"], "no list of numbers"),
    ([CONTENTS[1], STYLES[3], "--stroke", "9"], "between 0.25 and 4"),
    ([CONTENTS[1], STYLES[3], "--levels", "7"], "levels must be 1 to 5"),
    ([CONTENTS[1], STYLES[3], "--mask", CONTENTS[0], "--mask", CONTENTS[2]], "2 times --mask: name one"),
    ([CONTENTS[1], STYLES[3], *["--style-mask", CONTENTS[0]] * 3], "3 times --style-mask: name one"),
])
def test_bad_usage(run, capsys, options, words):
    with pytest.raises(SystemExit) as stopped:
        run(*options)
    assert stopped.value.code == 2 and words in capsys.readouterr().err


def test_photo_with_label_maps(run, tmp_path, stylizer):
    style, names = tmp_path / "styles" / STYLES[2].name, ["own.png", "other.png"]
    for name, size in zip(names, ((96, 64), (96, 96))):
        labels = Image.new("L", size, 1)
        labels.paste(2, (0, 0, size[0], size[1] // 2))
        labels.save(tmp_path / name)
    own, other = (tmp_path / name for name in names)
    status, pictures = run(CONTENTS[1], style, "--mode", "photo", "--labels", "--mask", own, "--style-mask", other,
                           "--size", 96)
    assert status == 0
    expected = stylizer(CONTENTS[1], style, mode="photo", labels=True, masks=own, style_masks=other, size=96)
    assert np.array_equal(np.asarray(pictures.popitem()[1]), np.asarray(expected))


@pytest.mark.parametrize("arguments, message", [
    (["--mode", "photo", "--keep-colors", CONTENTS[1]], "--keep-colors would leave nothing of it"),
    (["--mode", "photo", "--texture", "64x64"], "--mode photo needs a photo"),
    (["--labels", CONTENTS[1]], "--labels needs one --mask"),
], ids=str)
def test_what_mode_photo_cannot_do_is_said_first(run, capsys, arguments, message):
    with pytest.raises(SystemExit):
        run(*arguments, STYLES[2])
    assert message in capsys.readouterr().err

"""Which mask is whose."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wct.batch.masks import paired
from wct.images import PictureError


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Called with names of photos and of masks, and what the command line names, it tells which mask is whose."""
    monkeypatch.chdir(tmp_path)

    def pair(photos, masks, roots=("photos",)):
        for mask in masks:
            path = Path("masks", mask)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (8, 8), 255).save(path, "PNG")
        contents = [Path("photos", photo) for photo in photos]
        found = paired(contents, Path("masks"), [Path(root) for root in roots])
        assert list(found) == contents
        return [str(mask) if isinstance(mask, PictureError) else str(mask.relative_to("masks"))
                for mask in found.values()]

    return pair


NFD = unicodedata.normalize("NFD", "Café")


@pytest.mark.parametrize("photo, mask", [
    ("a.jpg", "a.png"), ("a.jpg", "A.PNG"), ("IMG_1.JPG", "img_1.png"), ("a.jpg", "a.jpg.png"), ("a.jpg", "a_mask.png"),
    ("a.jpg", "a-mask.tif"), ("Café.jpg", f"{NFD}.png"), (f"{NFD}.jpg", "CAFÉ.png"), ("Straße.jpg", "STRASSE.png"),
    ("x/a.jpg", "a.png"), ("x/a.jpg", "x/a.png"), ("x/a.jpg", "X/A.png"), ("x/y/a.jpg", "y/a.png"),
    ("x/y/a.jpg", "x/y/a.png"), ("a.jpg", "photos/a.png"), (f"{NFD}/a.jpg", "Café/a.png"), ("mask.jpg", "mask.png"),
])
def test_one_mask_that_fits(pair, photo, mask):
    assert pair([photo], [mask, "other.png"]) == [mask]


@pytest.mark.parametrize("photo, masks", [
    ("a.jpg", ["b.png"]), ("a.jpg", ["aa.png"]), ("x/a.jpg", ["y/a.png"]), ("a.jpg", ["x/a.png"]),
    ("x/a.jpg", ["x/y/a.png"]), ("ab.jpg", ["a.png", "b.png"]),
])
def test_none_that_fits(pair, photo, masks):
    (told,) = pair([photo], masks)
    assert f"photos/{photo}: masks has no mask named {Path(photo).stem}" in told


@pytest.mark.parametrize("photo, masks, best", [
    ("x/a.jpg", ["a.png", "x/a.png", "y/a.png"], "x/a.png"),
    ("x/x/a.jpg", ["x/a.png", "x/x/a.png"], "x/x/a.png"),
    ("A.jpg", ["a.png", "A.png"], "A.png"),
    ("a.jpg", ["a.jpg", "a.png"], "a.jpg"),
    ("a.jpg", ["a_mask.png", "a.png"], "a.png"),
    ("a.jpg", ["a.jpg.png", "a.tif"], "a.jpg.png"),
])
def test_the_best_of_several(pair, photo, masks, best):
    assert pair([photo], masks) == [best]


def test_a_tree_like_that_of_the_photos(pair):
    photos = ["a.jpg", "x/a.jpg", "y/a.jpg", "y/z/a.jpg"]
    masks = ["a.png", "x/a.png", "y/a.png", "y/z/a.png"]
    assert pair(photos, masks) == masks
    assert pair(photos[1:3], [], roots=["photos/x", "photos/y"]) == masks[1:3]  # without --recursive
    assert pair(photos[1:3], [], roots=["photos/x/a.jpg", "photos/y/a.jpg"]) == masks[1:3]


def test_a_tree_that_lacks_one(pair):
    """The other's mask is not taken for it."""
    first, second, third = pair(["a.jpg", "x/a.jpg", "y/a.jpg"], ["a.png", "y/a.png"])
    assert (first, third) == ("a.png", "y/a.png") and "photos/x/a.jpg: masks has no mask" in second


def test_what_may_be_meant_twice_is_told(pair):
    told = pair(["x/a.jpg", "y/a.jpg", "b.jpg"], ["a.png", "b.png", "b.tif"])
    assert "may be the mask of photos/x/a.jpg or photos/y/a.jpg" in told[0] == told[1]
    assert "photos/b.jpg: masks/b.png and masks/b.tif may both be its mask" in told[2]


def test_two_photos_of_one_name_in_one_folder_share_it(pair):
    assert pair(["a.jpg", "a.png"], ["a.tif"]) == ["a.tif", "a.tif"]


def test_from_end_to_end(batch, paint, tmp_path):
    """Half of each photo stays, the other half in each; one photo has no mask. What was taken is told and reported."""
    half = np.zeros((32, 48), np.uint8)
    half[:, :24] = 1
    for name, mask in (("x", half), ("y", 1 - half)):
        paint(tmp_path / "photos" / name / "Bild.png", ord(name))
        (tmp_path / "masks" / name).mkdir(parents=True)
        Image.fromarray(mask).save(tmp_path / "masks" / name / "BILD_mask.png")
    paint(tmp_path / "photos" / "z" / "Bild.png", 3)
    style = paint(tmp_path / "style.png", 9)
    status, told = batch(tmp_path / "photos", style, "--recursive", "--mask", tmp_path / "masks", "--output",
                         tmp_path / "out", "--report", tmp_path / "report.csv")
    assert status == 1 and told.count("failed:") == 1 and "z/Bild.png" in told
    assert told.count("was taken for white") == 2
    assert (tmp_path / "report.csv").read_text().count("was taken for white") == 2
    for name, stays in (("x", slice(28, None)), ("y", slice(None, 20))):
        made, photo = (np.asarray(Image.open(path).convert("RGB")).astype(int) for path in (
            tmp_path / "out" / f"{name}-Bild.png__style.png", tmp_path / "photos" / name / "Bild.png"))
        assert (made == photo)[:, stays].all() and (made != photo).any()


def test_masks_inside_the_photos_are_no_photos(batch, paint, tmp_path):
    photo = paint(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "masks").mkdir()
    Image.new("L", (48, 32), 255).save(tmp_path / "photos" / "masks" / "a.png")
    status, told = batch(photo.parent, paint(tmp_path / "style.png", 9), "--recursive", "--mask",
                         photo.parent / "masks", "--output", tmp_path / "out")
    assert status == 0 and len(list((tmp_path / "out").glob("*.png"))) == 1, told

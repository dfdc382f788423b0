"""Label maps: numbers or colours of regions."""

import io

import numpy as np
import pytest
from PIL import Image

from wct.images import PictureError, match, open_labels, open_picture


def photo(size=(120, 90)):
    return open_picture(Image.effect_noise(size, 50).convert("RGB"))


def bands(values, size=(120, 90)):
    """Stripes of numbers, or of colours, from the left."""
    width, height = size
    where = np.arange(width) * len(values) // width
    row = np.array(values, np.uint8)[where]
    return Image.fromarray(np.broadcast_to(row, (height, *row.shape)).copy())


def shares(labels):
    return {label: round(np.asarray(region).mean() / 255, 1) for label, region in labels.regions.items()}


def test_numbers_are_labels():
    found = open_labels(bands([0, 7, 7, 255]), photo())
    assert shares(found) == {0: 0.2, 7: 0.5, 255: 0.2}


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA"])
def test_colours_are_labels(mode):
    image = bands([(255, 0, 0), (0, 255, 0), (10, 10, 10)])
    image = image.quantize(8) if mode == "P" else image.convert(mode)
    assert shares(open_labels(image, photo())) == {(255, 0, 0): 0.3, (0, 255, 0): 0.3, (10, 10, 10): 0.3}


def test_of_a_jpeg_the_nearest_colours_are_taken():
    file = io.BytesIO()
    bands([(255, 0, 0), (0, 0, 255)], (1200, 900)).save(file, "JPEG", quality=70)
    file.seek(0)
    found = open_labels(file, photo())
    assert sorted(shares(found).values()) == [0.5, 0.5]
    exact = open_labels(bands([(255, 0, 0), (0, 0, 255)]), photo())
    assert all(style for _, style in match(found, exact)[0])


def test_a_map_of_another_size_is_fitted_and_of_another_shape_refused():
    found = open_labels(bands([1, 2], (40, 30)), photo())
    assert all(region.size == (120, 90) for region in found.regions.values())
    with pytest.raises(PictureError, match="must have the shape of its picture"):
        open_labels(bands([1, 2], (90, 120)), photo())


@pytest.mark.parametrize("image", [Image.effect_noise((120, 90), 80),
                                   Image.merge("RGB", [Image.effect_noise((120, 90), 80) for _ in range(3)])], ids=str)
def test_a_photo_is_no_map(image):
    with pytest.raises(PictureError, match="one number or colour for each region"):
        open_labels(image, photo())


def test_labels_of_one_side_are_told():
    own, other = open_labels(bands([1, 2, 3]), photo()), open_labels(bands([2, 4]), photo())
    pairs, notes = match(own, other)
    assert [style is None for _, style in pairs] == [True, False, True]
    assert "lacks labels 1, 3" in notes[0] and "lacks label 4" in notes[1]
    with pytest.raises(PictureError, match="no label in common: labels 1, 2, 3 and label 9"):
        match(own, open_labels(bands([9]), photo()))
    with pytest.raises(PictureError, match="no label in common"):
        match(own, open_labels(bands([(200, 0, 0), (0, 200, 0)]), photo()))

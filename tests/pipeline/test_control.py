"""Several styles, regions, colours, strokes, levels and transforms: the algebra of the maps."""

import numpy as np
import pytest
import torch
from common import CONTENTS, STYLES
from PIL import Image

from wct.images import PictureError, open_mask, open_picture
from wct.options import Options, level_strengths
from wct.pipeline.mapping import normalised
from wct.transform import adain, colouring, regularised, statistics, transport, whitening, zca

PHOTO = open_picture(CONTENTS[1], max_size=128).rgb
A, B = STYLES[3], STYLES[8]


def difference(a, b):
    return np.abs(np.asarray(a, dtype=int) - np.asarray(b, dtype=int))


@pytest.fixture
def left():
    """White on the left half."""
    mask = Image.new("L", PHOTO.size)
    mask.paste(255, (0, 0, PHOTO.width // 2, PHOTO.height))
    return mask


def opposite(mask):
    return mask.point(lambda value: 255 - value)


def test_one_style_twice_is_that_style(stylizer):
    once = stylizer(PHOTO, A)
    assert difference(stylizer(PHOTO, [A]), once).max() == 0
    assert difference(stylizer(PHOTO, [A, A]), once).max() <= 1
    assert difference(stylizer(PHOTO, [A, A], weights=[3, 1]), once).max() <= 1


def test_weights_lead_from_one_style_to_the_other(stylizer):
    a, b = stylizer(PHOTO, A), stylizer(PHOTO, B)
    assert difference(stylizer(PHOTO, [A, B], weights=[1, 0]), a).max() <= 1
    assert difference(stylizer(PHOTO, [A, B], weights=[2, 2]), stylizer(PHOTO, [A, B])).max() == 0  # normalised
    far = [difference(stylizer(PHOTO, [A, B], weights=[1 - w, w]), a).mean() for w in (0.2, 0.5, 0.8, 1)]
    assert far == sorted(far) and far[-1] == pytest.approx(difference(a, b).mean(), abs=0.5)


def test_outside_every_mask_is_the_photo(stylizer, left):
    result = stylizer(PHOTO, [A], masks=[left])
    change = difference(result, PHOTO)
    assert change[:, PHOTO.width // 2 + 1:].max() == 0
    assert change[:, : PHOTO.width // 2 - 8].mean() > 10


def test_white_masks_change_nothing(stylizer):
    white = Image.new("L", PHOTO.size, 255)
    assert difference(stylizer(PHOTO, [A], masks=[white]), stylizer(PHOTO, A)).max() <= 1
    assert difference(stylizer(PHOTO, [A, B], masks=[white, None]), stylizer(PHOTO, [A, B])).max() <= 1


def test_each_region_takes_its_own_style(stylizer, left):
    both = stylizer(PHOTO, [A, B], masks=[left, opposite(left)])
    swapped = stylizer(PHOTO, [B, A], masks=[left, opposite(left)])
    for half, own, other in ((slice(0, 48), A, B), (slice(80, 128), B, A)):
        colour = np.asarray(both)[:, half].reshape(-1, 3).mean(0)
        near, far = (np.abs(np.asarray(Image.open(p)).reshape(-1, 3).mean(0) - colour).max() for p in (own, other))
        assert near < far
    assert difference(both, swapped).mean() > 10


def test_the_mask_of_one_style_needs_no_list(stylizer, left):
    assert difference(stylizer(PHOTO, A, masks=left), stylizer(PHOTO, [A], masks=[left])).max() == 0


def test_soft_edges_are_soft(stylizer):
    ramp = Image.linear_gradient("L").rotate(90).resize(PHOTO.size)
    change = difference(stylizer(PHOTO, [A], masks=[ramp]), PHOTO).mean((0, 2))
    quarters = [part.mean() for part in np.array_split(change, 4)]
    assert sorted(quarters) in (quarters, quarters[::-1])


def test_soft_edges_that_meet_leave_no_photo_between(stylizer):
    ramp = Image.linear_gradient("L").rotate(90).resize(PHOTO.size)
    met = stylizer(PHOTO, [A, A], masks=[ramp, opposite(ramp)])
    assert difference(met, stylizer(PHOTO, A)).mean() < 0.5 * difference(met, PHOTO).mean()


def test_a_style_mask_takes_a_part_of_the_painting(stylizer, tmp_path):
    half_red = Image.new("RGB", (96, 96), "red")
    half_red.paste(open_picture(A).rgb.resize((48, 96)), (0, 0))
    mask = Image.new("L", (96, 96))
    mask.paste(255, (0, 0, 48, 96))
    mask.save(tmp_path / "mask.png")
    whole, part = stylizer(PHOTO, half_red), stylizer(PHOTO, half_red, style_masks=[tmp_path / "mask.png"])
    pixels = [np.asarray(picture, dtype=int) for picture in (whole, part)]
    redness = [p[..., 0].mean() - p[..., 1:].mean() for p in pixels]
    assert redness[0] > redness[1] + 30


def test_keep_colors(stylizer):
    def chroma(image):
        return np.asarray(image.convert("YCbCr"), dtype=int)[..., 1:]

    kept, free = stylizer(PHOTO, A, keep_colors=True), stylizer(PHOTO, A)
    drift = [np.abs(chroma(image) - chroma(PHOTO)).mean() for image in (kept, free)]
    assert drift[0] < 2 < 5 < drift[1]
    assert difference(kept, PHOTO).mean() > 5  # the strokes are there
    assert difference(stylizer(PHOTO, A, keep_colors=True, strength=0), PHOTO).max() <= 1


def test_wider_strokes_are_smoother(stylizer):
    def roughness(image):
        return np.abs(np.diff(np.asarray(image.convert("L"), dtype=int), axis=1)).mean()

    photo = PHOTO.resize((320, 213))  # of a smaller one all strokes are wide
    fine, usual, wide = (stylizer(photo, A, stroke=s) for s in (0.25, 1, 4))
    assert fine.size == usual.size == wide.size == photo.size
    assert roughness(wide) < roughness(fine)
    assert difference(usual, stylizer(photo, A)).max() == 0


def test_levels_and_their_strengths(stylizer):
    assert difference(stylizer(PHOTO, A, levels=4), stylizer(PHOTO, A, levels=[1, 1, 1, 1])).max() == 0
    assert difference(stylizer(PHOTO, A, levels=[1, 1, 0, 0]), stylizer(PHOTO, A, levels=2)).max() == 0
    assert difference(stylizer(PHOTO, A, levels=[1, 0, 0, 1]), stylizer(PHOTO, A)).mean() > 1
    assert level_strengths(None, 5) == [1] * 4 and level_strengths([0, 0.5, 0], 4) == [0, 0.5]


@pytest.fixture(scope="module")
def pair():
    """Statistics of correlated features, float64, more positions than channels."""
    torch.manual_seed(3)
    mixed = [torch.randn(1, 12, 12, dtype=torch.float64) @ torch.randn(1, 12, 400, dtype=torch.float64) for _ in "ab"]
    return [statistics(flat.view(1, 12, 20, 20) * scale + shift) for flat, scale, shift in zip(mixed, (1, 3), (0, 2))]


@pytest.mark.parametrize("method", ["mpa", "eigh", "zolotarev"])
def test_transport_carries_the_covariance_by_a_symmetric_positive_map(pair, method):
    content, style = pair
    mapping, white = transport(content, style, method=method)
    a, b = (regularised(s.covariance, Options.ridge)[0] for s in pair)
    T = mapping.matrix
    assert torch.allclose(T @ a @ T.mT, b, rtol=1e-7, atol=1e-7 * float(b.abs().max()))
    assert torch.allclose(T, T.mT, atol=1e-7 * float(T.abs().max())) and torch.linalg.eigvalsh(T).min() > 0
    assert torch.allclose(mapping(content.mean[..., None, None]), style.mean[..., None, None])
    whitened = zca(content, style, white, colouring(style))

    def moved(m):  # mean squared distance that features of these statistics travel
        D = m.matrix - torch.eye(12)
        return (D @ a @ D.mT).diagonal(dim1=-2, dim2=-1).sum()

    assert moved(mapping) <= moved(whitened)


def test_a_picture_is_transported_into_itself(pair):
    for mapping in (transport(pair[0], pair[0])[0], adain(pair[0], pair[0])):
        assert torch.allclose(mapping.matrix, torch.eye(12, dtype=torch.float64).expand(1, 12, 12), atol=1e-6)


def test_adain_gives_means_and_deviations(pair):
    content, style = pair
    mapping = adain(content, style)
    covariance = mapping.matrix @ content.covariance @ mapping.matrix.mT
    assert torch.allclose(covariance.diagonal(dim1=-2, dim2=-1), style.covariance.diagonal(dim1=-2, dim2=-1), rtol=1e-4)


def test_transforms_make_different_pictures_and_transport_keeps_more(stylizer):
    zca, moved, adain = (stylizer(PHOTO, A, transform=t) for t in ("zca", "transport", "adain"))
    assert min(difference(zca, moved).mean(), difference(zca, adain).mean(), difference(moved, adain).mean()) > 1
    assert stylizer.stylise(PHOTO, A, transform="transport", measure=True).residual < 1e-3
    assert stylizer.stylise(PHOTO, A, transform="adain", measure=True).residual is None


def test_weighted_statistics_are_those_of_the_selected_positions():
    torch.manual_seed(0)
    features, weight = torch.randn(1, 5, 6, 8, dtype=torch.float64), torch.zeros(1, 1, 6, 8)
    weight[..., 2:, :3] = 1
    a, b = statistics(features, weight), statistics(features[..., 2:, :3])
    assert torch.allclose(a.mean, b.mean) and torch.allclose(a.covariance, b.covariance)
    whole = statistics(features, torch.full((1, 1, 6, 8), 0.3))
    assert torch.allclose(whole.covariance, statistics(features).covariance)
    assert whitening(a).isfinite().all()


@pytest.mark.parametrize("options, words", [
    ({"weights": [0, 0]}, "not all zero"),
    ({"weights": [1]}, "2 styles take 2 weights"),
    ({"weights": [1, -1]}, "from 0"),
    ({"weights": [1, float("nan")]}, "from 0"),
    ({"masks": [None]}, "2 styles take 2 masks"),
    ({"stroke": 9}, "stroke must lie between 0.25 and 4"),
    ({"transform": "pca"}, "zca, transport, adain"),
    ({"levels": [0, 0]}, "levels must be 1 to"),
    ({"levels": [1, 2]}, "between 0 and 1"),
    ({"levels": [1] * 6}, "levels must be 1 to"),
])
def test_bad_options(stylizer, options, words):
    with pytest.raises(ValueError, match=words):
        stylizer(PHOTO, [A, B], **options)
    with pytest.raises(ValueError, match="one style at least"):
        stylizer(PHOTO, [])


def test_bad_masks(stylizer, tmp_path):
    three = Image.new("L", PHOTO.size)
    for x in range(3):
        three.putpixel((x, 0), 255)
    three.save(tmp_path / "three.png")
    Image.new("L", (90, 90), 255).save(tmp_path / "square.png")
    with pytest.raises(PictureError, match=r"three.png selects 3 pixels"):
        stylizer(PHOTO, [A], masks=[tmp_path / "three.png"])
    with pytest.raises(PictureError, match=r"square.png is 90 x 90.*must have the shape"):
        stylizer(PHOTO, [A], masks=[tmp_path / "square.png"])
    with pytest.raises(PictureError, match="gone.png"):
        stylizer(PHOTO, [A], masks=[tmp_path / "gone.png"])


def test_a_painted_layer_is_a_mask(tmp_path):
    layer = Image.new("RGBA", (64, 48))
    layer.paste((255, 255, 255, 255), (0, 0, 32, 48))
    mask = open_mask(layer, open_picture(Image.new("RGB", (32, 24))))
    mask = np.asarray(mask.image)
    assert mask.shape == (24, 32) and mask[:, :16].min() == 255 and mask[:, 16:].max() == 0


def test_shares():
    assert normalised(None, 4) == [0.25] * 4
    assert normalised([1, 3], 2) == [0.25, 0.75]


def test_texture(stylizer):
    result = stylizer.texture(A, (97, 64), seed=1)
    assert result.picture.size == (97, 64) and result.picture.mode == "RGB"
    assert difference(stylizer.texture(A, (97, 64), seed=1).picture, result.picture).max() == 0
    assert difference(stylizer.texture(A, (97, 64), seed=2).picture, result.picture).mean() > 5
    own, other = (np.abs(np.asarray(result.picture).mean((0, 1)) - np.asarray(Image.open(p)).mean((0, 1))).max()
                  for p in (A, B))
    assert own < other
    with pytest.raises(ValueError, match="pixels"):
        stylizer.texture(A, (10**5, 10**5))
    with pytest.raises(TypeError, match="strength"):
        stylizer.texture(A, strength=0.5)

"""Mode photo: a change of light and colour, and still a photograph."""

import numpy as np
import pytest
import torch
from common import CONTENTS
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wct import Stylizer
from wct.benchmark.recolouring import structure
from wct.images import PictureError, to_tensor
from wct.pipeline.photo import LIGHTS, TOE, carry, fit

ASTRONAUT, CHELSEA, COFFEE, MOOSE, PANDA, ROCKET = CONTENTS


@pytest.fixture(scope="module")
def small():
    return Stylizer.from_pretrained(network="small", device="cpu", dtype=torch.float32)


def opened(path, side=256):
    image = Image.open(path).convert("RGB")
    image.thumbnail((side, side))
    return image


def pixels(image):
    return np.asarray(image, dtype=int)


def smooth(*shape):
    """Random pictures of soft shapes, (B, 3, h, w)."""
    return torch.nn.functional.interpolate(torch.rand(shape[0], 3, 5, 7), shape[1:], mode="bicubic").clamp(0, 1)


def test_what_a_node_can_say_is_found_exactly():
    photo = smooth(2, 60, 80)
    grey = (photo * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    for changed in (photo, 0.6 * photo + 0.2, torch.lerp(photo, grey, 0.5)):
        assert (fit(photo, changed)(photo) - changed).abs().mean() < 0.01


def test_a_change_is_the_same_in_bands_in_a_batch_and_at_another_size():
    photo, drawn = smooth(2, 60, 80), smooth(2, 60, 80)
    change = fit(photo, drawn)
    whole = change(photo)
    bands = torch.cat([change(photo[:, :, i:i + 7], i, 60) for i in range(0, 60, 7)], 2)
    assert torch.allclose(bands, whole, atol=1e-5)
    each = torch.cat([fit(a, b)(a) for a, b in zip(photo.split(1), drawn.split(1))])
    assert torch.allclose(each, whole, atol=1e-4)
    large = torch.nn.functional.interpolate(photo, (300, 400), mode="bilinear", align_corners=True)
    back = torch.nn.functional.interpolate(change(large), (60, 80), mode="bilinear", align_corners=True)
    assert (back - whole).abs().mean() < 0.01


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), height=st.integers(1, 40), width=st.integers(1, 40),
       contrast=st.floats(0, 1), target=st.floats(0, 1))
def test_light_rises_with_light_whatever_is_asked_for(seed, height, width, contrast, target):
    torch.manual_seed(seed)
    photo = 0.5 + contrast * (torch.rand(1, 3, height, width) - 0.5)
    change = fit(photo, target + contrast * (torch.rand(1, 3, height, width) - 0.5).clamp(0, 1))
    assert torch.isfinite(change.nodes).all()
    steps = change.nodes[:, 0].diff(dim=1) * (LIGHTS - 1)
    assert steps.min() > TOE - 1e-4 and change.nodes[:, 0].min() > -1e-4 and change.nodes[:, 0].max() < 1 + 1e-4
    greys = torch.linspace(0, 1, 64).view(64, 1, 1, 1).expand(64, 3, 5, 5)
    light = (change(greys) * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)
    assert (light.diff(dim=0) > -1e-4).all()


def test_a_change_is_differentiable():
    photo, drawn = smooth(1, 24, 32).double(), smooth(1, 24, 32).double().requires_grad_()
    fit(photo, drawn)(photo).square().mean().backward()
    assert torch.isfinite(drawn.grad).all() and drawn.grad.abs().max() > 0


def test_what_is_under_a_mask_alone_counts():
    photo, drawn = smooth(1, 60, 80), smooth(1, 60, 80)
    mask = torch.zeros(1, 1, 60, 80)
    mask[..., :40] = 1
    other = torch.where(mask > 0, drawn, torch.rand_like(drawn))
    assert torch.allclose(fit(photo, drawn, mask).nodes, fit(photo, other, mask).nodes, atol=1e-5)
    shares = [mask, 1 - mask]
    mixed = carry([fit(photo, 0 * photo + 0.9), fit(photo, photo)], photo, 1.0, shares)
    assert (mixed - photo)[..., 40:].abs().max() < 0.02 < (mixed - photo)[..., :40].mean()


@pytest.mark.parametrize("pair", [(MOOSE, ROCKET), (ASTRONAUT, COFFEE), (ROCKET, CHELSEA)], ids=lambda p: p[0].stem)
@pytest.mark.parametrize("network", ["small", "full"])
def test_it_is_still_the_photo_in_other_light(small, stylizer, network, pair):
    photo, style = map(opened, pair)
    result = (small if network == "small" else stylizer)(photo, style, mode="photo")
    assert result.size == photo.size
    assert structure(to_tensor(result), to_tensor(photo)) > 0.95
    means = [pixels(image).mean((0, 1)) for image in (photo, style, result)]
    assert np.abs(means[2] - means[1]).sum() < 0.5 * np.abs(means[0] - means[1]).sum()


def test_strength_is_the_share_of_the_change(small):
    photo, style = opened(MOOSE), opened(ROCKET)
    none, half, full = (pixels(small(photo, style, mode="photo", strength=a)) for a in (0, 0.5, 1))
    assert (none == pixels(photo)).all()
    inside = ((full > 0) & (full < 255)).all(-1)  # elsewhere the full change was cut off
    assert inside.mean() > 0.8 and np.abs(half - (none + full) / 2)[inside].max() <= 1


def test_the_photo_keeps_its_size_where_paintings_are_reduced(small, monkeypatch):
    monkeypatch.setattr("wct.pipeline.stylizer.MAX_PIXELS", 100 * 100)
    photo, style = opened(MOOSE), opened(ROCKET)
    assert small(photo, style, mode="photo").size == photo.size
    assert small.open(photo, None, "photo").size == photo.size
    assert small(photo, style).size != photo.size
    assert max(small(photo, style, mode="photo", size=640).size) == 640


def test_regions_and_what_lies_outside_them(small):
    photo, style = opened(MOOSE), opened(ROCKET)
    left = Image.new("L", photo.size)
    left.paste(255, (0, 0, 100, photo.height))
    result = pixels(small(photo, style, mode="photo", masks=left))
    assert (result[:, 100:] == pixels(photo)[:, 100:]).all()
    assert np.abs(result[:, :100] - pixels(photo)[:, :100]).mean() > 10
    right = left.point(lambda value: 255 - value)
    both = pixels(small(photo, [style, opened(COFFEE)], mode="photo", masks=[left, right]))
    assert np.abs(both[:, :100] - result[:, :100]).mean() < 3  # the networks see over the border
    assert np.abs(both[:, 100:] - pixels(photo)[:, 100:]).mean() > 10


def test_mixes_transports_style_masks_and_alpha(small):
    photo = opened(MOOSE)
    alpha = Image.linear_gradient("L").resize(photo.size)
    with_alpha = Image.merge("RGBA", (*photo.split(), alpha))
    styles = [opened(ROCKET), opened(COFFEE)]
    sky = Image.new("L", styles[0].size)
    sky.paste(255, (0, 0, sky.width, sky.height // 2))
    first, second = (pixels(small(photo, style, mode="photo")) for style in styles)
    mixed = pixels(small(photo, styles, mode="photo", weights=[3, 1]))
    assert np.abs(mixed - first).mean() < np.abs(mixed - second).mean()
    assert small(with_alpha, styles[0], mode="photo").mode == "RGBA"
    for options in ({"transform": "transport"}, {"transform": "adain"}, {"style_masks": sky}):
        assert np.abs(pixels(small(photo, styles[0], mode="photo", **options)) - first).mean() > 0.5


PLAIN = Image.new("RGB", (96, 64), (200, 120, 40))


@pytest.mark.parametrize("style", [PLAIN, Image.new("RGB", (96, 64)), Image.new("RGB", (96, 64), "white")], ids=str)
def test_a_style_of_one_colour_tints_and_keeps_the_photo_readable(small, style):
    photo = opened(ASTRONAUT)
    result = small(photo, style, mode="photo")
    assert structure(to_tensor(result), to_tensor(photo)) > 0.9
    assert np.abs(pixels(result).mean((0, 1)) - pixels(style)[0, 0]).max() < 40
    assert len(np.unique(pixels(result))) > 20


def test_a_photo_of_one_colour_stays_plain(small):
    result = pixels(small(PLAIN, opened(ROCKET), mode="photo"))
    assert np.ptp(result, (0, 1)).max() <= 2


def test_black_and_white_on_either_side(small):
    photo, style = opened(MOOSE), opened(COFFEE)
    grey = style.convert("L").convert("RGB")
    to_grey = pixels(small(photo, grey, mode="photo"))
    assert np.ptp(to_grey, 2).mean() < 0.3 * np.ptp(pixels(photo), 2).mean()
    toned = small(photo.convert("L").convert("RGB"), style, mode="photo")
    assert structure(to_tensor(toned), to_tensor(photo)) > 0.95
    assert np.ptp(pixels(toned), 2).mean() > 20


def test_tensors_give_what_pictures_give(small):
    photo, style = opened(MOOSE, 64), opened(ROCKET, 64)
    with torch.no_grad():
        rendered = small.render(to_tensor(photo), to_tensor(style), mode="photo", strength=0.7)
        known = small.render(small.encode_content(to_tensor(photo)), to_tensor(style), mode="photo", strength=0.7)
    expected = to_tensor(small(photo, style, mode="photo", strength=0.7))
    assert (rendered.clamp(0, 1) - expected).abs().max() < 0.02 and torch.equal(rendered, known)


def test_a_large_batch_of_tensors_under_masks(small):
    photos = torch.nn.functional.interpolate(smooth(2, 60, 80), (480, 640), mode="bilinear")
    mask = torch.zeros(1, 1, 480, 640)
    mask[..., :200] = 1
    with torch.no_grad():
        made = small.render(photos, to_tensor(opened(ROCKET)), mode="photo", masks=[mask])
    assert made.shape == photos.shape and torch.equal(made[..., 200:], photos[..., 200:])
    with pytest.raises(ValueError, match="content must have the shape"):
        small.render(photos[0], photos, mode="photo")


def test_what_cannot_be_is_said(small):
    photo, style = opened(MOOSE), opened(ROCKET)
    with pytest.raises(ValueError, match="keep_colors would leave nothing"):
        small(photo, style, mode="photo", keep_colors=True)
    with pytest.raises(ValueError, match="needs a photo"):
        small.texture(style, (64, 64), mode="photo")
    with pytest.raises(ValueError, match="labels need one style"):
        small(photo, style, labels=True, masks=photo)
    with pytest.raises(ValueError, match="labels need one style"):
        small(photo, style, labels=True, masks=[None], style_masks=[None])


def test_progress_only_rises_and_ends_at_one(small):
    told = []
    small.stylise(opened(MOOSE), opened(ROCKET), mode="photo", progress=lambda share, stage: told.append(share))
    assert told == sorted(told) and told[-1] == 1


def halves(size, top, bottom):
    image = Image.new("RGB", size, bottom)
    image.paste(top, (0, 0, size[0], size[1] // 2))
    return image


def test_labels_meet_labels(small):
    photo, style = opened(MOOSE), halves((128, 96), "navy", "orange")
    red, green = (200, 0, 0), (0, 200, 0)
    own = halves(photo.size, red, green)
    same, crossed = halves(style.size, red, green), halves(style.size, green, red)
    options = {"mode": "photo", "labels": True, "masks": own}
    upright, turned = (pixels(small(photo, style, style_masks=labels, **options)) for labels in (same, crossed))
    half = photo.height // 2
    blue = [made[:half - 4, :, 2].mean() - made[half + 4:, :, 2].mean() for made in (upright, turned)]
    assert blue[0] > 30 and blue[1] < -30
    other = halves(style.size, red, (0, 0, 200))
    result = small.stylise(photo, style, style_masks=other, **options)
    assert any("lacks label #00c800" in note for note in result.notes)
    assert any("lacks label #0000c8" in note for note in result.notes)
    with pytest.raises(PictureError, match="no label in common"):
        small(photo, style, style_masks=halves(style.size, "yellow", "white"), **options)


def test_a_clip_is_steady_and_still_itself(small):
    photo, style = opened(MOOSE, 640), opened(ROCKET)
    generator = np.random.default_rng(0)
    frames = [Image.fromarray((pixels(photo) + generator.normal(0, 3, (*photo.size[::-1], 3))).clip(0, 255)
                              .astype(np.uint8)) for _ in range(3)]
    made = list(small.stylise_frames(frames, style, mode="photo"))
    assert [frame.size for frame in made] == [photo.size] * 3
    assert structure(to_tensor(made[0]), to_tensor(frames[0])) > 0.95
    assert np.abs(pixels(made[0]).mean((0, 1)) - pixels(small(photo, style, mode="photo")).mean((0, 1))).max() < 6
    flicker = np.abs(pixels(made[1]).mean((0, 1)) - pixels(made[2]).mean((0, 1)))
    assert flicker.max() < 0.5
    with pytest.raises(ValueError, match="labels need one style"):
        list(small.stylise_frames(frames, style, labels=True))

"""Tensors in, tensors out: what lies under the pictures."""

import copy
import pickle
import threading

import numpy as np
import pytest
import torch
from common import CONTENTS, STYLES

from models import load_decoder, load_encoder
from wct import Stylizer
from wct.images import open_picture, to_pil, to_tensor
from wct.pipeline import bands
from wct.pipeline.tensors import TensorStylizer


def tensor(path, side):
    return to_tensor(open_picture(path).rgb.resize((side, side)))


PHOTO, OTHER, PAINTING = tensor(CONTENTS[0], 64), tensor(CONTENTS[1], 64), tensor(STYLES[3], 72)


def pixels(image):
    return np.asarray(image, dtype=int)


def test_masks_of_contents_that_were_encoded_at_more_levels(stylizer):
    mask, picture = torch.zeros(1, 1, 36, 36), PHOTO[..., :36, :36]
    mask[..., :18] = 1
    found = [stylizer.render(content, PAINTING, masks=[mask], levels=2)
             for content in (picture, stylizer.encode_content(picture))]
    assert (found[0] - found[1]).abs().mean() < 0.02  # which differ in what pads them


@pytest.mark.parametrize("arguments, words", [
    ({"style": torch.cat([PAINTING] * 3)}, "3 styles for 2 contents"),
    ({"masks": [torch.ones(1, 1, 64, 60)]}, r"masks have the shape \(1 or 2, 1, 64, 64\)"),
    ({"masks": [torch.ones(3, 1, 64, 64)]}, "masks have the shape"),
    ({"masks": [torch.zeros(1, 1, 64, 64)]}, "0 everywhere"),
    ({"levels": "12"}, "levels must be"), ({"levels": 10**30}, "levels must be 1 to"),
], ids=str)
def test_what_does_not_fit_is_told(stylizer, arguments, words):
    with pytest.raises(ValueError, match=words):
        stylizer.render(torch.cat([PHOTO, OTHER]), **{"style": PAINTING} | arguments)


@pytest.mark.parametrize("mask, words", [
    (torch.ones(1, 64, 64), "masks have the shape"), (torch.zeros(1, 1, 64, 64), "0 everywhere"),
], ids=str)
def test_what_does_not_fit_a_style_is_told(stylizer, mask, words):
    with pytest.raises(ValueError, match=words):
        stylizer.encode_style(PHOTO, mask)


def test_levels_may_come_from_a_generator(stylizer):
    expected = stylizer.render(PHOTO, PAINTING, levels=[1, 0.5])
    assert torch.equal(stylizer.render(PHOTO, PAINTING, levels=(x for x in (1, 0.5))), expected)


def test_pictures_of_any_size_are_decoded_without_the_correction():
    networks = load_encoder(), load_decoder("reconstruction", corrected=False)
    plain = TensorStylizer(*networks, device="cpu", dtype=torch.float32)
    corrected = TensorStylizer(networks[0], load_decoder("reconstruction"), device="cpu", dtype=torch.float32)
    found = [one.render(PHOTO, PAINTING, mode="cascade", levels=5) for one in (plain, corrected)]
    assert torch.equal(*found)


@pytest.mark.parametrize("options", [
    {}, {"strength": 0.4}, {"mode": "cascade"}, {"transform": "transport"}, {"keep_colors": True}, {"levels": 2},
    {"detail": 0.5, "ridge": 0.1, "backend": "eigh"},
], ids=str)
def test_tensors_give_what_pictures_give(stylizer, options):
    photo, painting = to_pil(PHOTO), to_pil(PAINTING[..., :64, :64])
    with torch.no_grad():
        rendered = stylizer.render(to_tensor(photo), to_tensor(painting), **options)
    assert rendered.shape == PHOTO.shape and rendered.dtype == torch.float32
    assert np.abs(pixels(to_pil(rendered)) - pixels(stylizer(photo, painting, **options))).max() <= 1


@torch.no_grad()
def test_a_batch_is_its_pictures(stylizer):
    batch = torch.cat([PHOTO, OTHER])
    each = torch.cat([stylizer.render(x, PAINTING) for x in (PHOTO, OTHER)])
    assert torch.allclose(stylizer.render(batch, PAINTING), each, atol=2e-3)
    styles = torch.cat([PAINTING, PAINTING.flip(1)])
    each = torch.cat([stylizer.render(x, y) for x, y in zip(batch.split(1), styles.split(1))])
    assert torch.allclose(stylizer.render(batch, styles), each, atol=2e-3)


@torch.no_grad()
def test_what_is_encoded_serves_again(stylizer):
    content, style = stylizer.encode_content(PHOTO), stylizer.encode_style(PAINTING)
    direct = [stylizer.render(PHOTO, PAINTING, strength=s) for s in (1, 0.5)]
    kept = [stylizer.render(content, style, strength=s) for s in (1, 0.5)]
    assert all(torch.equal(a, b) for a, b in zip(direct, kept))
    assert torch.equal(stylizer.render(content, style, levels=2), stylizer.render(PHOTO, PAINTING, levels=2))


@torch.no_grad()
def test_mixes_and_masks_of_tensors(stylizer):
    one, two = stylizer.render(PHOTO, PAINTING), stylizer.render(PHOTO, OTHER)
    assert torch.allclose(stylizer.render(PHOTO, (PAINTING, OTHER), weights=[1, 0]), one, atol=1e-4)
    left = torch.zeros(1, 1, 64, 64)
    left[..., :32] = 1
    halves = stylizer.render(PHOTO, (PAINTING, OTHER), masks=[left, 1 - left])
    assert (halves - one).abs().mean() > 0.01 and (halves - two).abs().mean() > 0.01
    alone = stylizer.render(PHOTO, PAINTING, masks=[left])
    assert torch.equal(alone[..., 40:], PHOTO[..., 40:]) and not torch.equal(alone[..., :32], PHOTO[..., :32])


@torch.no_grad()
def test_large_tensors_are_taken_in_bands_and_large_styles_as_they_are(stylizer, monkeypatch):
    expected = stylizer.render(PHOTO, PAINTING, strength=0.7)
    monkeypatch.setattr(bands, "PIXELS", 16 * 64)
    assert torch.allclose(stylizer.render(PHOTO, PAINTING, strength=0.7), expected, atol=4e-3)


@torch.no_grad()
def test_what_was_encoded_at_too_few_levels_is_named(stylizer):
    content, style = stylizer.encode_content(PHOTO, levels=2), stylizer.encode_style(PAINTING, levels=2)
    assert stylizer.render(content, style, levels=2).shape == PHOTO.shape
    with pytest.raises(ValueError, match="the content was encoded at 2 levels, and 4 take part"):
        stylizer.render(content, PAINTING)
    with pytest.raises(ValueError, match="the style was encoded at 2 levels"):
        stylizer.render(PHOTO, style)


def test_any_size_comes_back(stylizer):
    for size in ((1, 1), (37, 50), (16, 90)):
        with torch.no_grad():
            assert stylizer.render(torch.rand(1, 3, *size), PAINTING).shape[2:] == size


@pytest.mark.parametrize("options", [{}, {"mode": "cascade", "levels": 2}, {"strength": 0.5, "transform": "adain"}],
                         ids=str)
def test_gradients_lead_from_the_result_to_content_and_style(stylizer, options):
    content, style = (x.clone().requires_grad_() for x in (PHOTO[..., :32, :32], PAINTING[..., :32, :32]))
    loss = stylizer.render(content, style, **options).square().mean()
    for x, slope in zip((content, style), torch.autograd.grad(loss, (content, style))):
        assert slope.isfinite().all() and slope.abs().max() > 0
        step = slope / slope.norm() * 0.05
        with torch.no_grad():
            changed = [stylizer.render(*(y + sign * step if y is x else y for y in (content, style)), **options)
                       for sign in (-1, 1)]
        measured = (changed[1].square().mean() - changed[0].square().mean()) / 2
        assert float(measured) == pytest.approx(float(slope.norm() * 0.05), rel=0.3)


def test_nothing_is_kept_for_gradients_that_nobody_wants(stylizer):
    with torch.no_grad():
        assert not stylizer.render(PHOTO, PAINTING).requires_grad
    assert not stylizer.render(PHOTO, PAINTING).requires_grad  # no input asks for one


@pytest.mark.parametrize("bad, words", [
    (torch.zeros(3, 8, 8), r"shape \(B, 3, H, W\)"), (torch.zeros(1, 1, 8, 8), "shape"),
    (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "float tensor, not torch.uint8"), ("photo.jpg", "not str"),
    (torch.zeros(1, 3, 0, 8), "shape"),
])
def test_bad_tensors(stylizer, bad, words):
    with pytest.raises(ValueError, match="the content must.*" + words):
        stylizer.render(bad, PAINTING)
    if isinstance(bad, torch.Tensor):
        with pytest.raises(ValueError, match="the style must.*" + words):
            stylizer.render(PHOTO, bad)


def test_networks_that_are_handed_in_stay_as_they_are():
    encoder, decoder = load_encoder(4), load_decoder(levels=4)
    stylizer = Stylizer(encoder, decoder, device="cpu", dtype=torch.bfloat16)
    assert stylizer.dtype == torch.bfloat16
    assert {p.dtype for network in (encoder, decoder) for p in network.parameters()} == {torch.float32}


def test_copies_and_pickles_make_the_same_picture(stylizer):
    photo, painting = to_pil(PHOTO), to_pil(PAINTING)
    expected = stylizer(photo, painting)
    for twin in (copy.deepcopy(stylizer), pickle.loads(pickle.dumps(stylizer))):
        assert twin.encoder is not stylizer.encoder
        assert twin(photo, painting).tobytes() == expected.tobytes()


def test_two_threads_may_share_one(stylizer):
    pairs = [(to_pil(x), to_pil(y)) for x, y in ((PHOTO, PAINTING), (OTHER, PAINTING.flip(1)))]
    expected = [stylizer(*pair).tobytes() for pair in pairs]
    made = [[], []]

    def work(i):
        for _ in range(4):
            made[i].append(stylizer(*pairs[i]).tobytes())

    threads = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [[expected[0]] * 4, [expected[1]] * 4]


def test_the_cascade_at_half_strength_is_halfway(stylizer):
    photo, painting = open_picture(CONTENTS[1], max_size=160).rgb, STYLES[3]
    half, whole = (np.abs(pixels(stylizer(photo, painting, mode="cascade", strength=s)) - pixels(photo)).mean()
                   for s in (0.5, 1))
    assert half / whole == pytest.approx(0.5, abs=0.02)

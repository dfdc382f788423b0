"""Clips in a style: shots, maps that belong to them, and results that stay where the scene is."""

import weakref
from functools import partial

import numpy as np
import pytest
import torch
from common import STYLES
from films import noisy, panned, photo
from PIL import Image, ImageEnhance

from wct import Stylizer
from wct.benchmark.flicker import Source, flicker, pan, still
from wct.pipeline import painter, shots
from wct.pipeline.motion import Steady, flow_between, moved
from wct.pipeline.shots import SPAN, STEP, anchors, begins, signature
from wct.runtime.threads import ahead

STYLE = Image.open(STYLES[0]).convert("RGB").resize((96, 96))


@pytest.fixture(scope="module")
def small():
    return Stylizer.from_pretrained(network="small", device="cpu", dtype=torch.float32)


def pixels(image):
    return np.asarray(image).astype(float)


def cuts(frames):
    return [n for n, begun in enumerate(begins(map(signature, frames))) if begun]


def test_shots_begin_at_cuts():
    a, b = noisy(12, i=0), noisy(9, i=2)
    assert cuts(a + b) == [0, 12] and cuts(a + b + a) == [0, 12, 21]


def test_noise_pans_light_and_flashes_are_no_cuts():
    scene = photo()
    assert cuts(noisy(20, noise=12)) == [0]
    assert cuts(panned(20, step=6)) == [0]
    assert cuts([ImageEnhance.Brightness(scene).enhance(0.3 + 0.05 * n) for n in range(20)]) == [0]
    flash = [scene] * 8 + [Image.new("RGB", scene.size, "white")] + [scene] * 8
    assert cuts(flash) == [0]


def test_anchors_have_key_frames_around_them():
    frames = noisy(2 * SPAN + 10, (16, 16)) + noisy(5, (16, 16), i=2)
    found = list(anchors((image, partial(int, n)) for n, image in enumerate(frames)))
    assert [(anchor.frame, anchor.shot) for anchor in found] == [
        (0, 0), (SPAN, 0), (2 * SPAN, 0), (2 * SPAN + 10, 1)]
    assert [anchor.keys for anchor in found] == [
        [0, STEP], [SPAN - STEP, SPAN, SPAN + STEP], [2 * SPAN - STEP, 2 * SPAN], [2 * SPAN + 10]]


def test_anchors_know_of_shots_that_are_stills():
    frames = [photo((16, 16))] * SPAN + noisy(SPAN, (16, 16)) + [photo((16, 16), 2)] * 5
    found = list(anchors((image, dict) for image in frames))
    assert [(anchor.frame, anchor.still) for anchor in found] == [(0, True), (SPAN, False), (2 * SPAN, True)]


def test_anchors_come_before_the_clip_has_ended():
    read = []

    def frames():
        for n, image in enumerate(noisy(3 * SPAN, (16, 16))):
            read.append(n)
            yield image, dict

    next(anchors(frames()))
    assert len(read) <= STEP + shots.LASTING + 1


def test_frames_that_are_alike_are_drawn_alike(small):
    results = [pixels(one) for one in small.stylise_frames([photo()] * (SPAN + STEP + 3), STYLE)]
    assert len(results) == SPAN + STEP + 3 and all((one == results[0]).all() for one in results)
    assert (results[0] == pixels(small(photo(), STYLE))).all()


def test_a_generator_is_as_good_as_a_list(small):
    frames = noisy(5)
    lists, generators = (list(small.stylise_frames(source, STYLE)) for source in (frames, (f for f in frames)))
    assert all((pixels(a) == pixels(b)).all() for a, b in zip(lists, generators)) and len(generators) == 5
    assert list(small.stylise_frames([], STYLE)) == []


@pytest.mark.parametrize("make, most", [(still, 0.5), (pan, 0.5)])
def test_flicker_is_halved(small, make, most):
    source = make(photo((384, 256), 3), (192, 112), 6)
    steady, alone = (sum(flicker(source, list(small.stylise_frames(source.frames, STYLE, steady=steady))))
                     for steady in (True, False))
    assert steady < most * alone


def test_few_positions_and_many_channels(stylizer):
    """A map that is fitted to no more positions than there are channels is no steeper for the frames to come."""
    source = still(photo((384, 256), 3), (192, 112), 3)
    steady, alone = (sum(flicker(source, list(stylizer.stylise_frames(source.frames, STYLE, steady=steady))))
                     for steady in (True, False))
    assert steady < 0.5 * alone  # without the ridge for it, 2.9


def test_a_shot_keeps_its_style(small):
    """What is steady is as far from the frame by itself as two ways of drawing the same are, not more."""
    frames = noisy(4, (192, 112))
    own = pixels(small(frames[-1], STYLE))
    steady = pixels(list(small.stylise_frames(frames, STYLE))[-1])
    assert np.abs(own - steady).mean() < 12 and abs(own.std() - steady.std()) < 3


def test_a_cut_begins_anew(small):
    a, b = noisy(3), noisy(3, i=2)
    results = list(small.stylise_frames(a + b, STYLE))
    alone = list(small.stylise_frames(b, STYLE))
    assert all((pixels(x) == pixels(y)).all() for x, y in zip(results[3:], alone))


def test_no_strength_is_the_clip_itself(small):
    frames = noisy(3, noise=0)
    for result in small.stylise_frames(frames, STYLE, strength=0):
        assert np.abs(pixels(result) - pixels(frames[0])).max() <= 1


def test_masks_still_and_moving(small):
    frames = noisy(4, noise=0)
    left = Image.new("L", (96, 64))
    left.paste(255, (0, 0, 40, 64))
    moving = [Image.new("L", (96, 64)) for _ in range(3)]
    for n, mask in enumerate(moving):
        mask.paste(255, (20 * n, 0, 20 * n + 40, 64))
    for masks, ends in ((left, [40] * 4), ([moving], [40, 60, 80, 80])):  # the last mask stays
        for frame, result, end in zip(frames, small.stylise_frames(frames, STYLE, masks=masks), ends):
            change = np.abs(pixels(frame) - pixels(result)).mean((0, 2))
            assert change[end + 1:].max() < 2 < change[end - 38:end - 2].mean()


def test_a_mask_that_is_empty_in_the_key_frames(small):
    mask = [Image.new("L", (96, 64))] * 2 + [Image.new("L", (96, 64), 255)]
    results = list(small.stylise_frames(noisy(3, noise=0), STYLE, masks=[mask]))
    assert np.abs(pixels(results[0]) - pixels(photo())).max() <= 1
    assert np.isfinite(pixels(results[2])).all() and np.abs(pixels(results[2]) - pixels(photo())).mean() > 5


def test_the_options_of_pictures(small):
    frames = noisy(2, noise=0)
    one = small(frames[0], [STYLE, photo(i=2)], weights=[1, 3], keep_colors=True, strength=0.7, levels=3, size=80)
    clip = list(small.stylise_frames(frames, [STYLE, photo(i=2)], weights=[1, 3], keep_colors=True, strength=0.7,
                                     levels=3, size=80))
    assert clip[0].size == (80, 53) and np.abs(pixels(one) - pixels(clip[0])).max() <= 1
    for options in ({"mode": "cascade"}, {"transform": "transport"}, {"stroke": 2.0, "transform": "adain"}):
        one, two = small(frames[0], STYLE, **options), list(small.stylise_frames(frames, STYLE, **options))[1]
        assert np.abs(pixels(one) - pixels(two)).max() <= 1
    with pytest.raises(ValueError, match="strength must lie"):
        small.stylise_frames(frames, STYLE, strength=2)


def test_label_maps(small):
    frames, regions = [photo((160, 120))] * 2, []
    for size in ((160, 120), STYLE.size):
        regions.append(Image.new("L", size, 3))
        regions[-1].paste(9, (0, 0, size[0] // 2, size[1]))
    options = {"masks": regions[0], "style_masks": regions[1], "labels": True}
    for mode in ("single", "photo"):
        one, two = small(frames[0], STYLE, mode=mode, **options), list(
            small.stylise_frames(frames, STYLE, mode=mode, **options))[1]
        assert np.abs(pixels(one) - pixels(two)).max() <= 1
    with pytest.raises(ValueError, match="label map of a clip is one picture"):
        next(small.stylise_frames(frames, STYLE, **options | {"masks": [regions[:1]]}))


def test_the_change_of_a_photo_glides(small, monkeypatch):
    """It is fitted to few frames: the light is about what it would be if it were fitted to each, and calmer."""
    frames = panned(15, (384, 256), 4)
    glided = list(small.stylise_frames(frames, STYLE, mode="photo"))
    monkeypatch.setattr(painter, "EVERY", 1)
    fitted = list(small.stylise_frames(frames, STYLE, mode="photo"))
    assert len(glided) == len(fitted) == 15 and (pixels(glided[6]) == pixels(fitted[6])).all()
    apart = [np.abs(pixels(a) - pixels(b)).mean() for a, b in zip(glided, fitted)]
    jitter = [np.abs(np.diff([pixels(one).mean((0, 1)) for one in made], 2, 0)).mean() for made in (glided, fitted)]
    assert 0 < max(apart) < 5 and jitter[0] < 0.6 * jitter[1]


def test_masks_that_move_over_a_photo(small):
    frames = [photo((192, 128))] * 5
    halves = [Image.new("L", (192, 128)) for _ in range(2)]
    halves[1].paste(255, (0, 0, 96, 128))
    masks = [[halves[n > 2] for n in range(5)]]
    results = list(small.stylise_frames(frames, STYLE, mode="photo", masks=masks))
    change = [np.abs(pixels(result) - pixels(frames[0])).mean((0, 2)) for result in results]
    assert max(one.max() for one in change[:3]) <= 1 and min(one[:90].mean() for one in change[3:]) > 5
    assert max(one[98:].max() for one in change) <= 1


def test_plain_ground_is_as_calm_as_in_a_picture(small):
    frame = Image.new("RGB", (160, 120), "white")
    frame.paste(photo((50, 40)), (60, 50))
    one, two = small(frame, STYLE), list(small.stylise_frames([frame, frame], STYLE))[1]
    assert (pixels(one) == pixels(two)).all() and pixels(two)[:20].std((0, 1)).max() < 2


def test_transparency_is_kept(small):
    frame = photo().convert("RGBA")
    frame.paste((0, 0, 0, 0), (0, 0, 30, 30))
    (result,) = small.stylise_frames([frame], STYLE)
    assert result.mode == "RGBA" and pixels(result)[..., 3].tolist() == pixels(frame)[..., 3].tolist()


def test_large_frames_are_taken_in_tiles(small):
    frames = [photo((700, 600))] * 2
    whole, tiled = (next(small.stylise_frames(frames, STYLE, tile=tile)) for tile in (None, 512))
    assert np.abs(pixels(whole) - pixels(tiled)).max() <= 1


def test_the_motion_of_a_pan_is_found():
    steady = Steady()
    for n, frame in enumerate(panned(9, (192, 112), 2.5)):
        offset, _ = steady.move(frame, n == 0)
        assert abs(offset[0] + 2.5 * n) < 0.15 * n + 0.01 and abs(offset[1]) < 0.15 * n + 0.01
    noise = Steady()
    offsets = [noise.move(frame, n == 0)[0] for n, frame in enumerate(noisy(9, (192, 112)))]
    assert set(offsets) == {(0.0, 0.0)}


def test_moved_there_and_back():
    image = photo((120, 90))
    back = moved(moved(image, 3.5, 1.25, (136, 104)), -3.5, -1.25, (120, 90))
    assert np.abs(pixels(back) - pixels(image)).mean() < 5
    assert pixels(moved(image, 8, 0, (128, 90)))[:, 8:].tolist() == pixels(image).tolist()


def test_flow_of_pictures_too_small_to_tell():
    small = np.zeros((8, 20, 3), np.uint8)
    assert not flow_between(small, small).any()


def test_flicker_is_what_it_says():
    a, b = (Image.new("RGB", (32, 32), (value, value, value)) for value in (100, 151))
    source = Source("", [a, a, a], (0.0, 0.0))
    assert flicker(source, [a, b, b]) == pytest.approx([0.04, 0.0])
    scene = pan(photo((384, 256)), (96, 64), 4)
    assert max(flicker(scene, scene.frames)) < 2e-3 < flicker(Source("", scene.frames, (0.0, 0.0)), scene.frames)[0]


def test_work_ahead():
    made = []

    def items():
        for n in range(100):
            made.append(n)
            yield n

    stream = ahead(items(), 3)
    assert [next(stream) for _ in range(5)] == [0, 1, 2, 3, 4]
    stream.close()
    assert len(made) <= 10

    def broken():
        yield 1
        raise OSError("no more")

    stream = ahead(broken(), 3)
    assert next(stream) == 1
    with pytest.raises(OSError, match="no more"):
        next(stream)


def test_a_mask_of_a_part_that_no_sample_would_take(small):
    """Of large frames: the sample is taken where the mask is."""
    frame = noisy(1)[0].resize((1280, 1024))
    boxes = painter.tiles.sample(frame.size, painter.SAMPLE)
    missed = next(box for box in painter.tiles.grid(frame.size, painter.tiles.PATCH) if box not in boxes)
    mask = Image.new("L", frame.size)
    mask.paste(255, missed)
    (result,) = small.stylise_frames([frame], STYLE, masks=[mask], steady=False)
    changed = np.abs(pixels(result) - pixels(frame)).mean(2)
    assert changed[missed[1]:missed[3], missed[0]:missed[2]].mean() > 5 and (changed[np.asarray(mask) == 0] == 0).all()


def test_frames_that_stand_for_themselves_are_let_go(small):
    seen = []

    def frames():
        for _ in range(60):
            frame = photo()
            seen.append(weakref.ref(frame))
            yield frame
            del frame

    for _ in small.stylise_frames(frames(), STYLE, steady=False, size=32):
        assert sum(one() is not None for one in seen) < 30

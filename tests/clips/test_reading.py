"""Clips read: their times, their shape, their colours, and what is wrong with them."""

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from av.stream import Disposition
from films import film, noisy, panned, photo, turn
from PIL import Image

from wct.clips import ClipError, find_clips, open_clip

RED, BLUE = (200, 40, 60), (30, 120, 220)


def halves(size=(96, 64)):
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image


def test_own_times_are_kept(tmp_path):
    times = [Fraction(n, 100) for n in (0, 4, 8, 30, 31, 60)]
    clip = open_clip(film(tmp_path / "a.mp4", noisy(6), times))
    frames = list(clip)
    assert [frame.time for frame in frames] == times and clip.count == 6
    assert [frame.duration for frame in frames[:-1]] == [b - a for a, b in pairwise(times)]
    assert [frame.time for frame in clip] == times  # from the beginning again


@pytest.mark.parametrize("pixels, matrix, full", [
    ("yuv420p", "ITU709", False), ("yuv420p", "ITU601", False), ("yuv420p10le", "ITU709", False),
    ("yuvj420p", "ITU709", True), ("yuv444p", "ITU601", False),
])
def test_colours(tmp_path, pixels, matrix, full):
    clip = open_clip(film(tmp_path / "a.mp4", [halves()] * 3, pixels=pixels, matrix=matrix, full=full))
    image = next(iter(clip)).image()
    for x, colour in ((20, RED), (76, BLUE)):
        assert np.abs(np.subtract(image.getpixel((x, 30)), colour)).max() <= 5


@pytest.mark.parametrize("size, matrix", [((96, 64), "ITU601"), ((1280, 720), "ITU709")])
def test_colours_of_films_that_do_not_say(tmp_path, size, matrix):
    clip = open_clip(film(tmp_path / "a.mp4", [halves(size)] * 2, matrix=matrix, tags=False))
    assert np.abs(np.subtract(next(iter(clip)).image().getpixel((20, 30)), RED)).max() <= 5


def test_a_phone_held_upright(tmp_path):
    image = photo()
    clip = open_clip(turn(film(tmp_path / "a.mp4", [image] * 2)))
    frame = next(iter(clip)).image()
    assert clip.size == frame.size == (64, 96) and "was turned" in clip.notes[0]
    upright = np.asarray(image.transpose(Image.Transpose.ROTATE_270), float)
    assert np.abs(np.asarray(frame, float) - upright).mean() < 6


def test_interlaced(tmp_path):
    clip = open_clip(film(tmp_path / "a.mp4", panned(6), options={"x264-params": "interlaced=1"}))
    assert len(list(clip)) == 6 and any("is interlaced" in note for note in clip.notes)


def test_pixels_that_are_not_square(tmp_path):
    clip = open_clip(film(tmp_path / "a.mp4", noisy(2), options={"x264-params": "sar=4/3"}))
    assert clip.size == next(iter(clip)).image().size == (128, 64)


def test_frames_are_scaled_as_they_are_read(tmp_path):
    clip = open_clip(film(tmp_path / "a.mp4", noisy(2)))
    assert next(iter(clip)).image((48, 32)).size == (48, 32)


def test_a_broken_frame_costs_no_more(tmp_path):
    path = film(tmp_path / "a.mkv", panned(24), options={"g": "6"})
    data = bytearray(path.read_bytes())
    data[len(data) // 2:len(data) // 2 + 300] = bytes(300)
    path.write_bytes(data)
    clip = open_clip(path)
    assert 12 <= len(list(clip)) <= 24 and any("broken frames" in note or "breaks off" in note for note in clip.notes)


def test_a_film_that_ends_early(tmp_path):
    path = film(tmp_path / "a.mkv", panned(24), options={"g": "6"})
    path.write_bytes(path.read_bytes()[:-path.stat().st_size // 3])
    assert 4 <= len(list(open_clip(path))) < 24


def test_what_is_no_clip(tmp_path):
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "empty.mp4").write_bytes(b"")
    whole = film(tmp_path / "whole.mp4", noisy(3))
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[:300])
    with av.open(str(tmp_path / "tone.mp4"), "w") as out:
        stream = out.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    for name, reason in (("text.mp4", "cannot be read"), ("empty.mp4", "cannot be read"), ("cut.mp4", "cannot be read"),
                         ("tone.mp4", "sound alone"), ("no.mp4", "no such file"), ("no.gif", "cannot be read")):
        with pytest.raises(ClipError, match=reason) as told:
            open_clip(tmp_path / name)
        assert name in str(told.value) and "\n" not in str(told.value)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_animations(tmp_path, suffix):
    frames = [image.convert("RGBA") for image in noisy(4)]
    for frame in frames:
        frame.paste((0, 0, 0, 0), (0, 0, 20, 20))
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:], duration=[40, 40, 120, 200],
                   loop=3, disposal=2 if suffix == ".gif" else 0, **({"lossless": True} if suffix == ".webp" else {}))
    clip = open_clip(tmp_path / f"a{suffix}")
    read = list(clip)
    assert [float(frame.time) for frame in read] == [0, 0.04, 0.08, 0.2] and read[3].duration == clip.last
    assert clip.count == 4 and clip.loop in (3, 4) and clip.size == (96, 64)
    image = read[2].image((48, 32))
    assert image.mode == "RGBA" and image.size == (48, 32)
    assert image.getpixel((5, 5))[3] == 0 and image.getpixel((30, 20))[3] == 255


def test_numbered_frames_in_the_order_of_their_numbers(tmp_path):
    for n in (1, 2, 10, 9):
        Image.new("RGB", (40, 30), (n, 0, 0)).save(tmp_path / f"frame{n}.png")
    clip = open_clip(tmp_path, rate=10)
    assert [frame.image().getpixel((0, 0))[0] for frame in clip] == [1, 2, 9, 10]
    assert [float(frame.time) for frame in clip] == [0, 0.1, 0.2, 0.3] and clip.count == 4


def test_for_a_numbered_frame_that_is_broken_stands_the_one_before(tmp_path):
    for n in range(10, 14):
        Image.new("RGB", (40, 30), (n, 0, 0)).save(tmp_path / f"{n}.png")
    for n in (10, 12):
        (tmp_path / f"{n}.png").write_bytes(b"nothing")
    clip = open_clip(tmp_path)
    assert clip.size == (40, 30) and [frame.image().getpixel((0, 0))[0] for frame in clip] == [11, 11, 11, 13]
    assert len(clip.notes) == 2 and all("stand" in note for note in clip.notes) and "12.png" in clip.notes[1]
    for n in (11, 13):
        (tmp_path / f"{n}.png").write_bytes(b"nothing")
    with pytest.raises(ClipError, match="is no picture"):
        open_clip(tmp_path)


def test_the_cover_of_a_record_is_no_film(tmp_path):
    with av.open(str(tmp_path / "song.m4a"), "w", format="mp4") as out:
        tone, cover = out.add_stream("aac", rate=48_000, layout="mono"), out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt, cover.disposition = 96, 64, "yuvj420p", Disposition.attached_pic.value
        picture = av.VideoFrame.from_image(photo()).reformat(format="yuvj420p")
        picture.pts = 0
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate, sound.pts = 48_000, 0
        for stream, frame in ((cover, picture), (tone, sound)):
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    with pytest.raises(ClipError, match="sound alone"):
        open_clip(tmp_path / "song.m4a")


def test_animations_of_sixty_frames_a_second(tmp_path):
    first, *others = noisy(4)
    first.save(tmp_path / "a.webp", save_all=True, append_images=others, duration=[16, 17, 8, 16])
    assert [float(frame.duration) for frame in open_clip(tmp_path / "a.webp")] == [0.016, 0.017, 0.1, 0.016]


def test_folders_without_clips(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ClipError, match="neither clips nor numbered frames"):
        find_clips(tmp_path)


def test_folders_of_clips(tmp_path):
    film(tmp_path / "b.mp4", noisy(2))
    noisy(1)[0].save(tmp_path / "still.png")
    noisy(2)[0].save(tmp_path / "a.gif", save_all=True, append_images=noisy(2)[1:])
    assert find_clips(tmp_path) == ([tmp_path / "a.gif", tmp_path / "b.mp4"], [])
    assert find_clips(tmp_path / "b.mp4") == ([tmp_path / "b.mp4"], [])


def test_what_is_no_clip_beside_clips(tmp_path):
    """What is damaged is opened, which says so; the rest is told."""
    for n in (1, 2):
        noisy(1)[0].save(tmp_path / f"{n}.png")
    (tmp_path / "0.png").write_bytes(b"nothing")
    assert find_clips(tmp_path) == ([tmp_path], [])
    film(tmp_path / "b.mp4", noisy(2)).rename(tmp_path / "b.qt")
    (tmp_path / "gone.mov").symlink_to("nowhere.mov")
    (tmp_path / "notes.txt").touch()
    clips, left_out = find_clips(tmp_path)
    assert [path.name for path in clips] == ["0.png", "b.qt"]
    (link, dead), (folder, frames) = left_out
    assert link.name == "gone.mov" and "gone.mov is a dead link" in dead
    assert folder == tmp_path and "holds 2 numbered pictures beside clips, such as 1.png" in frames

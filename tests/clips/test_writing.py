"""Clips written: every kind, their times and sound, and what was begun and goes on."""

import os
import signal
from fractions import Fraction
from itertools import islice, pairwise

import av
import numpy as np
import pytest
from films import chapters, film, noisy, panned, pictures, sound
from PIL import Image

from wct.clips import ClipError, encoding, kind_of, open_clip, writer, writing


def copy(clip, path, size=None, alpha=False, identity="one", stop=None, rename=os.replace):
    """Write the frames of a clip as they are, up to frame `stop`, where the work is interrupted."""
    def shown():
        for n, frame in enumerate(clip):
            if n == stop:
                raise KeyboardInterrupt
            if n >= place.done:
                yield frame, frame.image(size)

    size = size or clip.size
    place = writer(path, clip, size, identity, alpha)
    done = place.done
    place.write(shown(), rename=rename)
    return done


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    times = [Fraction(n, 100) for n in (0, 5, 10, 30, 40, 80, 85, 90)]
    return open_clip(film(folder / "a.mp4", panned(8), times, sound="aac"))


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.gif", "a.webp", "a.png", "frames"])
def test_every_kind(clip, tmp_path, name):
    path = tmp_path / name
    copy(clip, path)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    made = open_clip(path)
    frames = list(made)
    assert made.size == (96, 64) and len(frames) == 8
    if name != "frames":
        shift = frames[0].time  # Matroska has the beginning of AAC before zero, and moves all behind it
        wanted = [frame.time for frame in clip]
        assert max(abs(a.time - shift - b) for a, b in zip(frames, wanted)) <= 0.0051
    for a, b in zip(frames, clip):
        assert np.abs(np.asarray(a.image().convert("RGB"), float) - np.asarray(b.image(), float)).mean() < 8


def test_sound_is_copied_as_it_is(clip, tmp_path):
    copy(clip, tmp_path / "a.mp4")
    assert sound(tmp_path / "a.mp4") == sound(clip.path)
    with av.open(str(tmp_path / "a.mp4")) as made, av.open(str(clip.path)) as before:
        assert made.streams.audio[0].duration == before.streams.audio[0].duration


@pytest.mark.parametrize("tone", [None, "aac"])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_chapters_and_the_title_are_kept(tmp_path, name, tone):
    parts = [("Out", 0, 400), ("Home", 400, 1000)]
    clip = open_clip(film(tmp_path / "in.mkv", panned(24), sound=tone, title="A walk", chapters=parts))
    copy(clip, tmp_path / name)
    assert chapters(tmp_path / name) == [("Out", 0.0, 0.4), ("Home", 0.4, 1.0)]
    with av.open(str(tmp_path / name)) as made:
        assert made.metadata["title"] == "A walk" and abs(made.duration / 1e6 - 1) < 0.05  # sound is longer by a packet


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.gif", "a.webp", "a.png"])
def test_the_last_frame_is_shown_as_long_as_before(tmp_path, name):
    frames = noisy(4)
    frames[0].save(tmp_path / "in.gif", save_all=True, append_images=frames[1:], duration=[100, 50, 300, 1000], loop=0)
    copy(open_clip(tmp_path / "in.gif"), tmp_path / name)
    made = open_clip(tmp_path / name)
    assert [float(frame.time) for frame in made] == [0, 0.1, 0.15, 0.45] and made.duration == pytest.approx(1.45)


@pytest.mark.parametrize("name, longest", [("a.gif", 655.35), ("a.webp", 700), ("a.png", 700)])
def test_a_last_frame_of_many_minutes(tmp_path, name, longest):
    frames = noisy(2)
    frames[0].save(tmp_path / "in.webp", save_all=True, append_images=frames[1:], duration=[100, 700_000], loop=0)
    copy(open_clip(tmp_path / "in.webp"), tmp_path / name)
    assert open_clip(tmp_path / name).duration == pytest.approx(longest + 0.1)


def test_every_sound_is_kept(tmp_path):
    clip = open_clip(film(tmp_path / "in.mp4", panned(12), sound=["aac", "aac"]))
    copy(clip, tmp_path / "a.mkv")
    tracks = [sound(tmp_path / "a.mkv", track) for track in (0, 1)]
    assert tracks == [sound(clip.path, track) for track in (0, 1)] and tracks[0] != tracks[1]


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
def test_animations_have_no_frames_that_browsers_slow_down(tmp_path, name):
    clip = open_clip(film(tmp_path / "in.mp4", noisy(30), rate=120))
    copy(clip, tmp_path / name)
    made = list(open_clip(tmp_path / name))
    steps = [b.time - a.time for a, b in pairwise(made)]
    assert 10 <= len(made) < 30 and min(steps) > 0.01 and abs(made[-1].time - Fraction(29, 120)) < 0.03
    assert any("more frames a second than" in note for note in clip.notes)


def test_sound_that_a_kind_cannot_hold_is_encoded_anew(tmp_path):
    clip = open_clip(film(tmp_path / "in.mp4", panned(24), sound="aac"))
    copy(clip, tmp_path / "a.webm")
    assert any("encoded anew" in note for note in clip.notes)
    with av.open(str(tmp_path / "a.webm")) as made:
        tone = np.concatenate([frame.to_ndarray()[0] for frame in made.decode(audio=0)])
    assert abs(len(tone) / 48_000 - 1) < 0.1
    spectrum = np.abs(np.fft.rfft(tone[4800:43200]))
    assert abs(spectrum.argmax() * 48_000 / 38_400 - 440) < 3


def test_colours_and_tags_of_films(tmp_path):
    image = Image.new("RGB", (96, 64), (200, 40, 60))
    clip = open_clip(film(tmp_path / "in.mp4", [image] * 3, matrix="ITU601", full=True, pixels="yuvj420p"))
    copy(clip, tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as made:
        frame = next(made.decode(video=0))
        assert (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc) == (1, 1, 1, 1)
    assert np.abs(np.subtract(next(iter(open_clip(tmp_path / "a.mp4"))).image().getpixel((9, 9)), (200, 40, 60))
                  ).max() <= 5


def test_transparency_and_loops_are_kept(tmp_path):
    frames = [image.convert("RGBA") for image in noisy(4)]
    for frame in frames:
        frame.paste((0, 0, 0, 0), (0, 0, 20, 20))
    frames[0].save(tmp_path / "in.png", save_all=True, append_images=frames[1:], duration=[40, 40, 120, 200], loop=3)
    for suffix in (".gif", ".webp", ".png"):
        copy(open_clip(tmp_path / "in.png"), tmp_path / f"a{suffix}", alpha=True)
        made = open_clip(tmp_path / f"a{suffix}")
        assert made.loop == 3
        image = list(made)[2].image()
        assert image.getpixel((5, 5))[3] == 0 and image.getpixel((50, 40))[3] == 255
        assert abs(list(made)[3].time - Fraction(1, 5)) < 0.001
    assert float(open_clip(tmp_path / "a.gif").duration) == float(open_clip(tmp_path / "a.png").duration) == 0.4


def test_a_gif_keeps_its_colours_where_nothing_changes(tmp_path):
    image = noisy(1)[0]
    image.save(tmp_path / "in.gif", save_all=True, append_images=[image] * 3, duration=50, loop=0)
    film_of_one = open_clip(film(tmp_path / "in.mp4", [image] * 4))
    copy(film_of_one, tmp_path / "a.gif")
    first, *others = (frame.image().convert("RGB") for frame in open_clip(tmp_path / "a.gif"))
    assert all(np.abs(np.asarray(one, float) - np.asarray(first, float)).mean() < 1 for one in others)


def test_a_film_that_was_begun_goes_on(tmp_path):
    clip = open_clip(film(tmp_path / "in.mp4", panned(60), sound="aac"))
    for stop, done in ((20, 0), (41, 20)):
        with pytest.raises(KeyboardInterrupt):
            copy(clip, tmp_path / "out.mp4", stop=stop)
        pieces = sorted(tmp_path.glob("out.mp4.unfinished-*.mp4"))
        assert len(pictures(pieces[-1])[0]) == stop - done and not (tmp_path / "out.mp4").exists()
    assert copy(clip, tmp_path / "out.mp4") == 41
    times, made = pictures(tmp_path / "out.mp4")
    assert times == [float(frame.time) for frame in clip] and len(made) == 60
    for frame, pixels in list(zip(clip, made))[::7]:
        assert np.abs(np.asarray(frame.image(), float) - pixels).mean() < 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]
    assert sound(tmp_path / "out.mp4") == sound(clip.path)


def test_ctrl_c_leaves_no_hole(tmp_path, monkeypatch):
    """Between a frame that was encoded and its packet written, as anywhere."""
    class Interrupting:
        def __init__(self, container):
            self.container, self.count = container, 0

        def __getattr__(self, name):
            return getattr(self.container, name)

        def mux(self, packets):
            self.count += len(packets)
            if self.count == 20:
                signal.raise_signal(signal.SIGINT)
            self.container.mux(packets)

    class Encoder(encoding.Encoder):
        def __init__(self, container, *options):
            super().__init__(Interrupting(container), *options)

    clip = open_clip(film(tmp_path / "in.mp4", panned(60)))
    with monkeypatch.context() as patch:
        patch.setattr(writing, "Encoder", Encoder)
        with pytest.raises(KeyboardInterrupt):
            copy(clip, tmp_path / "out.mp4")
    times = pictures(tmp_path / "out.mp4.unfinished-1.mp4")[0]
    assert len(times) >= 20 and times == pytest.approx([n / 24 for n in range(len(times))])
    assert copy(clip, tmp_path / "out.mp4") == len(times)
    assert pictures(tmp_path / "out.mp4")[0] == [float(frame.time) for frame in clip]


@pytest.mark.parametrize("first, then", [
    ({}, {"identity": "another"}), ({}, {"size": (48, 32)}), ({"identity": ""}, {"identity": ""})], ids=str)
@pytest.mark.parametrize("name", ["out.mp4", "frames"])
def test_what_was_begun_otherwise_is_begun_anew(tmp_path, name, first, then):
    clip = open_clip(film(tmp_path / "in.mp4", panned(12)))
    with pytest.raises(KeyboardInterrupt):
        copy(clip, tmp_path / name, stop=6, **first)
    assert copy(clip, tmp_path / name, **then) == 0
    made = open_clip(tmp_path / name)
    assert len(list(made)) == 12 and made.size == then.get("size", (96, 64))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in.mp4", name])


def test_numbered_frames_go_on(tmp_path):
    clip = open_clip(film(tmp_path / "in.mp4", panned(8)))
    with pytest.raises(KeyboardInterrupt):
        copy(clip, tmp_path / "out", stop=5)
    assert copy(clip, tmp_path / "out") == 5
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{n:06}.png" for n in range(1, 9)]


@pytest.mark.parametrize("end", [OSError("no"), KeyboardInterrupt])
def test_frames_that_could_not_take_their_place_are_kept(tmp_path, end):
    clip = open_clip(film(tmp_path / "in.mp4", panned(4)))

    def rename(part, path):
        raise end

    with pytest.raises(type(end) if isinstance(end, OSError) else end):
        copy(clip, tmp_path / "out", rename=rename)
    (tmp_path / "out.unfinished" / f".{'0' * 32}.part").touch()  # of a run that was killed
    assert copy(clip, tmp_path / "out") == 4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{n:06}.png" for n in range(1, 5)]
    assert not list(tmp_path.glob("*unfinished*"))


@pytest.mark.parametrize("name", ["x" * 250 + "%s.mp4", "é" * 123 + "%s.mkv", "x" * 254 + "%s"])
def test_long_names(tmp_path, name):
    clip = open_clip(film(tmp_path / "in.mp4", panned(6)))
    for i in "ab":
        with pytest.raises(KeyboardInterrupt):
            copy(clip, tmp_path / (name % i), stop=3)
    for i in "ab":
        assert copy(clip, tmp_path / (name % i)) == 3
        assert len(list(open_clip(tmp_path / (name % i)))) == 6
    assert len(list(tmp_path.iterdir())) == 3


def test_an_animation_is_whole_or_not_there(tmp_path):
    clip = open_clip(film(tmp_path / "in.mp4", panned(8)))
    with pytest.raises(KeyboardInterrupt):
        copy(clip, tmp_path / "a.gif", stop=5)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_what_is_no_kind():
    with pytest.raises(ClipError, match=r"out\.avi cannot be written"):
        kind_of("out.avi")
    assert kind_of("frames") is None and kind_of("A.MP4").codec == "libx264"


def test_reading_stops_where_nobody_reads(tmp_path):
    clip = open_clip(film(tmp_path / "in.mp4", panned(30)))
    assert len(list(islice(clip, 2))) == 2

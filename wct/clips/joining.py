"""Pieces of a film joined, and the sound of the clip beside them, packet by packet."""

from __future__ import annotations

import heapq
import json
from contextlib import ExitStack
from fractions import Fraction

from wct.clips.clip import Clip
from wct.clips.encoding import TICK, Kind
from wct.clips.movies import open_file


def join(pieces, file, kind: Kind, clip: Clip) -> None:
    """Write the pictures of the pieces, and the clip's sound, chapters and title, to a binary file.

    Sound is copied as it is, where the kind has room for it; other sound is encoded anew, and the clip says so.
    """
    import av

    options = {"movflags": "faststart"} if kind.format in ("mp4", "mov") else {}
    with (ExitStack() as files, av.open(file.name, "w", format=kind.format, options=options) as out,
          av.open(str(pieces[0])) as model):
        sources = [_pictures(pieces, out.add_stream_from_template(model.streams.video[0]))]
        if clip.film:
            source = files.enter_context(open_file(clip.path))
            out.metadata.update({name: value for name, value in source.metadata.items()
                                 if name in ("title", "artist", "comment", "date", "copyright")})
            if source.chapters():
                out.set_chapters(source.chapters())
            if source.streams.subtitles:
                clip.note("has subtitles; they were left out")
            for i in range(len(source.streams.audio)):  # each from a file of its own, to be read at its own pace
                sound = files.enter_context(open_file(clip.path))
                sources.append(_sound(sound, sound.streams.audio[i], out, kind, clip))
        for packet in heapq.merge(*filter(None, sources), key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)


def _pictures(pieces, stream):
    """The packets of all pieces, in order, at the times that each piece says it begins at."""
    import av

    last, end = None, Fraction(0)
    for piece in pieces:
        with av.open(str(piece)) as container:
            start, shift = json.loads(container.metadata["comment"])["start"] * TICK, None
            for packet in container.demux(video=0):
                if packet.size == 0:
                    continue
                if shift is None:
                    shift = start - packet.pts * packet.time_base
                for name in ("pts", "dts"):
                    time = getattr(packet, name) * packet.time_base + shift
                    setattr(packet, name, round(time / TICK))
                packet.time_base, packet.stream = TICK, stream
                if last:
                    last.duration = packet.dts - last.dts
                    yield last
                last = packet
            end = start + Fraction(container.duration or 0, av.time_base)
    last.duration = max(1, round(end / TICK) - last.dts)
    yield last


def _sound(source, stream, out, kind, clip):
    """The packets of the clip's sound for a container; None where it cannot be had."""
    import av

    origin = Fraction(source.start_time or 0, av.time_base)
    name = stream.codec_context and stream.codec_context.name
    try:
        if name in kind.sounds:
            return _copied(source, stream, out.add_stream_from_template(stream), origin, clip)
        if name:
            clip.note(f"has sound ({name}) that {kind.format} cannot hold; it was encoded anew")
            return _anew(source, stream, out.add_stream(kind.sound, rate=48_000), origin, clip)
    except (av.error.FFmpegError, ValueError):
        pass
    clip.note(f"has sound that {kind.format} cannot hold; it was left out")
    return None


def _packets(source, stream, clip):
    """Those of a stream as far as they can be read."""
    import av

    try:
        yield from source.demux(stream)
    except (av.error.FFmpegError, OSError):
        clip.note("breaks off; what comes before was read")


def _copied(source, stream, target, origin, clip):
    last = None
    for packet in _packets(source, stream, clip):
        if packet.size == 0 or packet.dts is None:
            continue
        shift = round(origin / packet.time_base)
        packet.pts, packet.dts = (packet.pts if packet.pts is not None else packet.dts) - shift, packet.dts - shift
        if last is None or packet.dts > last:
            last, packet.stream = packet.dts, target
            yield packet


def _anew(source, stream, target, origin, clip):
    import av

    resampler = av.AudioResampler(format=target.codec_context.format or "fltp", layout="stereo", rate=48_000,
                                  frame_size=960 if target.codec_context.name == "libopus" else 1024)
    for packet in _packets(source, stream, clip):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            clip.note("has broken sound; it was left out there")
            continue
        for frame in frames:
            if frame.pts is not None:
                frame.pts -= round(origin / frame.time_base)
            for part in resampler.resample(frame):
                yield from target.encode(part)
    for part in resampler.resample(None):
        yield from target.encode(part)
    yield from target.encode(None)

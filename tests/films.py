"""Small clips for the tests, made by PyAV from pictures, or byte by byte."""

import struct
from fractions import Fraction

import av
import numpy as np
from common import CONTENTS
from PIL import Image

TICK = Fraction(1, 90_000)


def photo(size=(96, 64), i=0):
    return Image.open(CONTENTS[i]).convert("RGB").resize(size, Image.Resampling.LANCZOS)


def noisy(count, size=(96, 64), noise=4, i=0):
    """Pictures of a camera that stands still."""
    draw, scene = np.random.default_rng(0), np.asarray(photo(size, i), np.float32)
    frames = (scene + draw.normal(0, noise, scene.shape) for _ in range(count))
    return [Image.fromarray(x.round().clip(0, 255).astype(np.uint8)) for x in frames]


def panned(count, size=(96, 64), step=2.5, i=0):
    """Pictures of a camera that pans."""
    scene = photo((size[0] + round(step * count), size[1]), i)
    return [scene.transform(size, Image.Transform.AFFINE, (1, 0, step * n, 0, 1, 0), Image.Resampling.BICUBIC)
            for n in range(count)]


def film(path, images, times=None, rate=24, codec="libx264", pixels="yuv420p", options=None, matrix="ITU709",
         full=False, tags=True, sound=None, title=None, chapters=()):
    """A film of PIL images; times: seconds of each, else `rate` a second. sound: a codec, of a tone as long, or of
    several, each an octave higher. chapters: (title, start, end), in milliseconds."""
    with av.open(str(path), "w") as out:
        out.metadata.update({"title": title} if title else {})
        out.set_chapters([{"id": i, "start": start, "end": end, "time_base": Fraction(1, 1000),
                           "metadata": {"title": name}} for i, (name, start, end) in enumerate(chapters, 1)])
        stream = out.add_stream(codec, rate=rate, options={"crf": "8", **(options or {})})
        stream.width, stream.height, stream.pix_fmt = *images[0].size, pixels
        stream.time_base = stream.codec_context.time_base = TICK
        codecs = [sound] if isinstance(sound, str) else sound or []
        tones = [out.add_stream(codec, rate=48_000, layout="mono") for codec in codecs]
        if tags:
            stream.codec_context.colorspace = {"ITU709": 1, "ITU601": 6}[matrix]
            stream.codec_context.color_range = 2 if full else 1
        times = times or [Fraction(i, rate) for i in range(len(images))]
        for image, time in zip(images, times):
            frame = av.VideoFrame.from_ndarray(np.asarray(image.convert("RGB")), format="rgb24").reformat(
                format=pixels, dst_colorspace=matrix, src_color_range="JPEG",
                dst_color_range="JPEG" if full else "MPEG")
            frame.pts, frame.time_base = round(time / TICK), TICK
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        for octave, tone in enumerate(tones):
            _tone(out, tone, float(times[-1] + Fraction(1, rate)), 440 * 2**octave)
    return path


def _tone(out, stream, seconds, pitch):
    wave = np.sin(np.arange(int(48_000 * seconds)) * pitch * 2 * np.pi / 48_000).astype(np.float32)
    size, form = stream.codec_context.frame_size or 1024, stream.codec_context.format.name
    for start in range(0, len(wave), size):
        part = wave[None, start:start + size]
        frame = av.AudioFrame.from_ndarray(part if form.startswith("flt") else (part * 32767).astype(np.int16),
                                           format="fltp" if form.startswith("flt") else "s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def turn(path):
    """Have an MP4 say that it is to be shown turned by a quarter, as phones do (ISO/IEC 14496-12, tkhd)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    struct.pack_into(">9i", data, at, 0, 65536, 0, -65536, 0, 0, 64 * 65536, 0, 2**30)
    path.write_bytes(data)
    return path


def pictures(path):
    """The frames of a film, decoded by PyAV alone: (times in seconds, RGB arrays)."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [float(frame.time) for frame in frames], [frame.to_ndarray(format="rgb24") for frame in frames]


def chapters(path):
    """(title, start, end) of the chapters of a film, in seconds."""
    with av.open(str(path)) as container:
        return [(one["metadata"]["title"], *(float(one[end] * one["time_base"]) for end in ("start", "end")))
                for one in container.chapters()]


def sound(path, track=0):
    """The bytes of all packets of sound."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=track) if packet.size]

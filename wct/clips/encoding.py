"""Frames encoded: what is written for each suffix, with which codec, colours and settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageStat

from wct.clips.clip import ClipError, Frame

TICK = Fraction(1, 90_000)  # seconds; the usual rates of films are whole numbers of it
GROUP = 2  # seconds between frames that stand for themselves
_BT709, _LIMITED = 1, 1  # ITU-T H.273


@dataclass(frozen=True)
class Kind:
    """How a kind of clip is written: FFmpeg's names of format, codec and pixels, settings; which sounds it can hold
    as they are, and the codec of others. even: whether sides must be even. alpha: pixels with transparency."""

    format: str
    codec: str
    pixels: str
    settings: dict = field(default_factory=dict)
    sounds: tuple[str, ...] = ()
    sound: str | None = None
    tick: Fraction = TICK
    even: bool = False
    alpha: str | None = None

    @property
    def film(self) -> bool:
        """Whether it is a film, which may hold sound, and goes on where it was left."""
        return self.sound is not None

    @property
    def transparent(self) -> bool:
        """Whether it holds transparency."""
        return bool(self.alpha) or self.pixels == "pal8"


_X264 = {"codec": "libx264", "pixels": "yuv420p", "even": True,  # frames in order, and soon: a kill loses few
         "settings": {"crf": "18", "preset": "veryfast", "bf": "0", "rc-lookahead": "8"}}
_VP9 = {"codec": "libvpx-vp9", "pixels": "yuv420p",
        "settings": {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1", "auto-alt-ref": "0",
                     "lag-in-frames": "0"}}
_MP4 = ("aac", "mp3", "ac3", "eac3", "opus", "alac", "flac")
OUTPUTS = {
    ".mp4": Kind("mp4", **_X264, sounds=_MP4, sound="aac"),
    ".m4v": Kind("mp4", **_X264, sounds=_MP4, sound="aac"),
    ".mov": Kind("mov", **_X264, sounds=(*_MP4, "pcm_s16le", "pcm_s24le"), sound="aac"),
    ".mkv": Kind("matroska", **_X264, sounds=(*_MP4, "vorbis", "pcm_s16le", "pcm_s24le", "dts", "truehd"), sound="aac"),
    ".webm": Kind("webm", **_VP9, sounds=("opus", "vorbis"), sound="libopus"),
    ".gif": Kind("gif", "gif", "pal8", tick=Fraction(1, 100)),
    ".webp": Kind("webp", "libwebp_anim", "bgra", {"quality": "90"}, tick=Fraction(1, 1000), alpha="bgra"),
    ".png": Kind("apng", "apng", "rgb24", tick=Fraction(1, 1000), alpha="rgba"),
    ".apng": Kind("apng", "apng", "rgb24", tick=Fraction(1, 1000), alpha="rgba"),
}


def kind_of(path) -> Kind | None:
    """The Kind that the suffix of a path says; None for a folder of numbered frames. Raises ClipError for another."""
    suffix = Path(path).suffix.lower()
    if suffix and suffix not in OUTPUTS:
        raise ClipError(f"{path} cannot be written; name a file that ends in {', '.join(OUTPUTS)}, or a folder, "
                        "without a suffix, for numbered frames")
    return OUTPUTS.get(suffix)


class Encoder:
    """A stream of a container, which takes frames; `add` and `end` write what is ready."""

    def __init__(self, container, kind: Kind, size: tuple[int, int], rate: Fraction, alpha: bool = False):
        from av.codec.context import Flags

        self.container, self.kind, self.alpha = container, kind, alpha and kind.transparent
        self.pixels = kind.alpha if self.alpha and kind.alpha else kind.pixels
        self.palette = Palette() if kind.pixels == "pal8" else None
        self.stream = stream = container.add_stream(kind.codec, rate=rate, options=kind.settings)
        stream.width, stream.height, stream.pix_fmt = *size, self.pixels
        stream.time_base = stream.codec_context.time_base = kind.tick
        stream.codec_context.flags |= Flags.frame_duration
        if kind.film:
            context = stream.codec_context
            context.gop_size = max(1, round(GROUP * rate))
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = _LIMITED

    def add(self, frame: Frame, image: Image.Image) -> None:
        """Write an image of mode RGB or RGBA for the time of a frame."""
        ready = self._converted(image)
        start, stop = (round(time / self.kind.tick) for time in (frame.time, frame.time + frame.duration))
        ready.pts, ready.time_base, ready.duration = start, self.kind.tick, stop - start
        self.container.mux(self.stream.encode(ready))

    def end(self) -> None:
        self.container.mux(self.stream.encode(None))

    def _converted(self, image):
        from av import VideoFrame

        image = image if self.alpha else image.convert("RGB")
        if self.palette:
            return VideoFrame.from_ndarray(self.palette(image), format="pal8")
        frame = VideoFrame.from_ndarray(np.asarray(image.convert("RGBA" if self.alpha else "RGB")),
                                        format="rgba" if self.alpha else "rgb24")
        if not self.kind.film:
            return frame.reformat(format=self.pixels)
        return frame.reformat(format=self.pixels, dst_colorspace="ITU709", src_color_range="JPEG",
                              dst_color_range="MPEG")


class Palette:
    """The colours of a GIF: kept from frame to frame while they do, as new ones for each would flicker."""

    WORSE = 1.5  # times the error that they had at first, and they are chosen anew

    def __init__(self):
        self.colours, self.error = None, 0.0

    def __call__(self, image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
        """(numbers (H, W), colours (256, 4) as alpha, red, green, blue) of an image; the last one is transparent."""
        rgb = image.convert("RGB")
        if self.colours:
            numbers, error = self._quantised(rgb)
        if not self.colours or error > self.WORSE * self.error + 1:
            self.colours = rgb.quantize(255, Image.Quantize.MEDIANCUT)
            numbers, self.error = self._quantised(rgb)
        table = np.zeros((256, 4), np.uint8)
        known = np.array(self.colours.getpalette(), np.uint8).reshape(-1, 3)[:255]
        table[:len(known), 1:], table[:255, 0] = known, 255
        numbers = np.array(numbers)
        if image.mode == "RGBA":
            numbers[np.asarray(image.getchannel("A")) < 128] = 255
        return numbers, table

    def _quantised(self, rgb):
        numbers = rgb.quantize(palette=self.colours, dither=Image.Dither.FLOYDSTEINBERG)
        small = [im.convert("RGB").reduce(4) for im in (rgb, numbers)]
        return numbers, sum(ImageStat.Stat(ImageChops.difference(*small)).rms) / 3

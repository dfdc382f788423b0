"""PNG: chunks that say what its numbers mean, and 16 bits."""

import struct

import numpy as np
from PIL.PngImagePlugin import PngImageFile

from wct.images.light import WHITE, Light, coded, joined, power, primaries
from wct.images.loading import load

GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6  # colour types


class Png(PngImageFile):
    """A PNG. Its light is said, in this order, by cICP, iCCP (in info["icc_profile"]), sRGB, or gAMA and cHRM."""

    def _open(self):
        self._file = self.fp
        chunks = _chunks(self.fp)
        super()._open()
        self.depth, self.colour_type = chunks["IHDR"][8:10]
        self.key = np.frombuffer(chunks.get("tRNS", b""), ">u2") if self.colour_type in (GREY, RGB) else ()
        self.code = chunks.get("cICP", b"")
        if len(self.code) == 4:
            self.info.pop("icc_profile", None)
        if len(self.key) and self.depth < 8:
            self.info["transparency"] = int(self.key[0]) * (255 // (2**self.depth - 1))  # as pillow scales the pixels

    @property
    def light(self) -> Light | None:
        """The Light that its chunks state, but for a profile; None for sRGB. Raises ReadError for HDR."""
        if len(self.code) == 4:
            return coded(self.code[0], self.code[1])
        gamma, points = self.info.get("gamma"), self.info.get("chromaticity", ())
        if "srgb" in self.info or not gamma or not 0.01 <= gamma <= 100:  # cHRM alone says nothing, as in browsers
            return None
        points = list(zip(points[::2], points[1::2]))
        if len(points) == 4 and all(x >= 0 and y > 0 for x, y in points):
            try:
                return Light((power(1 / gamma),), primaries(*points))
            except np.linalg.LinAlgError:  # primaries on a line
                pass
        return None if abs(gamma - 0.45455) < 0.01 else Light((power(1 / gamma),), None)  # that is what sRGB writes

    def samples(self):
        """(uint16 samples (H, W, C), no notes) of 16 bits once it is loaded; None where 8 bits do."""
        if self.depth != 16 or self.im is None:
            return None
        if self.colour_type == GREY:
            values = np.asarray(self._new(self.im))[..., None].astype(np.uint16)
        else:
            values = self._again()
        if len(self.key) == values.shape[-1]:
            opaque = (values != self.key).any(axis=-1, keepdims=True)
            values = np.concatenate([values, opaque * np.uint16(WHITE)], axis=-1)
        return values, []

    def _again(self):
        """The samples, read again: pillow has them in 8 bits."""
        self._file.seek(0)
        image = Png(self._file, "")
        tile = image.tile[0]
        if self.colour_type == GREY_ALPHA:  # as pixels that have as many bytes
            image.tile = [tile._replace(args="RGBA")]
            load(image)
            return np.asarray(image._new(image.im)).view(">u2").astype(np.uint16)
        image.tile = [tile._replace(args=tile.args.replace("16B", "16L"))]  # their lower bytes
        load(image)
        return joined(np.asarray(self._new(self.im)), np.asarray(image._new(image.im)))


def _chunks(file):
    """The chunks before the pixels, by name; file is left where it stands."""
    start, found = file.tell(), {}
    file.seek(8, 1)
    while (head := file.read(8)) and len(head) == 8:
        length, name = struct.unpack(">I4s", head)
        if name in (b"IDAT", b"IEND"):
            break
        found.setdefault(name.decode("latin-1"), file.read(min(length, 2**24)))
        file.seek(max(0, length - 2**24) + 4, 1)
    file.seek(start)
    return found

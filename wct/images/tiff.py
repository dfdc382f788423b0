"""TIFF: the many ways in which it states its light, and the page that is the picture."""

import io
import sys
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.TiffTags import TAGS_V2_GROUPS

from wct.images.light import WHITE, joined, to_samples
from wct.images.loading import load
from wct.images.picture import ReadError

# Tags and what they hold
KIND, WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
SAMPLES, PLANAR, TILE_WIDTH, EXTRA, FORMAT, PROFILE = 277, 284, 322, 338, 339, 34675
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
UNSPECIFIED, PREMULTIPLIED, STRAIGHT = 0, 1, 2
_FORMATS = {UNSIGNED: "unsigned", SIGNED: "signed", FLOAT: "floating"}


class _Layout(NamedTuple):
    """Samples that pillow is to fetch as they are in the file. fetch: how it is brought to that, see `_presented`."""

    fetch: str
    channels: int
    colours: int
    bits: int
    format: int
    inverted: bool
    alpha: int  # ExtraSamples


class Tiff(TiffImageFile):
    """A TIFF. Pillow fetches the samples; what they mean is said here, where pillow knows no mode that is deep enough,
    has no limit of its own, and turns nothing: that is done as for any other picture."""

    def _setup(self):
        self.layout = _layout(self.tag_v2)
        width, length = self.tag_v2.get(WIDTH), self.tag_v2.get(LENGTH)
        described = _described(self.tag_v2)
        for tag, value in _presented(self.tag_v2, self.layout).items():
            self.tag_v2[tag] = value
        try:
            super()._setup()
        except SyntaxError as error:
            message = f"holds {described}, which are not read; save it with 8 or 16 bits, in grey or RGB"
            raise ReadError(message) from error
        self._size = width, length
        if self.layout:
            self.tile = [_in_native_order(tile) for tile in self.tile]

    def load_prepare(self):
        if self._im is None:
            exif = self.getexif()  # while the file is open
            for key in TAGS_V2_GROUPS:
                if key in exif:
                    exif.get_ifd(key)
            self.im = Image.core.new(self.mode, self._tile_size)
        ImageFile.ImageFile.load_prepare(self)

    def load_end(self):
        self._close_exclusive_fp_after_loading = not self.is_animated

    def samples(self):
        """(uint16 samples (H, W, C), notes) once it is loaded; None where pillow's 8 bits do."""
        if self.layout is None:
            return None
        fetch, channels, colours, bits, format, inverted, alpha = self.layout
        values = np.asarray(self._new(self.im))
        if fetch == "halves":
            values = joined(values, self._low_halves())
        elif fetch == "bytes":
            little = self.tag_v2.prefix == b"II" if self._compression == "raw" else sys.byteorder == "little"
            values = values.view(f"{'<' if little else '>'}u{bits // 8}")
        elif bits == 32 and format == UNSIGNED:
            values = values.view(np.uint32)
        values = values.reshape(len(values), -1, channels)
        white = None if format == FLOAT else 2**bits - 1 if format == UNSIGNED else 2 ** (bits - 1) - 1
        values, notes = to_samples(values, colours, white)
        if inverted:
            values[..., :colours] = WHITE - values[..., :colours]
        if channels > colours and alpha == PREMULTIPLIED:
            opacity = np.maximum(values[..., colours:colours + 1], 1).astype(np.float32)
            values[..., :colours] = (values[..., :colours] * (WHITE / opacity)).clip(0, WHITE).round()
        return values[..., : colours + (channels > colours and alpha != UNSPECIFIED)], notes

    def _low_halves(self):
        """Read again: the lower bytes of what pillow cuts 16 bits to."""
        self._fp.seek(0)
        image = Tiff(self._fp, "")
        image.seek(self.tell())
        swap = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
        image.tile = [
            tile._replace(args=(tile.args[0][:-1] + swap[tile.args[0][-1]], *tile.args[1:])) for tile in image.tile
        ]
        load(image)
        return np.asarray(image._new(image.im))


def opened(file):
    """The picture of a TIFF: its first page that is no reduced copy of another, and no mask."""
    image = Tiff(file, "")
    for page in range(32):
        try:
            image.seek(page)
        except EOFError:
            break
        if not (_number(image.tag_v2, KIND) or 0) & 5:
            return image
    image.seek(0)
    return image


def page_at(data, offset):
    """The picture of the directory at an offset of a file's bytes."""
    order = "little" if data[:1] == b"I" else "big"
    return Tiff(io.BytesIO(data[:4] + offset.to_bytes(4, order) + data[8:]), "")


def _layout(tags):
    """The _Layout of samples that pillow would not read, or cut to 8 bits before their profile; None for others."""
    photometric, samples = _number(tags, PHOTOMETRIC) or 0, _number(tags, SAMPLES) or 1
    bits, formats = set(_listed(tags, BITS, 1)), set(_listed(tags, FORMAT, UNSIGNED))
    if photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB) or len(bits) > 1 or len(formats) > 1:
        return None
    bits, format = bits.pop(), formats.pop()
    colours = 3 if photometric == RGB else 1
    extra = _listed(tags, EXTRA, STRAIGHT if samples == 4 else UNSPECIFIED)[0] if samples > colours else UNSPECIFIED
    contiguous = samples == 1 or (_number(tags, PLANAR) or 1) == 1
    if (samples, bits, format) in {(1, 16, 1), (1, 16, 2), (1, 32, 1), (1, 32, 2), (1, 32, 3)} and colours == 1:
        fetch = "grey"
    elif samples == 2 and colours == 1 and contiguous and (bits, format) in {(8, 1), (16, 1)}:
        fetch = "bytes"
    elif samples in (3, 4) and colours == 3 and (bits, format) == (16, 1):
        if PROFILE not in tags and extra != PREMULTIPLIED:
            return None
        fetch = "halves"
    elif colours <= samples <= 8 and contiguous and bits == 32 and format in _FORMATS and (
            _number(tags, COMPRESSION) in (None, 1)):
        fetch = "wide"
    else:
        return None
    if fetch == "halves" and extra == UNSPECIFIED:
        samples = 3  # pillow leaves the fourth out
    return _Layout(fetch, samples, colours, bits, format, photometric == WHITE_IS_ZERO, extra)


def _presented(tags, layout):
    """The tags, changed, by which pillow fetches the samples of a layout.

    grey: as numbers of one channel. bytes: the pixels of another kind that has as many bytes. halves: pillow's own kind
    of straight 16-bit colours, read twice. wide: grey, as many times as wide as there are channels.
    """
    if layout is None:
        return {}
    if layout.fetch == "bytes" and layout.bits == 16:
        return {PHOTOMETRIC: RGB, SAMPLES: 4, BITS: (8, 8, 8, 8), EXTRA: (STRAIGHT,)}
    if layout.fetch == "bytes":
        return {PHOTOMETRIC: BLACK_IS_ZERO, EXTRA: (STRAIGHT,)}
    if layout.fetch == "halves":
        return {EXTRA: (STRAIGHT,)} if layout.alpha == PREMULTIPLIED else {}
    format = SIGNED if (layout.bits, layout.format) == (32, UNSIGNED) else layout.format
    widths = {tag: tags[tag] * layout.channels for tag in (WIDTH, TILE_WIDTH) if tag in tags}
    return {PHOTOMETRIC: BLACK_IS_ZERO, SAMPLES: 1, BITS: (layout.bits,), FORMAT: (format,), EXTRA: (), **widths}


def _in_native_order(tile):
    """libtiff gives numbers in the machine's order of bytes, which pillow minds for some of its modes only."""
    rawmode = tile.args[0]
    if tile.codec_name != "libtiff" or rawmode[:2] not in ("I;", "F;"):
        return tile
    signed = "S" * rawmode.endswith("S")
    native = f"F;{rawmode[2:4]}NF" if rawmode[0] == "F" else f"I;{rawmode[2:4]}N{signed}"
    return tile._replace(args=(native, *tile.args[1:]))


def _described(tags):
    bits, format = _listed(tags, BITS, 1), _listed(tags, FORMAT, UNSIGNED)[0]
    return f"{_FORMATS.get(format, 'unknown')} samples of {' + '.join(map(str, bits[:6]))} bits"


def _number(tags, tag):
    value = tags.get(tag)
    return value if isinstance(value, int) else None


def _listed(tags, tag, usual):
    value = tags.get(tag)
    value = value if isinstance(value, tuple) and value else (usual,)
    return [part if isinstance(part, int) else usual for part in value]

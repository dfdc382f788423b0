"""Pictures in tiles: cut with margins, worked on one by one, put together without seams.

A tile sees as far around itself as encoder and decoder do, so that what it has inside its margins is what the whole
picture has there; the maps of all tiles are the same, from statistics of the whole picture or of an even sample.
These are put together from the same blocks whatever the tiles, so that every tile is, to the bit, what it is in the
whole: in bfloat16 a difference in the last place of a map would show. Convolutions round alike at any size but small
ones, so no tile is that small, margins included, where the picture is not. A picture worked on as a whole is one tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import torch
from PIL import Image
from torch.nn import functional as F

from wct.images import to_tensor
from wct.options import MAX_PIXELS, SMALLEST_TILE
from wct.pipeline import bands

Box = tuple[int, int, int, int]  # left, top, right, bottom

SIDE = 1024  # of a tile, without margins: larger ones take more memory, smaller ones more time for their margins
SAMPLE = MAX_PIXELS  # pixels that statistics are taken of; those of smaller pictures are exact
PATCH = 512  # side of the squares of a sample
BLOCK = 256  # side of the squares that statistics are put together from; those of tiles and samples are multiples of it
REACH = (2, 8, 20, 60, 140)  # pixels around a point that the encoder to relu{k}_1 and the decoder back look at


@dataclass
class Tile:
    """A part of a picture, or of a batch of pictures.

    box, outer: where it lies in the picture, without and with margins. pixels: (B, 3, h, w) with margins, padded to
    whole cells. masks: None, or (1 or B, 1, h, w) of each style. features: [relu1_1, ...] of the pixels, as
    `bands.encode` has them. spare: whether the features may be written over.
    """

    box: Box
    outer: Box
    pixels: torch.Tensor
    masks: list[torch.Tensor] | None = None
    features: list[torch.Tensor | None] = field(default_factory=list)
    spare: bool = False

    @property
    def area(self) -> int:
        """Its pixels without margins."""
        return area(self.box)

    def within(self, x: torch.Tensor) -> torch.Tensor:
        """What x (B, n, h / 2^k, w / 2^k), of the tile at any level, has without the margins; what pads it remains
        where the picture ends."""
        step = self.pixels.shape[2] // x.shape[2]
        left, top, right, bottom = (a - b for a, b in zip(self.box, self.outer[:2] * 2))
        ends = [None if a == b else end // step
                for a, b, end in zip(self.box[2:], self.outer[2:], (right, bottom))]
        return x[:, :, top // step:ends[1], left // step:ends[0]]

    def masked(self, masks: list[Image.Image | None], levels: int) -> list[torch.Tensor]:
        """The tile's part of masks, PIL images of mode L, None for all: a list of (1, 1, h, w)."""
        device = self.pixels.device
        return [torch.ones_like(self.pixels[:, :1]) if mask is None else _load(mask, self.outer, levels, device)
                for mask in masks]

    def blocks(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """Parts of x, what the tile has at any level, without its margins: of BLOCK pixels across, less at the ends."""
        side = BLOCK * x.shape[2] // self.pixels.shape[2]
        for row in self.within(x).split(side, 2):
            yield from row.split(side, 3)

    def rows(self, start: int, stop: int) -> Tile:
        """Some of its rows of pixels as a tile without features."""
        left, top, right, bottom = self.outer
        height = self.pixels.shape[2]
        stop = min(stop, height)
        outer = left, top + start, right, bottom if stop == height else top + stop
        first = max(self.box[1], outer[1])
        box = self.box[0], first, self.box[2], max(first, min(self.box[3], outer[3]))
        masks = self.masks and [mask[:, :, start:stop] for mask in self.masks]
        return replace(self, box=box, outer=outer, pixels=self.pixels[:, :, start:stop], masks=masks, features=[])

    def bands(self) -> list[tuple[int, int]]:
        """Its rows of pixels, (start, stop), in bands of whole blocks."""
        height = self.pixels.shape[2]
        if len(bands.rows(self.pixels, 1)) == 1:
            return [(0, height)]
        step = max(1, bands.PIXELS // (BLOCK * self.pixels.shape[3])) * BLOCK
        above, inside = self.box[1] - self.outer[1], self.box[3] - self.box[1]
        cuts = [above + start for start in range(step, inside, step)]
        return list(zip([0, *cuts], [*cuts, height]))


def margin(levels: int, mode: str) -> int:
    """Pixels around a tile, in whole cells: its passes' reach together."""
    reach = REACH[levels - 1] if mode == "single" else sum(REACH[:levels])
    cell = 2 ** (levels - 1)
    return -(-reach // cell) * cell


def grid(size: tuple[int, int], side: int) -> list[Box]:
    """Boxes that cover a picture of size (width, height), in steps of whole blocks.

    None is longer than side, which is a block at least.
    """
    def cuts(length):
        if length <= side:
            return [(0, length)]
        step = -(-length // -(-length // (side // BLOCK * BLOCK)))
        step = -(-step // BLOCK) * BLOCK
        return [(start, min(start + step, length)) for start in range(0, length, step)]

    width, height = size
    return [(left, top, right, bottom) for top, bottom in cuts(height) for left, right in cuts(width)]


def sample(size: tuple[int, int], pixels: int, masks: list[Image.Image | None] | None = None) -> list[Box]:
    """Boxes of a picture, spread evenly, that hold some `pixels` together.

    masks: None, or of each style the part of the picture (PIL image of mode L, None for all) to take them from.
    """
    masks = masks or [None]
    count = max(4, pixels // (PATCH**2 * len(masks)))
    boxes = _spread(grid(size, PATCH))
    chosen = {}
    for mask in masks:
        inside = (box for box in boxes if mask is None or mask.crop(box).getbbox())
        chosen |= dict.fromkeys(islice(inside, count))
    return list(chosen)


def _spread(boxes):
    """The boxes of a grid in an order of which every beginning covers the picture evenly: the R2 sequence."""
    columns = sum(box[1] == 0 for box in boxes)
    rows = len(boxes) // columns
    points = ((int(i * 0.7548776662 % 1 * columns), int(i * 0.5698402910 % 1 * rows)) for i in range(4 * len(boxes)))
    return list(dict.fromkeys([boxes[row * columns + column] for column, row in points] + boxes))


def cut(picture: Image.Image, box: Box, around: int, levels: int, device: torch.device) -> Tile:
    """The Tile of a PIL image of mode RGB in a box, with `around` pixels on each side where the picture has them."""
    def window(start, stop, length):
        start = max(0, min(start - around, (length - SMALLEST_TILE) // BLOCK * BLOCK))
        return start, min(length, max(stop + around, start + SMALLEST_TILE))

    (left, right), (top, bottom) = (window(*box[i::2], picture.size[i]) for i in (0, 1))
    outer = left, top, right, bottom
    return Tile(box, outer, _load(picture, outer, levels, device))


def _load(image, box, levels, device):
    return whole_cells(to_tensor(image.crop(box)), levels).to(device)


def whole_cells(x: torch.Tensor, levels: int) -> torch.Tensor:
    """Pixels (B, C, H, W), padded on the right and below to whole cells of the deepest level, two at least."""
    cell = 2 ** (levels - 1)
    height, width = (max(2, -(-side // cell)) * cell for side in x.shape[2:])
    if (height, width) != x.shape[2:]:
        x = F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]), mode="replicate")
    return x.contiguous(memory_format=torch.channels_last)


def area(box: Box) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def paste(canvas: Image.Image, box: Box, image: Image.Image) -> None:
    """Put what a tile has within its margins, a PIL image, into the canvas, one of the whole picture."""
    left, top, right, bottom = box
    canvas.paste(image.crop((0, 0, right - left, bottom - top)), (left, top))

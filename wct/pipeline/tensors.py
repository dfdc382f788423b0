"""TensorStylizer: tensors in, tensors out, what `Stylizer` is a shell over."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from functools import partial

import torch

from wct.options import Options, level_strengths
from wct.pipeline import bands, photo, tiles
from wct.pipeline.mapping import Maps, gather_levels, normalised
from wct.pipeline.passes import PASSES, map_strengths
from wct.pipeline.rendering import finished, lights
from wct.pipeline.tiles import Tile
from wct.runtime.clock import Clock
from wct.runtime.device import choose_device, choose_dtype
from wct.transform import Statistics


class TensorStylizer:
    """Encoder, transform and decoder for float tensors, with no state but the networks.

    encoder, decoder: as `models` has them, copied. inverse: the decoder of mode cascade, by default the same. device:
    "auto", "cpu", "cuda" or "mps". dtype: of the convolutions, torch.float32 or torch.bfloat16; by default the one that
    is faster there.
    """

    def __init__(self, encoder: torch.nn.Module, decoder: torch.nn.Module, *, inverse: torch.nn.Module | None = None,
                 device: str | torch.device = "auto", dtype: torch.dtype | None = None):
        if dtype not in (None, torch.float32, torch.bfloat16):
            raise ValueError(f"dtype is torch.float32 or torch.bfloat16, not {dtype!r}")
        self.device = choose_device(device)
        self.dtype = dtype or choose_dtype(self.device)
        self.encoder, self.decoder = self._placed(encoder), self._placed(decoder)
        self.inverse = self.decoder if inverse is None else self._placed(inverse)
        for network in (self.decoder, self.inverse):
            network.block(1).float()  # eight bits of mantissa are too few for pixels
            network.stage = None  # pictures do without its correction, which takes thirty times as long
        self.levels = decoder.levels

    def _placed(self, network):
        return copy.deepcopy(network).to(self.device, self.dtype, memory_format=torch.channels_last).eval()

    def networks(self, mode: str) -> tuple[torch.nn.Module, torch.nn.Module]:
        """The encoder and the decoder of a mode."""
        return self.encoder, self.inverse if mode == "cascade" else self.decoder

    def encode_content(self, pixels: torch.Tensor, levels: int | None = None) -> Tile:
        """What `render` needs of contents (B, 3, H, W), RGB in [0, 1]: encoded once, for any styles and options.

        levels: how many may take part, by default all.
        """
        levels = levels or self.levels
        tile = self._whole(pixels, levels, "content")
        tile.features = bands.encode(self.encoder, tile.pixels, levels)
        return tile

    def encode_style(self, pixels: torch.Tensor, mask: torch.Tensor | None = None, levels: int | None = None
                     ) -> list[Statistics]:
        """The statistics of styles (B, 3, H, W), RGB in [0, 1], at every level: all that `render` needs of them.

        mask: how much each pixel counts, (1 or B, 1, H, W), 0 to 1. levels: how many may take part, by default all.
        Raises ValueError for a bad shape, or a mask of nothing.
        """
        levels = levels or self.levels
        tile = self._whole(pixels, levels, "style")
        _check_masks([] if mask is None else [mask], pixels)
        mask = mask if mask is None else tiles.whole_cells(mask.to(tile.pixels), levels)
        return [moments.statistics(self.device) for moments in gather_levels(self.encoder, tile, levels, mask)]

    def _whole(self, pixels, levels, name):
        """Pictures as one tile without features; errors call them `name`."""
        _check_pixels(pixels, name)
        height, width = pixels.shape[2:]
        box = 0, 0, width, height
        return Tile(box, box, tiles.whole_cells(pixels.to(self.device).float(), levels))

    def render(self, content: torch.Tensor | Tile, style: torch.Tensor | list[Statistics] | Sequence, *,
               weights: Sequence[float] | None = None, masks: Sequence[torch.Tensor] | None = None,
               strength: float = Options.strength, keep_colors: bool = Options.keep_colors, mode: str = Options.mode,
               transform: str = Options.transform, levels: int | Iterable[float] | None = Options.levels,
               detail: float = Options.detail, backend: str = Options.backend, ridge: float = Options.ridge
               ) -> torch.Tensor:
        """Stylise tensors: contents (B, 3, H, W), RGB in [0, 1], to that shape, float32, not clamped.

            result = stylizer.render(photos, painting, strength=0.8).clamp(0, 1)

        content: pixels, or what `encode_content` made of them. style: pixels (1 or B, 3, h, w), one style for all or
        one for each, or what `encode_style` made of them; or a tuple of these, mixed by `weights`. masks: of each style
        (1 or B, 1, H, W), 0 to 1. The options are those of `stylise`. Mode photo looks at contents reduced to 512
        pixels a side, but for what is encoded already.

        Nothing is kept, hashed, or taken in tiles. Gradients reach content and style where they are asked for.
        Raises ValueError for a bad option or shape.
        """
        options = Options(strength=strength, keep_colors=keep_colors, mode=mode, transform=transform, levels=levels,
                          detail=detail, backend=backend, ridge=ridge)
        styles = list(style) if isinstance(style, tuple) else [style]
        strengths, shares = level_strengths(options.levels, self.levels), normalised(weights, len(styles))
        if masks is not None and len(masks) != len(styles):
            raise ValueError(f"{len(styles)} styles take {len(styles)} masks, not {len(masks)}")
        if not isinstance(content, Tile):
            _check_pixels(content, "content")
        _check_masks(masks or (), content)
        if mode == "photo":
            draw = partial(self.render, style=style, weights=weights, transform=transform, levels=options.levels,
                           detail=photo.seen(options).detail, backend=backend, ridge=ridge)
            return photo.rendered(draw, content, masks, shares, strength)
        tile = content if isinstance(content, Tile) else self.encode_content(content, len(strengths))
        styles = [self.encode_style(one, levels=len(strengths)) if isinstance(one, torch.Tensor) else one
                  for one in styles]
        for name, encoded in (("content", tile.features), *(("style", one) for one in styles)):
            if len(encoded) < len(strengths):
                raise ValueError(f"the {name} was encoded at {len(encoded)} levels, and {len(strengths)} take part")
        for count in {one[0].mean.shape[0] for one in styles} - {1, len(tile.pixels)}:
            raise ValueError(f"there are {count} styles for {len(tile.pixels)} contents; give one for all, or one each")
        if masks is not None:
            masks = [tiles.whole_cells(mask.to(tile.pixels), len(tile.features)) for mask in masks]
        tile = Tile(tile.box, tile.outer, tile.pixels, masks, tile.features[:len(strengths)])
        maps = Maps(styles, shares, map_strengths(options, strengths), options, Clock(self.device, timed=False))
        (drawn,) = PASSES[mode](*self.networks(mode), maps, options)([tile])
        result = finished(tile, drawn, lights([tile], [drawn], options))
        width, height = tile.box[2:]
        return result[:, :, :height, :width]


def _check_pixels(pixels, name):
    if not isinstance(pixels, torch.Tensor) or not pixels.is_floating_point():
        raise ValueError(f"the {name} must be a float tensor, not {getattr(pixels, 'dtype', type(pixels).__name__)}")
    if pixels.ndim != 4 or pixels.shape[1] != 3 or pixels.numel() == 0:
        raise ValueError(f"the {name} must have the shape (B, 3, H, W), not {tuple(pixels.shape)}")


def _check_masks(masks, pictures):
    tile = isinstance(pictures, Tile)
    count, size = (len(pictures.pixels), pictures.box[3:1:-1]) if tile else (len(pictures), pictures.shape[2:])
    for mask in masks:
        if mask.ndim != 4 or mask.shape[0] not in (1, count) or mask.shape[1:] != (1, *size):
            raise ValueError(f"masks have the shape (1 or {count}, 1, {size[0]}, {size[1]}), not {tuple(mask.shape)}")
        if not (mask.flatten(1).amax(1) > 0).all():
            raise ValueError("a mask is 0 everywhere: leave its style out")

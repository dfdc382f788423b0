"""Stylizer: a photo and a painting in, the photo in the painting's style out."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike

import torch
from PIL import Image
from torch.nn import functional as F

from models import load_decoder, load_encoder
from models.networks import choose, find
from models.weights import WEIGHTS
from wct import images
from wct.images import Picture, open_mask, open_picture, to_pil, with_alpha
from wct.options import DEFAULT_LEVELS, MAX_PIXELS, SMALLEST_TILE, STAGES, Options, level_strengths
from wct.pipeline import photo, tiles
from wct.pipeline.cache import MAX_STYLE_SIDE, Content, Recent, fitted, identified, labelled
from wct.pipeline.films import OfClips
from wct.pipeline.mapping import Maps, checked, gather_levels, normalised
from wct.pipeline.passes import map_strengths
from wct.pipeline.rendering import Rendering
from wct.pipeline.tensors import TensorStylizer
from wct.runtime import memory
from wct.runtime.clock import Clock
from wct.transform import Statistics

ROUNDS = 4  # of a texture; the picture hardly changes after the third

Source = str | PathLike | Image.Image
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Result:
    """A stylised picture and how it came about.

    picture: PIL image, RGB or RGBA. seconds: dict of wall-clock seconds, one entry per stage of STAGES.
    residual: the largest ||W C W - I||_F / sqrt(n) of the whitening matrices W used, where it was asked for.
    notes: sentences on what the files held: bytes that are missing, what a mask selects.
    """

    picture: Image.Image
    seconds: dict[str, float]
    residual: float | None = None
    notes: tuple[str, ...] = ()


class Stylizer(OfClips, TensorStylizer):
    """Encoder, transform and decoder, for paths and PIL images (`stylise`), over a TensorStylizer.

        stylizer = Stylizer.from_pretrained()
        picture = stylizer("photo.jpg", "painting.jpg", strength=0.8)

    Between calls `stylise` keeps the last content's features, so that other options need not encode it again, and the
    statistics of the last `styles` styles; `forget` lets go of them. Two threads may share a Stylizer: `stylise` works
    for one at a time. Copies and pickles have the networks, and keep nothing else.
    """

    def __init__(self, encoder: torch.nn.Module, decoder: torch.nn.Module, *, inverse: torch.nn.Module | None = None,
                 device: str | torch.device = "auto", dtype: torch.dtype | None = None,
                 max_pixels: int = images.MAX_PIXELS, styles: int = 256):
        """encoder, decoder, inverse: as a TensorStylizer has them. The rest is as in `from_pretrained`."""
        super().__init__(encoder, decoder, inverse=inverse, device=device, dtype=dtype)
        self.max_pixels = max_pixels
        self._contents, self._styles, self._lock = Recent(1), Recent(styles), threading.RLock()

    @classmethod
    def from_pretrained(cls, *, network: str | None = None, device: str | torch.device = "auto",
                        decoder: str = "stylised", levels: int = DEFAULT_LEVELS, dtype: torch.dtype | None = None,
                        max_pixels: int = images.MAX_PIXELS, styles: int = 256, folder: PathLike = WEIGHTS) -> Stylizer:
        """With the weights of the project.

        network: "small", or "full", whose pictures have more of the style and take several times as long; by default
        small, unless the full one alone has the levels. device: "auto", "cpu", "cuda" or "mps".
        decoder: "stylised", or "reconstruction", which inverts the encoder, and which mode cascade of the small network
        takes in any case. levels: how many there are to choose from, 1 to 5 of the full network and 1 to 4 of the small
        one. dtype: of the convolutions, torch.float32 or torch.bfloat16; by default the faster one, and their pictures
        hardly differ. max_pixels: larger results are refused, or reduced where no size is asked for. styles: how many
        are kept, some 3 MB each. folder: of other weights.
        """
        network = network or choose(levels)
        cascade, source = find(network).cascade, {"levels": levels, "network": network, "folder": folder}
        inverse = load_decoder(cascade, corrected=False, **source) if cascade else None
        return cls(load_encoder(**source), load_decoder(decoder, corrected=False, **source), inverse=inverse,
                   device=device, dtype=dtype, max_pixels=max_pixels, styles=styles)

    def __getstate__(self):
        return self.__dict__ | {"_contents": Recent(1), "_styles": Recent(self._styles.most), "_lock": None}

    def __setstate__(self, state):
        self.__dict__ |= state | {"_lock": threading.RLock()}

    def __call__(self, content: Source | Picture, style: Source | Sequence[Source], **options) -> Image.Image:
        """The content in the style, a PIL image; the options are those of `stylise`."""
        return self.stylise(content, style, **options).picture

    @torch.inference_mode()
    def stylise(self, content: Source | Picture, style: Source | Sequence[Source], *,
                weights: Sequence[float] | None = None, masks: Source | Sequence[Source | None] | None = None,
                style_masks: Source | Sequence[Source | None] | None = None, strength: float = Options.strength,
                size: int | None = Options.size, keep_colors: bool = Options.keep_colors,
                stroke: float = Options.stroke, mode: str = Options.mode, transform: str = Options.transform,
                levels: int | Iterable[float] | None = Options.levels, detail: float = Options.detail,
                backend: str = Options.backend, ridge: float = Options.ridge, labels: bool = Options.labels,
                tile: int | None = Options.tile, measure: bool = False, timed: bool = False,
                progress: Progress | None = None) -> Result:
        """Stylise a picture.

        content: a path, a PIL image, or what `open` gave. style: a path or PIL image, or a list of them, mixed by their
        `weights` (all the same by default; they are made to sum to one).
        masks: where the style applies, a picture in the shape of the content, white there and black elsewhere, or
        None for everywhere; of several styles a list. Each region is whitened by its own statistics, and what is in
        none stays the photo. style_masks: likewise, the part of each style that is used. With `labels` both are label
        maps, one of the content and one of its one style (`wct.images.open_labels`).
        strength ... tile: as `wct.Options` tells. levels: at most as many as the Stylizer has.
        measure: also work out the whitening residual. timed: wait for an accelerator at the end of each stage, without
        which its seconds say little. progress: called with the share of the work done, 0 to 1, and the name of the
        stage at hand; what it raises ends the work.

        Returns a Result. Raises wct.images.PictureError for a picture that cannot be read or does not fit into memory,
        ValueError for a bad option.
        """
        options = Options(strength=strength, size=size, keep_colors=keep_colors, stroke=stroke, mode=mode,
                          transform=transform, levels=levels, detail=detail, backend=backend, ridge=ridge,
                          labels=labels, tile=tile)
        styles, masks, style_masks, shares = checked(style, masks, style_masks, weights, labels)
        strengths = level_strengths(options.levels, self.levels)
        clock, residuals = Clock(self.device, progress, timed), [] if measure else None
        with self._lock:
            with clock("encode"):
                content = self._content(content, size, mode, len(strengths))
                if labels:
                    styles, masks, style_masks, notes = labelled(styles[0], masks[0], style_masks[0], content.picture)
                    shares = normalised(None, len(styles))
                else:
                    masks, notes = _opened_masks(masks, content.picture)

            def draw(side, most, content, masks, options, more=0):
                with clock("encode"):
                    encoded = [self._style(one, mask, max(content.picture.size), stroke, len(strengths))
                               for one, mask in zip(styles, style_masks or [None] * len(styles))]
                    notes.extend(note for _, told in encoded for note in told)
                maps = Maps([statistics for statistics, _ in encoded], shares, map_strengths(options, strengths),
                            options, clock, {} if masks else content.known, residuals)
                return Rendering(*self.networks(options.mode), content, masks, maps, options).draw(side, most, more)

            if mode == "photo":
                picture = photo.photograph(partial(_drawn, draw), content, masks, shares, options, clock)
            else:
                picture = _drawn(draw, content, masks, options)
            content.drawn = True
            memory.tidy()
        seconds = {stage: clock.seconds[stage] for stage in STAGES}
        notes = dict.fromkeys([*content.picture.notes, *notes])
        return Result(with_alpha(picture, content.picture.alpha), seconds, max(residuals or [], default=None),
                      tuple(notes))

    @torch.inference_mode()
    def texture(self, style: Source | Sequence[Source], size: tuple[int, int] = (512, 512), seed: int = 0, *,
                weights: Sequence[float] | None = None, style_masks: Source | Sequence[Source | None] | None = None,
                masks: Source | Sequence[Source | None] | None = None, stroke: float = Options.stroke,
                mode: str = Options.mode, transform: str = Options.transform,
                levels: int | Iterable[float] | None = Options.levels, backend: str = Options.backend,
                ridge: float = Options.ridge, tile: int | None = Options.tile, measure: bool = False,
                timed: bool = False, progress: Progress | None = None) -> Result:
        """A style without a content, made of noise: `stylise` four times over, which draws the shapes out.

        size: (width, height) in pixels. seed: another one, another texture. The other options are those of `stylise`
        that need no photo. Returns a Result, errors are those of `stylise`.
        """
        width, height = size
        if mode == "photo":
            raise ValueError("mode photo needs a photo, and a texture has none; choose another mode")
        if min(size) < 1 or width * height > self.max_pixels:
            raise ValueError(f"a texture has 1 to {self.max_pixels} pixels, not {width} x {height}")
        picture, seconds = noise(size, seed), Counter()
        for i in range(ROUNDS):
            result = self.stylise(
                picture, style, weights=weights, masks=masks, style_masks=style_masks, size=max(size), stroke=stroke,
                mode=mode, transform=transform, levels=levels, detail=0, backend=backend, ridge=ridge, tile=tile,
                measure=measure, timed=timed,
                progress=progress and (lambda share, stage, i=i: progress((i + share) / ROUNDS, stage)),
            )
            picture = result.picture
            seconds.update(result.seconds)
        return Result(picture, dict(seconds), result.residual, result.notes)

    def known_style(self, style: Source, mask: Source | None, longest: int, stroke: float, levels: int
                    ) -> tuple[list[Statistics], tuple[str, ...]]:
        """(the Statistics of a style at every level, as it is read for contents `longest` pixels long, notes on it)."""
        with self._lock, torch.inference_mode():
            return self._style(style, mask, longest, stroke, levels)

    def forget(self, styles: bool = True) -> None:
        """Let go of the content that is kept, and of the styles: the next picture is encoded anew."""
        with self._lock:
            self._contents.clear()
            if styles:
                self._styles.clear()

    def open(self, content: Source | Picture, size: int | None = None, mode: str = Options.mode) -> Picture:
        """The content as `stylise` has it at that size in that mode: a Picture, which `stylise` takes for a path.

        It may be called in another thread, to read a picture while others are worked on.
        """
        picture = content if isinstance(content, images.Picture) else open_picture(content, max_size=size)
        return fitted(picture, size, self.max_pixels if mode == "photo" else MAX_PIXELS, self.max_pixels)

    def _content(self, value, size, mode, levels):
        key, source = identified(value)
        return self._contents.get((key, size, mode == "photo", levels), lambda: Content(self.open(source, size, mode)))

    def _style(self, value, mask, longest, stroke, levels):
        """(the Statistics of a style at every level, as it is read for contents `longest` pixels long, notes on it)."""
        def encode():
            picture = open_picture(source, max_size=side)
            if stroke != 1:
                to = max(1, round(stroke * max(picture.size)))
                picture = fitted(open_picture(source, max_size=to), to, MAX_PIXELS, images.MAX_PIXELS)
            selected = None if mask is None else open_mask(mask_source, picture)
            masks, notes = ([selected.image], selected.notes) if selected else (None, ())
            gathered = None
            for box in tiles.grid(picture.size, tiles.SIDE):
                part = tiles.cut(picture.rgb, box, tiles.margin(levels, "single"), levels, self.device)
                weights = part.masked(masks, levels)[0] if masks else None
                found = gather_levels(self.encoder, part, levels, weights)
                gathered = found if gathered is None else [a + b for a, b in zip(gathered, found)]
            return [moments.statistics(self.device) for moments in gathered], (*picture.notes, *notes)

        side = min(longest, MAX_STYLE_SIDE)
        key, source = identified(value)
        mask_key, mask_source = (None, None) if mask is None else identified(mask)
        return self._styles.get((key, mask_key, side, stroke, levels), encode)


def noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """Random colours in spots of several widths, a PIL image of size (width, height): where textures begin."""
    generator = torch.Generator().manual_seed(seed)
    width, height = size
    layers = (torch.randn(1, 3, -(-height // spot), -(-width // spot), generator=generator) for spot in (1, 4, 16, 64))
    mixed = sum(F.interpolate(layer, (height, width), mode="bicubic") for layer in layers)
    return to_pil(0.5 + 0.1 * mixed)


def _opened_masks(masks, picture):
    """The content's masks, PIL images of mode L or None, or None where there are none; and a list of notes on them."""
    if masks is None or all(mask is None for mask in masks):
        return None, []
    opened = [mask if mask is None else open_mask(mask, picture) for mask in masks]
    return [mask and mask.image for mask in opened], [note for mask in opened if mask for note in mask.notes]


def _drawn(draw, content, masks, options, more=0):
    """draw(side, most, ...), in smaller tiles and with smaller samples where memory does not suffice."""
    width, height = content.picture.size
    side = options.tile or (tiles.SIDE if width * height > MAX_PIXELS else max(width, height))
    most = tiles.SAMPLE
    while True:
        try:
            return draw(side, most, content, masks, options, more)
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise
            if side <= SMALLEST_TILE:
                raise images.PictureError(f"{content.picture.name} does not fit into memory; ask for a smaller "
                                          "size") from error
        content.whole = None
        side, most = max(SMALLEST_TILE, min(side, 2 * tiles.SIDE) // 2), most // 4


def _out_of_memory(error):
    """Whether it is that of CUDA, of MPS or of the CPU's allocator."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in str(error) for words in ("out of memory", "can't allocate memory"))

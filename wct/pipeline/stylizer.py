"""Stylizer: a photo and a painting in, the photo in the painting's style out."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

import torch
from PIL import Image
from torch.nn import functional as F

from models import load_decoder, load_encoder
from wct import images
from wct.images import open_mask, open_picture, to_pil, with_alpha
from wct.options import BACKENDS, MODES, STAGES, TRANSFORMS
from wct.pipeline import passes, tiles
from wct.pipeline.encoded import Content, Recent, fitted, identified
from wct.pipeline.mapping import Mapping, coverage, gather, level_strengths, normalised
from wct.pipeline.passes import DETAIL
from wct.runtime import memory
from wct.runtime.clock import Clock
from wct.runtime.device import choose_device, choose_dtype
from wct.transform import RIDGE, Pool

MAX_PIXELS = tiles.SAMPLE  # larger contents are reduced to this unless a size is asked for, and no tile is larger
MAX_STYLE_SIDE = 1024  # longer styles are reduced: statistics gain nothing from more
ROUNDS = 4  # of a texture; the picture hardly changes after the third


@dataclass(frozen=True)
class Result:
    """A stylised picture and how it came about.

    picture: PIL image, RGB or RGBA. seconds: dict of wall-clock seconds, one entry per stage of STAGES.
    residual: the largest ||W C W - I||_F / sqrt(n) of the whitening matrices W used, where it was asked for.
    notes: sentences on what the files held: bytes that are missing, what a mask selects.
    """

    picture: Image.Image
    seconds: dict
    residual: float | None = None
    notes: tuple[str, ...] = ()


def noise(size, seed=0):
    """Random colours in spots of several widths, a PIL image of size (width, height): where textures begin."""
    generator = torch.Generator().manual_seed(seed)
    width, height = size
    layers = (torch.randn(1, 3, -(-height // spot), -(-width // spot), generator=generator) for spot in (1, 4, 16, 64))
    mixed = sum(F.interpolate(layer, (height, width), mode="bicubic") for layer in layers)
    return to_pil(0.5 + 0.1 * mixed)


class Stylizer:
    """Encoder, transform and decoder, with the encodings of recent pictures kept.

        stylizer = Stylizer.from_pretrained()
        picture = stylizer("photo.jpg", "painting.jpg", strength=0.8)

    Styles are encoded once per picture and size, contents once while only other options change.
    """

    def __init__(self, encoder, decoder, device="auto", dtype=None, max_pixels=images.MAX_PIXELS, styles=256):
        self.device, self.max_pixels = choose_device(device), max_pixels
        self.dtype = dtype or choose_dtype(self.device)
        layout = {"device": self.device, "dtype": self.dtype, "memory_format": torch.channels_last}
        self.encoder, self.decoder = encoder.to(**layout).eval(), decoder.to(**layout).eval()
        self.decoder.block(1).float()  # eight bits of mantissa are too few for pixels
        if self.device.type == "cpu":
            memory.reuse()
        self.levels = decoder.levels
        self._contents, self._styles = Recent(1), Recent(styles)

    @classmethod
    def from_pretrained(cls, device="auto", decoder="stylised", levels=4, **options):
        """With the weights of the project.

        device: "auto", "cpu", "cuda" or "mps". decoder: "stylised" or "reconstruction". levels: 1 to 5, how many
        there are to choose from. dtype: of the convolutions, torch.float32 or torch.bfloat16; by default the faster
        one, and their pictures hardly differ. max_pixels: larger results are refused, or reduced where no size is
        asked for. styles: how many are kept, some 3 MB each.
        """
        return cls(load_encoder(levels), load_decoder(decoder, levels, corrected=False), device, **options)

    def __call__(self, content, style, **options):
        """The content in the style, a PIL image; the options are those of `stylise`."""
        return self.stylise(content, style, **options).picture

    @torch.inference_mode()
    def stylise(self, content, style, *, weights=None, masks=None, style_masks=None, strength=1.0, backend="mpa",
                mode="single", transform="zca", size=None, stroke=1.0, levels=None, ridge=RIDGE, keep_colors=False,
                detail=DETAIL, tile=None, measure=False, progress=None):
        """Stylise a picture and tell how long each stage took.

        content: a path or PIL image. style: one of these, or a list of them, mixed by their `weights` (all the same
        by default; they are made to sum to one).
        masks: where the style applies, a picture in the shape of the content, white there and black elsewhere, or
        None for everywhere; of several styles a list. Each region is whitened by its own statistics, and what is in
        none stays the photo. style_masks: likewise, the part of each style that is used.
        strength: 0 (the photo) to 1. backend: a method of wct.sqrtm. mode: "single" encodes once and transforms
        between the decoder's blocks; "cascade" encodes, transforms and decodes once per level, deepest first.
        transform: a map of wct.transform, "zca" for whitening and colouring, "transport", which keeps more of the
        content, or "adain", which keeps to single channels.
        size: longest side of the result in pixels; by default the content's own, reduced to MAX_PIXELS where it has
        more. stroke: the scale at which styles are read, 1/4 to 4; more makes wider strokes.
        levels: relu1_1 up to which relu{levels}_1 takes part, by default relu4_1; or a list of strengths for relu1_1,
        relu2_1, ..., each 0 to 1. ridge: added to the covariances, relative to their mean variance.
        keep_colors: the photo's colours, and the painting's light, dark and strokes. detail: the share of the
        content's own features in the single pass, 0 to 1.
        tile: side of the squares that pictures of more than MAX_PIXELS are worked on in, so that they fit into memory,
        by default 1024; the time grows with the margins of small ones. Statistics are taken over the whole picture,
        or, of all levels but the deepest, over an even sample of 4 megapixels where it has more. With fewer pixels,
        tiles are all worked on at once.
        measure: also work out the whitening residual. progress: called with the share of the work done, 0 to 1,
        and the name of the stage at hand; what it raises ends the work.

        Returns a Result. Raises wct.images.PictureError for a picture that cannot be read, ValueError for a bad
        option.
        """
        styles = _listed(style)
        if not styles:
            raise ValueError("name one style at least")
        for name, value, known in (("backend", backend, BACKENDS), ("mode", mode, MODES),
                                   ("transform", transform, TRANSFORMS)):
            if value not in known:
                raise ValueError(f"{name} {value!r} is none of {', '.join(known)}")
        for name, value, least, most in (("strength", strength, 0, 1), ("detail", detail, 0, 1),
                                         ("stroke", stroke, 0.25, 4), ("ridge", ridge, 1e-6, 1e6)):
            if not least <= value <= most:
                raise ValueError(f"{name} must lie between {least:g} and {most:g}, not {value}")
        if size is not None and size < 1:
            raise ValueError(f"size must be at least 1 pixel, not {size}")
        masks, style_masks = (value if value is None else _listed(value) for value in (masks, style_masks))
        for name, value in (("masks", masks), ("style_masks", style_masks)):
            if value is not None and len(value) != len(styles):
                raise ValueError(f"{len(styles)} styles take {len(styles)} {name}, not {len(value)}")
        strengths, shares = level_strengths(levels, self.levels), normalised(weights, len(styles))
        if tile is not None and tile < tiles.SMALLEST_TILE:
            raise ValueError(f"tile must be at least {tiles.SMALLEST_TILE} pixels, not {tile}")
        clock = Clock(self.device, progress)
        with clock("encode"):
            content = self._content(content, size, len(strengths))
            masks, told = self._masks(content, masks)
        encoded, notes = [], [*content.picture.notes, *told]
        for one, mask in zip(styles, style_masks or [None] * len(styles)):
            with clock("encode"):
                statistics, told = self._style(one, mask, max(content.picture.size), stroke, len(strengths))
            encoded.append(statistics)
            notes += told
        side, most = tile or _side(content.picture), tiles.SAMPLE
        while True:
            mapping = Mapping(encoded, shares, [strength * one for one in strengths], ridge, backend, transform, clock,
                              {} if masks else content.deepest, [] if measure else None)
            run = partial(self._run, mapping=mapping, mode=mode, strength=strength, detail=detail)
            try:
                picture = self._draw(content, masks, run, keep_colors, side, most, mode, mapping)
                break
            except RuntimeError as error:
                if not _out_of_memory(error):
                    raise
                if side <= tiles.SMALLEST_TILE:
                    raise images.PictureError(f"{content.picture.name} does not fit into memory; ask for a smaller "
                                              "size") from error
            content.whole = None
            side, most = max(tiles.SMALLEST_TILE, min(side, 2 * tiles.SIDE) // 2), most // 4
        memory.tidy()
        seconds = {stage: clock.seconds[stage] for stage in STAGES}
        return Result(with_alpha(picture, content.picture.alpha), seconds, max(mapping.residuals or [], default=None),
                      tuple(dict.fromkeys(notes)))

    def texture(self, style, size=(512, 512), seed=0, progress=None, **options):
        """A style without a content, made of noise: `stylise` four times over, which draws the shapes out.

        size: (width, height) in pixels. seed: another one, another texture. The other options are those of
        `stylise` but for content, strength, size and detail. Returns a Result, errors are those of `stylise`.
        """
        for name in {"strength", "detail"} & options.keys():
            raise TypeError(f"texture takes no {name}: there is no photo")
        if min(size) < 1 or size[0] * size[1] > self.max_pixels:
            raise ValueError(f"a texture has 1 to {self.max_pixels} pixels, not {size[0]} x {size[1]}")
        picture, seconds = noise(size, seed), Counter()
        for i in range(ROUNDS):
            report = progress and (lambda share, stage, i=i: progress((i + share) / ROUNDS, stage))
            result = self.stylise(picture, style, size=max(size), detail=0, progress=report, **options)
            picture = result.picture
            seconds.update(result.seconds)
        return Result(picture, dict(seconds), result.residual, result.notes)

    def forget(self, styles=True):
        """Let go of the content that is kept, and of the styles: the next picture is encoded anew."""
        self._contents.clear()
        if styles:
            self._styles.clear()

    def _draw(self, content, masks, run, keep_colors, side, most, mode, mapping):
        """The whole picture, PIL image of mode RGB, from tiles of that side and statistics of `most` pixels."""
        clock, levels = mapping.clock, len(mapping.strengths)
        size, around = content.picture.size, tiles.margin(levels, mode)
        boxes = tiles.grid(size, side)
        sampled = len(boxes) > 1 and size[0] * size[1] > most
        # the deepest level has few positions for its channels: no sample there
        unmeasured = boxes if sampled and mapping.strengths[-1] and levels not in mapping.deepest else []
        first = tiles.sample(size, most, masks) if sampled else boxes
        clock.begin((levels + 1) * sum(map(tiles.area, first + boxes * sampled)) + sum(map(tiles.area, unmeasured)))

        def load(box, around=around):
            with clock("encode"):
                clock.advance(tiles.area(box))
                return self._tile(content, masks, box, around, levels, mode)

        def measure(box):
            tile = load(box)
            mapping.measure(tile, tile.features[-1], levels)

        canvas, lights = Image.new("RGB", size), None
        if unmeasured:
            for box in unmeasured:
                measure(box)
            mapping.fit(levels)
        loaded = [load(box, 0) if sampled else load(box) for box in first]
        with clock("decode"):
            drawn = run(loaded)
            if keep_colors:
                lights = [passes.light([tile.within(x) for tile, x in zip(loaded, pictures)])
                          for pictures in (drawn, [tile.pixels for tile in loaded])]
            finish = partial(_finish, canvas, lights)
            if not sampled:
                for tile, x in zip(loaded, drawn):
                    finish(tile, x)
                return canvas
            del loaded, drawn
            memory.release()
            for box in boxes:
                tile = load(box)
                finish(tile, *run([tile]))
        return canvas

    def _run(self, loaded, mapping, mode, strength, detail):
        """The stylised pixels (1, 3, H, W) of tiles, not clamped; the first tiles that come fit the mapping."""
        transform, features = partial(mapping, loaded), [tile.features for tile in loaded]
        if mode == "cascade":
            def encode(x, level):
                with mapping.clock("encode"):
                    return self.encoder(x, level)[-1]

            pixels = [tile.pixels for tile in loaded]
            return passes.cascade(encode, self.decoder, pixels, features, len(mapping.strengths), transform, strength)
        for tile in loaded:
            if strength < 1 and "lost" not in tile.kept:  # by D1, of the photo
                tile.kept["lost"] = tile.pixels - self.decoder.block(1)(tile.features[0])
        drawn = passes.single_pass(self.decoder, features, transform, strength, detail)
        return [x + (1 - strength) * tile.kept["lost"] if strength < 1 else x for x, tile in zip(drawn, loaded)]

    def _tile(self, content, masks, box, around, levels, mode):
        """A Tile of the content with what the mode needs of its features."""
        picture = content.picture
        whole = box == (0, 0, *picture.size)
        tile = content.whole if whole else None
        if tile is None:
            tile = tiles.cut(picture.rgb, box, around, levels, self.device)
            features = self.encoder(tile.pixels, levels)
            tile.features = features if whole or mode == "single" else features[-1:]
            if whole:
                content.whole = tile
        return replace(tile, features=list(tile.features), masks=masks and tile.masked(masks, levels))

    def open(self, content, size=None):
        """The content as `stylise` has it at that size: a wct.images.Picture, which `stylise` takes for a path.

        It may be called in another thread, to read a picture while others are worked on.
        """
        picture = content if isinstance(content, images.Picture) else open_picture(content, max_size=size)
        return fitted(picture, size, MAX_PIXELS, self.max_pixels)

    def _content(self, value, size, levels):
        key, source = identified(value)
        return self._contents.get((key, size, levels), lambda: Content(self.open(source, size)))

    def _masks(self, content, values):
        """The content's masks, PIL images of mode L or None, or None where there are none; and notes on them."""
        if values is None or all(value is None for value in values):
            return None, []
        masks = [value if value is None else open_mask(value, content.picture) for value in values]
        return [mask and mask.image for mask in masks], [note for mask in masks if mask for note in mask.notes]

    def _style(self, value, mask, longest, stroke, levels):
        def encode():
            picture = open_picture(source, max_size=side)
            if stroke != 1:
                to = max(1, round(stroke * max(picture.size)))
                picture = fitted(open_picture(source, max_size=to), to, MAX_PIXELS, images.MAX_PIXELS)
            selected = open_mask(mask_source, picture) if mask else None
            masks, notes = ([selected.image], selected.notes) if selected else (None, ())
            pools = [Pool() for _ in range(levels)]
            for box in tiles.grid(picture.size, tiles.SIDE):
                tile = tiles.cut(picture.rgb, box, tiles.margin(levels, "single"), levels, self.device)
                weights = tile.masked(masks, levels) if masks else None
                for pool, features in zip(pools, self.encoder(tile.pixels, levels)):
                    gather(pool, tile, features, weights and weights[0])
            return [pool.statistics() for pool in pools], (*picture.notes, *notes)

        side = min(longest, MAX_STYLE_SIDE)
        key, source = identified(value)
        mask_key, mask_source = (None, None) if mask is None else identified(mask)
        return self._styles.get((key, mask_key, side, stroke, levels), encode)


def _listed(value):
    """The list of a value or of several."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _side(picture):
    """Of a picture's tiles: its own where it is worked on as a whole."""
    width, height = picture.size
    return tiles.SIDE if width * height > MAX_PIXELS else max(width, height)


def _out_of_memory(error):
    """Whether it is that of CUDA, of MPS or of the CPU's allocator."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in str(error) for words in ("out of memory", "can't allocate memory"))


def _finish(canvas, lights, tile, x):
    """Put a tile's stylised pixels into the canvas, with the photo's colours and outside the masks as asked for."""
    if lights:
        x = passes.keep_colours(x, tile.pixels, lights)
    if tile.masks:
        x = torch.lerp(tile.pixels, x, coverage(tile.masks))
    tiles.paste(canvas, tile.box, to_pil(tile.within(x)))

"""Stylizer: a photo and a painting in, the photo in the painting's style out."""

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from PIL import Image
from torch.nn import functional as F

from models import load_decoder, load_encoder
from wct import BACKENDS, MODES, STAGES, TRANSFORMS
from wct.encoded import Content, Recent, Style, fitted, identified, open_mask, whole_cells
from wct.images import open_picture, to_pil, to_tensor, with_alpha
from wct.mapping import Mapping, coverage, level_strengths, normalised, regions
from wct.transform import RIDGE, statistics

MAX_PIXELS = 4_000_000  # larger contents are reduced to this unless a size is asked for
LARGEST = 24_000_000  # pixels; their features take some 20 GB
MAX_STYLE_SIDE = 1024  # longer styles are reduced: statistics gain nothing from more
DETAIL = 0.05  # share of the content's own features below the deepest level, at full strength
ROUNDS = 4  # of a texture; the picture hardly changes after the third


@dataclass(frozen=True)
class Result:
    """A stylised picture and how it came about.

    picture: PIL image, RGB or RGBA. seconds: dict of wall-clock seconds, one entry per stage of STAGES.
    residual: the largest ||W C W - I||_F / sqrt(n) of the whitening matrices W used, where it was asked for.
    """

    picture: Image.Image
    seconds: dict
    residual: float | None = None


class Clock:
    """Seconds per stage, a stage inside another not counted twice; on an accelerator each is waited for.

    `progress` hears of every stage that begins or goes on, with `share`, the part of the work that is done.
    """

    def __init__(self, device, progress=None):
        self.device, self.progress = device, progress
        self.seconds, self.share, self._stages = Counter(), 0.0, []

    @contextmanager
    def __call__(self, stage):
        self._stages.append(stage)
        self._tell()
        start, before = self._now(), self.seconds.total()
        yield
        inside = self.seconds.total() - before
        self.seconds[stage] += self._now() - start - inside
        self._stages.pop()
        self._tell()

    def _tell(self):
        if self.progress and self._stages:
            self.progress(self.share, self._stages[-1])

    def _now(self):
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)
        return time.perf_counter()


def single_pass(decoder, features, transform, strength=1.0, detail=DETAIL):
    """Transform and decode level by level, each block's output joined by a share of the content's own features.

    features: the content's [relu1_1, ...], as many levels as take part. transform: called with features and level.
    That share is `detail` at full strength and everything at strength 0, which leaves the photo as it is.
    Returns the picture (B, 3, H, W), not clamped.
    """
    x = features[-1]
    for level in range(len(features), 0, -1):
        x = decoder.block(level)(transform(x, level))
        if level > 1:
            x = torch.lerp(features[level - 2], x, strength * (1 - detail))
    return x


def choose_device(name="auto"):
    """torch.device for "auto", "cpu", "cuda" or "mps"; "auto" takes the first there is of cuda, mps, cpu."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, there in available.items() if there)
    if not available.get(str(name).partition(":")[0]):
        raise ValueError(f"device {str(name)!r} is not available here; use auto or cpu")
    return torch.device(name)


def noise(size, seed=0):
    """Random colours in spots of several widths, a PIL image of size (width, height): where textures begin."""
    generator = torch.Generator().manual_seed(seed)
    width, height = size
    layers = (torch.randn(1, 3, -(-height // spot), -(-width // spot), generator=generator) for spot in (1, 4, 16, 64))
    mixed = sum(F.interpolate(layer, (height, width), mode="bicubic") for layer in layers)
    return to_pil(0.5 + 0.1 * mixed)


def keep_colours(stylised, photo):
    """The photo's colours with the light and dark of the stylised picture, both (B, 3, H, W) in [0, 1].

    The luminance is replaced (Gatys et al., "Preserving Color in Neural Artistic Style Transfer", 2016), its mean
    and deviation brought to the photo's.
    """
    weights = photo.new_tensor([0.299, 0.587, 0.114])[:, None, None]
    old, new = ((weights * x.clamp(0, 1)).sum(1, keepdim=True) for x in (photo, stylised))
    (old_std, old_mean), (new_std, new_mean) = (torch.std_mean(x, (2, 3), keepdim=True) for x in (old, new))
    new = (new - new_mean) * old_std / new_std.clamp(min=1e-3) + old_mean
    return photo + new - old


class Stylizer:
    """Encoder, transform and decoder, with the encodings of recent pictures kept.

        stylizer = Stylizer.from_pretrained()
        picture = stylizer("photo.jpg", "painting.jpg", strength=0.8)

    Styles are encoded once per picture and size, contents once while only other options change.
    """

    def __init__(self, encoder, decoder, device="auto", max_pixels=LARGEST, styles=256):
        self.device, self.max_pixels = choose_device(device), max_pixels
        layout = {"device": self.device, "memory_format": torch.channels_last}
        self.encoder, self.decoder = encoder.to(**layout).eval(), decoder.to(**layout).eval()
        self.levels = decoder.levels
        self._contents, self._styles = Recent(1), Recent(styles)

    @classmethod
    def from_pretrained(cls, device="auto", decoder="stylised", levels=4, max_pixels=LARGEST, styles=256):
        """With the weights of the project.

        device: "auto", "cpu", "cuda" or "mps". decoder: "stylised" or "reconstruction". levels: 1 to 5, how many
        there are to choose from. max_pixels: larger results are refused, or reduced where no size is asked for.
        styles: how many are kept, some 3 MB each.
        """
        return cls(load_encoder(levels), load_decoder(decoder, levels), device, max_pixels, styles)

    def __call__(self, content, style, **options):
        """The content in the style, a PIL image; the options are those of `stylise`."""
        return self.stylise(content, style, **options).picture

    @torch.inference_mode()
    def stylise(self, content, style, *, weights=None, masks=None, style_masks=None, strength=1.0, backend="mpa",
                mode="single", transform="zca", size=None, stroke=1.0, levels=None, ridge=RIDGE, keep_colors=False,
                detail=DETAIL, measure=False, progress=None):
        """Stylise a picture and tell how long each stage took.

        content: a path or PIL image. style: one of these, or a list of them, mixed by their `weights` (all the same
        by default; they are made to sum to one).
        masks: for each style where it applies, a picture in the shape of the content, white there and black
        elsewhere, or None for everywhere; each region is whitened by its own statistics, and what is in none stays
        the photo. style_masks: likewise for each style, the part of it that is used.
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
        measure: also work out the whitening residual. progress: called with the share of the work done, 0 to 1,
        and the name of the stage at hand; what it raises ends the work.

        Returns a Result. Raises wct.images.PictureError for a picture that cannot be read, ValueError for a bad
        option.
        """
        styles = list(style) if isinstance(style, (list, tuple)) else [style]
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
        for name, value in (("masks", masks), ("style_masks", style_masks)):
            if value is not None and len(value) != len(styles):
                raise ValueError(f"{len(styles)} styles take {len(styles)} {name}, not {len(value)}")
        strengths, shares = level_strengths(levels, self.levels), normalised(weights, len(styles))
        clock = Clock(self.device, progress)
        with clock("encode"):
            content = self._content(content, size, len(strengths))
            masks = self._masks(content, masks, len(strengths))
        encoded = []
        for one, mask in zip(styles, style_masks or [None] * len(styles)):
            with clock("encode"):
                encoded.append(self._style(one, mask, max(content.picture.size), stroke, len(strengths)))
        mapping = Mapping(
            encoded, shares, masks and regions(masks, shares), [strength * one for one in strengths], ridge, backend,
            transform, clock, [] if measure else None,
        )
        with clock("decode"):
            if mode == "single":
                tensor = single_pass(self.decoder, content.features, mapping, strength, detail)
                if strength < 1:
                    lost = content.pixels - self.decoder.block(1)(content.features[0])  # by D1, of the photo
                    tensor = tensor + (1 - strength) * lost
            else:
                tensor = self._cascade(content, mapping, strength, clock)
            if keep_colors:
                tensor = keep_colours(tensor, content.pixels)
            if masks:
                tensor = torch.lerp(content.pixels, tensor, coverage(masks))
            width, height = content.picture.size
            picture = to_pil(tensor[..., :height, :width])
        seconds = {stage: clock.seconds[stage] for stage in STAGES}
        return Result(with_alpha(picture, content.picture.alpha), seconds, max(mapping.residuals or [], default=None))

    def texture(self, style, size=(512, 512), seed=0, progress=None, **options):
        """A style without a content, made of noise: `stylise` four times over, which draws the shapes out.

        size: (width, height) in pixels. seed: another one, another texture. The other options are those of
        `stylise` but for content, strength, size and detail. Returns a Result, errors are those of `stylise`.
        """
        if min(size) < 1 or size[0] * size[1] > self.max_pixels:
            raise ValueError(f"a texture has 1 to {self.max_pixels} pixels, not {size[0]} x {size[1]}")
        picture, seconds = noise(size, seed), Counter()
        for i in range(ROUNDS):
            report = progress and (lambda share, stage, i=i: progress((i + share) / ROUNDS, stage))
            result = self.stylise(picture, style, size=max(size), detail=0, progress=report, **options)
            picture = result.picture
            seconds.update(result.seconds)
        return Result(picture, dict(seconds), result.residual)

    def forget(self, styles=True):
        """Let go of the content that is kept, and of the styles: the next picture is encoded anew."""
        self._contents.clear()
        if styles:
            self._styles.clear()

    def _cascade(self, content, mapping, strength, clock):
        """Encode, transform and decode once per level, deepest first (Li et al. 2017)."""
        x = content.pixels
        deepest = len(content.features)
        for level in range(deepest, 0, -1):
            with clock("encode"):
                features = content.features[-1] if level == deepest else self.encoder(x, level)[-1]
            decoded = self.decoder(mapping(features, level), level).clamp(0, 1)
            x = torch.lerp(content.pixels, decoded, strength)
        return x

    def _content(self, value, size, levels):
        def encode():
            picture = fitted(open_picture(source, max_size=size), size, MAX_PIXELS, self.max_pixels)
            pixels = self._pixels(picture, levels)
            return Content(picture, pixels, self.encoder(pixels, levels))

        key, source = identified(value)
        return self._contents.get((key, size, levels), encode)

    def _masks(self, content, values, levels):
        """The content's masks, (1, 1, H, W) each and padded as its pixels are; None where there are none."""
        if values is None or all(value is None for value in values):
            return None
        return [torch.ones_like(content.pixels[:, :1]) if value is None else
                whole_cells(open_mask(value, content.picture), levels).to(self.device) for value in values]

    def _style(self, value, mask, longest, stroke, levels):
        def encode():
            picture = open_picture(source, max_size=side)
            if stroke != 1:
                to = max(1, round(stroke * max(picture.size)))
                picture = fitted(open_picture(source, max_size=to), to, MAX_PIXELS, LARGEST)
            features = self.encoder(self._pixels(picture, levels), levels)
            if mask is None:
                return Style([statistics(f) for f in features])
            weight = whole_cells(open_mask(mask_source, picture), levels).to(self.device)
            return Style([statistics(f, F.interpolate(weight, f.shape[2:], mode="area")) for f in features])

        side = min(longest, MAX_STYLE_SIDE)
        key, source = identified(value)
        mask_key, mask_source = (None, None) if mask is None else identified(mask)
        return self._styles.get((key, mask_key, side, stroke, levels), encode)

    def _pixels(self, picture, levels):
        return whole_cells(to_tensor(picture.rgb).to(self.device), levels)

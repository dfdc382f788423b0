"""Stylizer: a photo and a painting in, the photo in the painting's style out."""

import time
from collections import Counter, OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from os import PathLike, fspath, stat

import torch
from PIL import Image
from torch.nn import functional as F

from models import load_decoder, load_encoder
from wct import BACKENDS, MODES
from wct.images import Picture, PictureError, open_picture, to_pil, to_tensor, with_alpha
from wct.sqrtm import residual
from wct.transform import RIDGE, colouring, map_between, regularised, statistics, whitening

MAX_PIXELS = 4_000_000  # larger contents are reduced to this unless a size is asked for
LARGEST = 24_000_000  # pixels; their features take some 20 GB
MAX_STYLE_SIDE = 1024  # longer styles are reduced: statistics gain nothing from more
DETAIL = 0.05  # share of the content's own features below the deepest level, at full strength
STAGES = ("encode", "transform", "decode")


@dataclass(frozen=True)
class Result:
    """A stylised picture and how it came about.

    picture: PIL image, RGB or RGBA. seconds: dict of wall-clock seconds, one entry per stage of STAGES.
    residual: the largest ||W C W - I||_F / sqrt(n) of the whitening matrices W used, where it was asked for.
    """

    picture: Image.Image
    seconds: dict
    residual: float | None = None


@dataclass(frozen=True)
class Content:
    """A content picture, and, padded to whole cells of the deepest level, its pixels and features [relu1_1, ...]."""

    picture: Picture
    pixels: torch.Tensor
    features: list


@dataclass
class Style:
    """A style's Statistics per level, and the square roots of their covariances, the latest of each backend kept."""

    statistics: list
    _roots: dict = field(default_factory=dict)

    def root(self, level, ridge, backend):
        kept, root = self._roots.get((level, backend), (None, None))
        if kept != ridge:
            root = colouring(self.statistics[level - 1], ridge, backend)
            self._roots[level, backend] = ridge, root
        return root


def _opened(value):
    """A picture's identity, for the caches, and what `open_picture` is to open: the path or the PIL image itself.

    A file is the same while its path, time and length are, a PIL image while its upright sRGB pixels are.
    """
    if isinstance(value, (str, PathLike)):
        try:
            info = stat(value)
        except (OSError, ValueError):
            return fspath(value), value  # opening it will say what is wrong
        return (fspath(value), info.st_mtime_ns, info.st_size), value
    if isinstance(value, Image.Image):
        picture = open_picture(value)
        image = with_alpha(picture.rgb, picture.alpha)
        return (image.size, blake2b(image.tobytes()).digest()), image
    raise TypeError(f"a picture is a path or a PIL image, not {type(value).__name__}")


class _Recent(OrderedDict):
    """The last few results of slow functions; the oldest is let go before a new one is made."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def get(self, key, make):
        if key not in self:
            while len(self) >= self.most:
                self.popitem(last=False)
            self[key] = make()
        self.move_to_end(key)
        return self[key]


def _fitted(picture, size, largest):
    """The Picture with its longest side `size` long, or with MAX_PIXELS at most where size is None.

    Raises PictureError where it would have more than `largest` pixels.
    """
    width, height = picture.size
    scale = size / max(width, height) if size else min(1, (min(MAX_PIXELS, largest) / (width * height)) ** 0.5)
    to = max(1, round(width * scale)), max(1, round(height * scale))
    if size and to[0] * to[1] > largest:
        raise PictureError(f"{picture.name}: {to[0]} x {to[1]} pixels are too many to stylise; ask for a smaller size")
    if scale == 1:
        return picture
    rgb, alpha = (im and im.resize(to, Image.Resampling.LANCZOS) for im in (picture.rgb, picture.alpha))
    return Picture(rgb, alpha, picture.name)


class _Clock:
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


def single_pass(decoder, features, transform, strength=1.0):
    """Transform and decode level by level, each block's output joined by a share of the content's own features.

    features: the content's [relu1_1, ...], as many levels as take part. transform: called with features and level.
    That share is DETAIL at full strength and everything at strength 0, which leaves the photo as it is.
    Returns the picture (B, 3, H, W), not clamped.
    """
    x = features[-1]
    for level in range(len(features), 0, -1):
        x = decoder.block(level)(transform(x, level))
        if level > 1:
            x = torch.lerp(features[level - 2], x, strength * (1 - DETAIL))
    return x


def choose_device(name="auto"):
    """torch.device for "auto", "cpu", "cuda" or "mps"; "auto" takes the first there is of cuda, mps, cpu."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, there in available.items() if there)
    if not available.get(str(name).partition(":")[0]):
        raise ValueError(f"device {str(name)!r} is not available here; use auto or cpu")
    return torch.device(name)


class Stylizer:
    """Encoder, transform and decoder, with the encodings of recent pictures kept.

        stylizer = Stylizer.from_pretrained()
        picture = stylizer("photo.jpg", "painting.jpg", strength=0.8)

    Styles are encoded once per picture and size, contents once while only other options change.
    """

    def __init__(self, encoder, decoder, device="auto", max_pixels=LARGEST):
        self.device, self.max_pixels = choose_device(device), max_pixels
        layout = {"device": self.device, "memory_format": torch.channels_last}
        self.encoder, self.decoder = encoder.to(**layout).eval(), decoder.to(**layout).eval()
        self.levels = decoder.levels
        self._contents, self._styles = _Recent(1), _Recent(256)

    @classmethod
    def from_pretrained(cls, device="auto", decoder="stylised", levels=4, max_pixels=LARGEST):
        """With the weights of the project.

        device: "auto", "cpu", "cuda" or "mps". decoder: "stylised" or "reconstruction". levels: 1 to 5, how many
        there are to choose from. max_pixels: larger results are refused, or reduced where no size is asked for.
        """
        return cls(load_encoder(levels), load_decoder(decoder, levels), device, max_pixels)

    def __call__(self, content, style, **options):
        """The content in the style, a PIL image; the options are those of `stylise`."""
        return self.stylise(content, style, **options).picture

    @torch.inference_mode()
    def stylise(self, content, style, *, strength=1.0, backend="mpa", mode="single", size=None, levels=None,
                ridge=RIDGE, measure=False, progress=None):
        """Stylise a picture and tell how long each stage took.

        content, style: paths or PIL images. strength: 0 (the photo) to 1. backend: a method of wct.sqrtm.
        mode: "single" encodes once and transforms between the decoder's blocks; "cascade" encodes, transforms
        and decodes once per level, deepest first. size: longest side of the result in pixels; by default the
        content's own, reduced to MAX_PIXELS where it has more. levels: relu1_1 up to which relu{levels}_1 takes
        part; by default relu4_1. ridge: added to the covariances, relative to their mean variance. measure: also
        work out the whitening residual. progress: called with the share of the work done, 0 to 1, and the name of
        the stage at hand; what it raises ends the work.
        Returns a Result. Raises wct.images.PictureError for a picture that cannot be read, ValueError for a bad
        option.
        """
        levels = min(4, self.levels) if levels is None else levels
        if not 0 <= strength <= 1:
            raise ValueError(f"strength must lie between 0 and 1, not {strength}")
        if backend not in BACKENDS:
            raise ValueError(f"backend {backend!r} is none of {', '.join(BACKENDS)}")
        if mode not in MODES:
            raise ValueError(f"mode {mode!r} is none of {', '.join(MODES)}")
        if size is not None and size < 1:
            raise ValueError(f"size must be at least 1 pixel, not {size}")
        if levels not in range(1, self.levels + 1):
            raise ValueError(f"levels must be 1 to {self.levels}, not {levels}")
        if not 1e-6 <= ridge <= 1e6:
            raise ValueError(f"ridge must lie between 1e-6 and 1e6, not {ridge}")
        clock = _Clock(self.device, progress)
        with clock("encode"):
            content = self._content(content, size, levels)
        with clock("encode"):
            style = self._style(style, min(max(content.picture.size), MAX_STYLE_SIDE), levels)
        residuals = [] if measure else None

        def transform(x, level):
            clock.share = (levels - level + 1) / (levels + 1)
            with clock("transform"):
                source, target = statistics(x), style.statistics[level - 1]
                white = whitening(source, ridge, backend)
                mapping = map_between(source, target, white, style.root(level, ridge, backend)).weakened(strength)
                y = mapping(x)
            if measure:
                with clock("measure"):
                    residuals.append(float(residual(regularised(source.covariance, ridge)[0], white).max()))
            return y

        with clock("decode"):
            if mode == "single":
                tensor = single_pass(self.decoder, content.features, transform, strength)
                if strength < 1:
                    lost = content.pixels - self.decoder.block(1)(content.features[0])  # by D1, of the photo
                    tensor = tensor + (1 - strength) * lost
            else:
                tensor = self._cascade(content, transform, strength, clock)
            width, height = content.picture.size
            picture = to_pil(tensor[..., :height, :width])
        seconds = {stage: clock.seconds[stage] for stage in STAGES}
        return Result(with_alpha(picture, content.picture.alpha), seconds, max(residuals) if measure else None)

    def forget(self, styles=True):
        """Let go of the content that is kept, and of the styles: the next picture is encoded anew."""
        self._contents.clear()
        if styles:
            self._styles.clear()

    def _cascade(self, content, transform, strength, clock):
        """Encode, transform and decode once per level, deepest first (Li et al. 2017)."""
        x = content.pixels
        deepest = len(content.features)
        for level in range(deepest, 0, -1):
            with clock("encode"):
                features = content.features[-1] if level == deepest else self.encoder(x, level)[-1]
            decoded = self.decoder(transform(features, level), level).clamp(0, 1)
            x = torch.lerp(content.pixels, decoded, strength)
        return x

    def _content(self, value, size, levels):
        def encode():
            picture = _fitted(open_picture(source, max_size=size), size, self.max_pixels)
            pixels = self._pixels(picture, levels)
            return Content(picture, pixels, self.encoder(pixels, levels))

        key, source = _opened(value)
        return self._contents.get((key, size, levels), encode)

    def _style(self, value, side, levels):
        def encode():
            pixels = self._pixels(open_picture(source, max_size=side), levels)
            return Style([statistics(f) for f in self.encoder(pixels, levels)])

        key, source = _opened(value)
        return self._styles.get((key, side, levels), encode)

    def _pixels(self, picture, levels):
        x = to_tensor(picture.rgb).to(self.device)
        cell = 2 ** (levels - 1)
        height, width = (max(2, -(-side // cell)) * cell for side in x.shape[2:])  # whole cells, two at least
        x = F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]), mode="replicate")
        return x.contiguous(memory_format=torch.channels_last)

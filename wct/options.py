"""Every option of a run once: its name, default, range, sentence of help and check. Free of torch.

The command line, the page, the API, `Stylizer.stylise` and README's table take theirs from here. A new option is a
field of `Options`, and the formula that reads it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from numbers import Integral, Real
from typing import Any

BACKENDS = ("mpa", "mtp", "newton_schulz", "svd", "eigh", "zolotarev")  # methods of wct.sqrtm
DEVICES = ("auto", "cpu", "cuda", "mps")
MODES = {"single": "Painting", "cascade": "Cascade", "photo": "Photograph"}
STAGES = ("encode", "transform", "decode")  # of a picture, as they are timed
TRANSFORMS = {"zca": "Whitening and colouring", "transport": "Transport", "adain": "AdaIN"}
MAX_PIXELS = 2048 * 2048  # of a result whose size nobody asked for, and of what is worked on as a whole
LARGE = 256  # channels; fewer make small matrices, for which calls cost more than arithmetic
MOST_LEVELS = 5  # relu1_1 ... relu5_1
DEFAULT_LEVELS = 4
SMALLEST_TILE = 512  # side in pixels; see wct.pipeline.tiles


@dataclass(frozen=True, kw_only=True)
class Option:
    """What is known of one option.

    label: its name on the page. help: a sentence without its end. kind: float, int, bool or str, or how else a value is
    read from the command line. least, most: its range, where it has one. choices: {value: its name on the page}.
    shape: how a value is written in the command line's help. needs_photo: whether it means nothing to a texture.
    """

    label: str
    help: str
    kind: Callable[[str], Any]
    least: float | None = None
    most: float | None = None
    choices: Mapping[str, str] | None = None
    shape: str | None = None
    needs_photo: bool = False
    name: str = ""
    default: Any = None

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    def check(self, value: Any, name: str | None = None) -> None:
        """Raise ValueError, which calls the option `name`, for a value that cannot be."""
        name = name or self.name
        if value is None and self.default is None:
            return
        if self.choices:
            if not isinstance(value, str) or value not in self.choices:
                raise ValueError(f"{name} {value!r} is none of {', '.join(self.choices)}")
        elif self.kind is bool:
            if value not in (True, False):
                raise ValueError(f"{name} is true or false, not {value!r}")
        elif self.kind in (int, float):
            self._check_number(value, name)
        else:
            level_strengths(value, MOST_LEVELS, name)

    def _check_number(self, value, name):
        if isinstance(value, bool) or not isinstance(value, Integral if self.kind is int else Real):
            raise ValueError(f"{name} must be a {'whole ' if self.kind is int else ''}number, not {value!r}")
        if self.most is None:
            if not value >= self.least:
                raise ValueError(f"{name} must be at least {self.least}, not {value}")
        elif not self.least <= value <= self.most:
            raise ValueError(f"{name} must lie between {self.least:g} and {self.most:g}, not {value}")


def level_strengths(levels: int | Iterable[float] | None, most: int, name: str = "levels") -> list[float]:
    """The strengths of relu1_1, relu2_1, ... as a list, without levels at the end that take no part.

    levels: how many take part, with strength 1; or their strengths, the finest first; None for four. most: how many
    there are. Raises ValueError, which calls the option `name`.
    """
    given = levels
    levels = min(DEFAULT_LEVELS, most) if levels is None else levels
    try:
        if isinstance(levels, Integral):
            strengths = [1.0] * min(int(levels), most + 1)  # no longer than shows that it is too many
        else:
            strengths = [] if isinstance(levels, str) else [float(strength) for strength in levels]
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a whole number or a list of numbers, not {given!r}") from None
    if not all(0 <= strength <= 1 for strength in strengths):
        raise ValueError(f"{name}: strengths must lie between 0 and 1, not {given}")
    while strengths and strengths[-1] == 0:
        strengths.pop()
    if not 1 <= len(strengths) <= most:
        raise ValueError(f"{name} must be 1 to {most}, or the strengths of as many and not all zero, not {given!r}")
    return strengths


def read_levels(text: str) -> int | list[float]:
    """Levels as the command line has them: a number, or strengths with commas between. Raises ValueError."""
    return int(text) if text.isdecimal() else [float(part) for part in text.split(",")]


def _option(default, label, help, **known):
    return field(default=default, metadata={"option": Option(label=label, help=help, default=default, **known)})


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a picture; `OPTIONS` tells what is known of each. Raises ValueError for a value that cannot be.

        >>> Options(strength=0.5, levels=3).strength
        0.5
        >>> Options(strength=2)
        Traceback (most recent call last):
        ValueError: strength must lie between 0 and 1, not 2
    """

    strength: float = _option(
        1.0, "Strength", "0 is the photo, 1 the full style; 0.5 to 0.7 suits faces", kind=float, least=0, most=1,
        needs_photo=True)
    size: int | None = _option(
        None, "Size", "longest side of the result in pixels; by default the photo's own, reduced to 4 megapixels where "
        "a painting would have more", kind=int, least=1, shape="N", needs_photo=True)
    keep_colors: bool = _option(
        False, "Keep the photo's colours", "only strokes, light and dark are the painting's", kind=bool,
        needs_photo=True)
    stroke: float = _option(
        1.0, "Stroke size", "the scale at which paintings are read: more for wider strokes", kind=float, least=0.25,
        most=4, shape="S")
    mode: str = _option(
        "single", "Mode", "a painting in one pass through the networks; the classic cascade, a pass for each level, "
        "and slower; or no painting: a photograph stays one, in the light and colours of another", kind=str,
        choices=MODES)
    transform: str = _option(
        "zca", "Transform", "whitening and colouring; optimal transport, which keeps more of the photo; or AdaIN, "
        "which sees single channels", kind=str, choices=TRANSFORMS)
    levels: int | Iterable[float] | None = _option(
        None, "Levels", f"how many levels take part, {DEFAULT_LEVELS} by default, or their strengths, the finest first",
        kind=read_levels, least=1, most=MOST_LEVELS, shape="N|S,S,...")
    detail: float = _option(
        0.14, "Detail", "the share of the photo's own features that is kept: more keeps faces and letters, and less "
        "of the style", kind=float, least=0, most=1, needs_photo=True)
    backend: str = _option(
        "auto", "Backend", f"how matrix square roots are computed: auto is mpa from {LARGE} channels on, and below "
        "that the fastest there is", kind=str, choices={name: name for name in ("auto", *BACKENDS)})
    ridge: float = _option(
        0.01, "Ridge", "added to the covariances, relative to their mean variance: more is a calmer, weaker style",
        kind=float, least=1e-6, most=1e6, shape="R")
    labels: bool = _option(
        False, "Label maps", "masks are maps of regions, by number or colour: sky takes its style from sky, ground "
        "from ground", kind=bool, needs_photo=True)
    tile: int | None = _option(
        None, "Tile", "side of the squares that a picture is worked on in, by default 1024 beyond 4 megapixels: "
        "smaller ones take less memory and more time", kind=int, least=SMALLEST_TILE, shape="N")

    def __post_init__(self):
        if isinstance(self.levels, Iterable) and not isinstance(self.levels, str):
            object.__setattr__(self, "levels", tuple(self.levels))  # it may be one that is read but once
        for name, option in OPTIONS.items():
            option.check(getattr(self, name))
        if self.mode == "photo" and self.keep_colors:
            raise ValueError("mode photo is a change of colours: keep_colors would leave nothing of it; choose one")


NETWORK = Option(
    name="network", default="small", label="Network", help="a small one in a fraction of the time, or the one whose "
    "pictures are closest to the style", kind=str, choices={"small": "Fast", "full": "Best"})
TEXTURE_NETWORK = "full"  # a texture has nothing but the style, and it has more of it
OPTIONS: dict[str, Option] = {
    entry.name: replace(entry.metadata["option"], name=entry.name) for entry in fields(Options)
}

"""What the page, its API and its MCP tools do when they are asked: stylise, mix, make a texture."""

import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import gradio as gr
from PIL import Image, ImageChops

from wct.batch.names import joined
from wct.images import open_picture, save_picture
from wct.options import STAGES, Options
from wct.web.gradio_internals import somebody_waits
from wct.web.turns import Cancelled, Pace, Turns
from wct.web.uploads import Ledger, keep, new_folder, without_folders

LEVELS = ("colours", "grain", "small strokes", "strokes", "shapes")  # what relu1_1 ... relu5_1 show of a painting
SLOTS = 3  # for paintings to mix
CANCELLED = "Cancelled."


@dataclass(frozen=True)
class Made:
    """A result: its picture, the name of its file, the photo it was made of, what there is to say."""

    picture: Image.Image
    name: str
    content: str | None
    told: str


@contextmanager
def readable():
    """Turn what goes wrong inside into a message for clients."""
    try:
        yield
    except (ValueError, TypeError, MemoryError, OSError, Cancelled) as error:
        raise gr.Error(sentence(error), print_exception=False) from error


def sentence(error):
    """What went wrong, for the one who asked."""
    if isinstance(error, Cancelled):
        return CANCELLED
    if isinstance(error, MemoryError):
        return "Not enough memory for this picture; choose a smaller size."
    if isinstance(error, OSError) and error.errno == 28:
        return "The server's disk is full: try again later, or tell whoever runs it."
    return without_folders(str(error))


def named(*paths, suffix=".png"):
    """The name of a result of these pictures, which fits into a folder."""
    return joined(*(Path(path).stem for path in paths)) + suffix


def _chosen(**paths):
    """See to it that every picture is there: photo=..., painting=..."""
    for name, path in paths.items():
        if not path:
            raise ValueError(f"Choose a {name} first.")
    keep(paths.values())


def _painted(value, number):
    """The mask painted on a gr.ImageEditor, white where a layer covers its background; None where nothing is."""
    alphas = [layer.getchannel("A") for layer in (value or {}).get("layers") or []]
    mask = reduce(ImageChops.lighter, alphas) if alphas else None
    if not mask or not mask.getbbox():
        return None
    mask.filename = f"What is painted for painting {number}"
    return mask


def saved(made, suffix=None):
    """The path of a result, written where Gradio serves it from."""
    path = (new_folder() / made.name).with_suffix(suffix or Path(made.name).suffix)
    save_picture(made.picture, path)
    return str(path)


class Web:
    """All share one Stylizer, which works for one of them at a time."""

    def __init__(self, stylizer, queue=40):
        self.stylizer, self.most = stylizer, stylizer.max_pixels
        self.turns, self.pace, self.ledger = Turns(queue), Pace(), Ledger()

    @contextmanager
    def turn(self, progress, megapixels, over=lambda: False, tell=None):
        """One picture's turn; gives a progress callback, which ends the run where nobody waits for it any more."""
        waits, began = somebody_waits(), None
        tell = tell or (lambda share, stage: progress(share, desc=stage))

        def ended():
            return over() or not waits()

        def report(share, stage):
            if ended():
                raise Cancelled
            tell(share, stage)

        with self.turns.turn(self.pace.expected(megapixels), lambda line: tell(0.0, line), ended):
            report(0.0, "start")
            began = time.monotonic()
            yield report
            self.pace.learn(megapixels, time.monotonic() - began)

    def dimensions(self, path):
        """(width, height) of a picture. Raises PictureError."""
        try:
            with Image.open(path) as image:
                return image.size
        except Exception:  # other formats, and what is none
            return open_picture(path).size

    def largest(self, dimensions):
        """The longest side that a result of this shape may have."""
        longest, shortest = max(dimensions), min(dimensions)
        side = int((self.most * longest / shortest) ** 0.5)
        while side > 1 and side * max(1, round(side * shortest / longest)) > self.most:
            side -= 1
        return side

    def fitting(self, content, size):
        """The size to ask for, the megapixels it comes to, and a sentence where it is less than what was wanted."""
        dimensions = self.dimensions(content)
        most, wanted = self.largest(dimensions), int(size) if size else max(dimensions)
        side = min(wanted, most)
        scale = side / max(dimensions)
        width, height = (max(1, round(length * scale)) for length in dimensions)
        note = "" if wanted <= most else f" Made {side} pixels long, the most that this page makes of this photo."
        return side if size or note else None, width * height / 1e6, note

    def _stylised(self, content, styles, name, options, size, progress, over):
        keep([content])
        side, megapixels, note = self.fitting(content, size)
        passes = 4 if options.get("mode") == "cascade" else 1
        with self.turn(progress, passes * megapixels, over) as report:
            result = self.stylizer.stylise(content, styles, size=side, timed=True, progress=report, **options)
        return Made(result.picture, name, content, _told(result) + note)

    def stylised(self, content, style, levels, size, progress, over=lambda: False, **options):
        """The photo in the style, Made."""
        _chosen(photo=content, painting=style)
        if not any(levels):
            raise ValueError(f"Raise at least one of {', '.join(LEVELS)}.")
        return self._stylised(content, style, named(content, style), {"levels": levels, **options}, size, progress,
                              over)

    def mixed(self, content, slots, size, progress, over=lambda: False, **options):
        """The photo in several styles, Made; slots: (painting, weight, mask, part, painted mask) for each."""
        slots = [(style, weight, mask or _painted(painted, number), part)
                 for number, (style, weight, mask, part, painted) in enumerate(slots, 1)]
        chosen = [slot for slot in slots if slot[0]]
        _chosen(photo=content, painting=chosen and chosen[0][0])
        styles, weights, masks, parts = map(list, zip(*chosen))
        if not any(weights):
            raise ValueError("Raise the weight of at least one painting.")
        options |= {"weights": weights, "masks": masks, "style_masks": parts}
        try:
            return self._stylised(content, styles, named(content, "mix"), options, size, progress, over)
        except ValueError as error:
            if "painted for painting" not in str(error):
                raise
            raise ValueError(f"{str(error).rstrip('.')}. Paint more of the photo, or clear the canvas.") from error

    def textured(self, style, width, height, stroke, seed, progress, over=lambda: False):
        """A texture, Made."""
        _chosen(painting=style)
        width, height, seed = int(width), int(height), int(seed or 0) % 2**63
        with self.turn(progress, 4 * width * height / 1e6, over) as report:
            result = self.stylizer.texture(style, (width, height), seed, stroke=stroke, timed=True, progress=report)
        return Made(result.picture, named("texture", style), None, _told(result))

    def stylise(self, content, style, strength=Options.strength, size=None, keep_colors=Options.keep_colors,
                stroke=Options.stroke, mode=Options.mode, transform=Options.transform, detail=Options.detail,
                backend=Options.backend, ridge=Options.ridge, relu1_1=1.0, relu2_1=1.0, relu3_1=1.0, relu4_1=1.0,
                relu5_1=0.0, progress=gr.Progress()):
        """Give a photo the style of a painting.

        Args:
            content: the photo
            style: the painting, or any other picture, whose style is taken
            strength: 0 is the photo itself, 1 the full style
            size: longest side of the result in pixels; by default the photo's own, as far as the server allows it
            keep_colors: whether to keep the photo's colours
            stroke: the scale at which the painting is read, 0.25 to 4; more makes wider strokes
            mode: "single" passes once through the networks; "cascade" once per level, which takes longer;
                "photo" gives a photograph in the light and colours of the other
            transform: "zca" for whitening and colouring, "transport", which keeps more of the photo, or "adain"
            detail: the share of the photo's own features that is kept, 0 to 1
            backend: how the matrix square roots are computed
            ridge: added to the covariances, relative to their mean variance
            relu1_1: strength at the finest level, 0 to 1: colours
            relu2_1: strength at this level: grain
            relu3_1: strength at this level: small strokes
            relu4_1: strength at this level: strokes
            relu5_1: strength at the deepest level: shapes

        Returns:
            the result, the same as a PNG file to download, and the seconds it took
        """
        with readable():
            made = self.stylised(
                content, style, [relu1_1, relu2_1, relu3_1, relu4_1, relu5_1], size, progress, strength=strength,
                keep_colors=keep_colors, stroke=stroke, mode=mode, transform=transform, detail=detail,
                backend=backend, ridge=ridge,
            )
            path = saved(made)
            return path, path, made.told

    def mix(self, content, style_1, weight_1=0.5, mask_1=None, part_1=None, painted_1=None, style_2=None, weight_2=0.5,
            mask_2=None, part_2=None, painted_2=None, style_3=None, weight_3=0.5, mask_3=None, part_3=None,
            painted_3=None, strength=Options.strength, size=None, keep_colors=Options.keep_colors,
            transform=Options.transform, progress=gr.Progress()):
        """Give a photo the styles of up to three paintings, mixed by weights, each everywhere or under a mask.

        Args:
            content: the photo
            style_1: the first painting
            weight_1: its weight, relative to those of the others
            mask_1: a picture in the photo's shape, white where the first painting applies, black elsewhere
            part_1: a picture in the painting's shape, white where the painting's style is taken from
            painted_1: the mask painted on the photo as a layer
            style_2: the second painting
            weight_2: its weight
            mask_2: its mask
            part_2: the part of it that is used
            painted_2: its painted mask
            style_3: the third painting
            weight_3: its weight
            mask_3: its mask
            part_3: the part of it that is used
            painted_3: its painted mask
            strength: 0 is the photo itself, 1 the full style
            size: longest side of the result in pixels; by default the photo's own, as far as the server allows it
            keep_colors: whether to keep the photo's colours
            transform: "zca" for whitening and colouring, "transport", which keeps more of the photo, or "adain"

        Returns:
            the result, the same as a PNG file to download, and the seconds it took
        """
        slots = ((style_1, weight_1, mask_1, part_1, painted_1), (style_2, weight_2, mask_2, part_2, painted_2),
                 (style_3, weight_3, mask_3, part_3, painted_3))
        with readable():
            made = self.mixed(content, slots, size, progress, strength=strength, keep_colors=keep_colors,
                              transform=transform)
            path = saved(made)
            return path, path, made.told

    def texture(self, style, width=512, height=512, stroke=Options.stroke, seed=0, progress=gr.Progress()):
        """Make a texture in the style of a painting, from noise, without a photo.

        Args:
            style: the painting
            width: of the texture, in pixels
            height: of the texture, in pixels
            stroke: the scale at which the painting is read, 0.25 to 4; more makes wider strokes
            seed: another number makes another texture

        Returns:
            the texture, and the seconds it took
        """
        with readable():
            made = self.textured(style, width, height, stroke, seed, progress)
            return saved(made), made.told


def _told(result):
    """The seconds of a result, and what there is to say about its pictures."""
    seconds = result.seconds
    told = f"{sum(seconds.values()):.2f} s ({', '.join(f'{stage} {seconds[stage]:.2f}' for stage in STAGES)})"
    return " ".join([told, *(without_folders(f"{note.rstrip('.')}.") for note in result.notes)])

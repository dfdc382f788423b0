"""Clips from file to file: read, drawn and written at the same time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from PIL import Image

from wct.clips import ANIMATIONS, MOVIES, Clip, ClipError, kind_of, open_clip, writer
from wct.images import Picture, PictureError, open_mask
from wct.options import MAX_PIXELS, STAGES, Options, level_strengths
from wct.pipeline.cache import fitted, labelled
from wct.pipeline.mapping import Maps, checked, normalised
from wct.pipeline.painter import Painter, Photographer
from wct.pipeline.passes import map_strengths
from wct.pipeline.video import stylised
from wct.runtime.clock import Clock

Source = str | os.PathLike | Image.Image


@dataclass(frozen=True)
class Film:
    """A clip that was made. path: of the file or folder. frames: how many it has, and skipped, how many of them an
    earlier run had made. size: (width, height). seconds: wall-clock seconds of the stages of STAGES, and of all. notes:
    sentences on what the clip held."""

    path: Path
    frames: int
    skipped: int
    size: tuple[int, int]
    seconds: dict[str, float]
    notes: tuple[str, ...]


@dataclass
class Recipe:
    """Styles, masks and options of a clip, as `Stylizer.stylise_frames` has them."""

    styles: Sequence
    weights: Sequence[float] | None = None
    masks: Sequence | None = None
    style_masks: Sequence | None = None
    steady: bool = True
    options: Options = field(default_factory=Options)

    @staticmethod
    def of(style, weights, masks, style_masks, steady: bool, options: dict) -> Recipe:
        """What those who call say, checked."""
        options = Options(**options)
        styles, masks, style_masks, _ = checked(style, masks, style_masks, weights, options.labels)
        return Recipe(styles, weights, masks, style_masks, steady, options)


class OfClips:
    """What a Stylizer does with clips."""

    def stylise_frames(self, frames: Iterable[Image.Image], style: Source | Sequence[Source], *,
                       weights: Sequence[float] | None = None, masks: Source | Iterable | None = None,
                       style_masks: Source | Sequence[Source | None] | None = None, steady: bool = True,
                       **options) -> Iterator[Image.Image]:
        """Stylise the frames of a clip: a generator of PIL images, one for each, in order.

            for picture in stylizer.stylise_frames(pictures, "painting.jpg", strength=0.8): ...

        frames: PIL images in order, all as large as the first. What can be iterated over twice, such as a list or a
        `wct.clips.open_clip`, is; of a generator some seventy frames are kept. steady: fit the maps to shots, which
        do not flicker, and smooth along the motion (`wct.pipeline.video`, which needs opencv); without, every frame
        stands for itself. masks: as `stylise` has them; one that moves is a clip, or in the list of masks an iterable
        of PIL images, one for each frame; a label map stays. The options are those of `wct.Options`; errors are those
        of `stylise`.
        """
        return frames_in_style(self, frames, Recipe.of(style, weights, masks, style_masks, steady, options))

    def stylise_video(self, clip: str | os.PathLike, style: Source | Sequence[Source], output: str | os.PathLike, *,
                      weights: Sequence[float] | None = None, masks: Source | Sequence | None = None,
                      style_masks: Source | Sequence[Source | None] | None = None, steady: bool = True,
                      rate: float | None = None, progress: Callable[[int, int | None, float], None] | None = None,
                      **options) -> Film:
        """Stylise a film, an animated GIF, WebP or PNG, or a folder of numbered frames, from file to file.

            stylizer = Stylizer.from_pretrained()
            stylizer.stylise_video("clip.mp4", "painting.jpg", "out.mp4", strength=0.8)

        output: what is written, by its suffix: .mp4, .mov, .mkv, .webm, .gif, .webp, .png; without one, a folder of
        numbered frames. Times and sound are the clip's. rate: frames a second of a folder. masks: pictures or clips.
        progress: called with how many frames are written, of how many (None where unknown), and how many seconds they
        take in the clip; what it raises ends the work. Of a film or a folder that is not finished, what was done
        stays beside its place; it is begun anew the next time, while `python -m wct.video` goes on with it. A file
        that is there is replaced. The rest is as in `stylise_frames`. Needs av and opencv: pip install av
        opencv-python-headless.

        Returns a wct.pipeline.films.Film. Raises wct.clips.ClipError for a clip that cannot be read, OSError for a
        result that cannot be written, the other errors of `stylise`.
        """
        _check_place(Path(output))
        recipe = Recipe.of(style, weights, masks, style_masks, steady, options)
        return make_film(self, open_clip(clip, rate), output, recipe, progress=progress)


def _check_place(output):
    """Raise OSError where the result could not take its place in the end."""
    if output.is_dir() and (kind_of(output) or any(output.iterdir())):
        raise OSError(f"{output} is a folder that is there already; name another")
    if output.is_file() and not kind_of(output):
        raise OSError(f"{output} is a file; without a suffix it must be the name of a folder")


def prepared(stylizer, recipe: Recipe, size: tuple[int, int], name: str, clock: Clock
             ) -> tuple[Painter, list | None, list[str]]:
    """The Painter of a clip whose results have a size, the masks as `stylised` takes them, and notes. name: of the
    clip, in messages."""
    picture = Picture(Image.new("RGB", size), None, name)
    recipe, notes = _by_regions(recipe, picture)
    strengths, options = level_strengths(recipe.options.levels, stylizer.levels), recipe.options
    kind = Photographer if options.mode == "photo" else Painter
    longest = max(kind.size(size))
    with clock("encode"):
        known = [stylizer.known_style(style, mask, longest, options.stroke, len(strengths))
                 for style, mask in zip(recipe.styles, recipe.style_masks or [None] * len(recipe.styles))]
    maps = Maps([statistics for statistics, _ in known], normalised(recipe.weights, len(known)),
                map_strengths(options, strengths), options, clock)
    notes += [note for _, told in known for note in told]
    masks = recipe.masks
    if all(mask is None for mask in masks or []):
        masks = None
    elif not options.labels:
        masks = [_opened(mask, picture, notes) for mask in masks]
    return kind(*stylizer.networks(options.mode), maps, options), masks, notes


def _by_regions(recipe, picture):
    """The Recipe with a style, a mask and a style mask for every region of its label maps, and notes; as it is, where
    it has none."""
    if not recipe.options.labels:
        return recipe, []
    if _moves(recipe.masks[0]):
        raise ValueError("the label map of a clip is one picture; for regions that move, make each a mask, with the "
                         "style named once for each")
    styles, masks, style_masks, notes = labelled(recipe.styles[0], recipe.masks[0], recipe.style_masks[0], picture)
    return replace(recipe, styles=styles, weights=None, masks=masks, style_masks=style_masks), notes


def _opened(mask, picture, notes):
    """A mask as `stylised` takes it, a still one fitted to a picture."""
    if mask is None:
        return None
    if not _moves(mask):
        still = open_mask(mask, picture)
        notes.extend(still.notes)
        return still.image
    if isinstance(mask, (str, os.PathLike)):
        clip = open_clip(mask)
        (a, b), (width, height) = clip.size, picture.size
        if abs(a * height - b * width) > max(a, b, width, height):
            raise ClipError(f"{mask} is {a} x {b}, {picture.name} {width} x {height}: a mask must have the shape of "
                            "its clip")
        return clip
    return mask if iter(mask) is not mask else list(mask)


def _moves(mask):
    """Whether a mask is a clip, or the frames of one."""
    if isinstance(mask, Image.Image):
        return False
    if not isinstance(mask, (str, os.PathLike)):
        return True
    path = Path(mask)
    if path.is_dir() or path.suffix.lower() in MOVIES:
        return True
    if path.suffix.lower() not in ANIMATIONS:
        return False
    try:
        return open_clip(path).count > 1
    except ClipError:
        return False  # opening it as a picture will tell


def result_size(size: tuple[int, int], longest: int | None, most: int, name: str, even: bool = False
                ) -> tuple[int, int]:
    """The size of results for frames of a size. longest: the side asked for, or None. even: whether sides must be."""
    to = fitted(Picture(Image.new("L", size), None, name), longest, MAX_PIXELS, most).size
    return tuple(max(2, side // 2 * 2) for side in to) if even else to


def frames_in_style(stylizer, frames: Iterable[Image.Image], recipe: Recipe) -> Iterator[Image.Image]:
    """What `Stylizer.stylise_frames` gives."""
    if iter(frames) is frames:
        first = next(frames, None)
        again = chain([first], frames)
    else:
        first, again = next(iter(frames), None), frames
    if first is None:
        return
    size = result_size(first.size, recipe.options.size, stylizer.max_pixels, "the clip")
    painter, masks, _ = prepared(stylizer, recipe, size, "the clip", Clock(stylizer.device, timed=False))
    with closing(stylised(painter, again, size, masks, recipe.steady)) as results:
        for _, result in results:
            yield result


def make_film(stylizer, clip: Clip, output, recipe: Recipe, *, identity: str = "", rename: Callable = os.replace,
              progress: Callable[[int, int | None, float], None] | None = None) -> Film:
    """Write a clip in a style. identity, rename: as `wct.clips.writer` has them. progress: called with the number of
    frames that are written, of how many, and the seconds in the clip; what it raises ends the work."""
    began, kind = time.perf_counter(), kind_of(output)
    try:
        even = kind is not None and kind.even
        size = result_size(clip.size, recipe.options.size, stylizer.max_pixels, str(clip.path), even)
        clock = Clock(stylizer.device, timed=True)
        painter, masks, notes = prepared(stylizer, recipe, size, str(clip.path), clock)
    except PictureError as error:
        raise ClipError(str(error)) from error
    alpha = _has_alpha(clip)
    if alpha and kind is not None and not kind.transparent:
        clip.note(f"has transparency, which {Path(output).suffix} cannot hold; it was left out")
    place = writer(output, clip, size, identity, alpha)
    frames = stylised(painter, clip, size, masks, recipe.steady, place.done)
    done = place.done

    def wrote(frame):
        nonlocal done
        done += 1
        if progress:
            progress(done, clip.count, float(frame.time + frame.duration))

    with closing(frames):
        place.write(frames, wrote, rename)
    seconds = {stage: clock.seconds[stage] for stage in STAGES} | {"seconds": time.perf_counter() - began}
    return Film(Path(output), done, place.done, size, seconds, tuple(dict.fromkeys([*clip.notes, *notes])))


def _has_alpha(clip):
    """Whether a clip's first frame has transparency."""
    for frame in clip:
        return frame.image().mode == "RGBA"
    raise ClipError(f"{clip.path} has no frame that can be decoded; replace it with a whole copy")

"""Clips: every frame through maps that belong to its shot, so that what does not move stays as it was.

A map that is fitted to one frame follows its noise and whatever passes by. Here maps are fitted to key frames of a shot
(`shots`, `painter`), so the networks are one function for a while; `motion` keeps what they draw where the scene is.
Each has a thread of its own: looking for cuts and key frames, following the motion, drawing, smoothing and writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import repeat, tee

from PIL import Image

from wct.clips import Clip
from wct.images import with_alpha
from wct.images.colour import fill_invisible
from wct.pipeline.motion import Steady
from wct.pipeline.painter import Painter, Shown, Task
from wct.pipeline.shots import GLANCE, Anchor, anchors
from wct.runtime.threads import ahead

READ_AHEAD = WRITE_BEHIND = 3  # frames


def stylised(painter: Painter, frames: Iterable, size: tuple[int, int], masks: list | None = None,
             steady: bool = True, start: int = 0) -> Iterator[tuple]:
    """(frame, result) for every frame from number `start` on, in order; a result is a PIL image, RGB or RGBA.

    frames: PIL images, or objects whose `image(size)` gives one, as `wct.clips.Frame` has it; what can be iterated over
    twice is read twice, of what cannot be, some SPAN frames are kept. size: of the results. masks: of every style a
    PIL image of mode L, an iterable of images, one for each frame, of which the last one stays, or None. steady:
    without, every frame stands for itself.
    """
    first, second = tee(frames) if steady and iter(frames) is frames else (frames, frames)
    plan = anchors(_glances(first, size, masks)) if steady else None
    if plan and isinstance(frames, Clip):  # of which two threads may read; other frames are somebody else's
        plan = ahead(plan, 1)
    tasks = ahead(_tasks(painter, zip(second, _masks(masks, size)), size, plan, start), READ_AHEAD)
    smoother, result = Steady(), None
    with closing(ahead(painter.paint(tasks), WRITE_BEHIND)) as painted:
        for task, drawn in painted:
            if drawn is not None:
                result = smoother.smooth(task.back(drawn), task.motion)
            yield task.shown.frame, with_alpha(result, task.shown.alpha)


def _glances(frames, size, masks):
    """Every frame as `anchors` takes it."""
    for frame, chosen in zip(frames, _masks(masks, size)):
        yield _shown(frame, GLANCE).image, partial(_shown, frame, size, chosen)


def _shown(frame, size, masks=None):
    image = frame.image(size) if hasattr(frame, "image") else frame
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    rgb, alpha = image.convert("RGB"), image.getchannel("A") if image.mode == "RGBA" else None
    if alpha:
        fill_invisible(rgb, alpha)
    return Shown(rgb, alpha, masks, frame)


def _masks(masks, size):
    """The masks of every frame, without end."""
    def lasting(mask):
        image = None
        for one in [mask] if mask is None or isinstance(mask, Image.Image) else mask:
            image = one.image(size) if hasattr(one, "image") else one
            image = image and image.convert("L").resize(size, Image.Resampling.BOX)
            yield image
        while True:
            yield image

    if masks is None:
        return repeat(None)
    return map(list, zip(*map(lasting, masks)))


def _tasks(painter, frames, size, plan, start):
    """The Task of every frame from number `start` on; frames: each with its masks; plan: the anchors, or None."""
    steady, left, right, shot, before = Steady(), None, plan and next(plan, None), None, None
    for n, (frame, masks) in enumerate(frames):
        while right is not None and right.frame <= n:
            left, right = right, next(plan, None)
        if n < start:
            continue
        shown = _shown(frame, size, masks)
        if plan is None:
            left = Anchor(n, n, [shown])
        goes_on = right is not None and right.shot == left.shot
        share = (n - left.frame) / (right.frame - left.frame) if goes_on else 0.0
        task = Task(shown, left, right if goes_on else left, share, shown.same(before))
        if plan and painter.strokes and not task.again:
            offset, motion = steady.move(shown.image, left.shot != shot, shown.masks)
            placed, corner = painter.place(shown, offset)
            task = replace(task, placed=placed, corner=corner, motion=motion)
        shot, before = left.shot, shown
        yield task

"""How much a clip flickers: results compared along the motion of what they were made of.

With the flow u_n from frame n to the frame before, known or found in the source, and the results y_n, colours in
[0, 1], the flicker of frame n is

    F_n = mean of |y_n(p) - y_{n-1}(p + u_n(p))|^2 / 3

over the points p that are seen in both frames: p + u_n(p) lies in the picture, and the flow v back from there meets it,
|u + v|^2 <= 0.01 (|u|^2 + |v|^2) + 0.5 pixels^2 (Sundaram, Brox, Keutzer, "Dense Point Trajectories", 2010).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from wct.pipeline.motion import flow_between, warped

NOISE = 4  # standard deviation of a sensor's, of 255
PAN = (2.6, 0.7)  # pixels a frame


@dataclass
class Source:
    """The frames of a clip, PIL images, and their motion: (x, y) in pixels a frame where all is known, else None."""

    name: str
    frames: list[Image.Image]
    motion: tuple[float, float] | None

    def flow(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """(u_n (H, W, 2), whether a point is seen in both frames (H, W))."""
        now, before = (np.asarray(frame) for frame in (self.frames[n], self.frames[n - 1]))
        height, width = now.shape[:2]
        if self.motion:
            u = np.broadcast_to(np.float32(self.motion), (height, width, 2))
            return u, _inside(u)
        u, back = (flow_between(*pair, preset="MEDIUM") for pair in ((now, before), (before, now)))
        v = warped(back, u)
        meets = np.square(u + v).sum(-1) <= 0.01 * (np.square(u).sum(-1) + np.square(v).sum(-1)) + 0.5
        return u, meets & _inside(u)


def _inside(u):
    height, width = u.shape[:2]
    x, y = u[..., 0] + np.arange(width), u[..., 1] + np.arange(height)[:, None]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def still(picture: Image.Image, size: tuple[int, int], count: int) -> Source:
    """A camera that stands still, with a sensor's noise."""
    draw, scene = np.random.default_rng(0), np.asarray(picture.resize(size, Image.Resampling.LANCZOS), np.float32)
    noisy = (scene + draw.normal(0, NOISE, scene.shape) for _ in range(count))
    return Source("still camera, noise", [Image.fromarray(x.round().clip(0, 255).astype(np.uint8)) for x in noisy],
                  (0.0, 0.0))


def pan(picture: Image.Image, size: tuple[int, int], count: int) -> Source:
    """A camera that pans over a picture, by PAN pixels a frame."""
    wide = [round(side + step * count + 2) for side, step in zip(size, PAN)]
    scale = max(have / want for have, want in zip(wide, picture.size))
    scene = picture.resize([max(a, round(side * scale)) for a, side in zip(wide, picture.size)],
                           Image.Resampling.LANCZOS)
    boxes = [(PAN[0] * i, PAN[1] * i) for i in range(count)]
    return Source("pan", [scene.transform(size, Image.Transform.AFFINE, (1, 0, x, 0, 1, y), Image.Resampling.BICUBIC)
                          for x, y in boxes], PAN)


def flicker(source: Source, results: list[Image.Image]) -> list[float]:
    """F_1, F_2, ... of the results, PIL images of the size of the source's."""
    values = []
    for n in range(1, len(results)):
        u, seen = source.flow(n)
        now, before = (np.asarray(result.convert("RGB"), np.float32) / 255 for result in (results[n], results[n - 1]))
        values.append(float(np.square(now - warped(before, u)).mean(-1)[seen].mean()))
    return values

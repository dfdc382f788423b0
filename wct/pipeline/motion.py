"""How a clip moves, and pictures that are carried along with it.

The flow u_n(p) says where the point p of frame n was in frame n - 1: p + u_n(p), by DIS (Kroeger et al., "Fast Optical
Flow using Dense Inverse Search", 2016) as OpenCV has it. `Steady` uses it twice:

- The networks halve a picture three times, so that what they draw moves with it by whole cells of 8 pixels alone, and
  swims otherwise. The offset of a frame, the way m_n = m_{n-1} - median u_n that the scene has gone before the camera,
  says where the cells are to lie: fixed to the scene. The frame is drawn moved by -m_n modulo 8, and moved back.
- What is left is smoothed along the motion: with the picture x_n as drawn and the result y_n,

      y_n = x_n + w_n (y_{n-1}(p + u_n) - x_n),   w_n = k_n exp(-e_n / 2 s^2),   s^2 = NOISE^2 + 2 median e_n,

  e_n the mean square of f_n(p) - f_{n-1}(p + u_n) around p in the frames f themselves: nothing is kept of what
  appears, and what is no more than noise is no reason to let go. Where the scene stands still the strokes of both
  pictures meet, and more may be kept: k_n = MOVING + (STANDING - MOVING) exp(-|u_n|^2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

MOVING, STANDING = 0.3, 0.5  # of the result before
NOISE = 8 / 255  # contrast that may be noise in any case
SIDE = 320  # pixels of the longer side at which motion is looked for
WINDOW = 5  # pixels around a point that are compared
STILL = 0.05  # pixels; a camera that moves by less stands still
PARTS = 16  # of a pixel, in which its way is told


class Steady:
    """Called with the frames of a clip, in order, it keeps what is drawn where the scene is.

    `move` takes a frame and gives its offset and its motion, None at the beginning of a shot; `smooth`, for the same
    frames in the same order, takes the motion and what was drawn, and gives the result. They may be in two threads.
    """

    def __init__(self):
        self._before = self._last = None
        self._way = np.zeros(2)

    def move(self, image: Image.Image, cut: bool, masks: Sequence[Image.Image | None] | None = None
             ) -> tuple[tuple[float, float], tuple | None]:
        """(offset (x, y), motion) of a frame; cut: whether it begins a shot. masks: nothing is kept where they change.
        """
        frame = small(image, masks or [])
        before, self._before = self._before, frame
        if cut or before is None:
            self._way[:] = 0
            return (0, 0), None
        flow = flow_between(frame, before)
        shift = np.median(flow.reshape(-1, 2), 0) * (image.width / frame.shape[1])
        if np.hypot(*shift) > STILL:
            self._way -= shift
        return self._offset(), (flow, _kept(frame, before, flow))

    def _offset(self):
        return tuple(round(float(way) * PARTS) / PARTS for way in self._way)

    def smooth(self, drawn: Image.Image, motion: tuple | None) -> Image.Image:
        """The result for what was drawn, both PIL images of mode RGB, all of one size in a shot."""
        import cv2

        x, y = np.asarray(drawn), self._last
        if motion is None or y is None or y.shape != x.shape:
            self._last = x
            return drawn
        flow, weight = motion
        height, width = x.shape[:2]
        carried = warped(y, resized(flow, (width, height)))
        weight = _scaled(weight, (width, height))
        self._last = cv2.blendLinear(carried, x, weight, 1 - weight)
        return Image.fromarray(self._last)


def moved(image: Image.Image, right: float, down: float, size: tuple[int, int]) -> Image.Image:
    """A PIL image moved so many pixels on a canvas of a size (width, height), what is beyond its edges mirrored."""
    import cv2

    way = np.float32([[1, 0, right], [0, 1, down]])
    return Image.fromarray(cv2.warpAffine(np.asarray(image), way, size, flags=cv2.INTER_CUBIC,
                                          borderMode=cv2.BORDER_REFLECT))


def small(image: Image.Image, masks: Sequence[Image.Image | None] = ()) -> np.ndarray:
    """A PIL image as motion is looked for in it: uint8 (h, w, 3), or (h, w, 4) with all the masks in one channel."""
    scale = min(1, SIDE / max(image.size))
    size = tuple(max(1, round(side * scale)) for side in image.size)
    image, *masks = (one if one is None or one.size == size else one.resize(size, Image.Resampling.BOX)
                     for one in (image, *masks))
    channels = [np.asarray(image)]
    if any(masks):
        shares = [(k + 1) * np.asarray(mask, np.float32) for k, mask in enumerate(masks) if mask]
        channels.append((sum(shares) / len(masks)).clip(0, 255).astype(np.uint8)[..., None])
    return np.concatenate(channels, 2)


def flow_between(frame: np.ndarray, before: np.ndarray, preset: str = "FAST") -> np.ndarray:
    """Where each point of a frame was in the one before, both as `small` gives them: (h, w, 2), in pixels; zero in
    pictures that are too small to tell."""
    import cv2

    if min(frame.shape[:2]) < 16:
        return np.zeros((*frame.shape[:2], 2), np.float32)
    finder = cv2.DISOpticalFlow_create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset}"))
    grey = [cv2.cvtColor(np.ascontiguousarray(one[..., :3]), cv2.COLOR_RGB2GRAY) for one in (frame, before)]
    return finder.calc(*grey, None)


def warped(picture: np.ndarray, flow: np.ndarray, how: int = 2) -> np.ndarray:
    """picture (h, w, 3) at p + flow(p): what of the frame before each point of a frame is. how: by which of OpenCV's
    interpolations, 2 for bicubic."""
    import cv2

    height, width = flow.shape[:2]
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    return cv2.remap(picture, flow[..., 0] + x, flow[..., 1] + y, how, borderMode=cv2.BORDER_REPLICATE)


def resized(flow: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A flow for pictures of another size (width, height)."""
    height, width = flow.shape[:2]
    return _scaled(flow, size) * np.float32([size[0] / width, size[1] / height])


def _scaled(values, size):
    import cv2

    return values if values.shape[1::-1] == size else cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)


def _kept(frame, before, flow):
    """w_n: (h, w)."""
    import cv2

    apart = cv2.absdiff(frame, warped(before, flow, cv2.INTER_LINEAR)).astype(np.float32) / 255
    error = cv2.blur(np.einsum("ijk,ijk->ij", apart, apart) / apart.shape[2], (WINDOW, WINDOW))
    weight = MOVING + (STANDING - MOVING) * cv2.exp(-np.einsum("ijk,ijk->ij", flow, flow))
    weight *= cv2.exp(-error / (2 * (NOISE**2 + 2 * float(np.median(error)))))
    height, width = flow.shape[:2]
    x, y = flow[..., 0] + np.arange(width), flow[..., 1] + np.arange(height)[:, None]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return (weight * inside).astype(np.float32)

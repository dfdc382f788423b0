"""Plain ground: where a content shows one colour and nothing else, the result shows what becomes of that colour.

The deep features see an object well beyond its edge (relu4_1: some 60 pixels). On plain ground they are all that
varies, and a map fitted to them would draw them at full contrast, as loud bands around the object.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch.nn import functional as F

from wct.images import to_tensor

Colour = tuple[int, int, int]

SHARE = 0.02  # of the picture that a colour must cover to be a ground
PURITY = 0.9  # of what is within ALIKE of a ground, the part that is within STEP: a sky is no ground, a clipped one is
STEP, ALIKE = 1.5 / 255, 8.5 / 255
MOST = 8  # grounds of a picture
NEAR, SOFT = 6, 3  # pixels: the ground begins so far from anything else, and so softly
LOOK, GLANCE = 512, 128  # longest side, in pixels, at which grounds are looked for, and guessed


def grounds(image: Image.Image) -> list[Colour]:
    """The colours, 0 to 255, that cover much of a picture of mode RGB exactly, and have none but themselves near."""
    small = _thinned(image, LOOK)
    glance = _thinned(small, GLANCE)  # counting all colours of all pixels would take longer than a small network
    least = SHARE / 2 * _area(glance)
    likely = [colour for times, colour in glance.getcolors(_area(glance)) if times >= least]
    pixels, found = to_tensor(small), []
    counted = [(int((_distance(pixels, colour) == 0).sum()), colour) for colour in likely]
    for times, colour in sorted(counted, reverse=True)[:MOST]:
        if times < SHARE * _area(small):
            break
        away = _distance(pixels, colour)
        if (away <= STEP).sum() >= PURITY * (away <= ALIKE).sum():
            found.append(colour)
            pixels = torch.where(away <= STEP, -1, pixels)  # another step of this one is not another ground
    return found


def calmed(x: torch.Tensor, pixels: torch.Tensor, becomes: Sequence[tuple[Colour, torch.Tensor]]) -> torch.Tensor:
    """The result x of pixels (B, 3, H, W) in [0, 1], with what each colour of the ground becomes, (1, 3, 1, 1) or
    (1, 3, H, W), where there is nothing else near."""
    for colour, to in becomes:
        x = torch.lerp(x, to.to(x), _ground(pixels, colour))
    return x


def _thinned(image, side):
    """An image of some of its pixels, `side` long at most."""
    scale = min(1, side / max(image.size))
    return image.resize([max(1, round(length * scale)) for length in image.size], Image.Resampling.NEAREST)


def _area(image):
    return image.size[0] * image.size[1]


def _distance(pixels, colour):
    """The largest difference of any channel, (B, 1, H, W)."""
    return (pixels - pixels.new_tensor(colour).view(3, 1, 1) / 255).abs().amax(1, keepdim=True)


def _ground(pixels, colour):
    """1 where everything near is of that colour, 0 where something else is nearer than NEAR - SOFT: (B, 1, H, W)."""
    other = (_distance(pixels, colour) > STEP).to(pixels.dtype)
    for side in ((2 * NEAR + 1, 1), (1, 2 * NEAR + 1)):
        other = F.max_pool2d(other, side, stride=1, padding=(side[0] // 2, side[1] // 2))
    return 1 - F.avg_pool2d(other, 2 * SOFT + 1, stride=1, padding=SOFT, count_include_pad=False)

"""Networks applied to a picture band by band, so that what they take on the way stays small.

A band is some rows of a picture or of features, with a few more on either side for the convolutions to look at. What
comes of those is thrown away, so that the bands together are what the whole would have been. What is kept between them
in float32 is rounded to float16: 11 bits are more than a picture shows, and half the memory.
"""

from collections.abc import Callable

import torch

from wct.runtime import memory

HALO = 6  # rows of its input that a stage, a block or the first two of them look at beyond a row; even, for poolings
WIDTH = 64  # channels that pixels become, at most
PIXELS = 2**17  # of a band, at the finer end of what is applied to it and at so many channels; less at more of them


def rows(x: torch.Tensor, scale: float) -> list[tuple[int, int]]:
    """The bands, (start, stop), of features (B, n, h, w) for a function that enlarges them by `scale`.

    With gradients everything is one band: what is kept for them needs the memory anyway.
    """
    channels, height, width = x.shape[1:]
    channels = max(WIDTH, channels / max(1, scale))
    step = max(16, int(PIXELS * WIDTH / (channels * width * max(1, scale) ** 2)) // 16 * 16)
    if torch.is_grad_enabled() or height <= 2 * step:  # two bands cost time, and save little
        return [(0, height)]
    return [(start, min(start + step, height)) for start in range(0, height, step)]


def banded(function: Callable, x: torch.Tensor, scale: float, out: torch.Tensor | None = None) -> torch.Tensor:
    """function(0, h), or the same put together from bands.

    function(part, start, stop) takes those rows of x (B, n, h, w) to (B, m, scale (stop - start), scale w), where what
    it looks at may end there. out: where the bands are put, by default a new tensor.
    """
    bands, height = rows(x, scale), x.shape[2]
    if len(bands) == 1:
        return function(wide(x), 0, height)
    for start, stop in bands:
        above, below = max(0, start - HALO), min(height, stop + HALO)
        y = function(wide(x[:, :, above:below]), above, below)
        if out is None:
            shape = (*y.shape[:2], int(scale * height), y.shape[3])
            dtype = torch.float16 if y.dtype == torch.float32 else y.dtype
            out = torch.empty(shape, dtype=dtype, device=y.device, memory_format=torch.channels_last)
        out[:, :, int(scale * start):int(scale * stop)] = y[:, :, int(scale * (start - above)):][
            :, :, :int(scale * (stop - start))]
    memory.release()  # the holes that the bands left are too small for the tensors to come
    return out


def wide(x: torch.Tensor) -> torch.Tensor:
    """Features as they are computed with, of those that may be kept in float16."""
    return x.float() if x.dtype == torch.float16 else x


def encode(encoder: torch.nn.Module, pixels: torch.Tensor, levels: int) -> list[torch.Tensor | None]:
    """[relu1_1, ..., relu{levels}_1] of pixels (B, 3, H, W); None for relu1_1 where there are several bands.

    relu1_1 is the largest by far, and made anew from any rows in no time.
    """
    if len(rows(pixels, 0.5)) == 1:
        return encoder(pixels, levels)
    first, *others = list(encoder.stages.values())[:levels]
    features, x = [None], pixels
    for k, stage in enumerate(others):
        x = banded(lambda part, *_, stage=stage, k=k: stage(part if k else first(part)), x, 0.5)
        features.append(x)
    return features


def relu1_1(encoder: torch.nn.Module, pixels: torch.Tensor, start: int, stop: int) -> torch.Tensor:
    """Some rows of relu1_1 (B, n, stop - start, W) of pixels (B, 3, H, W)."""
    above, below = max(0, start - 2), min(pixels.shape[2], stop + 2)
    return encoder.stages["relu1_1"](pixels[:, :, above:below])[:, :, start - above:stop - above]


def decode(decoder: torch.nn.Module, x: torch.Tensor, level: int) -> torch.Tensor:
    """The picture (B, 3, H, W), not clamped, of features of a level."""
    if len(rows(x, 2 ** (level - 1))) == 1:
        return decoder(x, level)
    for k in range(level, 2, -1):
        x = banded(lambda part, *_, k=k: decoder.block(k)(part), x, 2)
    if level == 1:
        return wide(banded(lambda part, *_: decoder.block(1)(part), x, 1))
    return wide(banded(lambda part, *_: decoder.block(1)(decoder.block(2)(part)), x, 2))

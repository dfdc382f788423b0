"""Where the networks run, and in which precision."""

import time
from functools import cache

import torch
from torch.nn import functional as F


def choose_device(name: str | torch.device = "auto") -> torch.device:
    """torch.device for "auto", "cpu", "cuda" or "mps"; "auto" takes the first there is of cuda, mps, cpu.

    "cuda:1" is the second card. Raises ValueError for what is not there.
    """
    counts = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    if str(name) == "auto":
        name = next(device for device, count in counts.items() if count)
    kind, colon, index = str(name).partition(":")
    if not counts.get(kind):
        raise ValueError(f"device {str(name)!r} is not available here; use auto or cpu")
    if colon and not (index.isdecimal() and int(index) < counts[kind]):
        last = f"{kind}:{counts[kind] - 1}"
        raise ValueError(f"device {str(name)!r} is not available here; the last of its kind is {last}")
    return torch.device(name)


@cache
def choose_dtype(device: torch.device) -> torch.dtype:
    """torch.bfloat16 where the device convolves clearly faster in it than in torch.float32, else that.

    Tried out, in a tenth of a second: where the instructions are missing it works too, only slowly.
    """
    try:
        half, single = _seconds(device, torch.bfloat16, torch.float32)
        faster = half < 0.75 * single
    except (RuntimeError, TypeError):  # not at all
        faster = False
    return torch.bfloat16 if faster else torch.float32


def synchronise(device: torch.device) -> None:
    """Wait for what an accelerator was given to do."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


@torch.inference_mode()
def _seconds(device, *dtypes):
    """The least times of a few convolutions in each dtype, by turns, as whatever else runs slows all of them down.

    They are large enough that starting one, on an accelerator or in the threads of a busy CPU, does not count.
    """
    channels, side = (128, 130) if device.type == "cpu" else (256, 514)
    x, kernel = torch.ones(1, channels, side, side, device=device), torch.ones(channels, channels, 3, 3, device=device)
    inputs = [[tensor.to(dtype, memory_format=torch.channels_last) for tensor in (x, kernel)] for dtype in dtypes]

    def once(pair):
        start = time.perf_counter()
        F.conv2d(*pair)
        synchronise(device)
        return time.perf_counter() - start

    return [min(times) for times in zip(*([once(pair) for pair in inputs] for _ in range(4)))]

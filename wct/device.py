"""Where the networks run, and in which precision."""

import time
from functools import cache

import torch
from torch.nn import functional as F


def choose_device(name="auto"):
    """torch.device for "auto", "cpu", "cuda" or "mps"; "auto" takes the first there is of cuda, mps, cpu."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, there in available.items() if there)
    if not available.get(str(name).partition(":")[0]):
        raise ValueError(f"device {str(name)!r} is not available here; use auto or cpu")
    return torch.device(name)


@cache
def choose_dtype(device):
    """torch.bfloat16 where the device convolves clearly faster in it than in torch.float32, else that.

    Tried out, in hundredths of a second: where the instructions are missing it works too, only slowly.
    """
    try:
        faster = _seconds(device, torch.bfloat16) < 0.75 * _seconds(device, torch.float32)
    except (RuntimeError, TypeError):  # not at all
        faster = False
    return torch.bfloat16 if faster else torch.float32


def synchronise(device):
    """Wait for what an accelerator was given to do."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


@torch.inference_mode()
def _seconds(device, dtype):
    """The least time of a few convolutions, large enough that starting one on an accelerator does not count."""
    channels, side = (64, 66) if device.type == "cpu" else (256, 514)
    layout = {"device": device, "dtype": dtype, "memory_format": torch.channels_last}
    x, kernel = torch.ones(1, channels, side, side).to(**layout), torch.ones(channels, channels, 3, 3).to(**layout)
    times = []
    for _ in range(6):
        start = time.perf_counter()
        F.conv2d(x, kernel)
        synchronise(device)
        times.append(time.perf_counter() - start)
    return min(times)

"""What benchmarks and experiments on matrices share: the matrices, and the clock."""

import time

import torch

from wct.runtime.device import synchronise


def random_matrices(batch: int, n: int, condition: float, dtype: torch.dtype, device: str, seed: int) -> torch.Tensor:
    """(batch, n, n), 16 different ones at most: random eigenvectors, and eigenvalues spread evenly on a logarithmic
    scale from 1/condition to 1."""
    generator = torch.Generator().manual_seed(seed)
    different = min(batch, 16)
    vectors = torch.linalg.qr(torch.randn(different, n, n, dtype=torch.float64, generator=generator)).Q
    values = torch.logspace(0, 1, n, base=1 / condition, dtype=torch.float64)
    A = (vectors * values) @ vectors.mT
    A = ((A + A.mT) / 2).to(device, dtype)
    return A.repeat(-(-batch // different), 1, 1)[:batch]


def working_seconds(device: torch.device) -> float:
    """What a stopwatch shows: on a CPU the time that this thread has worked, which other programs hardly disturb, where
    the system counts it finely; on an accelerator, once it has finished, the time of the day."""
    if device.type == "cpu" and time.get_clock_info("thread_time").resolution < 1e-6:
        return time.thread_time()
    synchronise(device)
    return time.perf_counter()

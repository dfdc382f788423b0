"""Memory: the most that a run takes, and what is left."""

from pathlib import Path


def peak(run, device):
    """Bytes that run() takes at its peak beyond those taken before; None where unknown.

    On CUDA those of tensors, on the CPU of Linux the resident set, whose highest the kernel keeps.
    """
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return torch.cuda.max_memory_allocated() - before
    from wct.runtime.memory import release

    release()  # or this run would take unseen what earlier ones have freed
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the highest starts again from the present (man 5 proc)
    except OSError:
        run()
        return None
    before = _of_kernel("/proc/self/status", "VmRSS")
    run()
    return _of_kernel("/proc/self/status", "VmHWM") - before


def free(device):
    """Bytes that can still be had; infinite where unknown."""
    if device == "cuda":
        import torch

        torch.cuda.empty_cache()
        return torch.cuda.mem_get_info()[0]
    try:
        return _of_kernel("/proc/meminfo", "MemAvailable")
    except OSError:
        return float("inf")


def _of_kernel(file, name):
    """The bytes in the line `name: ... kB` of a file of Linux."""
    line = next(line for line in Path(file).read_text().splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])

"""What a program says once about its process, before it imports torch: how threads wait, what becomes of memory."""

import os

from wct.runtime import memory


def prepare() -> None:
    """For the programs; a library leaves its caller's process alone.

    Threads that wait for others give way sooner, unless the environment says how they should wait: by default they spin
    for milliseconds, and where another program keeps a core busy, all of them wait for the one that has none. And
    memory that is freed is kept for the tensors to come (`wct.runtime.memory`).
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    memory.reuse()

"""What a program says once about its process: how threads wait, what becomes of memory, what interrupts it."""

import os
import signal
import sys
from collections.abc import Callable

from wct.runtime import memory


def interruptible(main: Callable[[], int], before: str) -> int:
    """The exit status of `main`, interrupted by SIGTERM as by Ctrl-C: 130, and the sentence `before`, where that comes
    before `main` deals with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return main()
    except KeyboardInterrupt:
        print(before, file=sys.stderr)
        return 130


def prepare() -> None:
    """Before torch is imported. For the programs; a library leaves its caller's process alone.

    Threads that wait for others give way sooner, unless the environment says how they should wait: by default they spin
    for milliseconds, and where another program keeps a core busy, all of them wait for the one that has none. And
    memory that is freed is kept for the tensors to come (`wct.runtime.memory`).
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    memory.reuse()

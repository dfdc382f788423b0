"""Where the time of a run goes, and how far it is."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager

import torch

from wct.runtime.device import synchronise


class Clock:
    """Seconds per stage, a stage inside another not counted twice.

    timed: whether an accelerator is waited for at the ends of stages, without which the seconds are those until it was
    given its work. progress: hears of every stage that begins or goes on, and of every step, with the share of the work
    that is done.
    """

    def __init__(self, device: torch.device, progress: Callable[[float, str], None] | None = None, timed: bool = True):
        self.device, self.progress, self.timed = device, progress, timed
        self.seconds, self.total, self._done, self._stages = Counter(), 1, 0, []

    @contextmanager
    def __call__(self, stage):
        self._stages.append(stage)
        self._tell()
        start, before = self._now(), self.seconds.total()
        try:
            yield
        finally:
            self._stages.pop()
        inside = self.seconds.total() - before
        self.seconds[stage] += self._now() - start - inside
        self._tell()

    def begin(self, total):
        """The work has so many steps, of which none is done."""
        self.total, self._done = total, 0

    def advance(self, steps):
        """So many steps more of `total` are done."""
        self._done += steps
        self._tell()

    def _tell(self):
        if self.progress and self._stages:
            self.progress(min(1.0, self._done / self.total), self._stages[-1])

    def _now(self):
        if self.timed:
            synchronise(self.device)
        return time.perf_counter()

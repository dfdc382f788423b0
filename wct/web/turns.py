"""Whose turn it is: one picture is made at a time, short runs before long ones, and no run is passed by for ever."""

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

PATIENCE = 3  # turns of its own length for which others may pass a run by; a folder so has a quarter of a busy machine
SMALL = 0.1  # megapixels below which a run is mostly what takes as long for any size
LOOK = 0.25  # seconds between looks at whether somebody still waits for a run


class Cancelled(BaseException):
    """Ends a run from inside; no Exception, so that a folder run does not take it for a picture that failed."""


@dataclass(eq=False)
class _Run:
    seconds: float  # that its turn will take, as far as one knows
    left: float  # and all that is left of it
    due: float  # when it has been passed by for long enough, in seconds that turns have taken in all


class Turns:
    """A line of runs, `most` of which may wait. Every turn is that of one picture: `with turns.turn(seconds): ...`

    The run with the least left is next. One that others have passed by for PATIENCE times its own turn is due, and
    comes before: so many short runs cannot keep a long one out, and it takes at most 1 / (1 + PATIENCE) of the time.
    """

    def __init__(self, most: int = 40):
        self.most = most
        self._waiting, self._working, self._began = [], None, 0.0
        self._taken = 0.0  # seconds, by the turns that are over
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, seconds: float, tell: Callable[[str], None] = lambda line: None,
             over: Callable[[], bool] = lambda: False, pictures: int = 1, first: bool = True):
        """Waits for a turn.

        seconds: how long it will take. tell: called while waiting with a line that says how long. over: whether nobody
        waits for it any more, which raises Cancelled. pictures: how many are left of the run, each with a turn of its
        own. first: whether it is the run's first, for which alone ValueError is raised where too many wait already.
        """
        with self._changed:
            if first and len(self._waiting) >= self.most:
                raise ValueError("The queue is full; try again in a minute.")
            run = _Run(seconds, seconds * pictures, self._passed() + PATIENCE * seconds)
            self._waiting.append(run)
            try:
                while self._working or min(self._waiting, key=self._rank) is not run:
                    if over():
                        raise Cancelled
                    tell(self._line(run))
                    self._changed.wait(LOOK)
                self._working, self._began = run, time.monotonic()
            finally:
                self._waiting.remove(run)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._taken, self._working = self._passed(), None
                self._changed.notify_all()

    def _passed(self):
        """Seconds that turns have taken in all, with the present one."""
        return self._taken + (time.monotonic() - self._began if self._working else 0.0)

    def _rank(self, run):
        """The smallest is next."""
        return (0, run.due) if run.due <= self._passed() else (1, run.left)

    def _line(self, run):
        """What is before a run, and how long that will take."""
        before = [other for other in self._waiting if self._rank(other) < self._rank(run)]
        seconds = sum(other.seconds for other in before)
        if self._working:
            before.append(self._working)
            seconds += max(0.0, self._working.seconds - (time.monotonic() - self._began))
        return f"{len(before)} before yours, about {max(1, round(seconds))} s"


class Pace:
    """How long runs take on this machine: some seconds, and more by megapixel and pass, from those that it has seen."""

    def __init__(self, start: float = 0.2, rate: float = 3.0):
        self._start, self._rate = start, rate

    def expected(self, megapixels: float) -> float:
        return self._start + self._rate * megapixels

    def learn(self, megapixels: float, seconds: float) -> None:
        if megapixels < SMALL:  # it says little of larger ones
            self._start += 0.3 * (max(0.01, seconds - self._rate * megapixels) - self._start)
        else:
            self._rate += 0.3 * (max(0.01, seconds - self._start) / megapixels - self._rate)

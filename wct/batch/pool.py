"""The pictures of a Plan handed out to the workers of a Cluster, a few at a time, and what became of them."""

import time
from collections import Counter, deque
from types import SimpleNamespace
from typing import NamedTuple

from wct.batch.cluster import last_line
from wct.batch.work import Task, task_of
from wct.runtime.files import NoSpaceError

MOST = 32  # pictures that a worker is given at once
SUSPECTS = 3  # of those, how many it may have had in hand when it died: one written, one made, one read
AT_A_TIME = 1000  # pictures that are looked at before rows are told
LOOK = 5  # seconds between two looks at the machines
PATIENCE = 60  # seconds for what is in hand when the run is stopped, and for the first worker before that is told
STARTS = 3  # workers in a row that may fail to start


class NoWorkerError(RuntimeError):
    """Workers that fail to start, and none that has made anything."""


class Wanted(NamedTuple):
    """A picture to make: its number, its Task, where a worker is to write it, and a note on that or None."""

    number: int
    task: Task
    path: object
    note: str | None


class Worker:
    """What is known of an actor. batch: the pictures that it was given and has told no row of."""

    def __init__(self, actor):
        self.actor, self.batch, self.block, self.machine = actor, deque(), None, None
        self.answer = actor.ready.remote()  # what is waited for: this, and then the rows of a batch


class Pool:
    """Workers on a Cluster, each a Maker of the `arguments`, for a Plan.

    record, masks_of: as `work` has them, for this process, which decides what is made and where. options: of `work`.
    tell: called with the kind of a sentence, and with it.
    """

    def __init__(self, cluster, plan, arguments, tell, *, record=None, masks_of=None, options):
        self._cluster, self._ray, self._arguments, self._tell = cluster, cluster.ray, (*arguments, options), tell
        self._record, self._style_masks, backend = record, options.get("style_masks"), options.get("backend")
        self._blocks = {i: ((number, task_of(job, masks_of, self._style_masks, record, backend))
                            for number, *job in block) for i, block in enumerate(plan.blocks())}
        self._left, self._workers = len(plan), []
        self._again, self._alone, self._told = deque(), deque(), deque()
        self._deaths, self._failures, self._looked, self._begun = Counter(), 0, None, False
        self._late = time.monotonic() + PATIENCE

    def rows(self, progress=None):
        """(number, row) of every picture, as they are told. progress is for those who work on one at a time.

        Raises NoSpaceError where there is no room for the first one, NoWorkerError where no worker starts.
        """
        nobody = SimpleNamespace(block=None)
        while self._blocks and not self._again:  # whether anything is left to make, before a worker starts
            self._again.extend(self._next(nobody, 1))
            yield from self._drained()
        while self._blocks or self._again or self._alone or any(worker.batch for worker in self._workers):
            self._adjust()
            for worker in self._workers:
                if worker.answer is None:
                    self._give(worker)
                    yield from self._drained()
            yield from self._heard(LOOK)

    def stop(self):
        """Have the workers finish what is in hand: (number, row) of each of these."""
        self._blocks, self._again, self._alone, end = {}, deque(), deque(), time.monotonic() + PATIENCE
        for worker in self._workers:
            worker.actor.stop.remote()
        while any(worker.batch for worker in self._workers) and time.monotonic() < end:
            yield from self._heard(1)

    def close(self):
        for worker in self._workers:
            self._ray.kill(worker.actor)

    def _drained(self):
        while self._told:
            yield self._told.popleft()

    def _adjust(self):
        """Have as many workers as there is room and work for: machines leave, and others join."""
        if self._looked and time.monotonic() - self._looked < LOOK:
            return
        self._looked, room = time.monotonic(), self._cluster.room()
        if self._looked > self._late and not self._begun and not any(worker.machine for worker in self._workers):
            self._tell("note", "no worker has started yet, as where a cluster is busy with other work; waiting for one "
                       "(ray status tells)")
        if not room and not self._workers:
            self._tell("note", "no machine of the cluster has room for a worker yet; waiting for one")
        for _ in range(min(room, self._left) - len(self._workers)):
            self._workers.append(Worker(self._cluster.start(*self._arguments)))

    def _give(self, worker):
        """Hand out the next pictures: one alone that may have killed a worker, else some."""
        size = min(MOST, max(1, self._left // (4 * len(self._workers))))  # the last ones are shared out evenly
        worker.batch.extend([self._alone.popleft()] if self._alone else self._next(worker, size))
        if worker.batch:
            jobs = [(wanted.task.content, wanted.task.style, wanted.path, wanted.task.masks) for wanted in worker.batch]
            worker.answer = worker.actor.make.options(num_returns="streaming").remote(jobs, self._begun)

    def _next(self, worker, size):
        """So many pictures that are wanted, at most; what is not is told on the way."""
        for _ in range(AT_A_TIME):
            if size == 0 or not (self._again or self._blocks):
                return
            wanted = self._again.popleft() if self._again else self._planned(worker)
            if wanted:
                size -= 1
                yield wanted

    def _planned(self, worker):
        """The next picture of the worker's block, or of the one that has the fewest workers; None for none to make."""
        if worker.block not in self._blocks:
            if not self._blocks:
                return None
            others = Counter(other.block for other in self._workers)
            worker.block = min(self._blocks, key=lambda block: others[block])
        number, task = next(self._blocks[worker.block], (None, None))
        if task is None:
            del self._blocks[worker.block]
            return None
        path, note = task.path, None
        if task.wanted and self._record:
            try:
                path, note = self._record.ahead(task.path, *task.sources(self._style_masks))
            except OSError as error:
                task.fail(error)
        if task.wanted:
            return Wanted(number, task, path, note)
        self._tell_row(number, task.row)
        return None

    def _tell_row(self, number, row):
        self._left -= 1
        self._told.append((number, row))

    def _heard(self, seconds):
        """What the workers have to tell by then."""
        busy = [worker for worker in self._workers if worker.answer is not None]
        ready = self._ray.wait([worker.answer for worker in busy], timeout=seconds)[0] if busy else []
        if not busy and not any(worker.machine for worker in self._workers):
            time.sleep(1)  # until a machine joins
        for worker in busy:
            if any(worker.answer is answer for answer in ready):
                (self._hear if worker.machine else self._begin)(worker)
                yield from self._drained()

    def _begin(self, worker):
        """A worker is ready, or has failed to start."""
        try:
            worker.machine, error = self._ray.get(worker.answer)
        except self._ray.exceptions.RayError as died:
            error = last_line(died)
        worker.answer = None
        self._failures = self._failures + 1 if error else 0
        if error:
            self._workers.remove(worker)
            self._ray.kill(worker.actor)
            if self._failures >= STARTS and not self._begun:
                raise NoWorkerError(f"no worker of the cluster starts: {error}")
            self._tell("note", f"a worker of the cluster does not start: {error}")

    def _hear(self, worker):
        """The next row of a worker, or the end of its batch, or of itself."""
        try:
            row = self._ray.get(next(worker.answer))
        except StopIteration:  # with some left where it was stopped
            worker.answer = None
            self._take_back(worker)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, NoSpaceError) and not self._begun:
                raise error.cause from None
            worker.answer = None
            if not isinstance(error.cause, NoSpaceError):
                self._fail(worker.batch.popleft(), error.cause)
            self._take_back(worker)
        except self._ray.exceptions.RayError as error:
            self._bury(worker, error)
        else:
            wanted = worker.batch.popleft()
            row["notes"] = row["notes"] + [wanted.note] if wanted.note and row["notes"] is not None else row["notes"]
            self._begun = True
            self._tell_row(wanted.number, row)

    def _take_back(self, worker):
        self._again.extend(worker.batch)
        worker.batch.clear()

    def _fail(self, wanted, error):
        wanted.task.fail(error)
        self._tell_row(wanted.number, wanted.task.row)

    def _bury(self, worker, error):
        """A worker has died: what it had in hand is tried again alone, the rest by others; unless its machine left."""
        self._workers.remove(worker)
        self._ray.kill(worker.actor)  # where it was only out of reach
        self._looked = None
        self._tell("note", f"a worker of the cluster died ({last_line(error)}); its pictures are made by others")
        for _ in range(SUSPECTS if self._cluster.has(worker.machine) else 0):
            if worker.batch:
                wanted = worker.batch.popleft()
                self._deaths[wanted.number] += 1
                if self._deaths[wanted.number] == 1:
                    self._alone.append(wanted)
                else:
                    self._fail(wanted, RuntimeError("two workers died of it, perhaps for want of memory; try a smaller "
                                                    "--size or --tile, or give workers more"))
        self._take_back(worker)

"""Work that goes on beside other work: what one stage makes waits in a short queue for the next."""

from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")
_END = object()
_PATIENCE = 0.1  # seconds between looks at whether anybody still waits


def ahead(items: Iterable[T], most: int) -> Iterator[T]:
    """The items, made in a thread of their own, up to `most` of them before they are asked for.

    What making them raises is raised here. Where this iterator is closed, the thread ends with the item at hand.
    """
    queue, over = Queue(most), Event()

    def put(value):
        while not over.is_set():
            try:
                return queue.put(value, timeout=_PATIENCE)
            except Full:
                continue

    def make():
        try:
            for item in items:
                put((item, None))
                if over.is_set():
                    return
            put((_END, None))
        except BaseException as error:
            put((_END, error))
        finally:
            if hasattr(items, "close"):
                items.close()

    thread = Thread(target=make, daemon=True)
    thread.start()
    try:
        while True:
            try:
                item, error = queue.get(timeout=_PATIENCE)  # with a limit, so that Ctrl-C is heard on every system
            except Empty:
                continue
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        over.set()
        thread.join()

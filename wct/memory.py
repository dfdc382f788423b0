"""What becomes of memory that was freed: glibc hands large blocks back to the system at once, to fetch them again,
page by page and zeroed, for the next tensor. That was a third of the time of a picture on two cores."""

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # of malloc.h


def reuse():
    """Keep what is freed for the tensors to come, in the whole process."""
    _call("mallopt", _ARENA_MAX, 1)  # others cannot hold large blocks
    _call("mallopt", _MMAP_MAX, 0)
    _call("mallopt", _TRIM_THRESHOLD, 2**31 - 1)


def release():
    """Hand back now whatever is free."""
    _call("malloc_trim", 0)


def _call(name, *values):
    try:
        getattr(ctypes.CDLL(None), name)(*values)
    except (OSError, AttributeError, TypeError):  # another C library
        pass

"""What becomes of memory that was freed: glibc hands large blocks back to the system at once, to fetch them again,
page by page and zeroed, for the next tensor. That was a third of the time of a picture on two cores."""

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # of malloc.h
MOST = 2_000_000_000  # bytes: more than that is not kept free
_reused = False


class _Mallinfo2(ctypes.Structure):
    """As malloc.h has it."""

    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]


def reuse():
    """Keep what is freed for the tensors to come, in the whole process."""
    global _reused
    _reused = True
    _call("mallopt", _ARENA_MAX, 1)  # others cannot hold large blocks
    _call("mallopt", _MMAP_MAX, 0)
    _call("mallopt", _TRIM_THRESHOLD, 2**31 - 1)


def tidy():
    """After `reuse`, hand back what is free where it is more than MOST: what stays in use, such as the statistics of
    styles, breaks the space for large blocks up, and the process would grow."""
    info = _reused and _call("mallinfo2", restype=_Mallinfo2)
    if info and info.fordblks > MOST:
        release()


def release():
    """Hand back now whatever is free."""
    _call("malloc_trim", 0)


def _call(name, *values, restype=ctypes.c_int):
    """The result of a function of glibc, None where the C library is another."""
    try:
        function = getattr(ctypes.CDLL(None), name)
        function.restype = restype
        return function(*values)
    except (OSError, AttributeError, TypeError):
        return None

"""Files written: the whole file or none."""

import os
import re
import shutil
import tempfile
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path

from wct.runtime import places
from wct.runtime.places import StoreError, Url

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed, which is what the locks are for
    fcntl = None

_PART = re.compile(r"\.[0-9a-f]{32}\.part")


class NoSpaceError(OSError):
    """A disk without room, found before anything was computed for it."""


def write_whole(path, write, rename=None):
    """Call write with a binary file, which it may read, that becomes path once it is whole; until then, what was there
    stays.

    path: a Path or Url. rename: what makes a whole file, its first argument, the one at path. Raises OSError, its
    message one sentence, where that fails.
    """
    remote = isinstance(path, Url)
    try:
        with _part(_begun_in(path.parent)) as (part, file):
            write(file)
            file.flush()
            if not remote:
                os.fsync(file.fileno())  # or the name could outlive a power cut, and the bytes not
            if fcntl is None:
                file.close()
            (rename or (places.put if remote else os.replace))(part, path)
    except StoreError:
        raise
    except (OSError, ValueError) as error:
        raise OSError(
            f"{path} cannot be written ({_reason(error)}); check its folder, its permissions and the space left"
        ) from error


def check_folder(folder):
    """Make a folder, if need be. Raises OSError, its message one sentence, where no file can be written to it."""
    try:
        if isinstance(folder, Url):
            _try_out(folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            with _part(folder):
                pass
    except StoreError:
        raise
    except (OSError, ValueError) as error:
        raise OSError(f"{folder} cannot be written ({_reason(error)}); choose another folder") from error


def _try_out(folder):
    """Write a file to a folder of a store, and remove it where that is allowed."""
    trial = folder / ".wct.trial"
    places.write(trial, b"may be removed")
    with suppress(OSError):
        places.remove(trial)


def check_space(folder, needed):
    """Raise NoSpaceError where the disk of a folder has not as many bytes left as are needed at least; stores have."""
    if isinstance(folder, Url):
        return
    try:
        disk = shutil.disk_usage(folder)
    except OSError:
        return  # writing will tell
    if disk.total and disk.free < needed:  # some network file systems tell nothing
        raise NoSpaceError(f"{folder} has {disk.free / 1e6:.1f} MB left, and the next picture needs {needed / 1e6:.1f} "
                           "at least; make room, or choose another folder")


def remove_dead_parts(folder):
    """Remove what runs that were killed have left unfinished in a folder; what is being written now stays.

    For a folder of a store that is what this machine has of it.
    """
    with suppress(OSError), os.scandir(_begun_in(folder)) as entries:
        for part in [entry.path for entry in entries if _PART.fullmatch(entry.name)]:
            with suppress(OSError), open(part, "r+b") as file:
                if fcntl:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                else:
                    file.close()
                os.unlink(part)


def lock(file):
    """Wait until no other process has locked an open file, and lock it until it is closed, where that is possible."""
    if fcntl:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)


def _begun_in(folder):
    """Where files that go to a folder are written first."""
    return tempfile.gettempdir() if isinstance(folder, Url) else folder


@contextmanager
def _part(folder):
    """A new hidden file in a folder, its path and it open, locked; removed in the end unless it was renamed."""
    part = Path(folder) / f".{uuid.uuid4().hex}.part"
    try:
        while True:
            with open(part, "x+b") as file:
                lock(file)
                if os.fstat(file.fileno()).st_nlink == 0:  # another run has taken it for a dead one's
                    continue
                yield part, file
            break
    finally:
        part.unlink(missing_ok=True)


def _reason(error):
    return getattr(error, "strerror", None) or error

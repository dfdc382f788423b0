"""Files where they are: on this machine, or in a store that fsspec reaches by a URL, such as s3://bucket/photo.jpg.

A store is asked again, with growing waits, before it is said to fail. fsspec is imported with the first URL.
"""

import io
import os
import random
import re
import time
from collections.abc import Iterator
from glob import has_magic
from pathlib import Path, PurePath, PurePosixPath

WAITS = (0.2, 0.5, 1, 2, 4, 8)  # seconds at most, before a store is asked again
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")  # C:// is a drive
_FINAL = (FileNotFoundError, PermissionError, FileExistsError, IsADirectoryError, NotADirectoryError)
_TAGS = ("ETag", "etag", "content_md5", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "created")


class StoreError(OSError):
    """A store that cannot be used, or fails again and again: one sentence that names the URL."""


class Url(PurePosixPath):
    """A file or folder in a store. Its name, suffix, parents and so on are those of any path.

        >>> (Url("s3://bucket/photos") / "a.jpg").with_suffix(".png")
        Url('s3://bucket/photos/a.png')

    stamp: changes with what is in the file; None until `stamped`, where no listing told it.
    """

    stamp: str | None = None

    def __str__(self):
        scheme, colon, rest = super().__str__().partition(":")
        absolute = colon and "/" not in scheme and rest[:1] in ("/", "")
        return f"{scheme}:/{rest or '/'}" if absolute else scheme + colon + rest

    def __fspath__(self):
        return str(self)

    def __reduce__(self):
        return _url, (str(self), self.stamp)

    def resolve(self):
        return self

    def stat(self) -> dict:
        """What the store knows of it. Raises FileNotFoundError, PermissionError or StoreError."""
        return _asked(self, lambda store, path: store.info(path))

    def is_dir(self) -> bool:
        try:
            return self.stat()["type"] == "directory"
        except OSError:
            return False

    def is_file(self) -> bool:
        try:
            return self.stat()["type"] == "file"
        except OSError:
            return False


def place(path: str | bytes | os.PathLike) -> Path | Url:
    """What a text or a path stands for: a Url where it begins with a scheme, but file://, else a Path."""
    if isinstance(path, PurePath):
        return path
    text = os.fsdecode(path)
    found = _URL.match(text)
    if found and found[1].lower() in ("file", "local"):
        return Path(text[found.end() :])
    return Url(text) if found else Path(text)


def open_binary(path: str | os.PathLike):
    """A binary file to read, open: the file itself, or the bytes of a URL.

    Raises OSError; of a URL FileNotFoundError, PermissionError or StoreError.
    """
    path = place(path)
    return io.BytesIO(read(path)) if isinstance(path, Url) else open(path, "rb")


def read(url: Url) -> bytes:
    """All that is in a file of a store."""
    return _asked(url, lambda store, path: store.cat_file(path))


def read_all(urls: list[Url]) -> list[bytes]:
    """What is in files of one store, fetched at once where it can do that."""
    def fetch(store, path):
        paths = [store._strip_protocol(str(url)) for url in urls]
        if any(map(has_magic, paths)):  # which `cat` would look for a pattern in
            return [store.cat_file(path) for path in paths]
        found = store.cat(paths)
        return [found[path] for path in paths]

    return _asked(urls[0], fetch) if len(urls) > 1 else [read(url) for url in urls]


def write(url: Url, data: bytes) -> None:
    """Make a file of a store: the whole of it, or none."""
    _asked(url, lambda store, path: store.pipe_file(path, data))


def put(part: str | os.PathLike, url: Url) -> None:
    """Copy a file of this machine into a store: the whole of it, or none."""
    _asked(url, lambda store, path: store.put_file(os.fspath(part), path))


def remove(url: Url) -> None:
    _asked(url, lambda store, path: store.rm_file(path))


def listing(folder: Url, recursive: bool = False) -> Iterator[tuple[Url, int | None]]:
    """(file, bytes) of what is in a folder of a store, sorted; what is hidden is left out. One question a folder.

    Nothing is in a folder that is not there.
    """
    try:
        found = _asked(folder, _entries)
    except FileNotFoundError:
        return
    for name, info in found:
        if info["type"] != "directory":
            yield _url(str(folder / name), _stamp(info)), info.get("size")
        elif recursive:
            yield from listing(folder / name, recursive)


def _entries(store, path):
    """(name, what the store knows of it) of what is in a folder and not hidden."""
    store.invalidate_cache()  # it would keep, and believe, all it was ever told
    names = ((info["name"].rstrip("/"), info) for info in store.ls(path, detail=True))
    found = sorted((name.rpartition("/")[2], i, info) for i, (name, info) in enumerate(names)
                   if name != path.rstrip("/"))  # stores have files that stand for folders
    store.invalidate_cache()
    return [(name, info) for name, _, info in found if not name.startswith(".")]


def stamped(url: Url) -> str | None:
    """The stamp of a file, from its listing or else from the store; None where the store has nothing of the kind."""
    if url.stamp is None:
        url.stamp = _stamp(url.stat())
    return url.stamp


def _url(text, stamp):
    url = Url(text)
    url.stamp = stamp
    return url


def _stamp(info):
    tag = next((str(info[name]) for name in _TAGS if info.get(name)), None)
    return tag and f"{info.get('size')} {tag}"


def _store(url):
    """(file system, path in it) as fsspec has them."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise StoreError(f"{url} is read by fsspec, which is missing: pip install fsspec s3fs") from error
    try:
        return url_to_fs(str(url))
    except (ImportError, ValueError) as error:
        raise StoreError(f"{url}: {' '.join(str(error).split())}; fsspec knows file://, s3://, gs:// and others, and "
                         "needs their packages: pip install s3fs, gcsfs") from error


def _asked(url, question):
    """question(file system, path), put again after a while where it fails by anything that may pass."""
    store, path = _store(url)
    for tries, wait in enumerate((*WAITS, None), 1):
        try:
            return question(store, path)
        except _FINAL:
            raise
        except Exception as error:  # every store has its own
            if wait is None or isinstance(error, NotImplementedError):
                reason = " ".join(str(error).split()) or type(error).__name__
                failed = "once, by" if tries == 1 else f"{tries} times, at last by"
                raise StoreError(f"{url}: the store failed {failed}: {reason}; check the address and your keys"
                                 + (", or try again later" if tries > 1 else "")) from error
            time.sleep(wait * random.uniform(0.5, 1))

"""Names of files: told apart as every file system does, and short enough for it."""

import os
import unicodedata
from hashlib import blake2b

MARK = 8  # hexadecimal digits that tell names apart


def folded(name):
    """The same for names that some file system takes for one: in another case, or another form of Unicode."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def composed(name):
    """The same for the two forms of Unicode in which accents are written."""
    return unicodedata.normalize("NFC", name)


def length(name):
    """Bytes of a name, as file systems count."""
    return len(os.fsencode(name))


def longest(folder):
    """How long a name may be in a folder, in bytes: 255 nearly everywhere, 143 where eCryptfs encrypts them."""
    try:
        return min(255, os.pathconf(folder, "PC_NAME_MAX"))
    except (AttributeError, OSError, ValueError):  # Windows; no such folder
        return 255


def mark(text):
    """Digits that follow from a text alone, so that the next run finds the names of this one."""
    return blake2b(os.fsencode(text), digest_size=MARK // 2).hexdigest()


def shortened(name, most):
    """A name in `most` bytes: itself, or its beginning and a mark that tells it from others that begin alike."""
    if length(name) <= most:
        return name
    begin = name
    while begin and (length(begin) > most - MARK - 1 or unicodedata.combining(name[len(begin)])):
        begin = begin[:-1]
    return f"{begin.rstrip(' ._')}~{mark(name)}"


def joined(content, style, most=240):
    """What a picture's file is called, without its suffix, in `most` bytes; the shorter name keeps more of its own."""
    most -= 2
    content = shortened(content, max(most // 2, most - length(style)))
    return f"{content}__{shortened(style, most - length(content))}"

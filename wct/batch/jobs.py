"""Which picture is written where."""

import os
from collections import Counter
from itertools import count
from pathlib import Path

from wct.batch.names import MARK, folded, joined, length, longest


def labels(paths, folders=True):
    """A name for each path to build file names from: its stem, with more of the path where stems collide.

    folders: whether the names of folders may be part of it; without, twins are numbered. No two are the same, nor are
    they where case and the form of Unicode make no difference.
    """
    names = [path.stem for path in paths]
    twins = _twins(names)
    left = {i for i, name in enumerate(names) if folded(name) in twins}
    most = max((len(path.parts) for path in paths), default=1) if folders else 1
    for parts in range(1, most + 1):
        longer = {i: "-".join(paths[i].parts[-parts:]) for i in left}
        twins = _twins(longer.values())
        found = {i: name for i, name in longer.items() if folded(name) not in twins}
        left -= found.keys()
        names = [found.get(i, name) for i, name in enumerate(names)] if found else names
    unique = Unique()
    return [unique(name.replace(os.sep, "")) for name in names]


def _twins(names):
    return {name for name, number in Counter(map(folded, names)).items() if number > 1}


class Unique:
    """Called with a name, it gives that name, with a number where another call has given it already."""

    def __init__(self):
        self.taken, self.last = set(), Counter()

    def __call__(self, name):
        key, found = folded(name), name
        if key in self.taken:
            found = next(numbered for n in count(self.last[key] + 2)
                         if folded(numbered := f"{name}-{n}") not in self.taken)
            self.last[key] = int(found.rpartition("-")[2]) - 1
        self.taken.add(folded(found))
        return found


def jobs(contents, styles, output, suffix, blend=False, folders=True):
    """(content, style, path to write) for every pair, content by content; no two write the same file.

    With blend, the style is the list of them all. A content may be None, for a texture. folders: as `labels` has it.
    Names fit the file system of output, with room for a number or a mark; those that are shortened are the same in
    every run.
    """
    styles = [(styles, "blend")] if blend else list(zip(styles, labels(styles, folders)))
    unique, room = Unique(), longest(output) - length(suffix) - MARK - 1
    contents = list(contents)
    for content, content_label in zip(contents, labels([content or Path("texture") for content in contents], folders)):
        for style, style_label in styles:
            yield content, style, output / f"{unique(joined(content_label, style_label, room))}{suffix}"

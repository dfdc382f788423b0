"""Which picture is written where, and in which order."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import count
from pathlib import Path
from random import Random

from wct.runtime.names import MARK, folded, joined, length, longest, mark

KEPT = 256  # styles that a Stylizer keeps


class Labels(Sequence):
    """A name for each path to build file names from: its stem, with more of the path where stems collide.

    folders: whether the names of folders may be part of it; without, twins are numbered. No two are the same, nor are
    they where case and the form of Unicode make no difference. Of each name a few bytes are kept.
    """

    def __init__(self, paths, folders=True):
        import numpy as np

        self._paths, self._parts, self._numbered = paths, np.zeros(len(paths), np.uint16), None
        most = max((len(path.parts) for path in paths), default=1) if folders else 1
        left = np.flatnonzero(_twins(path.stem for path in paths))
        for parts in range(1, most + 1):
            twins = _twins(self._name(i, parts) for i in left)
            self._parts[left[~twins]] = parts
            left = left[twins]
        if left.size or _twins(self).any():
            unique = Unique()
            self._numbered = [unique(name) for name in self]

    def __len__(self):
        return len(self._paths)

    def __getitem__(self, i):
        return self._numbered[i] if self._numbered else self._name(i, int(self._parts[i])).replace(os.sep, "")

    def __contains__(self, name):
        digest = _digest(name)
        i = self._sorted.searchsorted(digest)
        return i < len(self._sorted) and self._sorted[i] == digest

    @cached_property
    def _sorted(self):
        import numpy as np

        return np.sort(_digests(self))

    def _name(self, i, parts):
        """The last parts of a path, its stem for none."""
        path = self._paths[i]
        return "-".join(path.parts[-parts:]) if parts else path.stem


def _twins(names):
    """Of each name, whether some file system takes another one for it; by their digests, of 64 bits."""
    import numpy as np

    digests = _digests(names)
    ordered = np.sort(digests)
    return np.isin(digests, ordered[1:][ordered[1:] == ordered[:-1]])


def _digests(names):
    import numpy as np

    return np.fromiter(map(_digest, names), np.uint64)


def _digest(name):
    """64 bits, the same for names that some file system takes for one."""
    return int.from_bytes(blake2b(os.fsencode(folded(name)), digest_size=8).digest(), "big")


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


@dataclass(frozen=True)
class Share:
    """Which of all the pictures are wanted.

    sample: how many styles each content has, drawn by `seed` and the content's name; None for all. shard: (i, n), the
    i-th, from 0, of n parts: every n-th content, or every n-th picture where there are fewer contents.
    """

    sample: int | None = None
    seed: int = 0
    shard: tuple[int, int] = (0, 1)

    def styles(self, label, styles):
        """The numbers of a content's styles, of so many."""
        if self.sample is None:
            return range(styles)
        return sorted(Random(f"{self.seed} {label}").sample(range(styles), self.sample))

    def wants(self, i, j, contents, each):
        """Whether the j-th picture of the i-th content is wanted, where each of so many has so many."""
        own, parts = self.shard
        return (i if contents >= parts else i * each + j) % parts == own

    def count(self, contents, styles):
        own, parts = self.shard
        each = styles if self.sample is None else self.sample
        return len(range(own, contents, parts)) * each if contents >= parts else len(range(own, contents * each, parts))


@dataclass(frozen=True)
class Plan:
    """All the pictures of a run: every content (None for a texture) in every style, or a Share of them.

    No two are written to the same file. With blend, the style is the list of them all. folders: as `Labels` has it.
    Names fit the file system of output, with room for a number or a mark; those that are shortened are the same in
    every run. workers: how many share the work.
    """

    contents: Sequence
    styles: Sequence
    output: Path
    suffix: str
    blend: bool = False
    folders: bool = True
    share: Share = Share()
    workers: int = 1

    def __len__(self):
        return self.share.count(len(self.contents), 1 if self.blend else len(self.styles))

    def blocks(self):
        """Iterators of (number, content, style, path to write), one for a block of the styles, content by content."""
        styles, number, names = 1 if self.blend else len(self.styles), self.cuts(), Names(self)
        return [self._block(names, range(styles * i // number, styles * (i + 1) // number)) for i in range(number)]

    def cuts(self):
        """How many blocks there are.

        A worker has room for KEPT styles. Each block encodes every content once, and a style once for each worker on
        that block: of b blocks, C contents, S styles and W workers that is b C + S W / b, least at b = sqrt(S W / C).
        """
        styles = 1 if self.blend else len(self.styles)
        best = round((styles * self.workers / len(self.contents)) ** 0.5)
        return max(-(-styles // KEPT), min(best, styles, self.workers), 1)

    def _block(self, names, block):
        number, styles = len(self.contents), len(names.styles)
        each = styles if self.share.sample is None else self.share.sample
        for i, content in enumerate(self.contents):
            label = names.contents[i]
            for j, style in enumerate(self.share.styles(label, styles)):
                if style in block and self.share.wants(i, j, number, each):
                    path = self.output / names(label, style)
                    yield i * each + j, content, self.styles if self.blend else self.styles[style], path


class Names:
    """What the pictures of a Plan are called: a function of a content's label and a style's number."""

    def __init__(self, plan):
        self.styles = ["blend"] if plan.blend else Labels(plan.styles, plan.folders)
        texture = len(plan.contents) == 1 and plan.contents[0] is None
        self.contents, self.suffix = ["texture"] if texture else Labels(plan.contents, plan.folders), plan.suffix
        self.room = longest(plan.output) - length(plan.suffix) - MARK - 1

    def __call__(self, content, style):
        style = self.styles[style]
        name = joined(content, style, self.room)
        if self._is_anothers(folded(name), len(folded(content))):
            name = f"{joined(content, style, self.room - MARK - 1)}~{mark(f'{content} {style}')}"
        return f"{name}{self.suffix}"

    def _is_anothers(self, name, most):
        """Whether a shorter content and a longer style have that name: a and b__c that of a__b and c."""
        ends = (i for i in range(min(most, len(name))) if name.startswith("__", i))
        return any(name[:i] in self.contents and name[i + 2 :] in self.styles for i in ends)


def jobs(contents, styles, output, suffix, blend=False, folders=True):
    """(content, style, path to write) of every picture of a Plan, in its order."""
    for block in Plan(list(contents), list(styles), output, suffix, blend, folders).blocks():
        for _, *job in block:
            yield tuple(job)

"""Which picture is written where."""

import os
from collections import Counter
from pathlib import Path


def labels(paths):
    """A name for each path to build file names from: its stem, with more of the path where stems collide."""
    names = [path.stem for path in paths]
    for longer in (lambda path: path.name, lambda path: "-".join(path.parts[-2:]), lambda path: "-".join(path.parts)):
        twins = Counter(name.casefold() for name in names)
        names = [longer(p) if twins[n.casefold()] > 1 else n for p, n in zip(paths, names)]
    return [name.replace(os.sep, "") for name in names]


def jobs(contents, styles, output, suffix, blend=False):
    """(content, style, path to write) for every pair, content by content; no two write the same file.

    With blend, the style is the list of them all. A content may be None, for a texture.
    """
    styles = [(styles, "blend")] if blend else list(zip(styles, labels(styles)))
    taken = set()
    for content, content_label in zip(contents, labels([content or Path("texture") for content in contents])):
        for style, style_label in styles:
            name = f"{content_label}__{style_label}"
            while name.casefold() in taken:
                name += "_"
            taken.add(name.casefold())
            yield content, style, output / f"{name}{suffix}"

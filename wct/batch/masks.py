"""Which mask belongs to which photo."""

import os
import re
from collections import defaultdict
from pathlib import Path

from wct.runtime.names import composed, folded

_OF_A_MASK = re.compile(r"[ ._-]masks?$", re.IGNORECASE)


def paired(contents, folder, roots):
    """The mask in a folder for every content: {content: the mask's path, or a PictureError that says why not}.

    A mask has its photo's name: with any suffix, in any case and form of Unicode, with the photo's own suffix inside
    (a.jpg.png) or with _mask behind. Masks in folders inside belong to photos in folders of these names; of several the
    one whose folders agree most is taken, then the one whose name does. roots: what the contents were found in, files
    or folders. Raises PictureError for a folder without pictures.
    """
    from wct.images import PictureError, find_pictures

    index = defaultdict(list)
    for mask in find_pictures(folder, recursive=True):
        for name in {folded(mask.stem), folded(_OF_A_MASK.sub("", mask.stem))}:
            index[name].append(mask)

    found, photos = {}, defaultdict(list)
    for content in contents:
        best = _best(content, folder, index)
        if len(best) == 1:
            photos[best[0]].append(content)
        elif best:
            found[content] = PictureError(f"{content}: {' and '.join(map(str, sorted(best)))} may both be its mask; "
                                          "remove or rename one")
    for mask, those in photos.items():
        where = _folders(mask, folder)
        those = [content for content in those if _inner(content, roots) == where] or those
        if len({content.parent for content in those}) == 1:
            found |= dict.fromkeys(those, mask)
        else:
            error = PictureError(f"{mask} may be the mask of {' or '.join(map(str, those[:3]))}; put masks into "
                                 "folders that are named like those of the photos")
            found |= dict.fromkeys(those, error)
    return {content: found.get(content) or PictureError(f"{content}: {folder} has no mask named {content.stem}")
            for content in contents}


def _best(content, folder, index):
    """The masks that fit a content best: one, if all is well."""
    around = [folded(part) for part in Path(os.path.abspath(content)).parent.parts]
    ranked = defaultdict(list)
    for mask in dict.fromkeys(index.get(folded(content.stem), []) + index.get(folded(content.name), [])):
        inside = _folders(mask, folder)
        if around[len(around) - len(inside):] == inside:
            names = {composed(content.name), composed(content.stem)}
            rank = (len(inside), bool(names & {composed(mask.name), composed(mask.stem)}),
                    composed(content.name) in (composed(mask.name), composed(mask.stem)))
            ranked[rank].append(mask)
    return ranked[max(ranked)] if ranked else []


def _folders(path, root):
    """The folders between a path and the root it was found in."""
    return [folded(part) for part in path.relative_to(root).parent.parts]


def _inner(content, roots):
    return next((_folders(content, root) for root in roots if content.is_relative_to(root) and content != root), [])

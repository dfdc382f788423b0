"""What a run is given, looked at before the work: pictures, masks, and where the results go."""

from pathlib import PurePath

from wct.batch.masks import paired
from wct.batch.store import check_record
from wct.runtime.files import check_folder, remove_dead_parts
from wct.runtime.paths import Paths
from wct.runtime.report import check_report


def pictures(paths, recursive, others):
    """The `wct.images.Survey` of the paths, without what lies in the folders `others`: results and masks."""
    from wct.images import PictureError, Survey, survey

    found = survey(paths, recursive, Paths)
    others = [folder for folder in others if any(path.resolve() in folder.parents for path in paths)]
    if not others:
        return found
    left_out = [(path, reason) for path, reason in found.left_out if not _inside(path, others)]
    kept = Paths(path for path in found.pictures if path in paths or not _inside(path, others))
    if not kept and not left_out:
        names = " and ".join(sorted({folder.name for folder in others}))
        raise PictureError(f"{', '.join(map(str, paths))}: no pictures in it but those in {names}, which are results "
                           "or masks")
    return Survey(kept, left_out)


def _inside(path, folders):
    around = (path.parent.resolve() / path.name).parents
    return any(folder in around for folder in folders)


def masks(paths, contents, roots, count):
    """A function that gives the masks of a content, one of each of `count` styles; None where there are none.

    It raises PictureError for a content that has none in a folder of masks.
    """
    if not paths:
        return None
    found = [paired(contents, path, roots) if path.is_dir() else path for path in for_each(paths, "--mask", count)]

    def of(content):
        own = [mask if isinstance(mask, PurePath) else mask[content] for mask in found]
        for mask in own:
            if isinstance(mask, Exception):
                raise mask
        return own

    return of


def for_each(paths, option, count):
    """The masks of `count` styles, one of each. Raises ValueError for another number of them."""
    if len(paths) not in (1, count):
        raise ValueError(f"{len(paths)} times {option}: name one, or with --blend one for each painting")
    return paths * (1 if len(paths) == count else count)


def prepare_places(output, report):
    """Make the folders of the results and of the report, and clear up what runs that were killed left there.

    Raises OSError, its message one sentence, where one of them cannot be written.
    """
    check_folder(output)
    check_record(output)
    if report:
        check_report(report)
    for folder in [output, *([report.parent] if report else [])]:
        remove_dead_parts(folder)

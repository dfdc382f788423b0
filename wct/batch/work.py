"""Pictures made one after the other, reading and writing beside the computing."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

COLUMNS = ("content", "style", "output", "status", "backend", "width", "height", "seconds",
           "encode", "transform", "decode", "error")


def work(stylizer, todo, *, format="png", overwrite=True, comparison=None, masks=None, size=None, progress=None,
         **options):
    """Stylise and write every (content, style, path) of `todo`: yields one row of the report per picture.

    While one is computed, the next content is read and the last result is written. A picture that fails is told in its
    row, and the others are made all the same. Without overwrite, those that are there already are skipped. masks: for
    each style a mask, or a folder with one per content, by its name. progress: called with the number of the picture
    at hand, from 0, the share of it that is done, and the stage. The other options are those of `Stylizer.stylise`, or
    of `texture` where the content is None.
    """
    from wct.images import check_room, save_picture

    def wanted(path):
        try:
            return overwrite or not path.is_file() or path.stat().st_size == 0
        except OSError:  # a name too long, say: writing will tell
            return True

    def read(content):
        return reader.submit(lambda: content and stylizer.open(content, size))

    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        told = ((content, style, path, wanted(path)) for content, style, path in todo)
        last = None
        for i, (content, style, path, opened) in enumerate(_read_ahead(told, read)):
            names = [", ".join(map(str, s)) if isinstance(s, list) else str(s or "") for s in (content, style)]
            row = dict.fromkeys(COLUMNS)
            row |= dict(zip(COLUMNS, (*names, str(path)))) | {"backend": options.get("backend"), "status": "skipped"}
            written = stopped = None
            try:
                if opened:
                    own = {"size": size, "progress": progress and partial(progress, i)}
                    if masks:
                        own["masks"] = [_mask_of(content, mask) for mask in masks]
                    photo = opened.result()
                    check_room(photo.size if photo else size, path, format)
                    result = _make(stylizer, photo, style, comparison, options | own)
                    row |= _told(result)
                    written = writer.submit(save_picture, result.picture, path, format)
            except Exception as error:  # whatever is wrong with one picture, the others are still wanted
                row |= {"status": "failed", "error": _sentence(error, *names)}
            except BaseException as error:  # the run is over, but the last picture was made
                stopped = error
            if last:
                yield _settled(*last)
            if stopped:
                raise stopped
            last = row, written, names
        if last:
            yield _settled(*last)


def _read_ahead(jobs, read):
    """(content, style, path, future) of every job, what `read` gives for the next content asked for meanwhile.

    jobs: (content, style, path, is it wanted?); the future is None where it is not, and the same for jobs in a row
    with the same content.
    """
    waiting, asked, future = None, None, None
    for content, style, path, is_wanted in jobs:
        if is_wanted and (future is None or content != asked):
            asked, future = content, read(content)
        if waiting:
            yield waiting
        waiting = content, style, path, future if is_wanted else None
    if waiting:
        yield waiting


def _make(stylizer, content, style, comparison, options):
    """The Result of one picture, compared to those of the other backends where asked for."""
    make = partial(stylizer.stylise, content) if content else stylizer.texture
    options = options | {"measure": comparison is not None}
    result = make(style, **options)
    if comparison:
        def again(backend):
            stylizer.forget(styles=False)  # or what is kept of the content would be its gain
            return make(style, **options | {"backend": backend})

        comparison.add(options["backend"], result, again)
    return result


def _told(result):
    """What the report says of a Result."""
    width, height = result.picture.size
    return result.seconds | {"status": "done", "seconds": sum(result.seconds.values()), "width": width,
                             "height": height}


def _settled(row, written, names):
    """The row once its picture is written, `written` being the future of that or None."""
    try:
        if written:
            written.result()
    except Exception as error:
        row |= {"status": "failed", "error": _sentence(error, *names)}
    return row


def _mask_of(content, mask):
    """The mask, or the one named like the content where it is a folder."""
    from wct.images import PictureError, find_pictures

    if not mask.is_dir():
        return mask
    found = [path for path in find_pictures(mask) if path.stem == content.stem]
    if not found:
        raise PictureError(f"{content}: {mask} has no mask named {content.stem}")
    return found[0]


def _sentence(error, content, style):
    """What went wrong, in one line that names the file."""
    from wct.images import PictureError

    reason = " ".join(str(error).split()) or type(error).__name__
    return reason if isinstance(error, PictureError) else f"{content or 'texture'} in the style of {style}: {reason}"

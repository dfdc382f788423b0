"""Pictures made one after the other, reading and writing beside the computing."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wct.options import Options
from wct.runtime.files import NoSpaceError, check_space
from wct.runtime.places import Url

COLUMNS = ("content", "style", "output", "status", "backend", "width", "height", "seconds",
           "encode", "transform", "decode", "notes", "error")
LEAST_BYTES = {"png": 1.0, "jpeg": 0.3, "webp": 0.1}  # per pixel of a stylised picture


def all_masks(masks, style_masks, count):
    """Those of `count` styles and those on them in one list, in which none can be taken for another."""
    return [*(masks or ([None] * count if style_masks else [])), *(style_masks or [])]


def work(stylizer, todo, *, format="png", record=None, comparison=None, masks_of=None, style_masks=None, size=None,
         metadata="none", progress=None, begun=False, **options):
    """Stylise and write every (content, style, path) of `todo`: yields one row of the report per picture.

    While one is computed, the next content is read and the last result is written. A picture that fails is told in its
    row, and the others are made all the same. record: a `wct.batch.record.Record`, by which those that were made
    already are skipped; without, all are made. masks_of: called with a content, it returns the masks, one of each
    style. metadata: "keep" or "none" of the photo's. progress: called with the number of the picture at hand, from 0,
    the share of it that is done, and the stage. The other options are those of `Stylizer.stylise`, or of `texture`
    where the content is None.

    Raises NoSpaceError where there is no room for the first picture that is to be made; begun: whether others were made
    before it.
    """
    def read(content):
        return reader.submit(_read, stylizer, content, size, options.get("mode", Options.mode), record)

    def begin(i, task):
        own = {"size": size, "style_masks": style_masks, "progress": progress and partial(progress, i)}
        if task.masks:
            own["masks"] = task.masks
        photo = task.photo.result()
        _check_room(photo.size if photo else size, task.path, format)
        if record:
            with suppress(OSError):  # reading the files will tell
                record.identity(*task.sources(style_masks))
        result = _make(stylizer, photo, task.style, comparison, options | own)
        task.row |= _told(result)
        kept = photo.metadata if photo and metadata == "keep" else None
        task.written = writer.submit(_write, task, result.picture, format, kept, record, style_masks)

    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        last = None
        tasks = (task_of(job, masks_of, style_masks, record, options.get("backend")) for job in todo)
        for i, task in enumerate(_read_ahead(tasks, read)):
            stopped = None
            try:
                if task.wanted:
                    begin(i, task)
                    begun = True
            except BaseException as error:
                if isinstance(error, Exception) and (begun or not isinstance(error, NoSpaceError)):
                    task.fail(error)  # whatever is wrong with one picture, the others are still wanted
                else:
                    stopped = error  # the run is over, but the last picture was made
            if last:
                yield last.settled()
            if stopped:
                raise stopped
            last = task
        if last:
            yield last.settled()


@dataclass
class Task:
    """A picture to make: what is read and written of it meanwhile, and its row of the report."""

    content: Path | Url | None
    style: Path | Url | list[Path | Url]
    path: Path | Url
    row: dict
    masks: list[Path | Url | None] | None = None
    photo: Future | None = None
    written: Future | None = None

    @property
    def wanted(self):
        return self.row["status"] is None

    def sources(self, style_masks):
        """All files that the picture is made of: (content, styles, masks)."""
        styles = self.style if isinstance(self.style, list) else [self.style]
        return self.content, styles, all_masks(self.masks, style_masks, len(styles))

    def fail(self, error):
        names = f"{self.content or 'texture'} in the style of {self.row['style']}"
        self.row |= {"status": "failed", "error": _sentence(error, names)}

    def settled(self):
        """The row once the picture is written."""
        try:
            if self.written:
                self.written.result()
        except Exception as error:
            self.fail(error)
        return self.row


def task_of(job, masks_of, style_masks, record, backend):
    """The Task of a job: its row tells if it was made already, or cannot be."""
    content, style, path = job
    style_name = ", ".join(map(str, style)) if isinstance(style, list) else str(style)
    row = dict.fromkeys(COLUMNS) | {"content": str(content or ""), "style": style_name, "output": str(path),
                                    "backend": backend}
    task = Task(content, style, path, row)
    try:
        task.masks = masks_of and masks_of(content)
        with suppress(OSError):  # reading the files will tell
            there = record and record.find(path, *task.sources(style_masks))
            if there:
                row |= {"status": "skipped", "output": str(there)}
    except Exception as error:
        task.fail(error)
    return task


def _read_ahead(tasks, read):
    """Every task, what `read` gives for the content of the next one asked for meanwhile, as its `photo`.

    Those in a row with the same content share it.
    """
    waiting = asked = photo = None
    for task in tasks:
        if task.wanted:
            if photo is None or task.content != asked:
                asked, photo = task.content, read(task.content)
            task.photo = photo
        if waiting:
            yield waiting
        waiting = task
    if waiting:
        yield waiting


def _read(stylizer, content, size, mode, record):
    """The content's Picture, None for a texture."""
    if content is None:
        return None
    if record:
        with suppress(OSError):  # as opening it will tell, in better words
            record.file(content)  # before it is read: should it change meanwhile, the next run makes it again
    return stylizer.open(content, size, mode)


def _check_room(size, path, format):
    """Raise PictureError or NoSpaceError where a picture cannot be written, before it is made."""
    from wct.images import check_room

    check_room(size, path, format)
    check_space(path.parent, size[0] * size[1] * LEAST_BYTES[format])


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
                             "height": height, "notes": list(result.notes)}


def _write(task, picture, format, metadata, record, style_masks):
    """Write a picture, its row telling where."""
    from wct.images import save_picture

    def rename(part, path):
        path, note = record.add(part, path, *task.sources(style_masks))
        task.row["output"] = str(path)
        task.row["notes"] += [note] if note else []

    save_picture(picture, task.path, format, metadata, rename if record else None)


def _sentence(error, names):
    """What went wrong, in one line that names the file."""
    from wct.images import PictureError

    reason = " ".join(str(error).split()) or type(error).__name__
    return reason if isinstance(error, (PictureError, NoSpaceError)) else f"{names}: {reason}"

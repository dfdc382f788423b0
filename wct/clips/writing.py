"""Clips written: whole or not at all, and what was begun of a film goes on where it was left."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterable
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from PIL import Image

from wct.clips.clip import Clip, Frame
from wct.clips.encoding import TICK, Encoder, Kind, kind_of
from wct.clips.joining import join
from wct.clips.pictures import FEW
from wct.images import save_picture
from wct.runtime.files import remove_dead_parts, write_whole
from wct.runtime.names import shortened
from wct.runtime.threads import ahead

# readable wherever it is cut off
FRAGMENTED = {"movflags": "frag_every_frame+empty_moov+default_base_moof", "flush_packets": "1"}
LONGEST = 255 - len(".unfinished-99999.mp4")  # bytes of a name that leave room for what stands behind it
Pictures = Iterable[tuple[Frame, Image.Image]]


def _nobody(frame: Frame) -> None:
    pass


def writer(path, clip: Clip, size: tuple[int, int], identity: str = "", alpha: bool = False):
    """What writes a clip to a path: a Film, an Animation, or NumberedFrames, as the suffix says.

    clip: what it is made of, which gives the rate, the sound and the loops. size: of the pictures. identity: of all
    that makes a difference to them: what was begun under another, or of another size, is begun anew, and without one
    all is. alpha: whether they have transparency.

    Its `done` says how many frames are there already. `write(pictures, wrote, rename)` takes the others, each with its
    Frame, calls `wrote` with each Frame that was written, and gives the whole clip its place by `rename`, as
    `wct.runtime.files.write_whole` has it. What `wrote` raises ends it. Raises OSError, its message one sentence, where
    the writing fails; what was begun of a film or of numbered frames then stays, readable, for the next run.
    """
    kind = kind_of(path)
    identity = identity and f"{size[0]} x {size[1]}, {identity}"
    if kind is None:
        return NumberedFrames(Path(path), identity)
    return (Film if kind.film else Animation)(Path(path), kind, clip, size, identity, alpha)


class Film:
    """A film: pieces beside its place, OUT.mp4.unfinished-1.mp4 and so on, one for each run that was interrupted;
    joined in the end, with the sound of the clip, without decoding anything."""

    def __init__(self, path: Path, kind: Kind, clip: Clip, size: tuple[int, int], identity: str, alpha: bool):
        self.path, self.kind, self.clip, self.size, self.identity, self.alpha = path, kind, clip, size, identity, alpha
        self.pieces, self.done = [], 0
        for piece in sorted(self._there(), key=lambda piece: int(piece.stem.rpartition("-")[2])):
            begun = _begun(piece)
            if identity and begun and begun["identity"] == identity and begun["first"] == self.done and begun["count"]:
                self.pieces.append(piece)
                self.done += begun["count"]
            else:
                piece.unlink(missing_ok=True)

    def _there(self):
        start = f"{_unfinished(self.path).name}-"
        return [piece for piece in self.path.parent.glob("*.mp4")
                if piece.name.startswith(start) and piece.stem[len(start):].isdecimal()]

    def write(self, pictures: Pictures, wrote: Callable = _nobody, rename: Callable = os.replace) -> None:
        piece = piece_of(self.path, len(self.pieces) + 1)
        with written(self.path):
            for frame in ahead(self._piece(piece, iter(pictures)), 1):  # where no Ctrl-C comes between two packets
                wrote(frame)
        if piece.exists():
            self.pieces.append(piece)
        write_whole(self.path, lambda file: join(self.pieces, file, self.kind, self.clip), rename)
        for piece in self.pieces:
            piece.unlink(missing_ok=True)

    def _piece(self, piece, pictures):
        """Write a piece: yields each Frame that was taken."""
        import av

        first = next(pictures, None)
        if first is None:
            return
        told = {"identity": self.identity, "first": self.done, "start": round(first[0].time / TICK)}
        with av.open(str(piece), "w", format="mp4", options=FRAGMENTED) as container:
            container.metadata["comment"] = json.dumps(told)
            encoder = Encoder(container, self.kind, self.size, self.clip.rate, self.alpha)
            try:
                for frame, image in chain([first], pictures):
                    encoder.add(frame, image)
                    yield frame
            finally:
                with suppress(av.error.FFmpegError):  # on a full disk, what is there must do
                    encoder.end()


def _unfinished(path):
    """What a clip is called while it is unfinished; a name that leaves no room for that is cut, and marked."""
    return path.with_name(f"{shortened(path.name, LONGEST)}.unfinished")


def piece_of(path: Path, number: int) -> Path:
    """The file of a part of a film that is unfinished, counted from 1."""
    begun = _unfinished(path)
    return begun.with_name(f"{begun.name}-{number}.mp4")


def _begun(piece):
    """What a piece says of itself, and how many frames it has; None where it cannot be read."""
    import av

    try:
        with av.open(str(piece)) as container:
            told = json.loads(container.metadata["comment"])
            return told | {"count": sum(packet.size > 0 for packet in container.demux(video=0))}
    except (av.error.FFmpegError, OSError, KeyError, IndexError, ValueError):
        return None


class Animation:
    """An animated GIF, WebP or PNG: written in one go, whole or not at all."""

    done = 0

    def __init__(self, path: Path, kind: Kind, clip: Clip, size: tuple[int, int], identity: str, alpha: bool):
        self.path, self.kind, self.clip, self.size, self.alpha = path, kind, clip, size, alpha

    def write(self, pictures: Pictures, wrote: Callable = _nobody, rename: Callable = os.replace) -> None:
        import av

        def fill(file):
            with av.open(file, "w", format=self.kind.format, options=self._options()) as container:
                encoder = Encoder(container, self.kind, self.size, self.clip.rate, self.alpha)
                for frame, image in self._shown(pictures, wrote):
                    encoder.add(frame, image)
                encoder.end()
            if self.kind.format == "webp":
                _last_lasts(file, round(self._last() / self.kind.tick))

        with written(self.path):
            write_whole(self.path, fill, rename)

    def _shown(self, pictures, wrote):
        """Those that browsers would not show for longer than they ask for, as they do with shorter ones."""
        last = None
        for frame, image in pictures:
            wrote(frame)
            start = round(frame.time / self.kind.tick)
            if last is not None and (start - last) * self.kind.tick <= FEW:
                self.clip.note(f"has more frames a second than {self.kind.format} can show; some were left out")
                continue
            last = start
            yield frame, image

    def _last(self):
        """Seconds of its last frame."""
        return self.clip.last or 1 / self.clip.rate

    def _options(self):
        """How often it is shown, and for how long its last frame."""
        last = self._last()
        name = "plays" if self.kind.format == "apng" else "loop"
        loop = self.clip.loop
        if self.kind.format == "gif":  # which counts repetitions, -1 for none
            loop = {0: 0, 1: -1}.get(loop, loop - 1)
            return {name: str(loop), "final_delay": str(min(round(last / self.kind.tick), 2**16 - 1))}
        return {name: str(loop)} | ({"final_delay": f"{last.numerator}/{last.denominator}"} if name == "plays" else {})


def _last_lasts(file, milliseconds):
    """Have the last frame of an animated WebP be shown for so long; FFmpeg's encoder takes the mean of the others."""
    at, last, end = 12, None, file.seek(0, os.SEEK_END)
    while at + 8 <= end:
        file.seek(at)
        name, size = struct.unpack("<4sI", file.read(8))
        last = at if name == b"ANMF" else last
        at += 8 + size + size % 2
    if last is not None:
        file.seek(last + 8 + 12)  # behind the place and the size of the frame
        file.write(min(milliseconds, 2**24 - 1).to_bytes(3, "little"))


class NumberedFrames:
    """A folder of PNGs, 000001.png and so on. Until all are there it is called <name>.unfinished, with a note beside it
    on what they are made of."""

    def __init__(self, path: Path, identity: str):
        self.path, self.identity, self.done = path, identity, 0
        self.folder = _unfinished(path)
        self.note = self.folder.with_name(f"{self.folder.name}.json")
        try:
            same = bool(identity) and json.loads(self.note.read_text()) == identity
        except (OSError, ValueError):
            same = False
        while self._frame(self.done).exists():
            self.done += 1
        while self.done and not same:
            self.done -= 1
            self._frame(self.done).unlink()

    def _frame(self, i):
        return self.folder / f"{i + 1:06}.png"

    def write(self, pictures: Pictures, wrote: Callable = _nobody, rename: Callable = os.replace) -> None:
        with written(self.path):
            self.folder.mkdir(parents=True, exist_ok=True)
            remove_dead_parts(self.folder)
            write_whole(self.note, lambda file: file.write(json.dumps(self.identity).encode()))
            for i, (frame, image) in enumerate(pictures, self.done):
                save_picture(image, self._frame(i))
                wrote(frame)
            rename(self.folder, self.path)
            self.note.unlink()  # not before: without it the frames would be made again


@contextmanager
def written(path):
    """Turn what goes wrong inside with the writing into an OSError of one sentence."""
    import av

    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        if isinstance(error, OSError) and error.errno is None:
            raise  # it is a sentence already
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"{path} cannot be written ({reason}); check its folder, its permissions and the space left"
                      ) from error

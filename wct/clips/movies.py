"""Films read by PyAV: what FFmpeg's libraries decode, turned into upright sRGB."""

from __future__ import annotations

from contextlib import contextmanager
from fractions import Fraction
from functools import partial

from PIL import Image

from wct.clips.clip import Clip, ClipError, Frame

HD = 720  # lines from which a film that does not say has the colours of BT.709; with fewer, of BT.601
BT601, BT709, BT2020 = "ITU601", "ITU709", "BT2020"
_MATRICES = {1: BT709, 4: "FCC", 5: BT601, 6: BT601, 7: "SMPTE240M", 9: BT2020, 10: BT2020}  # by ITU-T H.273
_HDR = {16: "PQ", 18: "HLG"}  # transfer functions by ITU-T H.273
_TURNS = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}


@contextmanager
def explained(path, doing="read"):
    """Turn what goes wrong inside into a ClipError about the path."""
    import av

    try:
        yield
    except FileNotFoundError as error:
        raise ClipError(f"{path}: there is no such file or folder; check the path") from error
    except PermissionError as error:
        raise ClipError(f"{path} may not be {doing}; change its permissions") from error
    except av.error.FFmpegError as error:
        if isinstance(error, OSError) and error.errno and error.errno < 1000 and not isinstance(error, ValueError):
            reason = error.strerror
        else:
            reason = "it is no film, is damaged, or lacks its end"
        raise ClipError(f"{path} cannot be {doing} ({reason}); replace it with a whole copy") from error


def open_file(path):
    """What PyAV opens, whatever its texts are written in."""
    import av

    return av.open(str(path), metadata_errors="replace")


def open_movie(path) -> Clip:
    """The Clip of a film. Raises ClipError where there is none in the file."""
    with explained(path), open_file(path) as container:
        stream = _pictures(container)
        if stream is None:
            what = "sound alone" if container.streams.audio else "no picture"
            raise ClipError(f"{path} holds {what}; name a file with a film in it")
        first = next(_decoded(container, stream, lambda sentence: None), None)
        if first is None:
            raise ClipError(f"{path} has no frame that can be decoded; replace it with a whole copy")
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        duration = _seconds(stream, container)
        count = stream.frames or (round(duration * rate) if duration else None)
        size = _square((first.width, first.height), stream)
        clip = Clip(path, size if _turn(first) % 180 == 0 else size[::-1], Fraction(rate), count or None, duration,
                    _frames, film=True)
        _tell(clip, first)
        return clip


def _pictures(container):
    """The stream of the film, which is no cover of a record; None where there is none."""
    from av.stream import Disposition

    return next((stream for stream in container.streams.video
                 if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic), None)


def _seconds(stream, container):
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None


def _square(size, stream):
    """The size in square pixels: films of television have others."""
    ratio = stream.sample_aspect_ratio
    if not ratio or ratio == 1:
        return size
    return max(1, round(size[0] * ratio)), size[1]


def _turn(frame):
    """Degrees, counter-clockwise, by which a frame is to be turned."""
    return round(frame.rotation / 90) * 90 % 360


def _tell(clip, frame):
    if frame.color_trc in _HDR:
        clip.note(f"is HDR ({_HDR[frame.color_trc]}): its light was read as that of a common film, paler than meant")
    if _turn(frame):
        clip.note(f"was turned by {_turn(frame)} degrees, as it says it is to be shown")


def _frames(clip):
    """The Frames of a film, with the times that it has."""
    import av

    with explained(clip.path), open_file(clip.path) as container:
        stream = _pictures(container)
        stream.thread_type = "AUTO"
        origin = Fraction(container.start_time or 0, av.time_base)
        usual, waiting, last = 1 / clip.rate, None, None
        for frame in _deinterlaced(_decoded(container, stream, clip.note), stream, clip.note):
            time = (last + usual if last is not None else Fraction(0)) if frame.pts is None else (
                frame.pts * frame.time_base - origin)
            if last is not None and time <= last:
                clip.note("has frames whose times do not rise; they were left out")
                continue
            if waiting:
                yield Frame(last, time - last, waiting)
            waiting, last = partial(_image, frame, clip.size), time
        if waiting:
            length = frame.duration * frame.time_base if frame.duration else 0
            yield Frame(last, length or usual, waiting)


def _decoded(container, stream, note):
    """The frames of a stream; what cannot be decoded is left out, and told."""
    import av

    def told(where):
        note(f"has broken frames (the first about {where}); they were left out or patched")

    packets, where = container.demux(stream), "its beginning"
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, OSError):
            note(f"breaks off after {where}; what comes before was read")
            packet = None
        try:
            for frame in stream.codec_context.decode(packet):
                if frame.pts is not None:
                    where = f"{float(frame.pts * frame.time_base):.2f} s"
                if frame.is_corrupt:
                    told(where)
                yield frame
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            told(where)
        if packet is None:
            return


def _deinterlaced(frames, stream, note):
    """The frames, those that are interlaced made whole pictures by bwdif, which keeps their number."""
    import av

    graph = None
    for frame in frames:
        if graph is None and frame.interlaced_frame:
            note("is interlaced; its frames were made whole pictures (deinterlaced)")
            graph = av.filter.Graph()
            graph.link_nodes(graph.add_buffer(template=stream, time_base=frame.time_base),
                             graph.add("bwdif", "mode=send_frame:deint=interlaced"),
                             graph.add("buffersink")).configure()
        if graph is None:
            yield frame
            continue
        graph.push(frame)
        yield from _pulled(graph)
    if graph:
        graph.push(None)
        yield from _pulled(graph)


def _pulled(graph):
    import av

    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _image(frame, shape, size):
    """An upright PIL image of a size, by default `shape`."""
    width, height = size or shape
    turn = _turn(frame)
    if turn % 180:
        width, height = height, width
    matrix = _MATRICES.get(frame.colorspace, BT709 if frame.height >= HD else BT601)
    alpha = "a" in frame.format.name.removeprefix("gray") and any(c.is_alpha for c in frame.format.components)
    reduced = 2 * width <= frame.width and 2 * height <= frame.height  # to averages, as well as by a filter, but sooner
    pixels = frame.reformat(width, height, "rgba" if alpha else "rgb24", interpolation="AREA" if reduced else "LANCZOS",
                            **({} if frame.format.is_rgb else {"src_colorspace": matrix}),
                            dst_color_range="JPEG").to_ndarray()
    image = Image.fromarray(pixels)
    return image.transpose(_TURNS[turn]) if turn else image

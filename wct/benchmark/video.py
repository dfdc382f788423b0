"""Clips: how much they flicker, and how fast they are made: python -m wct.benchmark video"""

import os
import tempfile
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

from wct.benchmark import memory, peers
from wct.benchmark.common import count, make_folders, print_table, report
from wct.options import NETWORK, STAGES
from wct.runtime.arguments import list_of, require
from wct.runtime.examples import EXAMPLES
from wct.runtime.report import report_path

CONTENT, STYLE = EXAMPLES / "content" / "moose.jpg", EXAMPLES / "style" / "hokusai-great-wave.jpg"
CLIP = EXAMPLES / "video" / "big-buck-bunny.mp4"
COLUMNS = ("clip", "program", "size", "frames", "flicker", "relative", "style", "fps", "cpu_ms", "network", "memory_mb",
           "each")
TABLE = (  # heading, key of a row, width, format
    ("clip", "clip", 20, ""), ("program", "program", 22, ""), ("size", "size", 9, ""),
    ("flicker x 1000", "flicker", 14, ".2f"), ("of frame by frame", "relative", 17, ".2f"),
    ("style", "style", 6, ".3f"),
    ("frames/s", "fps", 8, ".2f"), ("CPU ms/frame", "cpu_ms", 12, ".0f"), ("in the networks", "network", 15, ".0%"),
    ("peak MB", "memory_mb", 7, ".0f"),
)
STRIP = 8  # frames


def add_command(commands):
    parser = commands.add_parser(
        "video", help="clips: flicker and speed, beside the public programs",
        description="Measure how much clips flicker, as wct.benchmark.flicker says: a still camera with a sensor's "
        "noise and a pan, made from a photo, and a film; each steady, frame by frame, and by AdaIN and MicroAST frame "
        "by frame. Then time the film from file to file. Style is the distance of Gram matrices of relu1_1 to relu4_1 "
        "to those of the painting, 0 for none, the mean over the frames.",
    )
    parser.set_defaults(run=main)
    add = parser.add_argument
    add("--clip", type=Path, default=CLIP, metavar="FILE", help="the film (default: ten seconds of Big Buck Bunny)")
    add("--style", type=Path, default=STYLE, metavar="FILE", help="the painting (default: Hokusai's Great Wave)")
    add("--size", type=count, default=320, metavar="N", help="longer side of the clips (default: 320)")
    add("--frames", type=count, default=24, metavar="N", help="of each (default: 24)")
    add("--network", choices=tuple(NETWORK.choices), default=NETWORK.default, help="ours (default: %(default)s)")
    peers.add_options(parser)
    add("--speed", type=list_of(count), default=[256, 640], metavar="N[,N...]",
        help="longer sides to time the film at (default: 256,640)")
    add("--report", type=report_path, metavar="FILE", help="write one row per clip and program to FILE.json or .csv")
    add("--plot", type=Path, metavar="DIR", help="draw flicker over frames; needs matplotlib")
    add("--strips", type=Path, metavar="DIR", help="write eight frames in a row of every clip and program")


def sources(args):
    """The clips that flicker is measured on."""
    from PIL import Image

    from wct.benchmark import flicker
    from wct.clips import open_clip
    from wct.pipeline.films import result_size

    photo = Image.open(CONTENT).convert("RGB")
    size = args.size, round(args.size * 9 / 16)
    yield flicker.still(photo, size, args.frames)
    yield flicker.pan(photo, size, args.frames)
    film = open_clip(args.clip)
    size = result_size(film.size, args.size, 2**30, str(args.clip))
    yield flicker.Source("film", [frame.image(size).convert("RGB") for frame in islice(film, args.frames)], None)


def programs(stylizer, style, others):
    """{name: a function of frames that gives the results}, the one that others are compared to first."""
    found = {"ours, frame by frame": lambda frames: stylizer.stylise_frames(frames, style, steady=False),
             "ours": lambda frames: stylizer.stylise_frames(frames, style)}
    for name, peer in others.items():
        found[name] = lambda frames, peer=peer: (
            peer.stylise(frame, style).crop((0, 0, *frame.size)) for frame in frames)  # they are padded to whole cells
    return found


def flickers(args, stylizer, known, others):
    """A row for every clip and program."""
    from PIL import Image

    from wct.benchmark.flicker import flicker

    # read as `stylise` reads it for these frames
    style = Image.open(args.style).convert("RGB")
    style.thumbnail((args.size, args.size))
    wanted = gram(known, style)
    chosen = programs(stylizer, style, others)
    for source in sources(args):
        base = None
        for name, program in chosen.items():
            began, busy = perf_counter(), process_time()
            results = list(program(source.frames))
            seconds, busy = perf_counter() - began, process_time() - busy
            each = flicker(source, results)
            mean = sum(each) / len(each)
            base = base or mean
            if args.strips:
                strip(results).save(args.strips / f"{source.name} {name}.jpg".replace(",", "").replace(" ", "-"),
                                    quality=90)
            yield dict.fromkeys(COLUMNS) | {
                "clip": source.name, "program": name, "size": "{} x {}".format(*results[0].size),
                "frames": len(results), "flicker": 1000 * mean, "relative": mean / base, "fps": len(results) / seconds,
                "cpu_ms": 1000 * busy / len(results), "each": [1000 * value for value in each],
                "style": sum(apart(gram(known, result), wanted) for result in results[::4]) / len(results[::4])}


def speeds(args, stylizer):
    """A row for every size, the film from file to file."""
    from wct.clips import open_clip
    from wct.options import Options
    from wct.pipeline.films import Recipe, make_film

    for size in args.speed:
        with tempfile.TemporaryDirectory() as folder:
            def run(size=size, folder=folder):
                nonlocal film, busy
                busy = process_time()
                film = make_film(stylizer, open_clip(args.clip), Path(folder) / "out.mp4",
                                 Recipe([args.style], options=Options(size=size)))
                busy = process_time() - busy

            film = busy = None
            taken = memory.peak(run, "cpu")
        seconds = film.seconds
        yield dict.fromkeys(COLUMNS) | {
            "clip": "film, file to file", "program": "ours", "size": "{} x {}".format(*film.size),
            "frames": film.frames, "fps": film.frames / seconds["seconds"], "cpu_ms": 1000 * busy / film.frames,
            "network": sum(seconds[stage] for stage in STAGES) / seconds["seconds"],
            "memory_mb": taken and taken / 1e6}


def gram(stylizer, picture):
    """The Gram matrices of a PIL image at every level."""
    from wct.images import to_tensor

    known = stylizer.encode_style(to_tensor(picture))
    return [s.covariance + s.mean[..., None] * s.mean[..., None, :] for s in known]


def apart(grams, others):
    """mean over levels of |G - G'| / |G'|."""
    return sum(float((a - b).norm() / b.norm()) for a, b in zip(grams, others)) / len(grams)


def strip(results):
    """Eight results in a row, side by side."""
    from PIL import Image

    start = max(0, len(results) // 2 - STRIP // 2)
    chosen = results[start:start + STRIP]
    width, height = chosen[0].size
    canvas = Image.new("RGB", (width * len(chosen), height))
    for i, result in enumerate(chosen):
        canvas.paste(result, (width * i, 0))
    return canvas


def plot(rows, folder):
    """Flicker over frames, a panel for each clip, a line for each program."""
    from matplotlib.figure import Figure

    clips = list(dict.fromkeys(row["clip"] for row in rows))
    figure = Figure(figsize=(4 * len(clips), 3.5), layout="constrained")
    for axes, clip in zip(figure.subplots(1, len(clips), squeeze=False)[0], clips):
        for row in rows:
            if row["clip"] == clip:
                axes.semilogy(range(1, len(row["each"]) + 1), row["each"], label=row["program"])
        axes.set(title=clip, xlabel="frame", ylabel="flicker x 1000")
        axes.grid(alpha=0.3)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.savefig(folder / "flicker.png", dpi=120)


def main(args, parser):
    import torch

    require(parser, "av", "cv2", *["matplotlib"] * bool(args.plot))
    make_folders(parser, args.plot, args.strips, args.report and args.report.parent)
    from wct import Stylizer
    from wct.clips import open_clip
    from wct.images import open_picture

    try:
        open_clip(args.clip), open_picture(args.style)  # before the work
    except ValueError as error:
        parser.error(str(error))
    others = peers.named(args, parser)
    stylizer, known = Stylizer.from_pretrained(network=args.network), Stylizer.from_pretrained(dtype=torch.float32)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads on {os.cpu_count()} cores, "
          f"{stylizer.device}, {stylizer.dtype}.")
    with torch.inference_mode():
        try:
            rows = list(print_table(flickers(args, stylizer, known, others), TABLE, ("clip",)))
            timed = list(print_table(speeds(args, stylizer), TABLE, ("clip",)))
        except (OSError, ValueError) as error:
            parser.error(str(error))
    if args.plot:
        plot(rows, args.plot)
    report(parser, args.report, rows + timed, COLUMNS)

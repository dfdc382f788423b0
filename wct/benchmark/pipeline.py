"""Whole pictures, timed beside the public programs: python -m wct.benchmark pipeline"""

from functools import partial
from pathlib import Path
from statistics import median

from wct.benchmark import memory, peers
from wct.benchmark.common import available_devices, make_folders, print_table, report, side
from wct.options import BACKENDS, NETWORK, STAGES, Options
from wct.runtime.arguments import count, list_of, one_of, require
from wct.runtime.examples import EXAMPLES
from wct.runtime.report import report_path

CONTENT, STYLE = EXAMPLES / "content" / "moose.jpg", EXAMPLES / "style" / "hokusai-great-wave.jpg"
DEFAULT = Options.backend  # the one that the others are compared to
CLASSIC_BYTES = 2400  # per pixel, of the classic cascade at its peak
COLUMNS = ("device", "dtype", "program", "network", "backend", "size", "style_cached", "seconds", *STAGES, "memory_mb",
           "relative")


def add_command(commands):
    parser = commands.add_parser(
        "pipeline", help="whole pictures, beside the public programs",
        description="Time one picture in one style, medians after warming up: the single pass and the cascade by "
        "the small network, and by each backend on the full one; the single pass at another strength (all encodings "
        "kept); and as baselines, on the full network, the arithmetic of the public programs: the classic five-level "
        "cascade (Li et al. 2017) and AdaIN (Huang and Belongie 2017). Each with the style known already and with the "
        "style encoded anew; the content is always encoded anew, but for another strength. MicroAST (Wang et al. "
        "2023), where its folder is named, by its own networks: its time is not split up, and stands under decode.",
        epilog="Memory is what the run that warms up takes at its peak beyond what was taken before: on CUDA the "
        "tensors, on the CPU of Linux the resident set; elsewhere it is not measured.",
    )
    parser.set_defaults(run=main)
    add = parser.add_argument
    add("--sizes", type=list_of(side), default=[256, 512, 1024, 2048], metavar="N[,N...]",
        help="sides of the square pictures (default: 256,512,1024,2048); the style's is 1024 at most")
    add("--backends", type=list_of(one_of(*BACKENDS)), default=["mpa", "zolotarev", "eigh", "svd"],
        metavar="B[,B...]", help=f"default: mpa,zolotarev,eigh,svd, and {DEFAULT} always, with which they are compared")
    add("--device", choices=("cpu", "cuda"), help="default: CUDA where there is one")
    add("--dtype", choices=("float32", "bfloat16"), help="of our convolutions (default: the faster); the baselines "
        "have float32")
    add("--microast", type=Path, metavar="DIR", help=peers.WHERE["microast"])
    add("--repeats", type=count, default=5, metavar="R", help="runs to take the median of (default: 5)")
    add("--report", type=report_path, metavar="FILE", help="write one row per program and size to FILE.json or .csv")
    add("--plot", type=Path, metavar="DIR", help="draw the seconds per stage; needs matplotlib")


def pictures(size):
    """Content and style, square PIL images; the style is no larger than Stylizer would read it."""
    from PIL import Image

    from wct.pipeline.cache import MAX_STYLE_SIDE

    sides = (size, min(size, MAX_STYLE_SIDE))
    return [Image.open(path).convert("RGB").resize((side, side)) for path, side in zip((CONTENT, STYLE), sides)]


def cases(size, backends, stylizers, others):
    """(program, network, backend, is the style cached?, what to call before each run, the run) of every row, default
    first.

    stylizers: by network. others: programs with a `stylise` and a `forget`, by name.
    """
    from wct.pipeline.passes import PASSES

    content, style = pictures(size)
    for network, stylizer in stylizers.items():
        for backend in backends if network == "full" else [DEFAULT]:
            ours = partial(stylizer.stylise, content, style, size=size, backend=backend, timed=True)
            for mode in PASSES:
                for cached in (True, False):
                    prepare = partial(stylizer.forget, styles=not cached)
                    yield mode, network, backend, cached, prepare, partial(ours, mode=mode)
            yield "strength changed", network, backend, True, lambda: None, partial(ours, strength=0.6)
        stylizer.forget()
    for name, program in others.items():
        theirs = partial(program.stylise, content, style)
        for cached in (True, False) if program.keeps_style else (False,):
            yield name, None, None, cached, partial(program.forget, styles=not cached), theirs


def measure(prepare, run, repeats, device):
    """Median seconds of a run and of its stages, and the bytes it takes; prepare() is called before each, untimed."""
    prepare()
    taken = memory.peak(run, device)
    times = []
    for _ in range(repeats):
        prepare()
        seconds = run().seconds
        times.append(seconds | {"seconds": sum(seconds.values())})
    return {key: median(seconds[key] for seconds in times) for key in ("seconds", *STAGES)}, taken


def fits(size, device):
    """Whether there is memory for the classic cascade; a line says so where there is not."""
    needed, free = CLASSIC_BYTES * size**2, memory.free(device)
    if needed > free:
        print(f"classic at {size} is left out: it takes {needed / 1e9:.1f} GB, and {free / 1e9:.1f} are free")
    return needed <= free


def run(args, device):
    """A row for every size and case, its time divided by that of the default, which comes first."""
    import torch

    from wct.benchmark.baselines import AdaIN, Classic, Whole
    from wct.pipeline.stylizer import Stylizer

    dtype = args.dtype and getattr(torch, args.dtype)
    stylizers = {network: Stylizer.from_pretrained(network=network, device=device, dtype=dtype)
                 for network in NETWORK.choices}
    ours = str(stylizers["full"].dtype).removeprefix("torch.")
    others = {"classic": Classic(device), "adain": AdaIN(device)}
    if args.microast:
        others["microast"] = Whole(args.microast, device)
    backends = dict.fromkeys([DEFAULT, *args.backends])
    for *_, call in cases(32, backends, stylizers, others):
        call()  # what libraries load when first used is no program's memory
    for size in args.sizes:
        default, classic_fits = None, fits(size, device)
        for program, network, backend, cached, prepare, call in cases(size, backends, stylizers, others):
            if program == "classic" and not classic_fits:
                continue
            seconds, taken = measure(prepare, call, args.repeats, device)
            default = default or seconds["seconds"]
            yield seconds | {
                "device": device, "dtype": ours if backend else "float32", "program": program, "network": network,
                "backend": backend, "size": size,
                "style_cached": "yes" if cached else "no", "memory_mb": taken and taken / 1e6,
                "relative": seconds["seconds"] / default,
            }


TABLE = (  # heading, key of a row, width, format
    ("program", "program", 16, ""), ("network", "network", 7, ""), ("dtype", "dtype", 8, ""),
    ("backend", "backend", 13, ""), ("size", "size", 4, ""),
    ("style cached", "style_cached", 12, ""), ("seconds", "seconds", 8, ".3f"),
    *((stage, stage, 9, ".3f") for stage in STAGES),
    ("memory MB", "memory_mb", 9, ".0f"), ("times as long", "relative", 13, ".2f"),
)


def plot(rows, folder):
    """Seconds per stage, a bar for each program, a panel for each size."""
    from matplotlib.figure import Figure

    sizes = dict.fromkeys(row["size"] for row in rows)
    most = max([row["size"] for row in rows].count(size) for size in sizes)
    figure = Figure(figsize=(3 + 4 * len(sizes), 1 + most / 4), layout="constrained")
    panels = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for axes, size in zip(panels, sizes):
        chosen = [row for row in rows if row["size"] == size]
        names = [" ".join(filter(None, (*(row[key] for key in ("program", "network", "backend")),
                                        row["style_cached"] == "yes" and "(cached)"))) for row in chosen]
        left = [0] * len(chosen)
        for stage in STAGES:
            widths = [row[stage] for row in chosen]
            axes.barh(names, widths, left=left, label=stage)
            left = [a + b for a, b in zip(left, widths)]
        axes.set(title=f"{size} x {size}", xlabel="seconds")
    axes.invert_yaxis()  # of all panels: they share it
    axes.legend()
    figure.suptitle(f"{rows[0]['device']}; (cached): the style is known already")
    figure.savefig(folder / f"pipeline-{rows[0]['device']}.png", dpi=150)


def main(args, parser):
    import torch

    args.microast = peers.named(args, parser).get("microast")
    device = args.device or available_devices()[-1]
    if device not in available_devices():
        parser.error(f"--device {device}: PyTorch sees none")
    if args.plot:
        require(parser, "matplotlib")
    make_folders(parser, args.plot, args.report and args.report.parent)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, {device}. "
          f"Compared to the default: single, {DEFAULT}, style cached.")
    rows = list(print_table(run(args, device), TABLE, ("size",)))
    if args.plot:
        plot(rows, args.plot)
    report(parser, args.report, rows, COLUMNS)

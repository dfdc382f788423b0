"""Matrix square roots, timed: python -m wct.benchmark matrix"""

import time
from pathlib import Path
from statistics import median

from wct.benchmark.common import available_devices, make_folders, print_table, report
from wct.options import BACKENDS
from wct.runtime.arguments import count, list_of, one_of, require
from wct.runtime.report import report_path

BASELINES = ("torch.linalg.svd", "torch.linalg.eigh")
COLUMNS = ("device", "dtype", "n", "batch", "method", "degree", "forward_ms", "backward_ms", "residual",
           "svd_forward", "svd_both", "eigh_forward", "eigh_both")
LITERAL = " (paper)"  # marks a literal form among the methods of a sweep


def add_command(commands):
    parser = commands.add_parser(
        "matrix", help="matrix square roots",
        description="Time a whiten-and-colour pair, C^{-1/2} of one batch of random matrices and S^{1/2} of "
        "another, by every method of wct.sqrtm and by hand with torch.linalg: medians, after warming up. "
        "Combinations that would take too long are left out.",
    )
    parser.set_defaults(run=main)
    add = parser.add_argument
    add("--n", type=list_of(count), default=[16, 32, 64, 128, 256, 512], metavar="N[,N...]",
        help="sizes of the matrices (default: 16,32,64,128,256,512)")
    add("--batch", type=list_of(count), default=[1, 16, 256], metavar="B[,B...]", help="default: 1,16,256")
    add("--dtype", type=list_of(one_of("float32", "float64")), default=["float32", "float64"], metavar="D[,D]",
        help="float32, float64 or both (default)")
    add("--device", type=list_of(one_of("cpu", "cuda")), metavar="D[,D]",
        help="cpu, cuda or both (default: the CPU, and CUDA where there is one)")
    add("--methods", type=list_of(one_of("auto", *BACKENDS)), default=["auto", *BACKENDS], metavar="M[,M...]",
        help=f"default: auto,{','.join(BACKENDS)}")
    add("--condition", type=float, default=1e4, metavar="C", help="condition number (default: 1e4)")
    add("--repeats", type=count, default=7, metavar="R", help="runs to take the median of (default: 7)")
    add("--limit", type=float, default=3.0, metavar="SECONDS",
        help="per combination; what would take longer is run fewer times, or not at all (default: 3)")
    add("--report", type=report_path, metavar="FILE", help="write one row per combination to FILE.json or .csv")
    add("--plot", type=Path, metavar="DIR",
        help="draw time against n, time against residual and residual against degree; needs matplotlib")
    add("--tune", type=Path, nargs="?", const=True, metavar="FILE",
        help="measure instead which method is fastest where, for method='auto', on --device and in --dtype, and write "
        "it to FILE (default: the table that wct.sqrtm reads)")
    add("--tune-seconds", type=float, default=0.2, metavar="SECONDS",
        help="for each comparison of --tune (default: 0.2)")


def two_batches(args, device, dtype, n, batch):
    import torch

    from wct.runtime.trials import random_matrices

    return [random_matrices(batch, n, args.condition, getattr(torch, dtype), device, seed) for seed in (0, 1)]


def by_hand(method):
    """The pair as one writes it with torch.linalg, whose own backward it gets."""
    import torch

    def svd(A, power):
        U, s, _ = torch.linalg.svd(A)
        return (U * s[..., None, :] ** power) @ U.mT

    def eigh(A, power):
        s, V = torch.linalg.eigh(A)
        return (V * s[..., None, :] ** power) @ V.mT

    root = svd if method == "torch.linalg.svd" else eigh
    return lambda C, S: (root(C, -0.5), root(S, 0.5))


def pair(method, condition, **options):
    """(C, S) -> C^{-1/2}, S^{1/2}, told the least eigenvalue as the pipeline tells its ridge."""
    from wct.sqrtm import matrix_inverse_sqrt, matrix_sqrt

    if method in BASELINES:
        return by_hand(method)
    if options.get("scaling") != "frobenius":
        options["lower"] = 1 / condition
    return lambda C, S: (matrix_inverse_sqrt(C, method, **options), matrix_sqrt(S, method, **options))


def measure(function, C, S, repeats, limit):
    """Median seconds of forward and of backward, and the result."""
    import torch

    from wct.runtime.device import synchronise

    def now():
        synchronise(C.device)
        return time.perf_counter()

    C, S = C.clone().requires_grad_(), S.clone().requires_grad_()
    G = torch.ones_like(C)
    times, begin = [], now()
    while len(times) < 2 or (len(times) <= repeats and now() - begin < limit):
        start = now()
        W, Y = function(C, S)
        middle = now()
        torch.autograd.grad((W, Y), (C, S), (G, G))
        times.append((middle - start, now() - middle))
    forward, backward = zip(*times[1:])  # the first warms up
    return median(forward), median(backward), W.detach()


def row(args, device, dtype, n, batch, matrices, method, options, degree=None):
    """One row of the report."""
    from wct.sqrtm import residual

    function = pair(method, args.condition, **options)
    forward, backward, W = measure(function, *matrices, args.repeats, args.limit)
    error = residual(matrices[0].double(), W.double()).max().item()
    return dict.fromkeys(COLUMNS) | {
        "device": device, "dtype": dtype, "n": n, "batch": batch, "method": method, "degree": degree,
        "forward_ms": 1000 * forward, "backward_ms": 1000 * backward, "residual": error,
    }


def run(args, devices):
    """A row for every combination that is fast enough, with its ratios to the baselines."""
    for device in devices:
        for dtype in args.dtype:
            for batch in args.batch:
                seconds_per_flop = {}
                for n in sorted(args.n):
                    rows = compare(args, device, dtype, n, batch, seconds_per_flop)
                    yield from add_ratios(rows)


def compare(args, device, dtype, n, batch, seconds_per_flop):
    """Rows of all methods on the same matrices; seconds_per_flop of the last size tells what to leave out."""
    size = batch * n**3
    methods = [m for m in (*BASELINES, *args.methods) if 2 * seconds_per_flop.get(m, 0) * size < args.limit]
    if not methods or size > 256 * 512**3:
        return []
    matrices = two_batches(args, device, dtype, n, batch)
    rows = []
    for method in methods:
        rows.append(row(args, device, dtype, n, batch, matrices, method, {}))
        seconds_per_flop[method] = (rows[-1]["forward_ms"] + rows[-1]["backward_ms"]) / 1000 / size
    return rows


def add_ratios(rows):
    """How often a method fits into the time of each baseline, forward alone and with backward."""
    by_method = {row["method"]: row for row in rows}
    for baseline in BASELINES:
        other, name = by_method.get(baseline), baseline.split(".")[-1]
        for row in rows if other else ():
            row[f"{name}_forward"] = other["forward_ms"] / row["forward_ms"]
            row[f"{name}_both"] = (other["forward_ms"] + other["backward_ms"]) / (
                row["forward_ms"] + row["backward_ms"])
    return rows


def sweep(args, device, dtype, n):
    """Rows of one approximant each, by degree: default scaling and the paper's. Newton-Schulz by steps."""
    matrices = two_batches(args, device, dtype, n, 1)
    for method in (m for m in args.methods if m not in ("auto", "svd", "eigh")):
        for degree in range(1, 13):
            for scaling in ("spectrum",) if method == "zolotarev" else ("spectrum", "frobenius"):
                options = {"steps": degree} if method == "newton_schulz" else {"degree": degree, "steps": 1}
                if method != "zolotarev":
                    options["scaling"] = scaling
                if scaling == "frobenius" and method != "newton_schulz":
                    del options["steps"]
                result = row(args, device, dtype, n, 1, matrices, method, options, degree)
                result["method"] += LITERAL if scaling == "frobenius" else ""
                yield result


TABLE = (  # heading, key of a row, width, format
    ("device", "device", 7, ""), ("dtype", "dtype", 7, ""), ("n", "n", 7, ""), ("batch", "batch", 7, ""),
    ("method", "method", 16, ""), ("forward ms", "forward_ms", 10, ".2f"), ("backward ms", "backward_ms", 11, ".2f"),
    ("residual", "residual", 8, ".1e"), ("svd/it", "svd_forward", 7, ".2f"), ("with backward", "svd_both", 13, ".2f"),
    ("eigh/it", "eigh_forward", 7, ".2f"), ("with backward", "eigh_both", 13, ".2f"),
)


def plot_times(rows, folder):
    """Time of forward and backward against n, a panel for each batch, a file for each device and dtype."""
    from matplotlib.figure import Figure

    for device, dtype in dict.fromkeys((row["device"], row["dtype"]) for row in rows):
        chosen = [row for row in rows if (row["device"], row["dtype"]) == (device, dtype)]
        batches = sorted({row["batch"] for row in chosen})
        figure = Figure(figsize=(1 + 4 * len(batches), 4), layout="constrained")
        for axes, batch in zip(figure.subplots(1, len(batches), squeeze=False)[0], batches):
            for method in dict.fromkeys(row["method"] for row in chosen):
                line = [row for row in chosen if (row["batch"], row["method"]) == (batch, method)]
                both = [row["forward_ms"] + row["backward_ms"] for row in line]
                style = "k--." if method in BASELINES else ".-"
                axes.loglog([row["n"] for row in line], both, style, label=method)
            axes.set(title=f"batch {batch}", xlabel="n", ylabel="forward and backward, ms")
        axes.legend(fontsize="small")
        figure.suptitle(f"{device}, {dtype}")
        figure.savefig(folder / f"time-{device}-{dtype}.png", dpi=150)


def plot_sweep(rows, name, folder):
    """Residual against degree, and time of forward against residual."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    against_degree, against_time = figure.subplots(1, 2)
    for method in dict.fromkeys(row["method"] for row in rows):
        line = [row for row in rows if row["method"] == method]
        style = ":." if method.endswith(LITERAL) else ".-"
        residuals = [row["residual"] for row in line]
        against_degree.semilogy([row["degree"] for row in line], residuals, style, label=method)
        against_time.loglog(residuals, [row["forward_ms"] for row in line], style, label=method)
    against_degree.set(xlabel="degree (newton_schulz: steps)", ylabel="residual")
    against_time.set(xlabel="residual", ylabel="forward, ms")
    against_degree.legend(fontsize="small")
    figure.suptitle(name)
    figure.savefig(folder / "residual.png", dpi=150)


def main(args, parser):
    import torch

    devices = args.device or available_devices()
    if missing := [device for device in devices if device not in available_devices()]:
        parser.error(f"--device {missing[0]}: PyTorch sees none")
    if args.condition < 1:
        parser.error(f"--condition must be at least 1, not {args.condition:g}")
    if args.plot:
        require(parser, "matplotlib")
    if args.tune:
        from wct.benchmark.tune import tune
        from wct.sqrtm import choice

        path = choice.TABLE if args.tune is True else args.tune
        make_folders(parser, path.parent)
        return tune(devices, args.dtype, args.tune_seconds, path)
    make_folders(parser, args.plot, args.report and args.report.parent)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, condition {args.condition:g}. "
          "A ratio above 1 is faster than the baseline.")
    rows = list(print_table(run(args, devices), TABLE, ("device", "dtype", "n", "batch")))
    if args.plot:
        plot_times(rows, args.plot)
        device, dtype, n = devices[-1], args.dtype[0], min(args.n, key=lambda n: abs(n - 64))
        degrees = list(sweep(args, device, dtype, n))
        name = f"one {n} x {n} matrix of condition {args.condition:g}, {device}, {dtype}"
        plot_sweep(degrees, name, args.plot)
        rows += degrees
    report(parser, args.report, rows, COLUMNS)

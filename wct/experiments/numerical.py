"""Time and error of the square root and its gradient, by batch, dimension and conditioning (the paper's figures 2, 3).

Random covariances A, their root Y, and the gradient of the sum of Y times random numbers; errors against float64,
relative in the Frobenius norm: of Y, and of the gradient.
"""

from statistics import median

from wct.experiments.results import Results, machine
from wct.experiments.roots import LITERAL, options

SQRTH = "torch.linalg.matrix_sqrth"
METHODS = ("auto", "mpa", "mtp", "newton_schulz", "zolotarev", "eigh", "svd", "mpa" + LITERAL, "mtp" + LITERAL,
           "newton_schulz" + LITERAL, SQRTH)
PAPER = ("The forms marked (paper) are those the paper measured on a GPU: one approximant, or five steps, whatever the "
         "conditioning. The others take as many steps as the conditioning asks for. Times are medians on this machine.")
PANELS = (  # title, what is on the axes, the rows
    ("Forward and backward in ms, batches of 48 x 48 at a condition of 100", "batch", "time",
     lambda row: (row["n"], row["condition"]) == (48, 1e2)),
    ("Forward and backward in ms, 16 of n x n at a condition of 100", "n", "time",
     lambda row: (row["batch"], row["condition"]) == (16, 1e2)),
    ("Error of the root, one of 64 x 64", "condition", "error", lambda row: (row["n"], row["batch"]) == (64, 1)),
    ("Error of the gradient, one of 64 x 64", "condition", "gradient_error",
     lambda row: (row["n"], row["batch"]) == (64, 1)))


def add_arguments(add):
    pass


def run(args):
    import torch

    results = Results(args.output, "numerical", machine(args.device) | {"quick": args.quick})
    seconds = 0.02 if args.quick else 0.5
    methods = [m for m in args.methods if m != SQRTH or hasattr(torch.linalg, "matrix_sqrth")]  # which 2.14 has
    for method in methods:
        for n, batch, condition in grid(args.quick):
            key = f"{method} n={n} batch={batch} condition={condition:g}"
            results.add(key, measured, method, n, batch, condition, args.device, seconds)
    write(results, methods)


def grid(quick):
    """(n, batch, condition): time by batch, time by dimension, error by conditioning."""
    sizes, batches, conditions = (16, 64), (1, 16), (1e2, 1e4)
    if not quick:
        sizes, batches = (8, 16, 32, 64, 128, 256), (1, 4, 16, 64, 256, 1024)
        conditions = (1e1, 1e2, 1e3, 1e4, 1e5, 1e6)
    points = [(48, batch, 1e2) for batch in batches] + [(n, 16, 1e2) for n in sizes]
    return list(dict.fromkeys(points + [(64, 1, condition) for condition in conditions]))


def root(method):
    import torch

    from wct.sqrtm import matrix_sqrt

    return torch.linalg.matrix_sqrth if method == SQRTH else lambda A: matrix_sqrt(A, **options(method))


def exact(A, G):
    """Y and the gradient in float64, by eigenvectors and the Lyapunov equation in their basis."""
    import torch

    s, V = torch.linalg.eigh(A.double())
    r = s.clamp(min=0).sqrt()
    inner = V.mT @ ((G + G.mT).double() / 2) @ V / (r[..., :, None] + r[..., None, :])
    return (V * r[..., None, :]) @ V.mT, V @ inner @ V.mT


def measured(method, n, batch, condition, device, seconds):
    import torch

    from wct.runtime.trials import random_matrices, working_seconds

    A, function = random_matrices(batch, n, condition, torch.float32, device, 0), root(method)
    G = torch.randn(n, n, generator=torch.Generator().manual_seed(0)).to(device)
    times, begin = [], working_seconds(A.device)
    while len(times) < 4 or working_seconds(A.device) - begin < seconds:
        X = A.clone().requires_grad_()
        start = working_seconds(A.device)
        Y = function(X)
        middle = working_seconds(A.device)
        (gradient,) = torch.autograd.grad((Y * G).sum(), X)
        times.append((middle - start, working_seconds(A.device) - middle))
    forward, backward = (1000 * median(column) for column in zip(*times[1:]))
    right = exact(A, G)
    found = Y.detach(), gradient
    errors = [((x.double() - true).norm() / true.norm()).item() for x, true in zip(found, right)]
    return {"method": method, "n": n, "batch": batch, "condition": condition, "forward_ms": forward,
            "backward_ms": backward, "error": errors[0], "gradient_error": errors[1]}


def write(results, methods):
    """A table and a panel for each of PANELS, a line in it for each method."""
    from matplotlib.figure import Figure

    figure, tables = Figure(figsize=(18, 4), layout="constrained"), []
    for (title, x, y, belongs), axes in zip(PANELS, figure.subplots(1, len(PANELS))):
        lines = []
        for method in methods:
            rows = sorted((r for r in results.rows.values() if r["method"] == method and belongs(r)),
                          key=lambda r: r[x])
            values = [r["forward_ms"] + r["backward_ms"] if y == "time" else r[y] for r in rows]
            lines.append([method, *values])
            style = "k--" if method == SQRTH else ":." if method.endswith(LITERAL) else ".-"
            axes.loglog([r[x] for r in rows], values, style, label=method)
        axes.set(xlabel=x, ylabel="ms" if y == "time" else "error")
        axes.set_title(title, fontsize="small")
        tables.append(([f"{title}: {x}", *(f"{r[x]:g}" for r in rows)], lines))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right", fontsize="small")
    results.write_table("Square roots: time and error", tables, PAPER)
    figure.savefig(results.plot, dpi=120)

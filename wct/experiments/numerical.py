"""Time and error of the square root and its gradient, by batch, dimension and conditioning (the paper's figures 2, 3).

Random covariances A, their root Y, and the gradient of the sum of Y times random numbers; errors against float64,
relative in the Frobenius norm: of Y, and of the gradient.
"""

from statistics import median

from wct.experiments.results import Results, machine
from wct.experiments.roots import ALL, LITERAL, options

SQRTH = "torch.linalg.matrix_sqrth"
METHODS = (*ALL, SQRTH)
PAPER = ("The forms marked (paper) are those the paper measured on a GPU: one approximant, or five steps, whatever the "
         "conditioning. The others take as many steps as the conditioning asks for. Times are medians on this machine.")


def add_arguments(add):
    pass


def run(args):
    import torch

    results = Results(args.output, "numerical", machine(args.device) | {"quick": args.quick})
    seconds = 0.02 if args.quick else 0.5
    for method in args.methods:
        if method == SQRTH and not hasattr(torch.linalg, "matrix_sqrth"):
            continue  # this PyTorch is too old for it
        for n, batch, condition in grid(args.quick):
            key = f"{method} n={n} batch={batch} condition={condition:g}"
            results.add(key, measured, method, n, batch, condition, args.device, seconds)
    write(results, args)


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


def write(results, args):
    from matplotlib.figure import Figure

    rows = [row for row in results.rows.values() if row["method"] in args.methods]
    columns = ("method", "n", "batch", "condition", "forward_ms", "backward_ms", "error", "gradient_error")
    results.write_table("Square roots: time and error", columns, [[row[c] for c in columns] for row in rows], PAPER)
    figure = Figure(figsize=(16, 4), layout="constrained")
    panels = (("batch", "time", lambda r: (r["n"], r["condition"]) == (48, 1e2)),
              ("n", "time", lambda r: (r["batch"], r["condition"]) == (16, 1e2)),
              ("condition", "error", lambda r: (r["n"], r["batch"]) == (64, 1)),
              ("condition", "gradient_error", lambda r: (r["n"], r["batch"]) == (64, 1)))
    for axes, (x, y, chosen) in zip(figure.subplots(1, 4), panels):
        for method in dict.fromkeys(row["method"] for row in rows):
            line = sorted((r for r in rows if r["method"] == method and chosen(r)), key=lambda r: r[x])
            values = [r["forward_ms"] + r["backward_ms"] if y == "time" else r[y] for r in line]
            axes.loglog([r[x] for r in line], values, ":." if method.endswith(LITERAL) else ".-", label=method)
        axes.set(xlabel=x, ylabel="forward and backward, ms" if y == "time" else y.replace("_", " "))
    axes.legend(fontsize="small")
    figure.savefig(results.plot, dpi=150)

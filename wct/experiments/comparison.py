"""Nets that differ in one layer alone, trained alike: error, time and failures by the method of that layer's root."""

from pathlib import Path

from wct.experiments.results import Results, machine, mean_and_spread
from wct.experiments.roots import LITERAL, options
from wct.runtime.arguments import count

METHODS = ("auto", "mpa", "mtp", "newton_schulz", "eigh", "svd", "mpa" + LITERAL, "newton_schulz" + LITERAL)
HEADINGS = ["method", "error, %", "root, ms", "layer, ms", "step, ms", "steps skipped", "runs failed",
            "paper: error %, root ms"]
SPREAD = "Errors that lie within each other's spread, the standard deviation over the seeds, do not differ."


def add_arguments(add):
    add("--data", type=Path, required=True, metavar="DIR|ZIP", help="CIFAR-10 as pictures: train/CLASS/, test/CLASS/")
    add("--epochs", type=count, default=8, metavar="N", help="default: 8")
    add("--pictures", type=count, metavar="N", help="to train on, evenly of all classes (default: all there are)")
    add("--seeds", type=count, default=3, metavar="N", help="runs of each method (default: 3)")


def compare(args, name, make, layer, root, features, matrices, words, **training):
    """Train make(classes, method) with each of args.methods and, outermost, each seed; write table and plot.

    layer(method) -> the layer by itself, or None for a plain net without one, timed on features of a shape; root(A,
    ...) -> the root it takes, timed on `matrices`, (how many, n). words: title, the paper's figures by method, notes.
    training: what else `train` is told.
    """
    import torch

    from wct.experiments.cifar import load
    from wct.experiments.training import milliseconds, train, working_dtype
    from wct.runtime.trials import random_matrices

    epochs, seeds, repeats = (1, 1, 2) if args.quick else (args.epochs, args.seeds, 20)
    data = load(args.data, (640, 640) if args.quick else (args.pictures, None))
    settings = {"epochs": epochs, "pictures": len(data[0][1]), "dtype": working_dtype(args.device)}
    results = Results(args.output, name, machine(args.device) | settings)
    classes = int(data[0][1].max()) + 1

    def timed(method):
        row = {"method": method, "layer_ms": None, "root_ms": None}
        if (alone := layer(method)) is not None:
            x = torch.randn(features, device=args.device).to(memory_format=torch.channels_last)
            alone = alone.to(args.device)
            row["layer_ms"] = milliseconds(alone, x, list(alone.parameters()), repeats)
        if method in METHODS:
            A = random_matrices(*matrices, 1e2, torch.float32, args.device, 0)
            how = options(method)
            row["root_ms"] = milliseconds(lambda A: root(A, check_errors=False, **how), A, (), 5 * repeats)
        return row

    def trained(method, seed):
        row = train(lambda: make(classes, method), data, epochs, seed, args.device, **training)
        return {"method": method, "seed": seed, **row}

    for method in args.methods:
        results.add(f"{method} time", timed, method)
    for seed in range(seeds):
        for method in args.methods:
            results.add(f"{method} {seed}", trained, method, seed)
        write(results, args.methods, *words)


def write(results, methods, title, paper, notes):
    """A line for each method, means over the seeds, and a plot of error by the time of a step."""
    from matplotlib.figure import Figure

    figure, lines = Figure(figsize=(7, 5), layout="constrained"), []
    axes = figure.subplots()
    for method in methods:
        time = results.rows[f"{method} time"]
        runs = [row for row in results.rows.values() if row["method"] == method and "seed" in row]
        whole = [row for row in runs if row["failure"] is None]
        errors, steps = ([row[key] for row in whole] for key in ("error", "step_ms"))
        lines.append([method, mean_and_spread(errors), time["root_ms"], time["layer_ms"], mean_and_spread(steps),
                      sum(row["skipped"] for row in runs), len(runs) - len(whole), paper.get(method)])
        axes.plot(steps, errors, "o", label=method)
    results.write_table(title, [(HEADINGS, lines)], f"{notes} {SPREAD}")
    axes.set(xlabel="a step, ms", ylabel="error, %", title=title)
    axes.legend(fontsize="small")
    figure.savefig(results.plot, dpi=120)

"""Decorrelated batch normalisation in a small ResNet on CIFAR-10, by every root (the paper's table of ResNets).

The first normalisation of the net is decorrelated, as in the paper; all else is the same, and so are the seeds.
"""

from pathlib import Path

from wct.experiments.results import Results, machine, mean_and_spread
from wct.experiments.roots import LITERAL, options
from wct.runtime.arguments import count

PLAIN = "batch normalisation"
METHODS = (PLAIN, "auto", "mpa", "mtp", "newton_schulz", "eigh", "svd", "mpa" + LITERAL, "newton_schulz" + LITERAL)
PAPER = {"mpa" + LITERAL: "4.39, 2.52", "mtp": "4.49, 2.36", "newton_schulz" + LITERAL: "4.57, 2.96",
         "svd": "4.65, 3.39"}
CHANNELS = 32
NOTES = ("The paper: ResNet-18, 350 epochs, its MPA-Lya, MTP-Lya, NS and SVD-Padé, on a K40. Its MPA and NS are the "
         "forms marked (paper) here; its MTP and SVD-Padé have none of exactly that kind. Here the net is far smaller "
         "and trained shortly, so that errors compare within this table alone; those within each other's spread "
         "(standard deviation over the seeds) do not differ.")


def add_arguments(add):
    add("--data", type=Path, required=True, metavar="DIR|ZIP", help="CIFAR-10 as pictures: train/CLASS/, test/CLASS/")
    add("--epochs", type=count, default=8, metavar="N", help="default: 8")
    add("--pictures", type=count, metavar="N", help="to train on, evenly of all classes (default: all there are)")
    add("--seeds", type=count, default=3, metavar="N", help="runs of each method (default: 3)")


def run(args):
    import torch

    from wct.experiments.cifar import load
    from wct.experiments.networks import ResNet
    from wct.experiments.training import milliseconds, train, working_dtype

    epochs, seeds = (1, 1) if args.quick else (args.epochs, args.seeds)
    data = load(args.data, (1280, 1280) if args.quick else (args.pictures, None))
    settings = {"epochs": epochs, "pictures": len(data[0][1]), "dtype": working_dtype(args.device)}
    results = Results(args.output, "batchnorm", machine(args.device) | settings)
    classes = int(data[0][1].max()) + 1
    x = torch.randn(128, CHANNELS, *data[0][0].shape[2:], device=args.device).to(memory_format=torch.channels_last)

    def trained(method, seed):
        row = train(lambda: ResNet(classes, first=normalisation(method)), data, epochs, seed, args.device)
        layer = milliseconds(normalisation(method).to(args.device), x, 2 if args.quick else 20)
        return {"method": method, "seed": seed, "layer_ms": layer, **row}

    for seed in range(seeds):
        for method in args.methods:
            results.add(f"{method} {seed}", trained, method, seed)
        write(results, args.methods, "Decorrelated batch normalisation", PAPER, NOTES)


def normalisation(method):
    from torch import nn

    from wct.nn import DecorrelatedBatchNorm2d

    return nn.BatchNorm2d(CHANNELS) if method == PLAIN else DecorrelatedBatchNorm2d(CHANNELS, **options(method))


def write(results, methods, title, paper, notes):
    """A line for each method, means over the seeds, and a plot of error by time."""
    from matplotlib.figure import Figure

    lines, points = [], []
    for method in methods:
        rows = [row for row in results.rows.values() if row["method"] == method]
        errors = [row["error"] for row in rows if row["error"] is not None]
        times = [[row[key] for row in rows if row[key] is not None] for key in ("layer_ms", "step_ms")]
        failures = sum(row["failure"] is not None for row in rows)
        skipped = sum(row["skipped"] for row in rows)
        lines.append([method, *map(mean_and_spread, (errors, *times)), skipped, failures, paper.get(method)])
        points += [(method, errors, times[0])] if times[0] else []
    results.write_table(title, ["method", "error, %", "layer, ms", "step, ms", "steps skipped", "runs failed",
                                "paper: error %, ms"], lines, notes)
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    for method, errors, times in points:
        axes.plot(times[: len(errors)], errors, "o", label=method)
    axes.set(xlabel="forward and backward of the layer, ms", ylabel="error, %", title=title)
    axes.legend(fontsize="small")
    figure.savefig(results.plot, dpi=150)

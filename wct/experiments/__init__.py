"""The experiments of "Fast Differentiable Matrix Square Root", small: python -m wct.experiments NAME"""

import argparse
from pathlib import Path

from wct.experiments import batchnorm, numerical, pooling
from wct.runtime.arguments import list_of, one_of, require

EXPERIMENTS = {"numerical": numerical, "batchnorm": batchnorm, "pooling": pooling}


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="python -m wct.experiments",
        description="Repeat an experiment of Song, Sebe and Wang (ICLR 2022) in a small form, and write a table (JSON "
        "and Markdown) and a plot. What is finished is not done again, so an interrupted run resumes.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, experiment in EXPERIMENTS.items():
        command = commands.add_parser(name, help=experiment.__doc__.split("\n")[0], description=experiment.__doc__)
        add = command.add_argument
        add("--output", type=Path, default=Path("docs/experiments"), metavar="DIR", help="default: docs/experiments")
        add("--quick", action="store_true", help="two minutes, to see that it works; the figures mean little")
        add("--device", default="cpu", metavar="D", help="cpu (default), cuda, ...")
        add("--methods", type=list_of(one_of(*experiment.METHODS)), default=list(experiment.METHODS),
            metavar="M[,M...]", help=f"default: {','.join(experiment.METHODS)}")
        experiment.add_arguments(add)
        command.set_defaults(run=experiment.run)
    args = parser.parse_args(argv)
    require(parser, "matplotlib")
    try:
        from wct.runtime.device import choose_device

        args.device = choose_device(args.device)
        args.run(args)
    except (OSError, ValueError) as error:
        parser.error(str(error))

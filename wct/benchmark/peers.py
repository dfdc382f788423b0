"""Options for programs of others, which are named by the folders of their networks."""

from pathlib import Path

WHERE = {  # what an option's help says of its folder
    "adain": "a folder with the networks published with AdaIN, vgg_normalized.pth and decoder.pth",
    "microast": "the folder of MicroAST, net_microAST.py with its weights in models/",
}

NAMES = {"adain": "AdaIN", "microast": "MicroAST"}


def add_options(parser):
    """--adain and --microast."""
    for name, where in WHERE.items():
        parser.add_argument(f"--{name}", type=Path, metavar="DIR", help=where)


def named(args, parser):
    """{name: Peer} of the folders that were named; ends the program where one does not hold what it should."""
    found = {}
    for name, folder in ((name, getattr(args, name, None)) for name in WHERE):
        if folder:
            from wct.benchmark import published

            try:
                found[name] = {"adain": published.AdaIN, "microast": published.MicroAST}[name](folder)
            except Exception as error:  # a missing file, another network, no checkpoint at all
                parser.error(f"--{name} {folder}: {error}; name {WHERE[name]}")
    return found

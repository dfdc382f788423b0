"""Covariance pooling in a small ResNet and a small second-order vision transformer (the paper's table of So-ViT).

In both nets the covariances have 48 x 48 entries, as in the paper; "average" pools by means, or looks at the class
token alone.
"""

from wct.experiments import batchnorm
from wct.experiments.results import Results, machine
from wct.experiments.roots import LITERAL, options

PLAIN = "average"
METHODS = (PLAIN, "auto", "mpa", "mtp", "newton_schulz", "eigh", "svd", "mpa" + LITERAL, "newton_schulz" + LITERAL)
PAPER = {"mpa" + LITERAL: "23.16, 3.25", "newton_schulz" + LITERAL: "23.50, 10.38", "svd": "23.29, 83.25"}
CHANNELS, BATCH = 48, 64
NOTES = ("The paper: So-ViT-7 on ImageNet, its MPA-Lya, NS and SVD-Padé: top-1 76.84, 76.50 and 76.71 %, here as "
         "errors, and milliseconds of 64 covariances of 48 x 48 on its GPU. Its MPA and NS are the forms marked "
         "(paper) here. The layer's time is that of 64 covariances of 48 x 48, too; nets and pictures are far smaller. "
         "Errors within each other's spread (standard deviation over the seeds) do not differ.")


def add_arguments(add):
    batchnorm.add_arguments(add)
    add("--net", choices=("resnet", "vit", "both"), default="both", help="default: both, one after the other")


def run(args):
    for net in ("resnet", "vit") if args.net == "both" else (args.net,):
        run_net(args, net)


def run_net(args, net):
    import torch

    from wct.experiments.cifar import load
    from wct.experiments.networks import ResNet, SecondOrderViT
    from wct.experiments.training import milliseconds, train, working_dtype

    epochs, seeds = (1, 1) if args.quick else (args.epochs, args.seeds)
    data = load(args.data, (640, 640) if args.quick else (args.pictures, None))
    settings = {"epochs": epochs, "pictures": len(data[0][1]), "dtype": working_dtype(args.device)}
    results = Results(args.output, f"pooling-{net}", machine(args.device) | settings)
    classes = int(data[0][1].max()) + 1
    features = torch.randn(BATCH, CHANNELS, 8, 8, device=args.device)

    def make(method):
        if net == "vit":
            return SecondOrderViT(classes, pooling(method, tokens=True), reduced=CHANNELS)
        return ResNet(classes, pool=pooling(method), reduced=CHANNELS)

    def trained(method, seed):
        how = {"rate": 1e-3, "optimiser": "adamw"} if net == "vit" else {}
        row = train(lambda: make(method), data, epochs, seed, args.device, **how)
        layer = pooling(method)
        time = None if layer is None else milliseconds(layer, features, 2 if args.quick else 20)
        return {"method": method, "seed": seed, "layer_ms": time, **row}

    for seed in range(seeds):
        for method in args.methods:
            results.add(f"{method} {seed}", trained, method, seed)
        batchnorm.write(results, args.methods, f"Covariance pooling: {net}", PAPER, NOTES)


def pooling(method, tokens=False):
    from wct.nn import CovariancePooling

    return None if method == PLAIN else CovariancePooling(tokens=tokens, **options(method))

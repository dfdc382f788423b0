"""Covariance pooling in a small ResNet and a small second-order vision transformer (the paper's table of So-ViT).

In both nets the covariances have 48 x 48 entries, as in the paper; "average" pools by means, or looks at the class
token alone.
"""

from wct.experiments import comparison
from wct.experiments.roots import LITERAL, options

PLAIN = "average"
METHODS = (PLAIN, *comparison.METHODS)
PAPER = {"mpa" + LITERAL: "23.16, 3.25", "newton_schulz" + LITERAL: "23.50, 10.38", "svd": "23.29, 83.25"}
CHANNELS, BATCH = 48, 64
NOTES = ("The paper: So-ViT-7 on ImageNet, its MPA-Lya, NS and SVD-Padé: top-1 76.84, 76.50 and 76.71 %, here as "
         "errors, and the roots of 64 covariances of 48 x 48 on its GPU. Its MPA and NS are the forms marked (paper) "
         "here. Root and layer are those of 64 such covariances, forward and backward; nets and pictures are far "
         "smaller and the training is short, so that errors compare within this table alone.")


def add_arguments(add):
    comparison.add_arguments(add)
    add("--net", choices=("resnet", "vit", "both"), default="both", help="default: both, one after the other")


def run(args):
    from wct.experiments.networks import ResNet, SecondOrderViT
    from wct.sqrtm import matrix_sqrt

    def resnet(classes, method):
        return ResNet(classes, pool=pooling(method), reduced=CHANNELS)

    def vit(classes, method):
        return SecondOrderViT(classes, pooling(method, tokens=True), reduced=CHANNELS)

    nets = {"resnet": (resnet, {}), "vit": (vit, {"rate": 1e-3, "optimiser": "adamw"})}
    for net in nets if args.net == "both" else (args.net,):
        make, how = nets[net]
        comparison.compare(args, f"pooling-{net}", make, pooling, matrix_sqrt, (BATCH, CHANNELS, 8, 8),
                           (BATCH, CHANNELS), (f"Covariance pooling: {net}", PAPER, NOTES), **how)


def pooling(method, tokens=False):
    from wct.nn import CovariancePooling

    return None if method == PLAIN else CovariancePooling(tokens=tokens, **options(method))

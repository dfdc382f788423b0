"""Decorrelated batch normalisation in a small ResNet on CIFAR-10, by every root (the paper's table of ResNets).

The first normalisation of the net is decorrelated, as in the paper; all else is the same, and so are the seeds.
"""

from wct.experiments import comparison
from wct.experiments.roots import LITERAL, options

PLAIN = "batch normalisation"
METHODS = (PLAIN, *comparison.METHODS)
PAPER = {"mpa" + LITERAL: "4.39, 2.52", "mtp": "4.49, 2.36", "newton_schulz" + LITERAL: "4.57, 2.96",
         "svd": "4.65, 3.39"}
CHANNELS = 32
NOTES = ("The paper: ResNet-18, 350 epochs, its MPA-Lya, MTP-Lya, NS and SVD-Padé, the root of a covariance on a K40. "
         "Its MPA and NS are the forms marked (paper) here; its MTP and SVD-Padé have none of exactly that kind. Here "
         "the net is far smaller and trained shortly, so that errors compare within this table alone. The root is of "
         "one covariance of 32 x 32, the layer and its root are timed forward and backward.")
add_arguments = comparison.add_arguments


def run(args):
    from wct.experiments.networks import ResNet
    from wct.sqrtm import matrix_inverse_sqrt

    def make(classes, method):
        return ResNet(classes, first=normalisation(method))

    comparison.compare(args, "batchnorm", make, normalisation, matrix_inverse_sqrt, (128, CHANNELS, 32, 32),
                       (1, CHANNELS), ("Decorrelated batch normalisation", PAPER, NOTES))


def normalisation(method):
    from torch import nn

    from wct.nn import DecorrelatedBatchNorm2d

    return nn.BatchNorm2d(CHANNELS) if method == PLAIN else DecorrelatedBatchNorm2d(CHANNELS, **options(method))

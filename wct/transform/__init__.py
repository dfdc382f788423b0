"""Statistics of features, and the affine maps between those of two pictures."""

from wct.transform.affine import (
    AffineMap,
    adain,
    colouring,
    mixed,
    regularised,
    transport,
    whitening,
    zca,
)
from wct.transform.statistics import Moments, Statistics, statistics

__all__ = [
    "AffineMap", "Moments", "Statistics", "adain", "colouring", "mixed", "regularised", "statistics", "transport",
    "whitening", "zca",
]

"""Layers on wct.sqrtm: decorrelated batch normalisation and covariance pooling."""

from .decorrelated import DecorrelatedBatchNorm1d, DecorrelatedBatchNorm2d, DecorrelatedBatchNorm3d
from .pooling import CovariancePooling

__all__ = ["CovariancePooling", "DecorrelatedBatchNorm1d", "DecorrelatedBatchNorm2d", "DecorrelatedBatchNorm3d"]

"""Square roots and inverse square roots of symmetric positive definite matrices, batched and differentiable.

    >>> import torch
    >>> from wct.sqrtm import matrix_inverse_sqrt, residual
    >>> features = torch.randn(1000, 8, generator=torch.Generator().manual_seed(0))
    >>> covariance = features.mT @ features / 1000
    >>> bool(residual(covariance, matrix_inverse_sqrt(covariance)) < 1e-3)
    True

Methods, by name, and what they take besides `lower` and `tolerance`:

    auto                                     whichever is fastest for these matrices, the default
    mpa             degree, scaling, steps   diagonal Padé approximants, the paper's, made accurate
    zolotarev       degree, steps            the best rational approximants: fewest solves
    newton_schulz   scaling, steps           matrix products alone: for batches of small matrices
    mtp             degree, scaling, steps   Taylor polynomials
    eigh            steps                    exact, the reference; with steps=1 corrected
    svd                                      exact, the reference

Which one when, how they work and what they cost: wct/sqrtm/README.md.

Matrices that are singular, or too close to it for their dtype, are regularised: eigenvalues below eps lambda_max are
raised to about that (eigh, svd), or as small a multiple of the identity as makes the matrix definite is added (the
others). A zero matrix is taken as one with lambda_max = 1. So results are finite for every finite positive
semi-definite matrix of any scale, that of denormal numbers aside. A matrix is indefinite, which is an error, where its
least eigenvalue is below -max(n, 32) eps lambda_max.
"""

from .distances import bures_distance, frechet_distance
from .functions import (
    Checked,
    matrix_inverse_sqrt,
    matrix_inverse_sqrt_ex,
    matrix_sqrt,
    matrix_sqrt_ex,
    matrix_sqrt_pair,
    matrix_sqrt_pair_ex,
    residual,
)
from .ops import METHODS
from .product import matrix_inverse_sqrt_product

__all__ = [
    "METHODS",
    "Checked",
    "bures_distance",
    "frechet_distance",
    "matrix_inverse_sqrt",
    "matrix_inverse_sqrt_ex",
    "matrix_inverse_sqrt_product",
    "matrix_sqrt",
    "matrix_sqrt_ex",
    "matrix_sqrt_pair",
    "matrix_sqrt_pair_ex",
    "residual",
]

"""Square roots and inverse square roots of symmetric positive definite matrices, batched and differentiable.

    >>> from wct.sqrtm import matrix_sqrt, matrix_inverse_sqrt, matrix_sqrt_pair, residual
    >>> W = matrix_inverse_sqrt(covariance, lower=ridge)

Methods, by name, and what they take besides `lower`:

    mpa             degree, scaling, steps   diagonal Padé approximants, the default
    zolotarev       degree, steps            the best rational approximants: fewest solves
    newton_schulz   scaling, steps           matrix products alone: for batches of small matrices
    mtp             degree, scaling, steps   Taylor polynomials
    eigh, svd                                exact, the reference

`degree` is that of one approximant (the number of shifted solves of a rational one), `steps` how often it is
applied. Left alone, both are chosen so that the eigenvalues of W A W are 1 within 2e-4 in float32 and 2e-12
in float64, rounding aside. Rounding costs these methods about as many digits as the root of the condition
number has, eigh and svd as many as the condition number has.

scaling="frobenius" is the literal method of Song, Sebe and Wang (ICLR 2022): one approximant about
A = ||A||_F I, of degree 5 (mpa) or 10 (mtp), or five iterations of newton_schulz. It is exact for eigenvalues
near ||A||_F and far off for the small ones of an ill-conditioned matrix.

Gradients of every method solve the Lyapunov equation of the paper: Y X + X Y = G for Y = A^{1/2}, and W X + X
W = -W^2 G W^2 for W = A^{-1/2}: for eigh and svd in the eigenbasis, else by the matrix sign function or, on a
CPU, by Smith's doubling, in as many steps as the conditioning asks for, and in the eigenbasis again where n
is 128 or more and LAPACK is faster than either. They are finite where eigenvalues coincide, and can be
differentiated again.

Matrices that are singular, or too close to it for their dtype, are regularised: eigenvalues below
eps lambda_max are raised to about that (eigh, svd), or as small a multiple of the identity as makes the
matrix definite is added (the others; at first eps times a power of two that bounds lambda_max). A zero
matrix is taken as one with lambda_max = 1. So results are finite for every finite positive semi-definite
matrix of any scale, that of denormal numbers aside. The literal forms need no such help, as they are bounded
where an eigenvalue vanishes.
"""

import inspect

import torch

from .ops import METHODS, Roots

__all__ = ["METHODS", "matrix_inverse_sqrt", "matrix_sqrt", "matrix_sqrt_pair", "residual"]

_OPTIONS = {name: ["lower", *list(inspect.signature(f).parameters)[3:]] for name, f in METHODS.items()}


def _check_matrix(A, name):
    if not isinstance(A, torch.Tensor) or not A.is_floating_point():
        kind = getattr(A, "dtype", type(A).__name__)
        raise ValueError(f"{name}: expected a floating-point tensor, got {kind}")
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise ValueError(f"{name}: expected square matrices (..., n, n), got the shape {tuple(A.shape)}")


def _check_options(method, options, name):
    if method not in METHODS:
        raise ValueError(f"{name}: unknown method {method!r}; there are {', '.join(METHODS)}")
    for option, value in options.items():
        if option not in _OPTIONS[method]:
            raise ValueError(f"{name}: {method} takes no {option!r}; it takes {', '.join(_OPTIONS[method])}")
        if option == "scaling" and value not in ("spectrum", "frobenius"):
            raise ValueError(f"{name}: scaling is 'spectrum' or 'frobenius', not {value!r}")
        if option in ("degree", "steps") and value is not None and (not isinstance(value, int) or value < 1):
            raise ValueError(f"{name}: {option} is a positive whole number, not {value!r}")
    if options.get("scaling") == "frobenius" and options.get("steps") and method != "newton_schulz":
        raise ValueError(f"{name}: the literal {method} is applied once and takes no steps")


def _roots(A, method, options, want, name):
    _check_matrix(A, name)
    _check_options(method, options, name)
    lower, dtype = options.get("lower"), A.dtype
    if dtype not in (torch.float32, torch.float64):
        A = A.float()
    if lower is not None:
        lower = torch.as_tensor(lower, dtype=A.dtype, device=A.device).detach()
        try:
            lower = lower.expand(A.shape[:-2])
        except RuntimeError:
            shapes = f"{tuple(lower.shape)} does not broadcast to the leading {tuple(A.shape[:-2])}"
            raise ValueError(f"{name}: lower of shape {shapes} of the matrices") from None
    Y, W, _, _ = Roots.apply(A, lower, method, want, *map(options.get, ("degree", "scaling", "steps")))
    return Y.to(dtype), W.to(dtype)


def matrix_sqrt(A, method="mpa", **options):
    r"""The symmetric positive semi-definite square root :math:`Y = A^{1/2}`, :math:`Y Y = A`.

    Args:
        A (Tensor): symmetric positive semi-definite matrices of shape `(..., n, n)`, with any number of
            leading dimensions. Asymmetry within rounding is averaged away.
        method (str): a key of :data:`METHODS`.
        lower (float or Tensor, optional): a number no eigenvalue of `A` is below, broadcast to the leading
            dimensions of `A`, for instance the ridge that was added to a covariance. Without it the methods
            that need a bound spend a Cholesky inverse on one. Not differentiated.
        degree, scaling, steps: see the list of methods in :mod:`wct.sqrtm`.

    Returns:
        Tensor: of the shape, dtype and device of `A`. float32 and float64 are computed as they are, half
        precisions in float32; autocast is off inside.

    Raises:
        ValueError: if `A` is not a floating-point tensor, not square, contains NaN or infinity or is not
            symmetric, if `lower` is NaN or of another shape, or if the method or an option does not exist.

    Differentiable any number of times by the Lyapunov equation. Works under torch.compile(fullgraph=True) and
    torch.func.vmap.
    """
    return _roots(A, method, options, "sqrt", "matrix_sqrt")[0]


def matrix_inverse_sqrt(A, method="mpa", **options):
    r"""The inverse square root :math:`W = A^{-1/2}`, :math:`W A W = I`; if singular, see :mod:`wct.sqrtm`.

    Arguments, result and errors are those of :func:`matrix_sqrt`.
    """
    return _roots(A, method, options, "inverse", "matrix_inverse_sqrt")[1]


def matrix_sqrt_pair(A, method="mpa", **options):
    r"""`(A^{1/2}, A^{-1/2})` for barely more than one of them costs; the gradient is one Lyapunov equation.

    Arguments and errors are those of :func:`matrix_sqrt`.
    """
    return _roots(A, method, options, "pair", "matrix_sqrt_pair")


def residual(A, W):
    r""":math:`\|W A W - I\|_F / \sqrt n` per matrix: 0 for the exact inverse square root, 1 for `W = 0`.

    Args:
        A, W (Tensor): of shape `(..., n, n)`. Computed in their dtype.

    Returns:
        Tensor: of shape `(...)`.
    """
    n = A.shape[-1]
    error = W @ A @ W - torch.eye(n, dtype=A.dtype, device=A.device)
    return torch.linalg.matrix_norm(error) / max(n, 1) ** 0.5

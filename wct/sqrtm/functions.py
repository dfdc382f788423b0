"""The public functions, and what they accept."""

from typing import NamedTuple

import torch
from torch import Tensor

from .arguments import check_matrix, checked_lower, checked_options
from .autograd import differentiable_roots
from .choice import choose
from .ops import autocast


class Checked(NamedTuple):
    """What a function whose name ends in `_ex` returns.

    result: a tensor (..., n, n), or a pair of them; NaN where `info` is 1 or 3. info (...), int32: 0 where all is well,
    1 for NaN or infinity in A, 2 for a matrix that is not symmetric, 3 for an indefinite one, 4 for one with an
    eigenvalue below `lower`. residual (...): ||W A W - I||_F / sqrt(n), or ||Y Y - A||_F / ||A||_F where the square
    root alone was asked for.
    """

    result: Tensor | tuple[Tensor, Tensor]
    info: Tensor
    residual: Tensor


def matrix_sqrt(
    A: Tensor, method: str = "auto", *, lower: float | Tensor | None = None, degree: int | None = None,
    scaling: str | None = None, steps: int | None = None, tolerance: float | None = None, check_errors: bool = True,
) -> Tensor:
    r"""The symmetric positive semi-definite square root :math:`Y = A^{1/2}`, :math:`Y Y = A`.

    Args:
        A: symmetric positive semi-definite or complex Hermitian matrices of shape `(..., n, n)`, with any number of
            leading dimensions. Asymmetry within rounding is averaged away.
        method: "auto", the fastest that is accurate here, or a key of :data:`METHODS`.
        lower: a number no eigenvalue of `A` is below, broadcast to the leading dimensions of `A`, for instance the
            ridge that was added to a covariance. It saves the inverse that a bound costs otherwise. A number that is
            within rounding of zero, compared to the greatest eigenvalue, is not used. Not differentiated.
        degree: that of one approximant; the number of shifted solves of a rational one.
        scaling: "spectrum" (default), or "frobenius" for the literal method of the paper.
        steps: how often the approximant is applied; of eigh, how often its result is corrected.
        tolerance: how far the eigenvalues of :math:`W A W` may be below 1, rounding aside; 2e-4 in float32 and 2e-12
            in float64 by default. 1e-2 or 1e-3 do in training and save a few products, and the correction of eigh
            where its digits suffice.
        check_errors: without, nothing is looked at. NaN then stays in its own matrix, and what is not positive
            definite gives NaN or a number without meaning.

    Returns:
        Of the shape, dtype and device of `A`. float32 and float64 are computed as they are, half precisions in
        float32; autocast is off inside, and under it halves give float32, as those of torch.linalg do.

    Raises:
        ValueError: if `A` is not a floating-point tensor, not square, contains NaN or infinity, is not symmetric, or
            is indefinite by more than rounding, max(n, 32) eps lambda_max; if `lower` is NaN, of another shape or no
            bound; if there is no such method, or if it does not take an option.

    Differentiable any number of times, backward and forward, by the Lyapunov equation :math:`Y X + X Y = G` (Song,
    Sebe and Wang, "Fast Differentiable Matrix Square Root", ICLR 2022, section 3.3). Works under
    torch.compile(fullgraph=True), torch.export and torch.func.

    Example:
        >>> import torch
        >>> from wct.sqrtm import matrix_sqrt
        >>> A = torch.tensor([[5.0, 4.0], [4.0, 5.0]])
        >>> matrix_sqrt(A)
        tensor([[2., 1.],
                [1., 2.]])
    """
    return _roots(A, method, "sqrt", "matrix_sqrt", check_errors, lower, degree, scaling, steps, tolerance)[0]


def matrix_inverse_sqrt(
    A: Tensor, method: str = "auto", *, lower: float | Tensor | None = None, degree: int | None = None,
    scaling: str | None = None, steps: int | None = None, tolerance: float | None = None, check_errors: bool = True,
) -> Tensor:
    r"""The inverse square root :math:`W = A^{-1/2}`, :math:`W A W = I`.

    A singular matrix is regularised: see :mod:`wct.sqrtm`. Arguments, result and errors are those of
    :func:`matrix_sqrt`; the gradient solves :math:`W X + X W = -W^2 G W^2`.

    Example:
        >>> import torch
        >>> from wct.sqrtm import matrix_inverse_sqrt
        >>> matrix_inverse_sqrt(torch.diag(torch.tensor([4.0, 0.25])))
        tensor([[0.5000, 0.0000],
                [0.0000, 2.0000]])
    """
    options = lower, degree, scaling, steps, tolerance
    return _roots(A, method, "inverse", "matrix_inverse_sqrt", check_errors, *options)[1]


def matrix_sqrt_pair(
    A: Tensor, method: str = "auto", *, lower: float | Tensor | None = None, degree: int | None = None,
    scaling: str | None = None, steps: int | None = None, tolerance: float | None = None, check_errors: bool = True,
) -> tuple[Tensor, Tensor]:
    r""":math:`(A^{1/2}, A^{-1/2})` for barely more than one of them costs; the gradient is one Lyapunov equation.

    Arguments and errors are those of :func:`matrix_sqrt`.

    Example:
        >>> import torch
        >>> from wct.sqrtm import matrix_sqrt_pair
        >>> Y, W = matrix_sqrt_pair(torch.eye(3) * 4)
        >>> torch.allclose(Y @ W, torch.eye(3))
        True
    """
    return _roots(A, method, "pair", "matrix_sqrt_pair", check_errors, lower, degree, scaling, steps, tolerance)[:2]


def matrix_sqrt_ex(
    A: Tensor, method: str = "auto", *, lower: float | Tensor | None = None, degree: int | None = None,
    scaling: str | None = None, steps: int | None = None, tolerance: float | None = None,
) -> Checked:
    """:func:`matrix_sqrt`, with what is wrong with a matrix returned in place of raised: see :class:`Checked`.

    On an accelerator nothing of the matrices is read, so that nothing waits: the approximate methods then take as many
    steps as the worst conditioning that the dtype knows, and only eigh and svd synchronise, as torch.linalg does.

    Example:
        >>> import torch
        >>> from wct.sqrtm import matrix_sqrt_ex
        >>> result, info, residual = matrix_sqrt_ex(torch.stack([torch.eye(4), -torch.eye(4)]))
        >>> info
        tensor([0, 3], dtype=torch.int32)
    """
    Y, _, info = _roots(A, method, "sqrt", "matrix_sqrt_ex", None, lower, degree, scaling, steps, tolerance)
    with torch.no_grad():
        error = torch.linalg.matrix_norm(Y @ Y - A) / torch.linalg.matrix_norm(A)
    return Checked(Y, info, error)


def matrix_inverse_sqrt_ex(
    A: Tensor, method: str = "auto", *, lower: float | Tensor | None = None, degree: int | None = None,
    scaling: str | None = None, steps: int | None = None, tolerance: float | None = None,
) -> Checked:
    """:func:`matrix_inverse_sqrt` as :func:`matrix_sqrt_ex` is to :func:`matrix_sqrt`.

    Example:
        >>> import torch
        >>> from wct.sqrtm import matrix_inverse_sqrt_ex
        >>> matrix_inverse_sqrt_ex(torch.eye(4), lower=3.0).info
        tensor(4, dtype=torch.int32)
    """
    _, W, info = _roots(A, method, "inverse", "matrix_inverse_sqrt_ex", None, lower, degree, scaling, steps, tolerance)
    with torch.no_grad():
        return Checked(W, info, residual(A, W))


def matrix_sqrt_pair_ex(
    A: Tensor, method: str = "auto", *, lower: float | Tensor | None = None, degree: int | None = None,
    scaling: str | None = None, steps: int | None = None, tolerance: float | None = None,
) -> Checked:
    """:func:`matrix_sqrt_pair` as :func:`matrix_sqrt_ex` is to :func:`matrix_sqrt`; `result` is the pair."""
    Y, W, info = _roots(A, method, "pair", "matrix_sqrt_pair_ex", None, lower, degree, scaling, steps, tolerance)
    with torch.no_grad():
        return Checked((Y, W), info, residual(A, W))


def residual(A: Tensor, W: Tensor) -> Tensor:
    r""":math:`\|W A W - I\|_F / \sqrt n` per matrix: 0 for the exact inverse square root, 1 for `W = 0`.

    Args:
        A, W: of shape `(..., n, n)`. Computed in their dtype.

    Returns:
        Of shape `(...)`.

    Example:
        >>> import torch
        >>> from wct.sqrtm import residual
        >>> residual(4 * torch.eye(3), torch.eye(3))
        tensor(3.)
    """
    n = A.shape[-1]
    error = W @ A @ W - torch.eye(n, dtype=A.dtype, device=A.device)
    return torch.linalg.matrix_norm(error) / max(n, 1) ** 0.5


def _roots(A, method, want, name, check_errors, lower, degree, scaling, steps, tolerance):
    """Y, W and info (of check_errors=None), in the dtype that is promised."""
    check_matrix(A, name)
    if method != "auto" or (degree, scaling, steps, tolerance) != (None, None, None, None):
        degree, steps = checked_options(name, method, degree, scaling, steps, tolerance)
    if A.is_complex():
        if scaling == "frobenius":
            raise ValueError(f"{name}: the literal {method} takes real matrices")
        return _of_complex(A, method, want, name, check_errors, lower, degree, scaling, steps, tolerance)
    dtype = A.dtype
    eps = torch.finfo(dtype).eps
    if dtype not in (torch.float32, torch.float64):
        A = A.float()
        if autocast(A):
            dtype = torch.float32
    if lower is not None:
        lower = checked_lower(lower, A, name)
    if method == "auto":
        method, steps = choose(A, torch.is_grad_enabled() and A.requires_grad, lower is not None, tolerance)
    errors = "return" if check_errors is None else "raise" if check_errors else "ignore"
    Y, W, _, _, info = differentiable_roots(A, lower, method, want, degree, scaling, steps, tolerance, errors, eps)
    return (Y, W, info) if Y.dtype == dtype else (Y.to(dtype), W.to(dtype), info)


def root(A, want, eps, method=None, steps=None, lower=None, tolerance=None):
    """A^{1/2} (want="sqrt") or A^{-1/2} ("inverse") of real A that is known to be as accurate as eps."""
    lower = None if lower is None else checked_lower(lower, A, "root")
    if method is None:
        method, steps = choose(A, torch.is_grad_enabled() and A.requires_grad, lower is not None, tolerance)
    Y, W, *_ = differentiable_roots(A, lower, method, want, None, None, steps, tolerance, "raise", eps)
    return Y if want == "sqrt" else W


def _of_complex(A, *arguments):
    """The same for Hermitian A = R + iJ, by the real symmetric [[R, -J], [J, R]], whose roots are of that form."""
    n = A.shape[-1]
    R, J = A.real, A.imag
    doubled = torch.cat([torch.cat([R, -J], -1), torch.cat([J, R], -1)], -2)
    Y, W, info = _roots(doubled, *arguments)

    def back(M):
        if not M.numel():
            return M.to(A.dtype)
        first, last = M[..., :n, :], M[..., n:, :]
        return torch.complex((first[..., :n] + last[..., n:]) / 2, (last[..., :n] - first[..., n:]) / 2)

    return back(Y), back(W), info

"""svd and eigh: the exact references. Eigenvalues below eps lambda_max are raised to eps lambda_max."""

import torch


def eigenvectors(A, decompose):
    """Eigenvalues and eigenvectors; NaN where the routine converges neither as it is nor in float64."""
    try:
        return decompose(A)
    except torch.linalg.LinAlgError:
        if len(A) > 1:
            return tuple(map(torch.cat, zip(*(eigenvectors(matrix, decompose) for matrix in A.split(1)))))
    try:
        return tuple(x.to(A) for x in decompose(A.cpu().double()))
    except torch.linalg.LinAlgError:
        return torch.full_like(A[..., 0], float("nan")), torch.full_like(A, float("nan"))


def _roots(A, want, decompose):
    values, vectors = eigenvectors(A, decompose)
    largest = values.amax(-1, keepdim=True)
    floor = torch.finfo(A.dtype).eps * torch.where(largest > 0, largest, 1)
    roots = values.maximum(floor).sqrt()
    Y = None if want == "inverse" else (vectors * roots[:, None, :]) @ vectors.mT
    W = None if want == "sqrt" else (vectors / roots[:, None, :]) @ vectors.mT
    return Y, W, roots, vectors


def eigh(A, bounds, want):
    """A = V diag(s) V^T; A^{1/2} = V diag(s^{1/2}) V^T, A^{-1/2} = V diag(s^{-1/2}) V^T."""
    return _roots(A, want, lambda A: tuple(torch.linalg.eigh(A)))


def svd(A, bounds, want):
    """A = U diag(s) V^T, where U = V as A is symmetric; the roots as for `eigh`."""
    return _roots(A, want, lambda A: torch.linalg.svd(A)[1::-1])

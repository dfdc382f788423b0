"""What one call of an operator is told, and how it judges the matrices it is given."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .spectrum import definite, largest, rounding, symmetrise

NON_FINITE, ASYMMETRIC, INDEFINITE, WRONG_LOWER = 1, 2, 3, 4  # `info`; 0 where nothing is wrong


@dataclass
class Job:
    """A call for matrices A (B, n, n), and what is found out about them.

    want: "sqrt", "inverse" or "pair". errors: "raise" a ValueError, "return" what is wrong with each matrix as `info`,
    or "ignore", which looks at nothing. eps: of the dtype A came in. tolerance: of the eigenvalues of W A W, or None.
    lower, upper: bounds of the spectrum (B,), the first told by the caller or None; of A / scale^2, as `A` is below.
    """

    want: str
    errors: str
    eps: float
    tolerance: float | None = None
    lower: Tensor | None = None
    upper: Tensor | None = None
    scale: Tensor | None = None
    info: Tensor | None = None

    def reads(self, A):
        """Whether values may be read, which on an accelerator waits for all that was asked of it before."""
        return A.device.type == "cpu" or self.errors == "raise"

    def inspect(self, A):
        """(A + A^T) / 2 and, where it was looked at, max |a_ij| of it, (B,)."""
        average = symmetrise(A)
        if self.errors == "ignore":
            return average, None
        size = largest(average)
        symmetric = largest(A - average) <= max(1e-3, 8 * self.eps) / 2 * size  # False where there is NaN
        if self.errors == "return":
            finite = A.isfinite().flatten(1).all(1)
            self.info = torch.where(symmetric, 0, torch.where(finite, ASYMMETRIC, NON_FINITE)).int()
        elif not symmetric.all():
            raise ValueError("the matrix is not symmetric: A and its transpose differ by more than rounding"
                             if A.isfinite().all() else "the matrix contains NaN or infinity")
        return average, size

    def trusted(self, A):
        """`lower`, or None where it is so small that A, as rounded as it is, may have eigenvalues below."""
        if self.lower is None or not self.reads(A):
            return self.lower
        least = 4 * max(A.shape[-1], 32) ** 0.5 * self.eps
        return self.lower if (self.lower >= least * self.upper).all() else None

    def certify(self, A, lower=None):
        """Find the matrices that are indefinite, or have an eigenvalue below half of `lower`, by a Cholesky factor."""
        if self.errors == "ignore":
            return
        margin = rounding(A.shape[-1], self.eps) * self.upper
        bad = ~definite(A, margin if lower is None else -lower / 2)
        self._report(A, bad if lower is None or self.errors == "raise" else ~definite(A, margin), bad)

    def judge(self, A, values):
        """The same where the eigenvalues (B, n) are known, in ascending order."""
        if self.errors == "ignore":
            return
        least, margin = values[:, 0], rounding(A.shape[-1], self.eps) * values[:, -1]
        indefinite = least < -margin  # where the greatest is negative, too
        bad = indefinite if self.lower is None else indefinite | (least < self.lower / 2 - margin)
        self._report(A, indefinite, bad)

    def _report(self, A, indefinite, bad):
        if self.errors == "return":
            found = torch.where(indefinite, INDEFINITE, torch.where(bad, WRONG_LOWER, 0))
            self.info = torch.where(self.info == 0, found, self.info).int()
        elif bad.any():
            raise ValueError(self._fault(A, int(bad.nonzero()[0, 0])))

    def _fault(self, A, index):
        """What is wrong with a matrix by its eigenvalues in float64: the same words whatever the method."""
        values = torch.linalg.eigvalsh(A[index].cpu().double())
        unit = 1.0 if self.scale is None else self.scale[index].item() ** 2
        least, greatest = values[0].item(), values[-1].item()
        name = f"matrix {index} of the batch" if len(A) > 1 else "the matrix"
        beyond = least < -rounding(A.shape[-1], self.eps) * max(-least, greatest)
        if beyond or self.lower is None:
            return (f"{name} is indefinite: its least eigenvalue is {least * unit:.4g}, its greatest "
                    f"{greatest * unit:.4g}")
        return (f"{name} has the least eigenvalue {least * unit:.4g}, below lower = "
                f"{self.lower[index].item() * unit:.4g}: lower is a number that no eigenvalue is below")

"""Batch normalisation that makes channels uncorrelated, too: ZCA whitening of a batch."""

import torch
from torch import Tensor, nn

from wct.sqrtm import matrix_inverse_sqrt

from .roots import add_ridge, describe, root_options


class _DecorrelatedBatchNorm(nn.Module):
    """Decorrelated batch normalisation (Huang, Yang, Lang, Deng, "Decorrelated Batch Normalization", CVPR 2018):

        y = gamma * (C + eps I)^{-1/2} (x - mu) + beta,

    with mean mu (n) and covariance C (n, n) of a batch over all positions, of each group of n channels by itself. ZCA's
    symmetric root turns the channels least of all that whiten them.

    Args:
        num_features: channels of the input.
        eps: added to every variance. Larger than that of torch.nn.BatchNorm, as the covariance of many channels over
            few positions is singular, and its inverse root is 1 / sqrt(eps) there.
        momentum: what a batch counts in the running mean and whitening matrix; None for the plain average of all.
        affine: whether gamma and beta, `weight` and `bias` (num_features,), are learnt.
        track_running_stats: whether evaluation uses the running mean and whitening matrix; else the batch's own.
        groups: how many groups of channels are whitened by themselves; fewer positions do for smaller ones.
        method, degree, scaling, steps, tolerance, check_errors: see :func:`wct.sqrtm.matrix_inverse_sqrt`. By default
            nothing is checked, so that a GradScaler may find the NaN of a batch and skip it.
        synchronise: take the statistics over all processes of `process_group` (torch.distributed; None is the default
            group), as torch.nn.SyncBatchNorm does, of batches that may differ in size; alone, where there are none.

    Statistics and roots are computed in float32 at least; the output has the dtype and the memory format of the input.
    A batch that gives NaN or infinity leaves the running statistics as they were.

    Raises:
        ValueError: for an input of another number of dimensions or channels, or, while training, of one value per
            channel; at construction for groups that do not divide num_features and for options that do not exist.
    """

    dimensions: tuple[int, ...]

    def __init__(
        self, num_features: int, eps: float = 1e-3, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, *, groups: int = 1, method: str = "auto", degree: int | None = None,
        scaling: str | None = None, steps: int | None = None, tolerance: float | None = None,
        check_errors: bool = False, synchronise: bool = False, process_group=None, device=None, dtype=None,
    ):
        super().__init__()
        if groups < 1 or num_features % groups:
            raise ValueError(f"{num_features} channels cannot be in {groups} groups of the same size")
        if not eps > 0:
            raise ValueError(f"eps is a positive number, not {eps!r}")
        self.num_features, self.groups, self.eps, self.momentum = num_features, groups, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.synchronise, self.process_group = synchronise, process_group
        self.root_options = root_options(method, degree, scaling, steps, tolerance, check_errors)
        there = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty(num_features, **there)) if affine else None
        self.bias = nn.Parameter(torch.empty(num_features, **there)) if affine else None
        size = num_features // groups
        running = track_running_stats
        self.register_buffer("running_mean", torch.empty(num_features, **there) if running else None)
        self.register_buffer("running_whitening", torch.empty(groups, size, size, **there) if running else None)
        count = torch.empty((), dtype=torch.long, device=device) if running else None
        self.register_buffer("num_batches_tracked", count)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Mean 0 and the identity for a whitening matrix, of no batch."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_whitening.copy_(torch.eye(self.running_whitening.shape[-1]))
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """The running statistics as above, gamma 1 and beta 0."""
        self.reset_running_stats()
        if self.affine:
            nn.init.ones_(self.weight)
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, *) -> (N, C, *)."""
        if x.ndim not in self.dimensions or x.shape[1] != self.num_features:
            dimensions = " or ".join(map(str, self.dimensions))
            raise ValueError(f"{type(self).__name__}: expected {dimensions} dimensions and {self.num_features} "
                             f"channels, got the shape {tuple(x.shape)}")
        with torch.autocast(x.device.type, enabled=False):
            X = _grouped(x, self.groups).to(torch.promote_types(x.dtype, torch.float32))  # (B, groups, n, L)
            if self.training or not self.track_running_stats:
                if X.shape[0] * X.shape[3] == 1 and not self._synchronised():
                    raise ValueError(f"{type(self).__name__}: a batch of one value per channel has no covariance: "
                                     f"{tuple(x.shape)}")
                centred, mean, whitening = self._statistics(X)
                if self.training and self.track_running_stats:
                    self._track(mean.detach(), whitening.detach())
            else:
                centred = X - self.running_mean.to(X.dtype).view(self.groups, -1, 1)
                whitening = self.running_whitening.to(X.dtype)
            if self.affine:
                whitening = self.weight.to(X.dtype).view(self.groups, -1, 1) * whitening
            Y = whitening @ centred if centred.is_contiguous() else (centred.mT @ whitening.mT).mT
            if self.affine:
                Y = Y + self.bias.to(X.dtype).view(self.groups, -1, 1)
            return _ungrouped(Y.to(x.dtype), x)

    def _statistics(self, X):
        """X - mu for X (B, groups, n, L), mu (groups, n) and (C + eps I)^{-1/2} (groups, n, n)."""
        count = X.shape[0] * X.shape[3]
        total = X.sum((0, 3))
        if self._synchronised():
            total, count = self._over_processes(total, count)
        mean = total / count
        centred = X - mean[..., None]
        scatter = (centred @ centred.mT).sum(0)
        if self._synchronised():
            scatter = self._sum(scatter)
        covariance = add_ridge(scatter / count, self.eps)
        return centred, mean, matrix_inverse_sqrt(covariance, lower=self.eps, **self.root_options)

    def _over_processes(self, total, count):
        counted = torch.cat([total.flatten(), total.new_full((1,), count)])
        counted = self._sum(counted)
        return counted[:-1].view_as(total), counted[-1].detach()

    def _sum(self, x):
        from torch.distributed.nn.functional import all_reduce  # differentiable

        return all_reduce(x, group=self.process_group or torch.distributed.group.WORLD)

    def _synchronised(self):
        return self.synchronise and torch.distributed.is_available() and torch.distributed.is_initialized()

    def _track(self, mean, whitening):
        """What is not finite leaves all as it was; nothing is read back from the device to see it."""
        finite = mean.isfinite().all() & whitening.isfinite().all()
        self.num_batches_tracked += finite
        share = 1 / self.num_batches_tracked.clamp(min=1) if self.momentum is None else self.momentum
        for running, new in ((self.running_mean, mean.flatten()), (self.running_whitening, whitening)):
            running.copy_(torch.where(finite, running + share * (new - running), running))

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"track_running_stats={self.track_running_stats}, groups={self.groups}{describe(self.root_options)}")


def _channels_last(x):
    """Whether channels are next to each other in memory, as in the memory format channels_last and in (N, C)."""
    return x.shape[1] > 1 and x.stride(1) == 1 and not (x.is_contiguous() and x.ndim > 2)


def _grouped(x, groups):
    """A view (B, groups, n, L) of (N, C, *): all images, or where channels come last one of all positions."""
    if _channels_last(x):
        return x.movedim(1, -1).reshape(-1, groups, x.shape[1] // groups).permute(1, 2, 0)[None]
    return x.reshape(x.shape[0], groups, x.shape[1] // groups, -1)


def _ungrouped(Y, x):
    """`_grouped` undone, in the memory format of x."""
    if not _channels_last(x):
        return Y.reshape(x.shape).contiguous()
    last = Y[0].permute(2, 0, 1).reshape(x.shape[0], *x.shape[2:], x.shape[1])
    return last.movedim(-1, 1)


class DecorrelatedBatchNorm1d(_DecorrelatedBatchNorm):
    __doc__ = _DecorrelatedBatchNorm.__doc__ + """
    Shape: (N, C) or (N, C, L), and the same out.

    Example:
        >>> import torch
        >>> from wct.nn import DecorrelatedBatchNorm1d
        >>> y = DecorrelatedBatchNorm1d(8)(torch.randn(1000, 8))
        >>> torch.allclose(y.mT @ y / 1000, torch.eye(8), atol=1e-2)
        True
    """
    dimensions = (2, 3)


class DecorrelatedBatchNorm2d(_DecorrelatedBatchNorm):
    __doc__ = _DecorrelatedBatchNorm.__doc__ + """
    Shape: (N, C, H, W), and the same out.

    Example:
        >>> import torch
        >>> from wct.nn import DecorrelatedBatchNorm2d
        >>> DecorrelatedBatchNorm2d(64, groups=4, method="newton_schulz")(torch.randn(2, 64, 14, 14)).shape
        torch.Size([2, 64, 14, 14])
    """
    dimensions = (4,)


class DecorrelatedBatchNorm3d(_DecorrelatedBatchNorm):
    __doc__ = _DecorrelatedBatchNorm.__doc__ + """
    Shape: (N, C, D, H, W), and the same out.

    Example:
        >>> import torch
        >>> from wct.nn import DecorrelatedBatchNorm3d
        >>> DecorrelatedBatchNorm3d(4)(torch.randn(2, 4, 3, 5, 5)).shape
        torch.Size([2, 4, 3, 5, 5])
    """
    dimensions = (5,)

"""What of features the transforms see: their mean and covariance, as a whole or gathered from parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch


@dataclass(frozen=True)
class Statistics:
    """Mean (..., n) and covariance (..., n, n) of features, float32 or float64."""

    mean: torch.Tensor
    covariance: torch.Tensor
    _kept: dict = field(default_factory=dict, repr=False, compare=False)

    def kept(self, function: Callable, ridge: float, method: str) -> torch.Tensor:
        """`function(self, ridge, method)`, a root of the covariance; the latest by each method is remembered, but
        where gradients are wanted."""
        if torch.is_grad_enabled():
            return function(self, ridge, method)
        known, matrix = self._kept.get((function, method), (None, None))
        if known != ridge:
            matrix = function(self, ridge, method)
            self._kept[function, method] = ridge, matrix
        return matrix


def statistics(features: torch.Tensor, weight: torch.Tensor | None = None) -> Statistics:
    """Mean and covariance over the positions of features (B, n, h, w), in float32 at least.

    weight: how much each position counts, (1 or B, 1, h, w), not negative and not all zero; by default all the same.
    The covariance divides by the sum of the weights; a single position has covariance zero.
    """
    with torch.autocast(features.device.type, enabled=False):
        flat = features.permute(0, 2, 3, 1).to(torch.promote_types(features.dtype, torch.float32)).flatten(1, 2)
        counts = flat.new_ones(1, 1, flat.shape[1]) if weight is None else weight.to(flat.dtype).flatten(2)
        total = counts.sum(2, keepdim=True)  # (1 or B, 1, 1)
        mean = counts @ flat / total  # (B, 1, n)
        centred = flat - mean
        weighted = centred if weight is None else counts.mT * centred
        return Statistics(mean[:, 0], weighted.mT @ centred / total)


@dataclass(frozen=True)
class Moments:
    """Sums over the positions of features f with weights w: those of a whole are the sum of those of its parts.

    count: sum w (B,). first: sum w f (B, n). second: sum w f f^T (B, n, n). All are float64, so that the order of the
    parts does not show; on the CPU where the device has no float64.
    """

    count: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor

    @staticmethod
    def of(features: torch.Tensor, weight: torch.Tensor | None = None) -> Moments:
        """Those of features (B, n, h, w); weight, (1 or B, 1, h, w), may be zero everywhere."""
        with torch.autocast(features.device.type, enabled=False):
            if weight is None:
                total = features.new_tensor(features[0, 0].numel(), dtype=torch.float32)
            else:
                weight = weight.float()
                total = weight.sum((1, 2, 3))
            # where nothing counts, everything is summed up and then multiplied by zero
            part = statistics(features, None if weight is None else weight + (total == 0).view(-1, 1, 1, 1))
            count, mean, covariance = (off_mps(x).double() for x in (total, part.mean, part.covariance))
            count = count.expand(len(mean))
            second = covariance + mean[:, :, None] * mean[:, None, :]
            return Moments(count, count[:, None] * mean, count[:, None, None] * second)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.count + other.count, self.first + other.first, self.second + other.second)

    def statistics(self, device: torch.device | str | None = None) -> Statistics:
        """Mean and covariance in float32, on the device."""
        mean = self.first / self.count[:, None]
        covariance = self.second / self.count[:, None, None] - mean[:, :, None] * mean[:, None, :]
        return Statistics(mean.float().to(device), covariance.float().to(device))

    def few(self) -> float:
        """Channels for each position: from about one, the covariance says nothing of some directions."""
        return self.first.shape[-1] / max(1.0, float(self.count.min()))


def off_mps(x: torch.Tensor) -> torch.Tensor:
    """x where there is float64: on its own device or the CPU."""
    return x.cpu() if x.device.type == "mps" else x

"""The classical transfers of colour from photo to photo, and measures of what became of the photo.

Pictures are float tensors (1, 3, H, W), RGB in [0, 1].
"""

import torch
from torch.nn import functional as F

from wct.pipeline.colours import luminance

_LMS = torch.tensor([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
_LAB = torch.diag(torch.tensor([3.0, 6.0, 2.0]).rsqrt()) @ torch.tensor([[1.0, 1, 1], [1, 1, -2], [1, -1, 0]])
_C1, _C2 = 0.01**2, 0.03**2  # of SSIM


def reinhard(photo, style):
    """Means and deviations in the decorrelated space l-alpha-beta (Reinhard et al., "Color Transfer between Images",
    2001)."""
    def lab(x):
        return _LAB @ torch.log10(_LMS @ x.clamp(min=1 / 255).flatten(2)[0])

    own, other = lab(photo), lab(style)
    (own_std, own_mean), (std, mean) = (torch.std_mean(x, 1, keepdim=True) for x in (own, other))
    mapped = (own - own_mean) / own_std.clamp(min=1e-6) * std + mean
    return (torch.linalg.inv(_LMS) @ 10 ** (torch.linalg.inv(_LAB) @ mapped)).view_as(photo).clamp(0, 1)


def monge_kantorovich(photo, style):
    """The linear map of RGB that gives the style's covariance and moves colours least (Pitie and Kokaram, "The Linear
    Monge-Kantorovitch Linear Colour Mapping for Example-Based Colour Transfer", 2007)."""
    own, other = (x.flatten(2)[0].double() for x in (photo, style))
    a, b = (torch.cov(x) + 1e-6 * torch.eye(3) for x in (own, other))
    root, white = _power(a, 0.5), _power(a, -0.5)
    matrix = white @ _power(root @ b @ root, 0.5) @ white
    mapped = matrix @ (own - own.mean(1, keepdim=True)) + other.mean(1, keepdim=True)
    return mapped.to(photo).view_as(photo).clamp(0, 1)


def histogram(photo, style):
    """The style's histogram in each of R, G and B."""
    mapped = torch.empty_like(photo)
    for channel, (own, other) in enumerate(zip(photo[0], style[0])):
        levels = (own * 255).round().long()
        below = torch.bincount(levels.flatten(), minlength=256).cumsum(0).double() / own.numel()
        mapped[0, channel] = torch.quantile(other.flatten().double(), below).to(photo)[levels]
    return mapped


CLASSICAL = {"Reinhard": reinhard, "Monge-Kantorovich": monge_kantorovich, "histogram": histogram}


def _power(matrix, exponent):
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=1e-12) ** exponent) @ vectors.mT


def ssim(a, b):
    """SSIM (Wang et al. 2004) of the luminance of two pictures."""
    mean_a, mean_b, var_a, var_b, cov = _local(luminance(a), luminance(b))
    light = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    return float((light * (2 * cov + _C2) / (var_a + var_b + _C2)).mean())


def structure(a, b):
    """SSIM's factor of structure: how far the local contrast of two pictures' luminance, what is left of it without its
    mean and deviation around each pixel, is the same."""
    _, _, var_a, var_b, cov = _local(luminance(a), luminance(b))
    return float(((cov + _C2 / 2) / ((var_a * var_b).sqrt() + _C2 / 2)).mean())


def contrast(a, b):
    """A sterner one: SSIM of (Y - mean) / (deviation + 0.01), where noise in the sky counts like an edge."""
    def normal(x):
        mean, _, var, _, _ = _local(x, x)
        return (x - mean) / (var.sqrt() + 0.01)

    _, _, var_a, var_b, cov = _local(normal(luminance(a)), normal(luminance(b)))
    return float(((2 * cov + 16 * _C2) / (var_a + var_b + 16 * _C2)).mean())


def _local(a, b):
    """Means, variances and covariance of (1, 1, H, W) in a Gaussian window of 11 pixels and deviation 1.5."""
    tap = torch.exp(-torch.arange(-5.0, 6.0) ** 2 / (2 * 1.5**2))
    tap = tap / tap.sum()
    x = F.pad(torch.cat([a, b, a * a, b * b, a * b], 1), (5, 5, 5, 5), mode="reflect").transpose(0, 1)
    x = F.conv2d(F.conv2d(x, tap.view(1, 1, 1, -1)), tap.view(1, 1, -1, 1))
    a, b, aa, bb, ab = x.transpose(0, 1).split(1, 1)
    return a, b, (aa - a * a).clamp(min=0), (bb - b * b).clamp(min=0), ab - a * b


def distances(features, others):
    """(Gram, mean/std) distance of features [(1, n, h, w), ...] to those of a style: the layers' mean of
    ||G - G_s|| / ||G_s||, and of the same, squared, for the channels' means and deviations."""
    gram = moments = 0.0
    for a, b in zip(features, others):
        a, b = a.flatten(2)[0], b.flatten(2)[0]
        own, other = (x @ x.mT / x.shape[1] for x in (a, b))
        gram += float((own - other).norm() / other.norm())
        own, other = (torch.cat([x.mean(1), x.std(1)]) for x in (a, b))
        moments += float((own - other).square().sum() / other.square().sum())
    return gram / len(features), moments / len(features)

"""Faults that style losses do not see: a weave along the rows and columns, halos around objects and blotches on plain
ground."""

import torch
from torch.nn import functional as F

from wct.pipeline.colours import luminance

SIDE = 32  # of the patches whose spectra are looked at
PLAIN = 0.03  # change of colour from one patch to the next, in [0, 1], that counts as none
GAIN = 3  # times the change of the content, which nobody takes for a fault


def _rings():
    """Masks (rings, SIDE^2) of spatial frequencies, and of those of each that lie within a bin of an axis."""
    frequency = (torch.fft.fftfreq(SIDE) * SIDE).abs()
    least, most = (f(frequency[:, None], frequency) for f in (torch.minimum, torch.maximum))
    rings = torch.stack([(r <= most) & (most < r + 1) for r in range(3, SIDE // 2 + 1)]).flatten(1).float()
    return rings, rings * (least <= 1).flatten()


def axis_shares(pictures, like=None):
    """The share (B, rings) that lies on the axes of each ring of the power spectrum of pictures (B, 3, H, W).

    Patches count the more the plainer they are in `like`, pictures of the same size. A texture without a direction has
    what `axis_share_of_noise` gives.
    """
    rings, axes = (mask.to(pictures.device) for mask in _rings())
    window = torch.hann_window(SIDE, device=pictures.device)
    patches = _patches(pictures)
    patches = (patches - patches.mean((2, 3), keepdim=True)) * window[:, None] * window
    power = torch.fft.fft2(patches).abs().pow(2).flatten(2)  # (B, patches, SIDE^2)
    if like is not None:
        power = power / (_patches(like).var((2, 3)) + 1e-3)[..., None]
    power = power.sum(1)
    return power @ axes.mT / (power @ rings.mT + 1e-8)


def axis_share_of_noise():
    """What `axis_shares` of white noise is, but for the window: (rings,)."""
    rings, axes = _rings()
    return axes.sum(1) / rings.sum(1)


def weave(output, content, style):
    """How much more of the spectrum of the output lies on the axes, where the content is plain, than of the style's or
    of noise: the mean over rings and pictures."""
    with torch.no_grad():
        allowed = torch.maximum(axis_shares(style), axis_share_of_noise().to(style.device))
    return F.relu(axis_shares(output, content) - allowed).mean()


def halo(output, content):
    """Mean change of the output's colours from one patch to the next, of 4 to 16 pixels, where the content's do not
    change."""
    def fault(ours, theirs):
        return torch.exp(-(theirs.amax(1) / PLAIN).pow(2)) * ours.mean(1)

    return _faults(output, content, (4, 8, 16), fault)


def blotches(output, content):
    """By how much the change of the output's colours from one patch to the next, of 16 to 64 pixels, is more than GAIN
    times the content's: the soft light of a sky becomes clouds of all colours."""
    return _faults(output, content, (16, 32, 64), lambda ours, theirs: F.relu(ours.mean(1) - GAIN * theirs.amax(1)))


def _faults(output, content, sizes, fault):
    """The mean of fault(|change of the output|, |change of the content|), (B, 3, ...) between neighbouring patches."""
    total, sizes = output.new_zeros(()), [size for size in sizes if 2 * size <= min(output.shape[2:])]
    for size in sizes:
        ours, theirs = F.avg_pool2d(output, size), F.avg_pool2d(content, size)
        for dim in (2, 3):
            total = total + fault(ours.diff(dim=dim).abs(), theirs.diff(dim=dim).abs()).mean()
    return total / max(1, 2 * len(sizes))


def _patches(pictures):
    """Their luminance in patches that overlap by half: (B, patches, SIDE, SIDE)."""
    grey = luminance(pictures)[:, 0]
    return grey.unfold(1, SIDE, SIDE // 2).unfold(2, SIDE, SIDE // 2).flatten(1, 2)

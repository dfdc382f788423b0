"""What the decoders are trained for: losses of the picture, of its style and of its content.

Style and content are measured in the encoder's own features, at the end of every stage, relu1_1 ... relu5_1, and at
the last layer before every pooling, relu1_2, relu2_2, relu3_4, relu4_4. At the former alone the transform has set the
moments already, and the picture would be judged where it cannot fail.
"""

import torch
from torch.nn import functional as F


def psnr(a, b):
    """Peak signal-to-noise ratio in dB per picture of a batch, for values in [0, 1]."""
    return -10 * torch.log10((a - b).pow(2).flatten(1).mean(1).clamp(min=1e-10))


def relative(a, b):
    """||a - b||_F / ||b||_F per picture of a batch."""
    return (a - b).flatten(1).norm(dim=1) / b.flatten(1).norm(dim=1)


def total_variation(x):
    return (x[..., 1:, :] - x[..., :-1, :]).abs().mean() + (x[..., 1:] - x[..., :-1]).abs().mean()


def layers(encoder, x):
    """Features (B, n, h, w) of pictures at the layers named above, in their order."""
    found = []
    for stage in encoder.stages.values():
        for name, layer in stage.named_children():
            if name == "pool":
                found.append(x)
            x = layer(x)
        found.append(x)
    return found


def stage_ends(found):
    """Of what `layers` found the features that the encoder itself returns."""
    return found[::2]


def moments(features):
    """Second moments E[f f^T] (B, n, n) and means (B, n), in float32: all that style is to the style loss."""
    with torch.autocast(features.device.type, enabled=False):
        flat = features.permute(0, 2, 3, 1).flatten(1, 2).float()  # as channels_last has them: no copy
        return flat.mT @ flat / flat.shape[1], flat.mean(1)


def mean_and_deviation(gram, mean):
    variance = gram.diagonal(dim1=-2, dim2=-1) - mean.pow(2)
    return torch.cat([mean, variance.clamp(min=1e-8).sqrt()], -1)


def style_loss(ours, styles):
    """Mean over the layers of the relative distances of Gram matrices and of means and deviations."""
    total = 0
    for a, b in zip(ours, styles, strict=True):
        total = total + relative(a[0], b[0]).mean() + relative(mean_and_deviation(*a), mean_and_deviation(*b)).mean()
    return total / len(ours)


def content_loss(ours, contents):
    """Mean over the layers of the squared distance of unit feature vectors: LPIPS without its learned heads."""
    total = 0
    for a, b in zip(ours, contents, strict=True):
        total = total + 2 - 2 * F.cosine_similarity(a.float(), b.float()).mean()
    return total / len(ours)

"""Channels of an encoder that learned brought back to one scale.

Whitening undoes any scale of a channel, so nothing in the losses holds it: where encoder and transform learn together,
channels drift apart until the ridge, which is relative to their mean variance, leaves but the largest to the transform.
"""

from itertools import pairwise

import torch
from torch import nn

from models.decoder import redraw
from wct.training.convert import channel_rms, convolutions, normalise_channels

SPREAD = 8  # a factor between one and the root mean square of a channel that the transform is not hurt by


@torch.no_grad()
def balance(networks, pictures):
    """Unit root mean square over `pictures`, a list of (1, 3, H, W), for the channels of the encoder that are farther
    from it than SPREAD, the decoder adapted: all they do stays the same, but for the ridge. Channels that are hardly
    ever active are drawn anew, and nothing reads them at first. Returns how many there were."""
    encoder, decoder = networks.encoder, networks.decoder
    _rescale(encoder, decoder, pictures)  # what is drawn anew expects inputs of one scale
    count = _revive(encoder, decoder, pictures)
    _rescale(encoder, decoder, pictures)
    return count


def _rescale(encoder, decoder, pictures):
    scales = normalise_channels(encoder, pictures, SPREAD)
    for k, stage in enumerate(encoder.stages.values(), 1):
        scale = scales[convolutions(stage)[-1]]
        decoder.block(k)[0].weight *= scale[None, :, None, None]
        if k < decoder.levels:
            last = [layer for layer in decoder.block(k + 1) if isinstance(layer, nn.Conv2d)][-1]
            last.weight /= scale[:, None, None, None]
            last.bias /= scale


def _revive(encoder, decoder, pictures):
    convs = convolutions(encoder)
    readers = {conv: [following] for conv, following in pairwise(convs)}
    for k, stage in enumerate(encoder.stages.values(), 1):
        readers.setdefault(convolutions(stage)[-1], []).append(decoder.block(k)[0])
    count = 0
    for conv, rms in channel_rms(encoder, pictures).items():
        dead = rms < 0.5 / SPREAD  # too faint to be brought to one
        redraw(conv, dead)
        for reader in readers[conv]:
            reader.weight[:, dead] = 0
        count += int(dead.sum())
    return count


def scale_loss(features):
    """Mean over levels and channels of the squared logarithm of the mean square, of features [(B, n, h, w), ...]."""
    return sum((f.float().pow(2).mean((0, 2, 3)) + 1e-2).log().pow(2).mean() for f in features) / len(features)

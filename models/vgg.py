"""The encoder: VGG-19 (Simonyan and Zisserman, 2015) up to relu5_1, in five stages, of any width."""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

from models.networks import FULL

LAYERS = (  # the convolutions that lead from one relu{k}_1 to the next; "pool" halves the picture
    ("conv1_1",),
    ("conv1_2", "pool", "conv2_1"),
    ("conv2_2", "pool", "conv3_1"),
    ("conv3_2", "conv3_3", "conv3_4", "pool", "conv4_1"),
    ("conv4_2", "conv4_3", "conv4_4", "pool", "conv5_1"),
)


class Conv3x3(nn.Conv2d):
    """3 x 3 convolution with reflection padding: (B, in, H, W) -> (B, out, H, W), H and W at least 2.

    It is done in the dtype of the weights, whatever comes in, or in that of autocast.
    """

    def __init__(self, in_channels, out_channels):
        super().__init__(in_channels, out_channels, 3)

    def forward(self, x):
        if not torch.is_autocast_enabled(x.device.type):
            x = x.to(self.weight.dtype)
        return super().forward(F.pad(x, (1, 1, 1, 1), mode="reflect"))


def _stage(level, channels, inner):
    """The layers from relu{level-1}_1 (the picture, for level 1) to relu{level}_1."""
    layers, width = OrderedDict(), 3 if level == 1 else channels[level - 2]
    for name in LAYERS[level - 1]:
        if name == "pool":
            layers["pool"] = nn.MaxPool2d(2)
            continue
        out = channels[level - 1] if name == f"conv{level}_1" else inner[level - 2]
        layers[name] = Conv3x3(width, out)
        layers[name.replace("conv", "relu")] = nn.ReLU(inplace=True)
        width = out
    return nn.Sequential(layers)


class Encoder(nn.Module):
    """VGG-19 to relu{levels}_1 with reflection padding, or a narrower network of that shape.

    levels: how many; by default as many as there are `channels`, those of relu1_1, relu2_1, ... inner: those of the
    layers that follow each of them, relu1_2, relu2_2, ...; by default as many.

    Takes a float tensor (B, 3, H, W), RGB in [0, 1], H and W multiples of 2^(levels-1) and at least
    2^levels. Returns the list [relu1_1, ..., relu{levels}_1]; relu{k}_1 is
    (B, channels[k-1], H / 2^(k-1), W / 2^(k-1)). Every channel has a root mean square near one over
    natural pictures (see `wct.training.convert`).
    """

    def __init__(self, levels=None, channels=FULL, inner=None):
        super().__init__()
        levels = len(channels) if levels is None else levels
        stages = {f"relu{k}_1": _stage(k, channels, inner or channels) for k in range(1, levels + 1)}
        self.stages = nn.ModuleDict(stages)

    def forward(self, x, levels=None):
        """The first `levels` of the features; all of them by default."""
        features = []
        for stage in list(self.stages.values())[:levels]:
            x = stage(x)
            features.append(x)
        return features

    @property
    def levels(self):
        return len(self.stages)

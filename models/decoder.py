"""The decoder: one block per encoder stage, each the stage's inverse."""

from itertools import zip_longest

import torch
from torch import nn
from torch.nn import functional as F

from models.inversion import correct
from models.networks import FULL
from models.vgg import Conv3x3


class UpConv3x3(nn.Conv2d):
    """Nearest doubling, then `Conv3x3`: (B, in, H, W) -> (B, out, 2H, 2W).

    Without gradients it is one transposed convolution of stride 2, the same but for rounding at 4/9 of the arithmetic:
    output pixels that share an input share the sum of their taps, and the reflection padding of a doubled picture is
    the replication of the small one. Its gradient is slower than that of the plain form.
    """

    def __init__(self, in_channels, out_channels):
        super().__init__(in_channels, out_channels, 3)

    def forward(self, x):
        if torch.is_grad_enabled() and (x.requires_grad or self.weight.requires_grad):
            return super().forward(F.pad(F.interpolate(x, scale_factor=2), (1, 1, 1, 1), mode="reflect"))
        kernel = _doubled(_doubled(self.weight, 2), 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)
        return F.conv_transpose2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, self.bias, stride=2, padding=3)


def _doubled(kernel, dim):
    """The taps of a doubling and of three taps after it along dim: what input i gives to outputs 2i-1 ... 2i+2."""
    a, b, c = kernel.unbind(dim)
    return torch.stack([c, b + c, a + b, a], dim)


_CONVOLUTIONS = {5: 4, 4: 4, 3: 2, 2: 2, 1: 1}  # of D5, ..., D1: as many as the encoder's stages have


def _block(level, channels, inner):
    """Convolutions as wide as the encoder's between relu{level-1}_1 and relu{level}_1, the last as the former, each
    with a ReLU; the second doubles the picture."""
    layers, width, count = [], channels[level - 1], _CONVOLUTIONS[level]
    for i in range(count):
        out = inner[level - 2] if i < count - 1 else channels[level - 2] if level > 1 else 3
        layers += [(UpConv3x3 if i == 1 else Conv3x3)(width, out), nn.ReLU(inplace=True)]
        width = out
    return nn.Sequential(*layers[:-1] if level == 1 else layers)  # the picture itself is not rectified


class Decoder(nn.Module):
    """Blocks D1 ... D{levels}; D{k} takes relu{k}_1 to relu{k-1}_1, and D1 gives the picture.

    channels, inner: of relu1_1, relu2_1, ..., and of the layers between, as `models.vgg.Encoder` has them.

    `decoder(features, level)` runs D{level}, ..., D1: (B, channels[level-1], h, w) ->
    (B, 3, h * 2^(level-1), w * 2^(level-1)), RGB around [0, 1], not clamped. `decoder.block(k)` is
    D{k} alone, for a transform between blocks.

    `decoder.stage` is None or the encoder's that leads to relu{levels}_1. With it `decoder(features, levels)` corrects
    what D{levels} gives by what the stage makes of it (`models.inversion.correct`). Gradients pass straight through, as
    if D{levels} itself had given the corrected features. The stage is a submodule: its weights are among the decoder's.
    """

    def __init__(self, levels=None, channels=FULL, inner=None):
        super().__init__()
        self.stage = None
        levels = len(channels) if levels is None else levels
        self.blocks = nn.ModuleDict({f"D{k}": _block(k, channels, inner or channels) for k in range(1, levels + 1)})

    def block(self, level):
        return self.blocks[f"D{level}"]

    def forward(self, features, level):
        x = features
        for k in range(level, 0, -1):
            x = self.block(k)(x)
            if k == level == self.levels and self.stage is not None:
                corrected = correct(self.stage, features, x)
                x = x + (corrected - x).detach() if x.requires_grad else corrected  # straight through
        return x

    @property
    def levels(self):
        return len(self.blocks)


@torch.no_grad()
def redraw(conv, dead):
    """Weights anew for the output channels of a mask. Their sums are positive: inputs are, as a rule, and another sum
    would be dead at once."""
    rows = (2 / conv.weight[0].numel()) ** 0.5 * torch.randn_like(conv.weight[dead])
    conv.weight[dead] = rows * rows.sum((1, 2, 3), keepdim=True).sign()
    conv.bias[dead] = 0


@torch.no_grad()
def revive(blocks, run, times=25):
    """Draw the weights of channels anew that are not active once in so many runs: they have no gradients, and would
    stay lost. Within a block nothing reads them at first. Returns how many there were."""
    peaks, count = {}, 0

    def watch(relu, inputs, output):
        peak = output.amax((0, 2, 3))
        peaks[relu] = torch.maximum(peaks.get(relu, peak), peak)

    hooks = [layer.register_forward_hook(watch) for block in blocks for layer in block if isinstance(layer, nn.ReLU)]
    for _ in range(times):
        run()
    for hook in hooks:
        hook.remove()
    for block in blocks:
        for conv, relu, reader in zip_longest(block[0::2], block[1::2], block[2::2]):
            if relu is None:
                continue  # the picture itself
            dead = peaks[relu] <= 0
            redraw(conv, dead)
            if reader is not None:
                reader.weight[:, dead] = 0
            count += int(dead.sum())
    return count

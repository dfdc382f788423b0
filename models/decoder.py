"""The decoder: one block per encoder stage, each the stage's inverse."""

import torch
from torch import nn
from torch.nn import functional as F

from models.vgg import CHANNELS, Conv3x3


class UpConv3x3(nn.Conv2d):
    """Nearest doubling, then `Conv3x3`: (B, in, H, W) -> (B, out, 2H, 2W), at 4/9 of the arithmetic.

    Each of the four output phases sees only 2 x 2 different inputs, so the 3 x 3 kernel collapses to one of
    2 x 2 per phase; reflection padding of the doubled picture is replication padding of the small one.
    """

    def __init__(self, in_channels, out_channels):
        super().__init__(in_channels, out_channels, 3)

    def forward(self, x):
        height, width = x.shape[2:]
        w = self.weight
        rows = torch.stack([w[:, :, 0], w[:, :, 1] + w[:, :, 2], w[:, :, 0] + w[:, :, 1], w[:, :, 2]])
        rows = rows.unflatten(0, (2, 2))  # (phase, tap, out, in, 3)
        taps = [rows[..., 0], rows[..., 1] + rows[..., 2], rows[..., 0] + rows[..., 1], rows[..., 2]]
        kernels = torch.stack(taps).unflatten(0, (2, 2)).permute(2, 0, 4, 5, 3, 1)  # (2, 2, out, in, 2, 2)
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        phases = [[self._phase(x[:, :, a:a + height + 1, b:b + width + 1], kernels[a, b]) for b in (0, 1)]
                  for a in (0, 1)]
        interleaved = torch.stack([torch.stack(row, 3) for row in phases], 2)  # (B, H, 2, W, 2, out)
        return interleaved.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)

    def _phase(self, x, kernel):
        kernel = kernel.contiguous(memory_format=torch.channels_last)
        return F.conv2d(x, kernel, self.bias).permute(0, 2, 3, 1)


_WIDTHS = {5: (512, 512, 512, 512), 4: (256, 256, 256, 256), 3: (128, 128), 2: (64, 64), 1: (3,)}


def _block(level):
    """Convolutions of the widths above, each with a ReLU; the second doubles the picture."""
    layers, width = [], CHANNELS[level - 1]
    for i, out in enumerate(_WIDTHS[level]):
        layers += [(UpConv3x3 if i == 1 else Conv3x3)(width, out), nn.ReLU(inplace=True)]
        width = out
    return nn.Sequential(*layers[:-1] if level == 1 else layers)  # the picture itself is not rectified


class Decoder(nn.Module):
    """Blocks D1 ... D{levels}; D{k} takes relu{k}_1 to relu{k-1}_1, and D1 gives the picture.

    `decoder(features, level)` runs D{level}, ..., D1: (B, CHANNELS[level-1], h, w) ->
    (B, 3, h * 2^(level-1), w * 2^(level-1)), RGB around [0, 1], not clamped. `decoder.block(k)` is
    D{k} alone, for a transform between blocks.
    """

    def __init__(self, levels=5):
        super().__init__()
        self.blocks = nn.ModuleDict({f"D{k}": _block(k) for k in range(1, levels + 1)})

    def block(self, level):
        return self.blocks[f"D{level}"]

    def forward(self, features, level):
        for k in range(level, 0, -1):
            features = self.block(k)(features)
        return features

    @property
    def levels(self):
        return len(self.blocks)

"""Small networks for pictures of 32 x 32: a residual one, and a vision transformer with second-order pooling."""

import torch
from torch import nn

from wct.nn import CovariancePooling


class Block(nn.Module):
    """Two convolutions and the way around them (He et al., 2016)."""

    def __init__(self, channels, width, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        same = stride == 1 and channels == width
        self.around = nn.Identity() if same else nn.Sequential(
            nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        return torch.relu(self.body(x) + self.around(x))


class ResNet(nn.Module):
    """Three stages of one block; `first` normalises the output of the first convolution, (B, 2 width, 32, 32), `pool`
    makes a vector of the last features, (B, 4 width, 8, 8) or, where they are reduced, (B, reduced, 8, 8)."""

    def __init__(self, classes, width=16, first=None, pool=None, reduced=None):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 2 * width, 3, 1, 1, bias=False), first or nn.BatchNorm2d(2 * width),
                                  nn.ReLU(inplace=True))
        self.stages = nn.Sequential(Block(2 * width, width, 1), Block(width, 2 * width, 2),
                                    Block(2 * width, 4 * width, 2))
        channels = reduced or 4 * width
        self.reduce = nn.Sequential(nn.Conv2d(4 * width, reduced, 1, bias=False), nn.BatchNorm2d(reduced),
                                    nn.ReLU(inplace=True)) if reduced else nn.Identity()
        self.pool = pool or nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        features = channels * (channels + 1) // 2 if isinstance(pool, CovariancePooling) else channels
        self.head = nn.Linear(features, classes)

    def forward(self, x):
        return self.head(self.pool(self.reduce(self.stages(self.stem(x)))))


class SecondOrderViT(nn.Module):
    """Patches of 4 x 4 through a transformer; beside the class token the covariance of the others, reduced to `reduced`
    channels, is looked at (So-ViT: Xie, Zhang, Xia, Zhang, Li, "So-ViT: Mind Visual Tokens for Vision Transformer",
    2021). pool: None for the class token alone."""

    def __init__(self, classes, pool, width=96, depth=4, heads=4, reduced=48):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.first = nn.Parameter(torch.zeros(1, 1, width))
        self.place = nn.Parameter(0.02 * torch.randn(1, 65, width))
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, depth, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)
        self.pool = pool
        if pool is not None:
            self.reduce = nn.Linear(width, reduced)
            self.second = nn.Linear(reduced * (reduced + 1) // 2, classes)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).mT  # (B, 64, width)
        tokens = self.layers(torch.cat([self.first.expand(len(x), -1, -1), tokens], 1) + self.place)
        scores = self.head(tokens[:, 0])
        return scores if self.pool is None else scores + self.second(self.pool(self.reduce(tokens[:, 1:])))

"""The arithmetic of the public programs, on this project's networks: what the pipeline is measured against.

They are written as their PyTorch code has it: float32 convolutions in the default memory layout, and decoders that
double the picture and convolve the whole of it. Their time does not depend on the weights, and the decoders published
with them have layers of the same shapes.
"""

import torch
from torch import nn
from torch.nn import functional as F

from models import load_decoder, load_encoder
from models.decoder import UpConv3x3
from wct.images import to_pil, to_tensor
from wct.options import STAGES
from wct.pipeline.stylizer import Result
from wct.runtime.clock import Clock


class Baseline:
    """A program with the interface of Stylizer, for RGB pictures whose sides are multiples of 16.

    What depends on the last style alone is kept until `forget`, though the public programs work it out every time.
    """

    keeps_style = True

    def __init__(self, levels, device):
        self.device = torch.device(device)
        encoder = load_encoder(levels).to(self.device)
        self.encoders = [nn.Sequential(*list(encoder.stages.values())[:k]) for k in range(1, levels + 1)]
        self.decoder = load_decoder("reconstruction", levels, corrected=False).to(self.device)
        self._style = self._known = None

    @torch.inference_mode()
    def stylise(self, content, style):
        """PIL images of mode RGB -> Result."""
        clock = Clock(self.device)
        if self._style is not style:
            self._style, self._known = style, self.known(self._pixels(style, clock), clock)
        x = self.applied(self._pixels(content, clock), self._known, clock)
        with clock("decode"):
            picture = to_pil(x)
        return Result(picture, {stage: clock.seconds[stage] for stage in STAGES})

    def forget(self, styles=True):
        """As that of Stylizer; a content is never kept."""
        if styles:
            self._style = self._known = None

    def _pixels(self, picture, clock):
        with clock("encode"):
            return to_tensor(picture).to(self.device).contiguous()


class Classic(Baseline):
    """The cascade of Li et al. (2017) from relu5_1 to relu1_1: every level encodes anew, with an encoder that ends
    there, and takes the covariances of content and style and their SVD in float64."""

    def __init__(self, device):
        super().__init__(5, device)

    def known(self, pixels, clock):
        """The style (1, 3, H, W) -> its mean (n, 1) and covariance^(1/2) (n, n) at each level."""
        styles = []
        for encoder in self.encoders:
            with clock("encode"):
                features = encoder(pixels)
            with clock("transform"):
                mean, _, covariance = moments(features)
                styles.append((mean, power(covariance, 0.5)))
        return styles

    def applied(self, x, styles, clock):
        """Picture (1, 3, H, W) -> picture of that shape."""
        for level in (5, 4, 3, 2, 1):
            with clock("encode"):
                x = self.encoders[level - 1](x)
            with clock("transform"):
                x = recoloured(x, *styles[level - 1])
            with clock("decode"):
                x = decoded(self.decoder, x, level).clamp(0, 1)
        return x


class AdaIN(Baseline):
    """Adaptive instance normalisation (Huang and Belongie, 2017): relu4_1 takes the style's means and deviations."""

    def __init__(self, device):
        super().__init__(4, device)

    def known(self, pixels, clock):
        """The style (1, 3, H, W) -> means and deviations of relu4_1, (1, 512, 1, 1) each."""
        with clock("encode"):
            features = self.encoders[-1](pixels)
        with clock("transform"):
            return channel_moments(features)

    def applied(self, x, style, clock):
        """Picture (1, 3, H, W) -> picture of that shape."""
        with clock("encode"):
            x = self.encoders[-1](x)
        with clock("transform"):
            x = adapted(x, *style)
        with clock("decode"):
            return decoded(self.decoder, x, 4)


class Whole:
    """A Peer with the interface of a Baseline, its time in one piece."""

    keeps_style = False

    def __init__(self, peer, device):
        self.peer, self.device = peer.to(device), torch.device(device)

    def stylise(self, content, style):
        """PIL images of mode RGB -> Result."""
        clock = Clock(self.device)
        with clock("decode"):
            picture = self.peer.stylise(content, style)
        return Result(picture, {stage: clock.seconds[stage] for stage in STAGES})

    def forget(self, styles=True):
        """Nothing is kept."""


def moments(features):
    """Features (1, n, h, w) -> in float64 their mean (n, 1), themselves centred (n, hw), their covariance (n, n)."""
    flat = features[0].flatten(1).double()
    mean = flat.mean(1, keepdim=True)
    centred = flat - mean
    return mean, centred, centred @ centred.mT / (flat.shape[1] - 1)


def power(covariance, exponent):
    """The power of a covariance (n, n) by SVD, directions of a variance below 1e-5 left out."""
    U, s, _ = torch.linalg.svd(covariance)
    U, s = U[:, s > 1e-5], s[s > 1e-5]
    return (U * s**exponent) @ U.mT


def recoloured(features, style_mean, style_root):
    """Features (1, n, h, w), whitened, then coloured by the style's mean (n, 1) and covariance^(1/2) (n, n)."""
    _, centred, covariance = moments(features)
    coloured = style_root @ (power(covariance, -0.5) @ centred) + style_mean
    return coloured.view_as(features).to(features.dtype)


def channel_moments(features):
    """Mean and standard deviation (1, n, 1, 1) of every channel of features (1, n, h, w)."""
    variance, mean = torch.var_mean(features, (2, 3), keepdim=True)
    return mean, (variance + 1e-5).sqrt()


def adapted(features, style_mean, style_deviation):
    """Features (1, n, h, w) with the style's means and deviations (1, n, 1, 1)."""
    mean, deviation = channel_moments(features)
    return (features - mean) / deviation * style_deviation + style_mean


def decoded(decoder, features, level):
    """What `decoder(features, level)` gives, with UpConv3x3 as two steps: doubling, then the convolution of it all."""
    for k in range(level, 0, -1):
        for layer in decoder.block(k):
            if isinstance(layer, UpConv3x3):
                doubled = F.interpolate(features, scale_factor=2, mode="nearest")
                features = F.conv2d(F.pad(doubled, (1, 1, 1, 1), mode="reflect"), layer.weight, layer.bias)
            else:
                features = layer(features)
    return features

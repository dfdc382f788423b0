"""Programs of others by their own published networks, which are not this project's to pass on."""

import sys
from importlib import import_module
from pathlib import Path

import torch
from torch import nn

from wct.benchmark.baselines import adapted, channel_moments
from wct.images import to_pil, to_tensor


class Peer(nn.Module):
    """A program that takes float32 pixels (1, 3, H, W) in [0, 1] of a content and of a style to a result's.

    weaker: whether it can be had with less than full strength.
    """

    weaker = True

    @torch.inference_mode()
    def stylise(self, content, style):
        """PIL images of mode RGB -> PIL image."""
        device = next(self.parameters()).device
        return to_pil(self(*(to_tensor(picture).to(device).contiguous() for picture in (content, style))))


class AdaIN(Peer):
    """Huang and Belongie (2017); strength is their alpha."""

    def __init__(self, folder):
        super().__init__()

        def convolutions(width, *layers):
            for layer in layers:
                if isinstance(layer, nn.Module):
                    yield layer
                else:
                    yield from (nn.ReflectionPad2d(1), nn.Conv2d(width, layer, 3), nn.ReLU())
                    width = layer

        pool, double = nn.MaxPool2d(2, ceil_mode=True), nn.Upsample(scale_factor=2)
        encoder = convolutions(3, 64, 64, pool, 128, 128, pool, *[256] * 4, pool, 512)
        decoder = list(convolutions(512, 256, double, *[256] * 3, 128, double, 128, 64, double, 64, 3))
        self.encoder = _loaded(nn.Sequential(nn.Conv2d(3, 3, 1), *encoder), Path(folder) / "vgg_normalized.pth")
        self.decoder = _loaded(nn.Sequential(*decoder[:-1]), Path(folder) / "decoder.pth")

    @torch.inference_mode()
    def forward(self, content, style, strength=1.0):
        content, style = self.encoder(content), self.encoder(style)
        return self.decoder(content.lerp(adapted(content, *channel_moments(style)), strength)).clamp(0, 1)


class MicroAST(Peer):
    """Wang et al. (AAAI 2023), by the code and the weights in their repository."""

    weaker = False  # its alpha makes noise of a picture between 0 and 1
    PARTS = ("content_encoder", "style_encoder", "modulator", "decoder")

    def __init__(self, folder):
        super().__init__()
        sys.path.insert(0, str(folder))
        try:
            code = import_module("net_microAST")
        finally:
            sys.path.remove(str(folder))
        parts = [code.Encoder(), code.Encoder(), code.Modulator(), code.Decoder()]
        for part, name in zip(parts, self.PARTS):
            _loaded(part, Path(folder) / "models" / f"{name}_iter_160000.pth.tar")
        self.network = code.TestNet(*parts).eval()

    @torch.inference_mode()
    def forward(self, content, style, strength=1.0):
        return self.network(content, style, strength).clamp(0, 1)


def _loaded(network, path):
    """The network with the weights in a checkpoint, which may hold those of more layers."""
    published = torch.load(path, weights_only=True, map_location="cpu")
    network.load_state_dict({name: published[name] for name in network.state_dict()})
    return network

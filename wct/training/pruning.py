"""Make a small network out of the full one: python -m wct.training.pruning --photos DIR --output DIR

Channels are chosen by forward selection, weights by least squares. What comes out is where training starts.
"""

import argparse
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from models.decoder import Decoder, UpConv3x3
from models.networks import NETWORKS
from models.vgg import Encoder
from models.weights import load_decoder, load_encoder, save
from wct.runtime.examples import EXAMPLES
from wct.training.photos import crops, read_folder

POSITIONS = 40_000  # of feature maps that least squares sees, about, over all pictures
RIDGE = 1e-4  # relative to the mean square of the inputs


@torch.no_grad()
def pruned(encoder, channels, pictures, decoder=None, inner=None):
    """(Encoder, Decoder) with `channels` of relu1_1, relu2_1, ..., and `inner` of the layers between, in place of those
    of `encoder` and `decoder`.

    Layer by layer, in the order of the arithmetic, the channels are kept from which the others are best foretold
    (`forward_selection`). A narrow layer then gets the weights that take what the narrow layers before it make of
    `pictures`, float (B, 3, H, W), to the kept channels of the wide one: what is lost before is made up for as far as
    can be. Blocks of the decoder give the channels that the encoder's level has. Without a decoder, None is returned
    for it. Weights of channels that no picture shows are zero.
    """
    narrow, kept = Encoder(None, channels, inner).to(pictures.device), {0: torch.arange(3)}
    wide_features, narrow_features = [pictures], [pictures]
    for level, (name, stage) in enumerate(narrow.stages.items(), 1):
        pair = wide_features[-1], narrow_features[-1]
        kept[level], *pair = _sequence(encoder.stages[name], stage, *pair)
        wide_features.append(pair[0])
        narrow_features.append(pair[1])
    if decoder is None:
        return narrow, None
    blocks = Decoder(None, channels, inner).to(pictures.device)
    for level in range(len(channels), 0, -1):
        pair = wide_features[level], narrow_features[level]
        _sequence(decoder.block(level), blocks.block(level), *pair, ends=kept[level - 1])
    return narrow, blocks


def forward_selection(covariance, count):
    """Indices of `count` channels, one by one that which leaves least of the others' variance to foretell.

    covariance: (n, n). With channel k known, what is left of it is C - C_k C_k^T / C_kk (Schur's complement): k takes
    away |C_k|^2 / C_kk of the trace.
    """
    left, chosen = covariance.double().clone(), []
    least = 1e-9 * left.diagonal().amax()
    for _ in range(count):
        variance = left.diagonal()
        gain = torch.where(variance > least, left.pow(2).sum(0) / variance.clamp(min=least), 0)
        gain[chosen] = -1
        k = int(gain.argmax())
        chosen.append(k)
        if left[k, k] > least:
            left = left - torch.outer(left[k], left[k]) / left[k, k]
    return torch.tensor(sorted(chosen))


def _sequence(wide, narrow, wide_x, narrow_x, ends=None):
    """Fill the convolutions of `narrow` to do as `wide`, a sequence of the same layers; the last gives the channels
    `ends`, where they are named. Returns the channels kept last, and what both sequences make of their inputs."""
    last = [layer for layer in wide if isinstance(layer, nn.Conv2d)][-1]
    for one, other in zip(wide, narrow, strict=True):
        wide_next = _by_picture(one, wide_x)
        if isinstance(one, nn.Conv2d):
            kept = ends if one is last and ends is not None else forward_selection(
                _covariance(wide_next.relu()), other.out_channels)
            _fit(other, narrow_x, wide_next[:, kept])
        narrow_x, wide_x = _by_picture(other, narrow_x), wide_next
    return kept, wide_x, narrow_x


def _by_picture(layer, x):
    """What a layer makes of a batch, in bfloat16, which is half of the memory: a few pictures at a time."""
    return torch.cat([layer(part.float()).bfloat16() for part in x.split(8)])


def _covariance(features):
    flat = features.permute(1, 0, 2, 3).flatten(1)
    flat = flat[:, :: max(1, flat.shape[1] // POSITIONS)].float()
    return torch.cov(flat)


def _fit(conv, inputs, targets):
    """Least squares, min |weight * patch + bias - target|^2 over the positions of features (B, n, h, w)."""
    width = conv.in_channels * 9 + 1
    gram, cross = inputs.new_zeros(width, width, dtype=torch.float64), None
    grow = partial(F.interpolate, scale_factor=2) if isinstance(conv, UpConv3x3) else lambda x: x
    step = max(1, targets[:, 0].numel() // POSITIONS)
    for part, wanted in zip(inputs.split(8), targets.split(8)):
        padded = F.pad(grow(part.float()), (1, 1, 1, 1), mode="reflect")
        at = torch.randperm(wanted[:, 0].numel())[::step]
        patches = padded.unfold(2, 3, 1).unfold(3, 3, 1).permute(0, 2, 3, 1, 4, 5).flatten(0, 2)[at].flatten(1)
        patches = torch.cat([patches, torch.ones_like(patches[:, :1])], 1)
        wanted = wanted.permute(0, 2, 3, 1).flatten(0, 2)[at].float()
        gram += patches.mT @ patches
        cross = patches.mT @ wanted + (0 if cross is None else cross)
    gram.diagonal()[:-1] += RIDGE * gram.diagonal()[:-1].mean()
    solution = torch.linalg.solve(gram, cross.double()).float()
    conv.weight.copy_(solution[:-1].mT.unflatten(1, conv.weight.shape[1:]))
    conv.bias.copy_(solution[-1])


def main():
    description = __doc__.partition(":")[0] + "."
    parser = argparse.ArgumentParser(prog="python -m wct.training.pruning", description=description)
    parser.add_argument("--photos", type=Path, required=True, help="folder of .jpg photos to fit the weights to")
    parser.add_argument("--styles", type=Path, nargs="+", default=[EXAMPLES / "style"],
                        help="folders of .jpg paintings, as many crops of which are used (default: examples/style)")
    parser.add_argument("--output", type=Path, required=True, help="folder to write the weights to")
    parser.add_argument("--network", choices=[name for name in NETWORKS if name != "full"], default="small")
    parser.add_argument("--crops", type=int, default=64, help="how many (default: %(default)s)")
    parser.add_argument("--crop", type=int, default=160, help="side of the crops, a multiple of 16")
    args = parser.parse_args()
    torch.manual_seed(0)
    pictures = []
    for folders in ([args.photos], args.styles):
        found = [picture for folder in folders for picture in read_folder(folder).values()]
        if not found:
            parser.error(f"{' '.join(map(str, folders))}: no .jpg pictures")
        pictures += islice(crops(found, args.crop, (0.3, 1.0)), args.crops // 2)
    network, levels = NETWORKS[args.network], NETWORKS[args.network].levels
    encoder, decoder = pruned(load_encoder(levels), network.channels, torch.cat(pictures), load_decoder(levels=levels),
                              network.inner)
    state = {f"encoder.{k}": v for k, v in encoder.state_dict().items()}
    state |= {f"decoder.{k}": v for k, v in decoder.state_dict().items()}
    save(state, args.output / network.encoder)
    save(decoder.state_dict(), args.output / network.decoders["reconstruction"])


if __name__ == "__main__":
    main()

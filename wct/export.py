"""Networks as ONNX, for phones and browsers: python -m wct.export --network small --output DIR

The files, of opset 18, float32, batches of one; n_k are the channels of relu{k}_1, h and w its height and width, which
halve from level to level. Content and style must have sides that are multiples of 8, and at least 16.

    encoder.onnx     pixels (1, 3, H, W), RGB in [0, 1] -> relu1_1, ... (1, n_k, h, w), and of each
                     mean1, ... (1, n_k) and covariance1, ... (1, n_k, n_k)
    map.onnx         content_mean, content_covariance, style_mean, style_covariance, strength () -> matrix (1, n, n)
                     and offset (1, n), for any level: whitening and colouring by the iteration of Newton and Schulz,
                     in matrix products alone
    decoder{k}.onnx  x (1, n_k, h, w), matrix, offset, own: relu{k-1}_1 of the content, share () -> next, the x of the
                     level below (1, n_{k-1}, 2h, 2w), and its mean and covariance
    decoder1.onnx    x, matrix, offset -> pixels (1, 3, H, W), not clamped

A picture at strength s, with a = s^0.85 and detail d, is the program's single pass (`wct.pipeline.passes`). x is the
content's relu4_1. For k = 4, 3, 2, 1 the map is from the mean and covariance of x to those of the style's relu{k}_1, at
strength a, then comes decoder{k} with share = a (1 - d). Below full strength, (1 - a) times the difference is added
between the content's pixels and decoder1 of its relu1_1, with the identity and zero for a map.
"""

import argparse
from pathlib import Path

import torch
from torch import nn

from models import WeightsError, load_decoder, load_encoder
from models.networks import NETWORKS
from wct.options import DEFAULT_LEVELS, Options
from wct.runtime.arguments import require
from wct.transform import AffineMap, Statistics, regularised, statistics, zca

TORCH = 2, 14  # the least PyTorch whose exporter is known to do this; that of 2.6 does not
OPSET = 18
STEPS = 24  # eigenvalues of A / ||A|| from 1 down to ridge / n, 2e-5, the least of which a step more than doubles
SIDE = 64  # of the picture that is traced, not that of the files


class _Encoder(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, pixels):
        features = self.encoder(pixels)
        found = [statistics(f) for f in features]
        return (*features, *(s.mean for s in found), *(s.covariance for s in found))


def _roots(A):
    """A^{1/2} and A^{-1/2}: Y <- Y (3I - W Y) / 2, W <- (3I - W Y) W / 2 from Y = A / ||A||, W = I. Those of wct.sqrtm
    choose their steps by the spectrum and write in place, which a file cannot hold."""
    norm = A.square().sum((1, 2), keepdim=True).sqrt()
    W = torch.eye(A.shape[-1], dtype=A.dtype)[None]
    Y, threes = A / norm, 3 * W
    for _ in range(STEPS):
        R = (threes - W @ Y) / 2
        Y, W = Y @ R, R @ W
    return Y * norm.sqrt(), W / norm.sqrt()


class _Map(nn.Module):
    def forward(self, content_mean, content_covariance, style_mean, style_covariance, strength):
        content, style = Statistics(content_mean, content_covariance), Statistics(style_mean, style_covariance)
        _, white = _roots(regularised(content.covariance, Options.ridge)[0])
        root, _ = _roots(regularised(style.covariance, Options.ridge)[0])
        change = zca(content, style, white, root).at(strength)
        return change.matrix, change.offset


class _Block(nn.Module):
    """Block D_k after a map, joined by a share of the content's own features."""

    def __init__(self, block):
        super().__init__()
        self.block = block

    def forward(self, x, matrix, offset, own, share):
        x = torch.lerp(own, self.block(AffineMap(matrix, offset)(x)), share)
        found = statistics(x)
        return x, found.mean, found.covariance


class _Last(_Block):
    """Block D1, after its map."""

    def forward(self, x, matrix, offset):
        return self.block(AffineMap(matrix, offset)(x))


@torch.no_grad()
def export(encoder: nn.Module, decoder: nn.Module, folder: str | Path) -> list[Path]:
    """Write the files above to a folder, which is made where it is missing, and return their paths.

    encoder, decoder: as `models` has them, of as many levels, float32, on the CPU. Raises ImportError where onnx and
    onnxscript are not installed.

        export(load_encoder(network="small"), load_decoder(network="small"), "onnx")
    """
    folder, paths = Path(folder), []
    folder.mkdir(parents=True, exist_ok=True)
    levels = encoder.levels
    height, width = torch.export.Dim("height"), torch.export.Dim("width")

    def write(module, name, inputs, outputs, sizes):
        """inputs: {name: tensor}; sizes: {name: {dimension: what it is}}, those that are free."""
        path = folder / f"{name}.onnx"
        torch.onnx.export(module.eval(), tuple(inputs.values()), path, input_names=list(inputs), output_names=outputs,
                          opset_version=OPSET, dynamo=True, external_data=False, verbose=False,
                          dynamic_shapes=tuple(sizes.get(name) for name in inputs))
        paths.append(path)

    pixels = torch.rand(1, 3, SIDE, SIDE + 2**levels)
    features = encoder(pixels)
    cell = 2 ** (levels - 1)
    write(_Encoder(encoder), "encoder", {"pixels": pixels},
          [f"{what}{k}{end}" for what, end in (("relu", "_1"), ("mean", ""), ("covariance", ""))
           for k in range(1, levels + 1)],
          {"pixels": {2: cell * height, 3: cell * width}})
    found, other = statistics(features[0]), statistics(features[0] / 2)  # one tensor twice would be one input
    n = torch.export.Dim("channels", min=2)
    write(_Map(), "map", {"content_mean": found.mean, "content_covariance": found.covariance, "style_mean": other.mean,
                          "style_covariance": other.covariance, "strength": torch.tensor(1.0)}, ["matrix", "offset"],
          {f"{whose}_{what}": dict.fromkeys(range(1, dims), n) for whose in ("content", "style")
           for what, dims in (("mean", 2), ("covariance", 3))})
    for k in range(levels, 0, -1):
        x = features[k - 1]
        found = statistics(x)
        inputs = {"x": x, "matrix": found.covariance, "offset": found.mean}
        sizes = {"x": {2: height, 3: width}}
        if k == 1:
            write(_Last(decoder.block(1)), "decoder1", inputs, ["pixels"], sizes)
        else:
            write(_Block(decoder.block(k)), f"decoder{k}",
                  inputs | {"own": features[k - 2], "share": torch.tensor(1.0)}, ["next", "mean", "covariance"],
                  sizes | {"own": {2: 2 * height, 3: 2 * width}})
    return paths


def recent() -> bool:
    """Whether this PyTorch can export the networks."""
    return tuple(map(int, torch.__version__.split(".")[:2])) >= TORCH


def main():
    parser = argparse.ArgumentParser(prog="python -m wct.export", description=__doc__.partition(":")[0] + ".")
    parser.add_argument("--network", choices=NETWORKS, default="small")
    parser.add_argument("--output", type=Path, required=True, help="folder to write the files to")
    args = parser.parse_args()
    require(parser, "onnx", "onnxscript")
    if not recent():
        parser.error(f"export needs PyTorch {'.'.join(map(str, TORCH))}, here is {torch.__version__}")
    try:
        encoder = load_encoder(DEFAULT_LEVELS, network=args.network)
        decoder = load_decoder(levels=DEFAULT_LEVELS, network=args.network)
        for path in export(encoder, decoder, args.output):
            print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    except WeightsError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()

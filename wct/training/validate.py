"""How well decoders invert their encoders: python -m wct.training.validate --photos DIR

Prints what weights/README.md says: mean PSNR from each level over the photos held out.
"""

import argparse
from pathlib import Path

import torch

from models.networks import NETWORKS
from models.weights import WEIGHTS, WeightsError, load_decoder, load_encoder
from wct.runtime.device import choose_device
from wct.training.photos import divided
from wct.training.reconstruction import inversion_psnr

ROWS = {  # as the model card has them: name there, decoder, levels, corrected
    "full": (
        ("decoder_reconstruction", "reconstruction", 5, True),
        ("the same, nothing corrected", "reconstruction", 5, False),
        ("decoder (stylised)", "stylised", 4, False),
    ),
    "small": (("small_reconstruction", "reconstruction", 4, False), ("small (stylised)", "stylised", 4, False)),
}


def main():
    description = __doc__.partition(":")[0] + "."
    parser = argparse.ArgumentParser(prog="python -m wct.training.validate", description=description)
    parser.add_argument("--photos", required=True, help="folder of .jpg photos, the same as for wct.training")
    parser.add_argument("--network", choices=NETWORKS, default="full")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of weights, as wct.training writes it")
    parser.add_argument("--validation", type=int, default=45, help="photos held out, the last by name")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    args = parser.parse_args()
    try:
        layout = {"device": choose_device(args.device), "memory_format": torch.channels_last}
    except ValueError as error:
        parser.error(str(error))
    _, photos = divided(args.photos, args.validation)
    source = {"network": args.network, "folder": args.weights}
    try:
        encoder = load_encoder(**source).to(**layout)
        for row, name, levels, corrected in ROWS[args.network]:
            decoder = load_decoder(name, levels, corrected, **source).to(**layout)
            print(f"{row:28}" + " ".join(f"{p:6.2f}" for p in inversion_psnr(encoder, decoder, photos)), flush=True)
    except WeightsError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()

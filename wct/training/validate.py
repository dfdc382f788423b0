"""How well the decoders invert the encoder: python -m wct.training.validate --photos DIR

Prints what weights/README.md says: mean PSNR from each level over the photos held out.
"""

import argparse

import torch

from models.weights import load_decoder, load_encoder
from wct.runtime.device import choose_device
from wct.training.photos import divided
from wct.training.reconstruction import inversion_psnr

ROWS = (  # as the model card has them: name there, decoder, levels, corrected
    ("decoder_reconstruction", "reconstruction", 5, True),
    ("the same, nothing corrected", "reconstruction", 5, False),
    ("decoder (stylised)", "stylised", 4, False),
)


def main():
    parser = argparse.ArgumentParser(prog="python -m wct.training.validate", description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", required=True, help="folder of .jpg photos, the same as for wct.training")
    parser.add_argument("--validation", type=int, default=45, help="photos held out, the last by name")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    args = parser.parse_args()
    try:
        layout = {"device": choose_device(args.device), "memory_format": torch.channels_last}
    except ValueError as error:
        parser.error(str(error))
    _, photos = divided(args.photos, args.validation)
    encoder = load_encoder().to(**layout)
    for row, name, levels, corrected in ROWS:
        decoder = load_decoder(name, levels, corrected=corrected).to(**layout)
        print(f"{row:28}" + " ".join(f"{p:6.2f}" for p in inversion_psnr(encoder, decoder, photos)), flush=True)


if __name__ == "__main__":
    main()

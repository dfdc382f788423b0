"""How well the decoders invert the encoder: python -m models.validate --photos DIR

Prints the table of weights/README.md: mean PSNR from each level over the photos held out.
"""

import argparse

import torch

from models.photos import read_folder
from models.reconstruction import inversion_psnr
from models.weights import load_decoder, load_encoder
from wct.device import choose_device


def main():
    parser = argparse.ArgumentParser(prog="python -m models.validate", description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", required=True, help="folder of .jpg photos, the same as for models.train")
    parser.add_argument("--validation", type=int, default=45, help="photos held out, the last by name")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    args = parser.parse_args()
    photos = list(read_folder(args.photos).values())[-args.validation :]
    if not photos:
        parser.error(f"--photos {args.photos} has no .jpg photos")
    if min(min(photo.shape[1:]) for photo in photos) < 256:
        parser.error(f"--photos {args.photos} has photos smaller than 256 pixels")
    layout = {"device": choose_device(args.device), "memory_format": torch.channels_last}
    encoder = load_encoder().to(**layout)
    for told, name, levels, corrected in (("stylised", "stylised", 4, False),
                                          ("reconstruction, nothing corrected", "reconstruction", 5, False),
                                          ("reconstruction", "reconstruction", 5, True)):
        decoder = load_decoder(name, levels, corrected=corrected).to(**layout)
        print(f"{told:34}" + " ".join(f"{p:6.2f}" for p in inversion_psnr(encoder, decoder, photos)), flush=True)


if __name__ == "__main__":
    main()

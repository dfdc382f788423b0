"""Training to invert the encoder."""

import torch

from wct.training.losses import psnr, relative
from wct.training.photos import centre, crops

FEATURE_WEIGHT = 0.1
CYCLE_WEIGHT = 0.5
LEVEL_ODDS = (0.04, 0.16, 0.2, 0.25, 0.35)  # how often each level is the one to reconstruct from


class Reconstruction:
    """Every block, or that of --level alone, learns to invert its stage, from crops of photos at their own scale."""

    kind, levels = "reconstruction", None

    def __init__(self, networks, loss_network, photos, args, layout):
        self.levels = networks.decoder.levels
        self.encoder, self.decoder, self.level, self.layout = networks.encoder, networks.decoder, args.level, layout
        self.learning = [self.decoder.block(k) for k in ([args.level] if args.level else range(1, self.levels + 1))]
        self.crops, self.batch = crops(photos, args.crop), args.batch

    def prepare(self):
        return 0

    def pictures(self):
        """A batch (B, 3, H, W) of crops."""
        return torch.cat([next(self.crops) for _ in range(self.batch)]).to(**self.layout)

    def forward(self):
        """Every block once, on a batch."""
        for k, features in enumerate(self.encoder(self.pictures()), 1):
            self.decoder.block(k)(features)

    def loss(self, step):
        """The loss of a step, and a line for the log."""
        level = self.level or random_level(self.levels)
        loss = reconstruction_loss(self.encoder, self.decoder, self.pictures(), level)
        return loss, f"reconstruction {float(loss.detach()):.4f}"

    def validate(self, networks, held_out):
        """A line for the log: the PSNR on photos that were held out."""
        return psnr_line(networks.encoder, networks.decoder, held_out)


def random_level(levels):
    """1 to `levels`, by LEVEL_ODDS."""
    return 1 + int(torch.multinomial(torch.tensor(LEVEL_ODDS[:levels]), 1))


def reconstruction_loss(encoder, decoder, pictures, level):
    """Negative PSNR, in tens of dB, of the picture from a level, for the block of that level to learn from.

    The blocks below are left to their own levels: what suits a blurred picture from relu5_1 spoils a sharp
    one from relu2_1. Added are the relative error of the block's own output, and of what the encoder makes of it.
    """
    for k in range(1, decoder.levels + 1):
        decoder.block(k).requires_grad_(k == level)
    with torch.no_grad():
        features = encoder(pictures, level)
    x = decoder.block(level)(features[-1])
    error = relative(x, features[level - 2]).pow(2).mean() if level > 1 else 0
    cycle = relative(encoder.stages[f"relu{level}_1"](x), features[-1]).mean()
    output = decoder(x, level - 1)
    decoder.requires_grad_(True)
    return -psnr(output, pictures).mean() / 10 + FEATURE_WEIGHT * error + CYCLE_WEIGHT * cycle


def chain_loss(encoder, decoder, pictures):
    """Relative error of what every block makes of the encoder's features, less the PSNR from each level through all the
    blocks below, in twenties of dB: means over the levels. The encoder is not asked to be easier to invert."""
    with torch.no_grad():
        features = [pictures, *encoder(pictures, decoder.levels)]
    error = decibels = 0
    for k in range(1, decoder.levels + 1):
        x = decoder.block(k)(features[k])
        error = error + relative(x.float(), features[k - 1].float()).mean()
        decibels = decibels + psnr((decoder(x, k - 1) if k > 1 else x).float(), pictures).mean()
    return (error - decibels / 20) / decoder.levels


def psnr_line(encoder, decoder, photos):
    return "PSNR " + " ".join(f"{p:.2f}" for p in inversion_psnr(encoder, decoder, photos))


@torch.inference_mode()
def inversion_psnr(encoder, decoder, photos):
    """Mean PSNR from each level over the 256-pixel centre crops of `photos`."""
    rows = []
    for photo in photos:
        picture = centre(photo).to(next(encoder.parameters()).device)
        pictures = [decoder(f, k).clamp(0, 1) for k, f in enumerate(encoder(picture, decoder.levels), 1)]
        rows.append([float(psnr(p, picture)) for p in pictures])
    return torch.tensor(rows).mean(0).tolist()

"""Train the decoder: python -m models.train --photos DIR [--stylise]

Without --stylise: the reconstruction decoder, blocks D1 ... D5, which inverts the encoder from every level.
With it: the stylised decoder, blocks D1 ... D4, end to end on random pairs with the whitening and colouring
transform between the blocks, differentiated by the Lyapunov equation.

Training starts from the weights in weights/, channels revived that were never active, goes on from --checkpoint where
that file exists, and writes its running mean to weights/ at the end. Photos and paintings that are held out measure it
on the way.
"""

import argparse
import math
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchvision.transforms import v2

from models.checkpoint import Checkpoint
from models.decoder import revive
from models.losses import content_loss, layers, moments, psnr, relative, stage_ends, style_loss, total_variation
from models.muon import Muon
from models.weights import DECODERS, LEVEL5, load_decoder, load_encoder, save
from wct import memory
from wct.device import choose_dtype
from wct.passes import single_pass
from wct.transform import Statistics, colouring, map_between, statistics, whitening

HELD_OUT_STYLES = (
    "kandinsky-composition-viii", "cassatt-summertime", "van-gogh-langlois-bridge", "hokusai-poppies",
)
FEATURE_WEIGHT = 0.1
CYCLE_WEIGHT = 0.5
FIRST_RATE = 0.2  # learning rate of D1, relative: it has few weights, and all of the picture hangs on each
LEVEL_ODDS = (0.04, 0.16, 0.2, 0.25, 0.35)  # how often each level is the one to reconstruct from


def read(path):
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)


def read_folder(folder):
    """The .jpg pictures of a folder as (3, H, W) uint8, by name without suffix and in the order of the names."""
    return {path.stem: read(path) for path in sorted(Path(folder).glob("*.jpg"))}


def batches(pictures, size, count, scale=None, colour=0.0):
    """Endless float batches (count, 3, size, size) of random crops, mirrored and, with a scale, rescaled at random."""
    augment = v2.Compose([
        v2.RandomResizedCrop(size, scale=scale, ratio=(0.9, 1.1), antialias=True) if scale else v2.RandomCrop(size),
        v2.RandomHorizontalFlip(),
        v2.ColorJitter(colour, colour, colour, colour / 2) if colour else v2.Identity(),
        v2.ToDtype(torch.float32, scale=True),
    ])
    while True:
        chosen = torch.randint(len(pictures), (count,))
        yield torch.stack([augment(pictures[i]) for i in chosen])


def centre(picture, device):
    """The 256-pixel centre crop as a float batch of one."""
    return v2.functional.center_crop(picture, 256)[None].to(device).float() / 255


@torch.inference_mode()
def validate(encoder, decoder, photos, device):
    """Mean PSNR from each level over the 256-pixel centre crops of `photos`."""
    rows = []
    for photo in photos:
        picture = centre(photo, device)
        features = encoder(picture)
        pictures = [decoder(f, k).clamp(0, 1) for k, f in enumerate(features[: decoder.levels], 1)]
        rows.append([float(psnr(p, picture)) for p in pictures])
    return torch.tensor(rows).mean(0).tolist()


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
    cycle = relative(encoder.stages[f"relu{level}_1"](x.clone()), features[-1]).mean()
    output = decoder(x, level - 1)
    decoder.requires_grad_(True)
    return -psnr(output, pictures).mean() / 10 + FEATURE_WEIGHT * error + CYCLE_WEIGHT * cycle


@dataclass
class Target:
    """A style, or several as a batch: `moments` of its layers, and for the transform `colouring` of its levels."""

    moments: list
    roots: list

    def to(self, device):
        return Target([tuple(x.to(device) for x in pair) for pair in self.moments], [x.to(device) for x in self.roots])

    @staticmethod
    def batch(targets):
        """Those of several styles as one."""
        moments, roots = (zip(*part) for part in zip(*((one.moments, one.roots) for one in targets)))
        return Target([tuple(map(torch.cat, zip(*pairs))) for pairs in moments], list(map(torch.cat, roots)))


@torch.no_grad()
def target(encoder, levels, picture):
    """The Target of a picture (1, 3, H, W), on the CPU."""
    found = layers(encoder, picture)
    roots = [colouring(statistics(f), method="eigh") for f in stage_ends(found)[:levels]]
    return Target([moments(f) for f in found], roots).to("cpu")


def stylise(decoder, contents, style):
    """The program's single pass, with the whitening differentiated by the Lyapunov equation."""
    ends = stage_ends(style.moments)

    def transform(xs, level):
        with torch.autocast(xs[0].device.type, enabled=False):  # the map is rounded once, as in the program
            content, (gram, mean) = statistics(*xs), ends[level - 1]
            wanted = Statistics(mean, gram - mean[..., :, None] * mean[..., None, :])
            return [map_between(content, wanted, whitening(content, method="eigh"), style.roots[level - 1])]

    return single_pass(decoder, [list(contents)], transform)[0]


def stylisation_losses(encoder, decoder, pictures, style):
    """Style and content losses of stylised pictures, and a penalty on noise and on excess of [0, 1]."""
    with torch.no_grad():
        contents = layers(encoder, pictures)
    output = stylise(decoder, stage_ends(contents)[: decoder.levels], style)
    ours = layers(encoder, output)
    penalty = 0.1 * total_variation(output) + 10 * (output - output.clamp(0, 1)).pow(2).mean()
    return style_loss([moments(f) for f in ours], style.moments), content_loss(ours, contents), penalty


def style_bank(encoder, levels, crops, count, device):
    """The Targets of `count` crops, so that no style is encoded twice."""
    return [target(encoder, levels, next(crops).to(device, memory_format=torch.channels_last)) for _ in range(count)]


def pick(bank, count, device):
    return Target.batch([bank[i] for i in torch.randint(len(bank), (count,))]).to(device)


@torch.inference_mode()
def validate_style(encoder, decoder, photos, paintings, device):
    """Mean style and content loss of eight held-out photos in held-out paintings, centre crops of 256."""
    rows = []
    for i, photo in enumerate(photos[:8]):
        content, painting = (centre(p, device) for p in (photo, paintings[i % len(paintings)]))
        style = target(encoder, decoder.levels, painting).to(device)
        rows.append([float(x) for x in stylisation_losses(encoder, decoder, content, style)[:2]])
    return torch.tensor(rows).mean(0).tolist()


def rate(step, args):
    """Learning rate: a linear warm-up over 100 steps, then half a cosine to zero."""
    return args.rate * min(1, (step + 1) / 100) * (1 + math.cos(math.pi * min(1, step / args.steps))) / 2


def arguments():
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", required=True, help="folder of .jpg photos to train on")
    parser.add_argument("--styles", default="examples/style", help="folder of .jpg paintings (default: %(default)s)")
    parser.add_argument("--stylise", action="store_true", help="train on stylised pairs, through the transform")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--crop", type=int, default=192, help="side of the training crops, a multiple of 16")
    parser.add_argument("--rate", type=float, default=1e-4, help="highest learning rate")
    parser.add_argument("--level", type=int, choices=range(1, 6), help="learn to reconstruct from this level alone")
    parser.add_argument("--content-weight", type=float, default=0.3, help="of the content loss beside the style loss")
    parser.add_argument("--bank", type=int, default=432, help="crops of styles to learn from, a third of them photos; "
                        "6 MB of memory each (default: %(default)s)")
    parser.add_argument("--validation", type=int, default=45, help="photos held out, the last by name")
    parser.add_argument("--checkpoint", type=Path, help="default: checkpoint_stylised or checkpoint_reconstruction"
                        ".safetensors")
    parser.add_argument("--every", type=int, default=250, help="steps between validations and checkpoints")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    if args.level and args.stylise:
        parser.error("--level is for reconstruction, not for --stylise")
    return args


def main():
    args = arguments()
    torch.set_flush_denormal(True)  # what gets no gradients any more fades into such numbers, in which CPUs are slow
    kind, levels = ("stylised", 4) if args.stylise else ("reconstruction", 5)
    layout = {"device": args.device, "memory_format": torch.channels_last}
    dtype = choose_dtype(torch.device(args.device))
    half = partial(torch.autocast, torch.device(args.device).type, dtype, enabled=dtype != torch.float32)
    encoder, decoder = load_encoder().to(**layout), load_decoder(kind, levels, corrected=False).to(**layout)
    decoder.requires_grad_(True)
    mean = AveragedModel(decoder, multi_avg_fn=get_ema_multi_avg_fn(0.998))
    optimiser = Muon([{"params": list(block.parameters()), "share": FIRST_RATE if name == "D1" else 1}
                      for name, block in decoder.blocks.items()])
    checkpoint = Checkpoint(args.checkpoint or Path(f"checkpoint_{kind}.safetensors"), decoder, mean, optimiser)
    start = checkpoint.read()
    torch.manual_seed(start)

    photos = list(read_folder(args.photos).values())
    if not 0 < args.validation < len(photos):
        raise SystemExit(f"{args.photos} has {len(photos)} .jpg photos: too few to hold {args.validation} out")
    if min(min(photo.shape[1:]) for photo in photos) < args.crop:
        raise SystemExit(f"{args.photos} has photos smaller than --crop {args.crop}; name a smaller crop")
    photos, held_out = photos[: -args.validation], photos[-args.validation :]
    contents = batches(photos, args.crop, args.batch, (0.4, 1.0) if args.stylise else None)
    if args.stylise:
        pictures = read_folder(args.styles)
        paintings = [picture for name, picture in pictures.items() if name not in HELD_OUT_STYLES]
        unseen = [picture for name, picture in pictures.items() if name in HELD_OUT_STYLES] or paintings
        crops = batches(paintings, 384, 1, (0.25, 1.0), colour=0.2), batches(photos, 288, 1, (0.5, 1.0), colour=0.2)
        with half():
            bank = [one for some, count in zip(crops, (args.bank * 2 // 3, args.bank // 3))
                    for one in style_bank(encoder, levels, some, count, args.device)]

    def stylised():
        found = layers(encoder, next(contents).to(**layout))
        stylise(decoder, stage_ends(found)[:levels], pick(bank, args.batch, args.device))

    def inverted():
        for k, features in enumerate(encoder(next(contents).to(**layout)), 1):
            decoder.block(k)(features)

    memory.reuse()
    print(f"steps {start} to {args.steps}", flush=True)
    if not start:
        blocks = [decoder.block(k) for k in ([args.level] if args.level else range(1, levels + 1))]
        with half():
            print(f"{revive(blocks, stylised if args.stylise else inverted)} channels revived", flush=True)
        mean.module.load_state_dict(decoder.state_dict())

    def report(step):
        with half():
            told = "PSNR " + " ".join(f"{p:.2f}" for p in validate(encoder, mean.module, held_out, args.device))
            if args.stylise:
                losses = validate_style(encoder, mean.module, held_out, unseen, args.device)
                told += " style {:.4f} content {:.4f}".format(*losses)
        print(f"validation {step} {told}", flush=True)

    report(start)
    began = time.monotonic()
    for step in range(start, args.steps):
        for group in optimiser.param_groups:
            group["lr"] = group["share"] * rate(step, args)
        pictures = next(contents).to(**layout)
        with half():
            if args.stylise and step % 10:
                targets = pick(bank, args.batch, args.device)
                style, content, penalty = stylisation_losses(encoder, decoder, pictures, targets)
                loss = style + args.content_weight * content + penalty
                shown = f"style {float(style.detach()):.4f} content {float(content.detach()):.4f}"
            else:
                loss = reconstruction_loss(encoder, decoder, pictures, args.level or random_level(levels))
                shown = f"reconstruction {float(loss.detach()):.4f}"
        optimiser.zero_grad()
        loss.backward()
        for block in decoder.blocks.values():
            torch.nn.utils.clip_grad_norm_(block.parameters(), 1.0)
        optimiser.step()
        mean.update_parameters(decoder)
        if step % 10 in (0, 1):
            print(f"{step} {time.monotonic() - began:.0f}s {shown}", flush=True)
        if (step + 1) % args.every == 0 or step + 1 == args.steps:
            checkpoint.write()
            report(step + 1)

    state = {k: v for k, v in mean.module.state_dict().items() if ".D5." not in k}
    save(state, DECODERS[kind])
    if not args.stylise:
        save({f"decoder.{k}": v for k, v in mean.module.state_dict().items() if ".D5." in k}, LEVEL5, keep="encoder.")


if __name__ == "__main__":
    main()

"""Train the decoder: python -m wct.training --photos DIR [--stylise]

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
from functools import partial
from pathlib import Path

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from models.decoder import revive
from models.weights import DECODERS, LEVEL5, load_decoder, load_encoder, save
from wct.runtime import memory
from wct.runtime.device import choose_device, choose_dtype
from wct.training.checkpoint import Checkpoint
from wct.training.muon import Muon
from wct.training.photos import divided
from wct.training.reconstruction import Reconstruction
from wct.training.stylisation import Stylisation

FIRST_RATE = 0.2  # learning rate of D1, relative: it has few weights, and all of the picture hangs on each


def rate(step, args):
    """Learning rate: a linear warm-up over 100 steps, then half a cosine to zero."""
    return args.rate * min(1, (step + 1) / 100) * (1 + math.cos(math.pi * min(1, step / args.steps))) / 2


def arguments():
    parser = argparse.ArgumentParser(prog="python -m wct.training", description=__doc__.partition("\n")[0])
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
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    args = parser.parse_args()
    if args.level and args.stylise:
        parser.error("--level is for reconstruction, not for --stylise")
    if args.crop < 32 or args.crop % 16:
        parser.error(f"--crop must be a multiple of 16, 32 at least, not {args.crop}")
    if args.every < 1 or args.bank < 3:
        parser.error("--every must be at least 1, and --bank at least 3")
    try:
        args.device = choose_device(args.device)
    except ValueError as error:
        parser.error(str(error))
    return args


def main():
    args = arguments()
    torch.set_flush_denormal(True)  # what gets no gradients any more fades into such numbers, in which CPUs are slow
    photos, held_out = divided(args.photos, args.validation, args.crop)
    Task = Stylisation if args.stylise else Reconstruction
    layout = {"device": args.device, "memory_format": torch.channels_last}
    encoder = load_encoder().to(**layout)
    decoder = load_decoder(Task.kind, Task.levels, corrected=False).to(**layout).requires_grad_(True)
    mean = AveragedModel(decoder, multi_avg_fn=get_ema_multi_avg_fn(0.998))
    optimiser = Muon([{"params": list(block.parameters()), "share": FIRST_RATE if name == "D1" else 1}
                      for name, block in decoder.blocks.items()])
    checkpoint = Checkpoint(args.checkpoint or Path(f"checkpoint_{Task.kind}.safetensors"), decoder, mean, optimiser)
    start = checkpoint.read()
    torch.manual_seed(start)
    memory.reuse()
    dtype = choose_dtype(args.device)
    half = partial(torch.autocast, args.device.type, dtype, enabled=dtype != torch.float32)

    print(f"steps {start} to {args.steps}", flush=True)
    with half():
        task = Task(encoder, decoder, photos, args, layout)
        if not start:
            print(f"{revive(task.learning, task.forward)} channels revived", flush=True)
            mean.module.load_state_dict(decoder.state_dict())
        print(f"validation {start} {task.validate(mean.module, held_out)}", flush=True)
    began = time.monotonic()
    for step in range(start, args.steps):
        for group in optimiser.param_groups:
            group["lr"] = group["share"] * rate(step, args)
        with half():
            loss, line = task.loss(step)
        optimiser.zero_grad()
        loss.backward()
        for block in decoder.blocks.values():
            torch.nn.utils.clip_grad_norm_(block.parameters(), 1.0)
        optimiser.step()
        mean.update_parameters(decoder)
        if step % 10 in (0, 1):
            print(f"{step} {time.monotonic() - began:.0f}s {line}", flush=True)
        if (step + 1) % args.every == 0 or step + 1 == args.steps:
            checkpoint.write()
            with half():
                print(f"validation {step + 1} {task.validate(mean.module, held_out)}", flush=True)
    write(mean.module, Task.kind)


def write(decoder, kind):
    """The blocks of a decoder to weights/, D5 in a file of its own."""
    state = decoder.state_dict()
    deepest = {f"decoder.{k}": v for k, v in state.items() if ".D5." in k}
    save({k: v for k, v in state.items() if ".D5." not in k}, DECODERS[kind])
    if deepest:
        save(deepest, LEVEL5, keep="encoder.")


if __name__ == "__main__":
    main()

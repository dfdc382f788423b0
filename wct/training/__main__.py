"""Train networks: python -m wct.training stylise --network small --photos DIR --styles DIR --output DIR

stylise: the networks that make the pictures, end to end on random pairs, with the whitening and colouring transform
between the blocks, differentiated by the Lyapunov equation: of "full" the decoder's blocks D1 ... D4, of "small" the
encoder too. reconstruct: the other decoder, which inverts the encoder from every level.

Training starts from the weights of --start, channels revived that were never active, and goes on from --checkpoint
where that file exists. The running mean goes to --output at the end, as a complete folder of weights. Photos and
paintings that are held out measure it on the way.
"""

import argparse
import math
import time
from functools import partial
from pathlib import Path

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from models.decoder import revive
from models.networks import NETWORKS
from models.weights import WEIGHTS, WeightsError, load_encoder
from wct.runtime import memory
from wct.runtime.device import choose_device, choose_dtype
from wct.runtime.examples import EXAMPLES
from wct.training.checkpoint import Checkpoint
from wct.training.muon import Muon
from wct.training.networks import Networks
from wct.training.photos import divided
from wct.training.reconstruction import Reconstruction
from wct.training.stylisation import Stylisation

TASKS = {"stylise": Stylisation, "reconstruct": Reconstruction}


def rate(step, args):
    """Learning rate: a linear warm-up over 100 steps, then half a cosine to zero."""
    return args.rate * min(1, (step + 1) / 100) * (1 + math.cos(math.pi * min(1, step / args.steps))) / 2


def arguments():
    parser = argparse.ArgumentParser(prog="python -m wct.training", description=__doc__.partition(":")[0] + ".")
    tasks = parser.add_subparsers(dest="task", required=True)
    for name in TASKS:
        _options(tasks.add_parser(name), name)
    args = parser.parse_args()
    if args.crop < 32 or args.crop % 16:
        parser.error(f"--crop must be a multiple of 16, 32 at least, not {args.crop}")
    if args.every < 1 or args.steps < 0:
        parser.error("--every must be at least 1, and --steps not negative")
    try:
        args.device = choose_device(args.device)
    except ValueError as error:
        parser.error(str(error))
    args.checkpoint = args.checkpoint or args.output / "checkpoint.safetensors"
    return args


def _options(parser, task):
    parser.add_argument("--photos", required=True, help="folder of .jpg photos to train on")
    parser.add_argument("--output", required=True, type=Path, help="folder to write the weights to")
    parser.add_argument("--start", type=Path, default=WEIGHTS, help="folder of weights to begin with")
    parser.add_argument("--network", choices=NETWORKS, default="full")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=2 if task == "stylise" else 4)
    parser.add_argument("--crop", type=int, default=192, help="side of the training crops, a multiple of 16")
    parser.add_argument("--rate", type=float, default=1e-4, help="highest learning rate (default: %(default)s)")
    parser.add_argument("--validation", type=int, default=45, help="photos held out, the last by name")
    parser.add_argument("--checkpoint", type=Path, help="default: checkpoint.safetensors in --output")
    parser.add_argument("--every", type=int, default=250, help="steps between validations and checkpoints")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    if task == "reconstruct":
        parser.add_argument("--level", type=int, choices=range(1, 6), help="learn from this level alone")
    else:
        parser.add_argument("--styles", nargs="+", type=Path, default=[EXAMPLES / "style"],
                            help="folders of .jpg paintings (default: examples/style)")
        parser.add_argument("--style-crop", type=int, default=256, help="side of the crops of styles")
        parser.add_argument("--content-weight", type=float, default=0.12, help="of the content loss")
        parser.add_argument("--bank", type=int, default=600, help="crops of photos, and as many of styles, that are "
                            "kept with what the losses need of them, 6 MB each (default: %(default)s)")
        parser.set_defaults(level=None)


def main():
    args = arguments()
    torch.set_flush_denormal(True)  # what gets no gradients any more fades into such numbers, in which CPUs are slow
    photos, held_out = divided(args.photos, args.validation, args.crop)
    layout = {"device": args.device, "memory_format": torch.channels_last}
    dtype = choose_dtype(args.device)
    half = partial(torch.autocast, args.device.type, dtype, enabled=dtype != torch.float32,
                   cache_enabled=False)  # weights change within it, and no old cast of them may be read
    Task = TASKS[args.task]
    try:
        networks = Networks(args.network, Task.kind, Task.levels, args.start).to(**layout)
        mean = AveragedModel(networks, multi_avg_fn=get_ema_multi_avg_fn(0.998))
        losses = load_encoder().to(dtype=dtype, **layout)
    except WeightsError as error:
        raise SystemExit(str(error)) from error
    optimiser = Muon([{"params": part, "share": share} for part, share in networks.parts()])
    made_with = {"task": args.task, "network": args.network, "level": str(args.level)}
    checkpoint = Checkpoint(args.checkpoint, networks, mean, optimiser, made_with)
    start = checkpoint.read()
    torch.manual_seed(start)
    memory.reuse()

    print(f"steps {start} to {args.steps}", flush=True)
    with half():
        task = Task(networks, losses, photos, args, layout)
        if not start:
            print(f"{task.prepare() + revive(task.learning, task.forward)} channels revived", flush=True)
            mean.module.restore(networks.learned())
        print(f"validation {start} {task.validate(mean.module, held_out)}", flush=True)
    began = time.monotonic()
    for step in range(start, args.steps):
        for group in optimiser.param_groups:
            group["lr"] = group["share"] * rate(step, args)
        with half():
            loss, line = task.loss(step)
        optimiser.zero_grad()
        loss.backward()
        for group in optimiser.param_groups:
            torch.nn.utils.clip_grad_norm_(group["params"], 1.0)
        optimiser.step()
        mean.update_parameters(networks)
        if step % 10 in (0, 7):
            print(f"{step} {time.monotonic() - began:.0f}s {line}", flush=True)
        if (step + 1) % args.every == 0 or step + 1 == args.steps:
            checkpoint.write()
            with half():
                print(f"validation {step + 1} {task.validate(mean.module, held_out)}", flush=True)
    if args.steps:
        mean.module.write(args.output)


if __name__ == "__main__":
    main()

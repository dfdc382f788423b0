"""Networks of pictures, trained the same way whatever is compared in them."""

from statistics import median

import torch
from torch.nn import functional as F

from wct.experiments.cifar import augmented
from wct.runtime.device import choose_dtype
from wct.runtime.trials import working_seconds

BATCH = 128
MEAN, DEVIATION = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)  # of CIFAR-10's pixels


def normalised(pictures, device):
    """uint8 (B, 3, H, W) -> float32 of mean 0 and deviation 1 by channel, channels last."""
    mean, deviation = (torch.tensor(x).view(3, 1, 1) for x in (MEAN, DEVIATION))
    x = (pictures.float() / 255 - mean) / deviation
    return x.to(device, memory_format=torch.channels_last)


def working_dtype(device):
    """The dtype of autocast, by its name: bfloat16 where the device is clearly faster in it."""
    return str(choose_dtype(device)).removeprefix("torch.")


def scores_of(model, x):
    """model(x) in float32, by autocast in the device's dtype."""
    dtype = choose_dtype(x.device)
    with torch.autocast(x.device.type, dtype, enabled=dtype != torch.float32):
        return model(x).float()


def train(make, data, epochs, seed, device, rate=0.1, optimiser="sgd"):
    """Train make() -> Module on data ((pictures, labels) to train on, and to test with).

    SGD with momentum 0.9 or AdamW, a rate that rises for a tenth of the steps and falls to 0 by a cosine. Returns the
    row of a table: the error on the test pictures in percent, milliseconds of a step, steps whose loss was not finite
    (they are skipped) and those that raised an error, at which the run ends.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    (pictures, labels), test = data
    model = make().to(device, memory_format=torch.channels_last)
    if optimiser == "sgd":
        optimiser = torch.optim.SGD(model.parameters(), rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
    else:
        optimiser = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.05)
    per_epoch = max(len(pictures) // BATCH, 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=epochs * per_epoch, pct_start=0.1,
                                                   cycle_momentum=False)
    seconds, skipped, failure = [], 0, None
    try:
        for _ in range(epochs):
            model.train()
            for chosen in torch.randperm(len(pictures), generator=generator)[: per_epoch * BATCH].split(BATCH):
                x, y = normalised(augmented(pictures[chosen], generator), device), labels[chosen].to(device)
                start = working_seconds(x.device)
                loss = F.cross_entropy(scores_of(model, x), y)
                optimiser.zero_grad()
                loss.backward()
                norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
                if norm.isfinite():
                    optimiser.step()
                else:
                    skipped += 1
                seconds.append(working_seconds(x.device) - start)
                schedule.step()
    except (ValueError, RuntimeError) as error:
        failure = str(error).split("\n")[0]
    return {"error": error_of(model, test, device) if failure is None else None,
            "step_ms": 1000 * median(seconds) if seconds else None, "skipped": skipped, "failure": failure}


@torch.no_grad()
def error_of(model, data, device):
    """Percent of pictures that are taken for another class."""
    model.eval()
    right = sum((scores_of(model, normalised(x, device)).argmax(1).cpu() == y).sum().item()
                for x, y in zip(data[0].split(500), data[1].split(500)))
    return 100 * (1 - right / len(data[1]))


def milliseconds(function, x, parameters=(), repeats=20):
    """Of forward and backward of a function of x and its parameters, the median."""
    times = []
    for _ in range(repeats + 2):
        x = x.detach().requires_grad_()
        start = working_seconds(x.device)
        y = function(x)
        torch.autograd.grad(y, [x, *parameters], torch.ones_like(y))
        times.append(working_seconds(x.device) - start)
    return 1000 * median(times[2:])

"""Correcting the inverse of an encoder's stage by what the stage makes of it."""

import torch
from torch.nn import functional as F

RATE = 0.05  # found by trial: more than 1 / lambda_max(stage'^T stage'), 0.01 to 0.02 at photos, and half of too much


def correct(stage, features, guess, steps=40):
    """What `stage` takes to `features` (B, n, h, w).

    guess: (B, m, H, W), where to start; what the features do not tell stays as it was guessed. Returns that shape and
    dtype, without gradients; the arithmetic is float32 at least. Solved is

        min_z |stage(z) - features|^2 / 2 over z >= 0

    by accelerated gradients with projection (Nesterov 1983; Beck and Teboulle, "A Fast Iterative Shrinkage-Thresholding
    Algorithm", 2009), from z_0 = z_{-1} = guess:

        p_i = max(0, z_i + i / (i + 3) (z_i - z_{i-1})),
        z_{i+1} = max(0, p_i - rate stage'(p_i)^T (stage(p_i) - features)).
    """
    with torch.inference_mode(False), torch.enable_grad():
        features, z = features.detach().clone(), guess.detach().clone()  # tensors of inference mode have no gradients
        z = z.to(torch.promote_types(z.dtype, torch.float32))
        velocity = torch.zeros_like(z)
        for i in range(steps):
            p = F.relu(z + i / (i + 3) * velocity).requires_grad_(True)
            made = stage(p)
            (slope,) = torch.autograd.grad(made, p, made.detach() - features)
            new = F.relu(p.detach() - RATE * slope)
            velocity, z = new - z, new
    return z.to(guess.dtype)

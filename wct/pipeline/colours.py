"""The photo's colours, kept: only the luminance is the stylised picture's."""

from collections.abc import Iterable

import torch


def luminance(x: torch.Tensor) -> torch.Tensor:
    """Of pictures (B, 3, H, W): (B, 1, H, W)."""
    return (x.new_tensor([0.299, 0.587, 0.114])[:, None, None] * x.clamp(0, 1)).sum(1, keepdim=True)


def light(pictures: Iterable[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Standard deviation and mean (B, 1, 1, 1) of the luminance over parts (B, 3, h, w) of pictures."""
    lights = torch.cat([luminance(x).flatten(2) for x in pictures], 2)
    return tuple(value[..., None] for value in torch.std_mean(lights, 2, correction=0, keepdim=True))


def keep_colours(stylised: torch.Tensor, photo: torch.Tensor, lights) -> torch.Tensor:
    """The photo's colours with the light and dark of the stylised picture, both (B, 3, H, W) in [0, 1].

    The luminance is replaced (Gatys et al., "Preserving Color in Neural Artistic Style Transfer", 2016), its mean
    and deviation brought to the photo's. lights: `light` of the whole stylised picture and of the whole photo.
    """
    (new_std, new_mean), (old_std, old_mean) = lights
    new = (luminance(stylised) - new_mean) * old_std / new_std.clamp(min=1e-3) + old_mean
    return photo + new - luminance(photo)

"""The pictures that decoders learn from and are measured with."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import v2


def read_folder(folder):
    """The .jpg pictures of a folder as (3, H, W) uint8, by name without suffix and in the order of the names."""
    def read(path):
        return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)

    return {path.stem: read(path) for path in sorted(Path(folder).glob("*.jpg"))}


def divided(folder, held_out, least=256):
    """The .jpg photos of a folder as two lists: all but the last, and the last `held_out` by name.

    Ends the program where there are too few, or one has a side shorter than 256 or `least`.
    """
    photos, least = list(read_folder(folder).values()), max(least, 256)
    if not 0 < held_out < len(photos):
        raise SystemExit(f"--validation must lie between 0 and {len(photos)}, the number of .jpg photos in {folder}")
    if min(min(photo.shape[1:]) for photo in photos) < least:
        raise SystemExit(f"{folder} has photos smaller than {least} pixels; take them out, or name a smaller --crop")
    return photos[:-held_out], photos[-held_out:]


class Transposed(torch.nn.Module):
    """Rows and columns change places every other time, so that no axis is special."""

    def forward(self, picture):
        return picture.mT if torch.rand(()) < 0.5 else picture


def recolouring():
    """Colours as they are but for a little, of any hue, or with light and dark changed, a few inverted."""
    return v2.RandomChoice([
        v2.ColorJitter(0.1, 0.1, 0.1, 0.03), v2.ColorJitter(0.4, 0.4, 0.6, 0.5),
        v2.Compose([v2.RandomInvert(0.15), v2.ColorJitter(0.4, 0.4, 0.4, 0.2)]),
    ], p=[0.4, 0.35, 0.25])


def crops(pictures, size, scale=None, recoloured=False):
    """Endless float crops (1, 3, size, size) at random: mirrored, transposed and, with a scale, the share of the
    picture's area that they show, rescaled. recoloured: in many colours."""
    augment = v2.Compose([
        v2.RandomResizedCrop(size, scale=scale, ratio=(0.9, 1.1), antialias=True) if scale else v2.RandomCrop(size),
        v2.RandomHorizontalFlip(),
        Transposed(),
        recolouring() if recoloured else v2.Identity(),
        v2.ToDtype(torch.float32, scale=True),
    ])
    while True:
        yield augment(pictures[int(torch.randint(len(pictures), ()))])[None]


def centre(picture):
    """The 256-pixel centre crop as a float batch of one."""
    return v2.functional.center_crop(picture, 256)[None].float() / 255

"""Pictures as tensors, and back."""

import numpy as np
import torch
from PIL import Image


def to_tensor(image):
    """A PIL image of mode RGB or L -> float32 tensor (1, 3 or 1, H, W) in [0, 1], channels last in memory."""
    return torch.from_numpy(np.atleast_3d(np.array(image))).permute(2, 0, 1)[None].float().div_(255)


def to_pil(tensor):
    """A tensor (1, 3, H, W), any device and float type, clamped to [0, 1] -> PIL image of mode RGB."""
    pixels = tensor[0].float().clamp(0, 1).mul_(255).round_().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().cpu().numpy())

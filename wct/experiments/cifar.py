"""CIFAR-10 as pictures in class folders, train/CLASS/*.jpg and test/CLASS/*.jpg, in a folder or a zip file."""

import io
import zipfile
from pathlib import Path


def load(path, limits=(None, None)):
    """(pictures, labels) to train on and to test with: uint8 (N, 3, 32, 32), int64 (N,). limits: so many of each,
    evenly of all classes. Raises ValueError where that is not what lies at `path`."""
    path = Path(path)
    if path.is_dir():
        files = {p.relative_to(path).as_posix(): p.read_bytes for p in sorted(path.rglob("*"))}
        return _parts(path, files, limits)
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is neither a folder nor a zip file; name CIFAR-10 in train/CLASS/ and test/CLASS/")
    with zipfile.ZipFile(path) as archive:
        files = {name: lambda name=name: archive.read(name) for name in sorted(archive.namelist())}
        return _parts(path, files, limits)


def _parts(path, files, limits):
    pictures = {name: read for name, read in files.items() if name.lower().endswith((".jpg", ".jpeg", ".png"))}
    classes = sorted({name.split("/")[1] for name in pictures if name.count("/") == 2 and name.startswith("train/")})
    if len(classes) < 2:
        raise ValueError(f"{path} has no pictures of two classes in train/CLASS/")
    return [_part(path, part, classes, pictures, limit) for part, limit in zip(("train", "test"), limits)]


def _part(path, part, classes, pictures, limit):
    import numpy as np
    import torch
    from PIL import Image

    images, labels = [], []
    for label, name in enumerate(classes):
        chosen = [read for file, read in pictures.items() if file.startswith(f"{part}/{name}/")]
        for read in chosen[: -(-limit // len(classes)) if limit else None]:
            with Image.open(io.BytesIO(read())) as image:
                images.append(np.asarray(image.convert("RGB")))
            labels.append(label)
    if not images or len({image.shape for image in images}) > 1:
        raise ValueError(f"{path} needs pictures of one size in {part}/CLASS/")
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels)


def augmented(pictures, generator):
    """Mirrored at random, and moved by up to four pixels: (B, 3, H, W) uint8."""
    import torch
    from torch.nn import functional as F

    count, _, height, width = pictures.shape
    flipped = torch.rand(count, generator=generator) < 0.5
    pictures = torch.where(flipped[:, None, None, None], pictures.flip(-1), pictures)
    padded = F.pad(pictures, (4, 4, 4, 4))
    top, left = (torch.randint(0, 9, (count,), generator=generator) for _ in range(2))
    rows = (top[:, None] + torch.arange(height))[:, None, :, None]
    columns = (left[:, None] + torch.arange(width))[:, None, None, :]
    return padded[torch.arange(count)[:, None, None, None], torch.arange(3)[None, :, None, None], rows, columns]

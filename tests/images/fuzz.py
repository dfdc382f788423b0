"""Damaged picture files through open_picture: python tests/images/fuzz.py --count 1000

Bits flipped, bytes cut off, blocks swapped, doubled and blanked, in one file of each kind. Each must give a Picture or
a PictureError of one sentence, in bounded time and memory, and no process may be lost.
"""

import argparse
import io
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

SECONDS = 30  # that a file may take
PIXELS = 4_000_000  # that a header may state
MEGABYTES = 1000  # that reading such a file may take


def samples():
    """(name, bytes) of small whole files of every kind that is read."""
    import numpy as np
    import pillow_heif
    import pillow_jxl  # noqa: F401
    from pictures import SRGB, exif, noise, png, raw_file, rgb_profile, tiff
    from PIL import Image

    pillow_heif.register_heif_opener()
    extra = {"exif": exif(6), "icc_profile": rgb_profile(SRGB[::-1])}
    rgb, deep = noise(48, 40), np.random.default_rng(0).integers(0, 65536, (40, 48), dtype=np.uint16)

    def saved(image, format, **options):
        file = io.BytesIO()
        image.save(file, format, **options)
        return file.getvalue()

    yield "a.jpg", saved(rgb, "JPEG", **extra)
    yield "progressive.jpg", saved(rgb, "JPEG", progressive=True, **extra)
    yield "cmyk.jpg", saved(rgb.convert("CMYK"), "JPEG")
    yield "two.mpo", saved(rgb, "MPO", save_all=True, append_images=[rgb])
    yield "a.png", saved(rgb.convert("RGBA"), "PNG", **extra)
    yield "palette.png", saved(rgb.quantize(16), "PNG", transparency=3)
    yield "deep.png", saved(Image.fromarray(deep), "PNG")
    frames = {"save_all": True, "append_images": [noise(48, 40, seed=1)]}
    yield "frames.png", saved(rgb, "PNG", **frames)
    yield "frames.gif", saved(rgb, "GIF", **frames)
    yield "a.webp", saved(rgb, "WEBP", **extra)
    yield "frames.webp", saved(rgb.convert("RGBA"), "WEBP", lossless=True, **frames)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        yield f"{compression}.tif", saved(rgb, "TIFF", compression=compression, **extra)
    yield "group4.tif", saved(rgb.convert("1"), "TIFF", compression="group4")
    for name, format in (("a.bmp", "BMP"), ("a.ppm", "PPM"), ("a.jp2", "JPEG2000"), ("a.qoi", "QOI")):
        yield name, saved(rgb, format)
    yield "a.tga", saved(rgb, "TGA", compression="tga_rle")
    yield "a.avif", saved(rgb, "AVIF", **extra)
    yield "a.heic", saved(rgb, "HEIF", save_all=True, append_images=[rgb])
    yield "a.jxl", saved(rgb, "JXL", use_container=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        linear = rgb_profile(SRGB, 1.0)
        yield "linear.tif", tiff(path, np.dstack([deep] * 3), icc=linear).read_bytes()
        yield "float.tif", tiff(path, np.dstack([deep] * 3).astype(np.float32)).read_bytes()
        rows = [row.astype(">u2").repeat(3).tobytes() for row in deep]
        yield "linear.png", png(path, (48, 40), 16, 2, rows, gAMA=b"\0\1\x86\xa0", tRNS=bytes(6)).read_bytes()
        yield "photo.dng", raw_file(path, (48, 40), saved(rgb, "JPEG")).read_bytes()


def damaged(data, rng):
    """The bytes with one to four accidents."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if not data:
            break
        # headers are where accidents tell
        at = rng.randrange(len(data)) if rng.random() < 0.5 else rng.randrange(min(len(data), 200))
        size = min(2 ** rng.randint(0, 10), len(data) - at)
        kind = rng.choice(("bit", "bit", "byte", "cut", "swap", "double", "blank", "noise", "drop", "extreme"))
        if kind == "bit":
            data[at] ^= 1 << rng.randrange(8)
        elif kind == "byte":
            data[at] = rng.randrange(256)
        elif kind == "cut":
            del data[rng.randrange(len(data)):]
        elif kind == "swap":
            other = rng.randrange(len(data))
            data[at : at + size], data[other : other + size] = data[other : other + size], data[at : at + size]
        elif kind == "double":
            data[at:at] = data[at : at + size]
        elif kind == "drop":
            del data[at : at + size]
        elif kind == "extreme":
            data[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4), b"\0\0\xff\xff"))
        else:
            data[at : at + size] = bytes(size) if kind == "blank" else rng.randbytes(size)
    return bytes(data)


def work(first, count, seed):
    """Read the damaged files numbered first to first + count; prints the number of each before and what came of it."""
    from wct.images import PictureError, open_picture

    def late(*_):
        raise TimeoutError(f"more than {SECONDS} seconds")

    signal.signal(signal.SIGALRM, late)
    whole = list(samples())
    for name, data in whole:
        file = io.BytesIO(data)
        file.name = name
        assert open_picture(file).size in ((48, 40), (40, 48)), name
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(first, first + count):
        name, data = whole[number % len(whole)]
        file = io.BytesIO(damaged(data, random.Random(f"{seed} {number}")))
        file.name = name
        print(number, name, end=" ", flush=True)
        signal.alarm(SECONDS)
        try:
            picture = open_picture(file, max_size=64, max_pixels=PIXELS)
            told = "read" if picture.rgb.mode == "RGB" and max(picture.size) <= 64 else f"FAULT {picture.rgb}"
        except PictureError as error:
            sentence = str(error)
            told = "refused" if sentence.startswith(name) and "\n" not in sentence else f"FAULT {sentence!r}"
        except BaseException as error:
            told = f"FAULT {type(error).__name__}: {error}".replace("\n", " ")
        signal.alarm(0)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(told if grown < MEGABYTES else f"FAULT {grown:.0f} MB", flush=True)


def fuzz(count, seed=0, folder=None):
    """The lines that tell of a fault among `count` damaged files, whose bytes are kept in folder where there is one."""
    faults, first = [], 0
    counts = {"read": 0, "refused": 0}
    while first < count:
        command = [sys.executable, __file__, "--count", str(count - first), "--first", str(first), "--seed", str(seed)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120 + count)
        lines = done.stdout.splitlines()
        if not lines:
            raise RuntimeError(done.stderr)
        for line in lines:
            number, name, *told = line.split(" ", 2)
            if told[0] not in counts:
                lost = "" if told[0] else f"FAULT lost the process ({done.returncode}): {done.stderr[-300:]}"
                faults.append(line + lost)
                if folder:
                    data = dict(samples())[name]
                    Path(folder, f"{number}-{name}").write_bytes(damaged(data, random.Random(f"{seed} {number}")))
            else:
                counts[told[0]] += 1
        first = int(lines[-1].split()[0]) + 1
    return faults, counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--keep", metavar="DIR", help="a folder to write the files at fault to")
    args = parser.parse_args()
    if args.first is not None:
        return work(args.first, args.count, args.seed)
    if args.keep:
        os.makedirs(args.keep, exist_ok=True)
    faults, counts = fuzz(args.count, args.seed, args.keep)
    print(*faults, sep="\n")
    print(f"{args.count} damaged files: {counts['read']} read, {counts['refused']} refused, {len(faults)} at fault")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())

"""Thousands of tiny pictures, and the memory they take on the way: python tests/batch/many.py --pictures 10000

Runs the command as a process, in a folder of its own, and looks at it and its workers each time that another tenth of
the pictures is there; then again, with all of them there. With --cluster, in two workers of a core each. Linux only.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def paint(folder, count, seed):
    folder.mkdir()
    for i in range(count):
        pixels = np.random.default_rng(seed + i).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:06}.png", compress_level=1)


def megabytes(process):
    """Memory of its own, in MB; 0 for one that has ended."""
    try:
        resident, shared = Path(f"/proc/{process}/statm").read_text().split()[1:3]
    except OSError:
        return 0.0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE") / 1e6


def processor(process):
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def workers():
    """The processes of all Makers on this machine."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::Maker"):
                yield int(path.parent.name)
        except OSError:
            continue


def made(record):
    """How many lines there are: one a picture."""
    try:
        return record.read_bytes().count(b"\n")
    except OSError:
        return 0


def watch(run, record, total):
    steps = [max(1, total * i // 10) for i in range(11)]
    print("pictures  seconds  computed by the first  its MB  its workers' MB")
    start = None
    while steps and run.poll() is None:
        now = made(record)
        if now >= steps[0]:
            start = start or time.monotonic()
            own = [f"{megabytes(process):.0f}" for process in workers()]
            print(f"{now:8}  {time.monotonic() - start:7.0f}  {processor(run.pid):21.1f}  {megabytes(run.pid):6.0f}  "
                  f"{' '.join(own)}", flush=True)
            steps = [step for step in steps if step > now]
        time.sleep(0.5)


def watch_again(run):
    start, most = time.monotonic(), 0.0
    while run.poll() is None:
        most = max(most, megabytes(run.pid))
        time.sleep(0.1)
    print(f"again: {time.monotonic() - start:.0f} seconds, at most {most:.0f} MB, status {run.returncode}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--styles", type=int, default=4)
    parser.add_argument("--cluster", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        contents = -(-args.pictures // args.styles)
        paint(place / "in", contents, 0)
        paint(place / "styles", args.styles, 10**6)
        command = [sys.executable, "-m", "wct.batch", place / "in", place / "styles", "--output", place / "out",
                   "--network", "small", "--device", "cpu", "--report", place / "report.csv"]
        command += ["--cluster", "--per-worker", "cpus=1"] if args.cluster else []

        def begin():
            return subprocess.Popen(list(map(str, command)), cwd=ROOT, stderr=(place / "errors").open("w"))

        with begin() as run:
            watch(run, place / "out" / ".wct.jsonl", contents * args.styles)
        if run.returncode:
            sys.exit((place / "errors").read_text()[-1000:])
        lines = (place / "report.csv").read_text().count("\n") - 1
        pictures = len(list((place / "out").glob("*.png")))
        print(f"{lines} rows in the report, {pictures} pictures")
        with begin() as run:
            watch_again(run)


if __name__ == "__main__":
    main()

"""Backends compared: their time, their accuracy, and their pictures beside that of the SVD."""

from dataclasses import dataclass
from statistics import median

import numpy as np
from PIL import Image

from wct.options import STAGES


def psnr(a, b):
    """Peak signal-to-noise ratio of two PIL images of one size in dB, infinite where they are equal."""
    a, b = (np.asarray(image.convert("RGB"), dtype=np.float64) for image in (a, b))
    error = np.square(a - b).mean()
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


@dataclass(frozen=True)
class Measured:
    """One backend on one pair: its picture, median seconds per stage, whitening residual (None where nothing is
    whitened), PSNR to svd in dB."""

    picture: Image.Image
    seconds: dict
    residual: float | None
    psnr: float


def compare(stylizer, content, style, backends, repeats=3, progress=None, **options):
    """Run backends on one pair: {backend: Measured}, in the order given.

    Each backend runs once to warm up, its residual taken, then `repeats` times, the content encoded anew and the
    style known. progress and options are those of `Stylizer.stylise`; progress is called once a run.
    """
    runs = len(backends) * (1 + repeats) + ("svd" not in backends)
    done = 0

    def run(backend, **more):
        nonlocal done
        if progress:
            progress(done / runs, f"{backend}, run {done + 1} of {runs}")
        done += 1
        return stylizer.stylise(content, style, backend=backend, timed=True, **options, **more)

    warm, seconds = {}, {}
    for backend in backends:
        warm[backend] = run(backend, measure=True)
        timed = []
        for _ in range(repeats):
            stylizer.forget(styles=False)
            timed.append(run(backend).seconds)
        seconds[backend] = {stage: median(times[stage] for times in timed) for stage in STAGES}
    exact = (warm.get("svd") or run("svd")).picture
    return {
        backend: Measured(result.picture, seconds[backend], result.residual, psnr(result.picture, exact))
        for backend, result in warm.items()
    }


class Comparison:
    """The backends on many pairs, one run each on the same features."""

    def __init__(self, backends):
        self.rows = {name: [] for name in backends}

    def add(self, backend, result, run):
        """One pair: the result of `backend`, and `run(name)` for those of the others."""
        results = {name: result if name == backend else run(name) for name in self.rows}
        encode = {"encode": result.seconds["encode"]}  # the others found the style encoded already
        for name, other in results.items():
            decibels = psnr(other.picture, results["svd"].picture)
            self.rows[name].append((other.seconds | encode, other.residual, decibels))

    def table(self):
        yield ("backend", "transform ms", "of the total", "residual", "PSNR to svd")
        for name, rows in self.rows.items():
            if rows:  # none yet where the first pair was interrupted
                seconds, residuals, decibels = zip(*rows)
                share = median(s["transform"] / sum(s.values()) for s in seconds)
                residual = "-" if None in residuals else f"{max(residuals):.1e}"  # nothing was whitened
                yield (name, f"{1000 * median(s['transform'] for s in seconds):.1f}", f"{share:.0%}", residual,
                       f"{median(decibels):.1f} dB")

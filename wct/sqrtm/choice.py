"""method="auto": which method, by what is known of matrices before any is looked at.

tuned.json has what `python -m wct.benchmark matrix --tune` measured: for each device, dtype, "forward" or "backward"
(with a gradient), "free" or "bounded" (told `lower`) and "exact" or "rough" (told a `tolerance` of ROUGH or more) the
fastest method for each n, a row of words, and batch. What conditioning asks for beyond that is seen in the matrices
themselves: see spectral.eigh.
"""

import json
import math
from itertools import pairwise
from pathlib import Path

import torch

TABLE = Path(__file__).with_name("tuned.json")
SIZES = [1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512]  # n, the rows
BATCHES = [1, 16, 256, 4096]  # the columns
ROUGH = 1e-3


def candidates(dtype, n):
    """Methods that are accurate for every conditioning; closed forms lose digits that float32 does not have."""
    closed = ["closed"] if n <= (3 if dtype == "float32" else 2) else []
    return [*closed, "eigh", "zolotarev", "newton_schulz"]


def load(path=TABLE):
    """{device: {dtype: {"forward free" ...: rows}}} for sizes up to the edges between those measured."""
    return json.loads(path.read_text(encoding="utf-8"))


def _edges(values):
    return [math.sqrt(a * b) for a, b in pairwise(values)]


_tables, _n_edges, _batch_edges = load(), [1, 2, 3, *_edges(SIZES)[3:]], _edges(BATCHES)


def _place(x, edges):
    """The interval x is in, as torch.compile can follow it."""
    return sum(1 for edge in edges if x > edge)


def key(gradient, bounded, rough):
    return " ".join(("backward" if gradient else "forward", "bounded" if bounded else "free",
                     "rough" if rough else "exact"))


def choose(A, gradient, bounded, tolerance=None):
    """(method, steps) for real A (..., n, n), by whether a gradient is wanted and `lower` told, and by tolerance."""
    n, device = A.shape[-1], A.device.type
    dtype = "float32" if A.dtype == torch.float32 else "float64"
    table = _tables.get("cpu" if device == "mps" else device)  # MPS lends its matrices to the CPU
    if table is None:  # a GPU nobody has measured: what makes the fewest, largest calls
        method = candidates(dtype, n)[0] if n <= 3 else "newton_schulz"
    else:
        rows = table[dtype][key(gradient, bounded, (tolerance or 0) >= ROUGH)]
        method = rows[_place(n, _n_edges)].split()[_place(math.prod(A.shape[:-2]), _batch_edges)]
    return method, 1 if method == "eigh" else None

"""The table of method="auto", measured: python -m wct.benchmark matrix --tune

On a CPU for one thread.
"""

import json
import time
from itertools import product

CONDITIONS = (1e2, 1e4)
TOLERANCES = (None, 1e-2)
LIMIT = 256 * 64**3 * 8  # batch n^3, beyond which the largest batch that was measured speaks for the others


def tune(devices, dtypes, seconds, path):
    """Measure every device and dtype and write what is fastest into the table at `path`, beside what it has."""
    import torch

    from wct.sqrtm.choice import BATCHES, SIZES

    torch.set_num_threads(1)
    table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for device in devices:
        for dtype in dtypes:
            rows = {}
            for n in SIZES:
                columns = []
                for batch in BATCHES:
                    if batch * n**3 <= LIMIT or not columns:
                        cells = fastest(device, dtype, n, batch, seconds)
                        print(f"{device} {dtype} n = {n}, batch {batch}: " + ", ".join(
                            f"{key} {method}" for key, method in cells.items()), flush=True)
                    columns.append(cells)
                for key in cells:
                    rows.setdefault(key, []).append(" ".join(cells[key] for cells in columns))
            table.setdefault(device, {})[dtype] = rows
    path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def fastest(device, dtype, n, batch, seconds):
    """{"forward free" ...: the method whose time, in units of the best at each conditioning, is least at its worst}."""
    import torch

    from wct.runtime.trials import random_matrices
    from wct.sqrtm.choice import candidates, key

    cost = {}
    for condition, bounded, gradient, tolerance in product(CONDITIONS, (False, True), (False, True), TOLERANCES):
        A = random_matrices(batch, n, condition, getattr(torch, dtype), device, 0)
        options = {"lower": 1 / condition if bounded else None, "tolerance": tolerance}
        times = race(candidates(dtype, n), A, gradient, options, seconds)
        costs = cost.setdefault(key(gradient, bounded, tolerance is not None), {})
        for method, taken in times.items():
            costs[method] = max(costs.get(method, 0), taken / min(times.values()))
    return {name: min(costs, key=costs.get) for name, costs in cost.items()}


def race(methods, A, gradient, options, seconds):
    """{method: least seconds}, taking turns, so that a disturbance meets all."""
    times = {method: [] for method in methods}
    end = time.perf_counter() + seconds * len(methods)
    while time.perf_counter() < end or len(times[methods[-1]]) < 3:
        for method in methods:
            times[method].append(once(method, A, gradient, options))
    return {method: min(taken[1:]) for method, taken in times.items()}


def once(method, A, gradient, options):
    """Seconds of one inverse root, with its gradient where it is wanted."""
    import torch

    from wct.runtime.trials import working_seconds
    from wct.sqrtm.functions import root

    A = A.detach().requires_grad_(gradient)
    start = working_seconds(A.device)
    W = root(A, "inverse", torch.finfo(A.dtype).eps, method, 1 if method == "eigh" else None, **options)
    if gradient:
        torch.autograd.grad(W, A, torch.ones_like(W))
    return working_seconds(A.device) - start

"""How threads wait for each other."""

import os


def share_cores():
    """Have threads that wait for others give way sooner, unless the environment says how they should wait.

    It is for before torch is imported. By default they spin for milliseconds, and where another program keeps a core
    busy, all of them wait for the one that has none.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")

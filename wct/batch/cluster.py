"""A connection to Ray, and how many workers it has room for. Ray is imported when one is made."""

import logging
import os
import signal
import socket

from wct.batch.maker import Maker


class Cluster:
    """Machines under Ray.

    address: of one of them, "auto" for those that this one belongs to, "local" for a Ray of our own on this one.
    each: {"cpus": n, "gpus": n} of a worker; by default a GPU where there are any and `gpus` allows it, else two cores.
    Raises RuntimeError or ValueError, one sentence, where they cannot be reached or have no room.
    """

    def __init__(self, address="local", each=None, gpus=True):
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a Ray of our own would send them
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # a worker without a GPU sees none
        if address != "local":
            os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "2")  # who is no Ray is asked for a minute, not twelve
        import ray

        self.ray, self.dashboard, self._own = ray, None, not ray.is_initialized()
        self.local = address == "local"
        if self._own:
            self._connect(address)
        if each is None:
            each = {"gpus": 1} if gpus and self._most("GPU") else {"cpus": max(1, min(2, self._most("CPU")))}
        self._each = {"CPU": each.get("cpus", 1), "GPU": each.get("gpus", 0)}
        if self.local and not self.room():
            cores, cards = self._most("CPU"), self._most("GPU")
            self.close()
            raise ValueError(f"--per-worker: this machine has {cores:g} cores and {cards:g} GPUs; ask for no more")

    def _connect(self, address):
        before = signal.getsignal(signal.SIGTERM)  # Ray has its own
        size = {"object_store_memory": 10**8} if self.local else {}  # rows are all that is sent
        try:
            if ":" in address:
                _call(address)
            context = self.ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **size)
        except Exception as error:  # Ray has many
            reason = last_line(error)
            raise RuntimeError(
                f"--cluster: Ray does not start here ({reason}); try again, or leave out --cluster" if self.local else
                f"--cluster {address}: no Ray answers ({reason}); start one by: ray start --head, and on every other "
                "machine, this one too: ray start --address=HOST:6379") from error
        finally:
            signal.signal(signal.SIGTERM, before)
        self.dashboard = context.dashboard_url and f"http://{context.dashboard_url}"

    @property
    def gpus(self):
        """Whether workers have one."""
        return self._each["GPU"] > 0

    def room(self):
        """How many workers the machines that are there now have room for."""
        return sum(int(min(machine.get(kind, 0) / number + 1e-6 for kind, number in self._each.items() if number))
                   for machine in self._machines().values())

    def has(self, machine):
        return machine in self._machines()

    def start(self, *arguments):
        """A Maker, as an actor."""
        actor = self.ray.remote(Maker).options(num_cpus=self._each["CPU"], num_gpus=self._each["GPU"], max_restarts=0,
                                               max_concurrency=2)  # so that it can be stopped while it makes
        return actor.remote(*arguments)

    def close(self):
        if self._own:
            self.ray.shutdown()

    def _machines(self):
        return {node["NodeID"]: node["Resources"] for node in self.ray.nodes() if node["Alive"]}

    def _most(self, kind):
        return max((machine.get(kind, 0) for machine in self._machines().values()), default=0)


def _call(address):
    """Raise OSError where nobody listens, which Ray would take minutes to say."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OverflowError, UnicodeError) as error:  # no such port, no such name
        raise OSError(error) from error


def last_line(error):
    """The end of what Ray says, which is the reason."""
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)

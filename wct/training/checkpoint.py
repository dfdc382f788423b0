"""The state of a training run, `wct.training`, on disk."""

import json

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

_REMEDY = "Name another --checkpoint, or delete it."


class Checkpoint:
    """Everything a run needs to go on, in one safetensors file: what was learned, its running mean, the momentum, the
    step. made_with: a dict of strings, what the run is; the checkpoint of another run is refused."""

    def __init__(self, path, networks, mean, optimiser, made_with):
        self.path, self.networks, self.mean, self.optimiser = path, networks, mean, optimiser
        self.made_with = made_with

    def write(self):
        state = {f"networks.{k}": v for k, v in self.networks.learned().items()}
        state |= {f"mean.{k}": v for k, v in self.mean.module.learned().items()}
        state["steps"] = self.mean.n_averaged
        for i, kept in self.optimiser.state_dict()["state"].items():
            state |= {f"optimiser.{i}.{k}": v for k, v in kept.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        save_file({k: v.contiguous() for k, v in state.items()}, temporary, {"made_with": json.dumps(self.made_with)})
        temporary.replace(self.path)

    def read(self):
        """The number of steps done; zero where there is no checkpoint. Ends the program where it is another run's."""
        if not self.path.is_file():
            return 0
        try:
            with safe_open(self.path, "pt") as file:
                known = json.loads((file.metadata() or {}).get("made_with", "{}"))
                state = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise SystemExit(f"{self.path} cannot be read: {error}. {_REMEDY}") from error
        for name in self.made_with:
            if known.get(name) != self.made_with[name]:
                raise SystemExit(f"{self.path} is of another run: its {name} is {known.get(name)}, not "
                                 f"{self.made_with[name]}. {_REMEDY}")

        def part(name):
            return {k.removeprefix(name): v for k, v in state.items() if k.startswith(name)}

        self.networks.restore(part("networks."))
        self.mean.module.restore(part("mean."))
        self.mean.n_averaged.copy_(state["steps"])
        kept = {}
        for key, value in part("optimiser.").items():
            i, name = key.split(".")
            kept.setdefault(int(i), {})[name] = value
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": kept})
        return int(self.mean.n_averaged)

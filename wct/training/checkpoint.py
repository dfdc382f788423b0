"""The state of a training run, `wct.training`, on disk."""

from safetensors.torch import load_file, save_file


class Checkpoint:
    """Everything a run needs to go on, in safetensors: blocks, their running mean, the momentum, the step."""

    def __init__(self, path, decoder, mean, optimiser):
        self.path, self.decoder, self.mean, self.optimiser = path, decoder, mean, optimiser

    def write(self):
        state = {f"decoder.{k}": v for k, v in self.decoder.state_dict().items()}
        state |= {f"mean.{k}": v for k, v in self.mean.state_dict().items()}
        for i, kept in self.optimiser.state_dict()["state"].items():
            state |= {f"optimiser.{i}.{k}": v for k, v in kept.items()}
        temporary = self.path.with_suffix(".tmp")
        save_file({k: v.contiguous() for k, v in state.items()}, temporary)
        temporary.replace(self.path)

    def read(self):
        """The number of steps done; zero where there is no checkpoint."""
        if not self.path.is_file():
            return 0
        state = load_file(self.path)

        def part(name):
            return {k.removeprefix(name): v for k, v in state.items() if k.startswith(name)}

        self.decoder.load_state_dict(part("decoder."))
        self.mean.load_state_dict(part("mean."))
        kept = {}
        for key, value in part("optimiser.").items():
            i, name = key.split(".")
            kept.setdefault(int(i), {})[name] = value
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": kept})
        return int(self.mean.n_averaged)

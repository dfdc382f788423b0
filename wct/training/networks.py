"""What a run trains: the decoder of a network, and the encoder of all but the full one."""

from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from models.networks import NETWORKS
from models.weights import WEIGHTS, load_decoder, load_encoder, save

CAREFUL = {"encoder.stages.relu1_1": 0.3, "decoder.blocks.D1": 0.2}  # learning rates, relative: a few weights there
# are between the pixels and everything else


class Networks(nn.Module):
    """Encoder and decoder of a network, begun with the weights of a folder.

    The encoder learns with the stylised decoder alone, and VGG-19, which is what losses are measured in, not at all.
    """

    def __init__(self, name, kind, levels=None, folder=WEIGHTS):
        super().__init__()
        self.name, self.kind, self.start = name, kind, Path(folder)
        self.encoder = load_encoder(network=name, folder=folder)
        self.decoder = load_decoder(kind, levels, corrected=False, network=name, folder=folder).requires_grad_(True)
        self.encoder.requires_grad_(name != "full" and kind == "stylised")

    def parts(self):
        """(parameters, relative learning rate) of every stage and block that learns."""
        modules = {f"encoder.stages.{k}": stage for k, stage in self.encoder.stages.items()}
        modules |= {f"decoder.blocks.{k}": block for k, block in self.decoder.blocks.items()}
        found = [(list(part.parameters()), CAREFUL.get(name, 1)) for name, part in modules.items()]
        return [(parameters, share) for parameters, share in found if parameters[0].requires_grad]

    def learned(self):
        """The part of the state_dict that learns."""
        names = {name for name, parameter in self.named_parameters() if parameter.requires_grad}
        return {k: v for k, v in self.state_dict().items() if k in names}

    def restore(self, learned):
        """Take over what `learned` gave."""
        self.load_state_dict(self.state_dict() | learned)

    def write(self, folder):
        """A complete folder of the network's weights: what was learned, and all else as it was at the start."""
        network, state = NETWORKS[self.name], self.learned()
        folder.mkdir(parents=True, exist_ok=True)
        for name in network.files:
            if (self.start / name).is_file() and not (folder / name).is_file():
                save(load_file(self.start / name), folder / name)
        if network.decoders[self.kind] == network.encoder:  # one file holds both
            return save(state, folder / network.encoder)
        deepest = {k: v for k, v in state.items() if network.deepest and f".D{network.levels}." in k}
        if deepest:
            save(deepest, folder / network.deepest, keep="encoder.")
        save({k.removeprefix("decoder."): v for k, v in state.items() if k not in deepest},
             folder / network.decoders[self.kind])

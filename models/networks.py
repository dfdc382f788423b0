"""The registry of networks: how wide they are, and the files of their weights."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """An encoder, VGG-19 or a narrower network of its shape, and the decoders that belong to it.

    channels: of relu1_1, relu2_1, ..., as many as the network has levels. inner: of the layers that lead on from each
    of them, relu1_2, relu2_2, ..., and of those that lead back in the decoder; None for as many. encoder, decoders by
    name, deepest: files of weights, with the names of the modules' state_dict, after "encoder." or "decoder." where
    one file holds both. deepest: what the last level alone needs, its encoder stage and its decoder block; None where
    it is in the others. cascade: the decoder of mode cascade, which transforms nothing between its blocks; None for
    whichever makes the other pictures.
    """

    channels: tuple[int, ...]
    encoder: str
    decoders: dict[str, str]
    deepest: str | None = None
    cascade: str | None = None
    inner: tuple[int, ...] | None = None

    @property
    def levels(self):
        return len(self.channels)

    @property
    def files(self):
        """All of them, each once."""
        return list(dict.fromkeys(filter(None, (self.encoder, *self.decoders.values(), self.deepest))))


NETWORKS = {  # the first that has what is asked for is taken where none is named
    "small": Network(
        (16, 32, 80, 160),
        "small.safetensors",
        {"stylised": "small.safetensors", "reconstruction": "small_reconstruction.safetensors"},
        cascade="reconstruction",
        inner=(16, 32, 48),
    ),
    "full": Network(
        (64, 128, 256, 512, 512),
        "encoder.safetensors",
        {"stylised": "decoder.safetensors", "reconstruction": "decoder_reconstruction.safetensors"},
        "level5.safetensors",
    ),
}
FULL = NETWORKS["full"].channels


def find(name):
    """The Network of a name; ValueError where there is none."""
    if name not in NETWORKS:
        raise ValueError(f"network {name!r} is none of {', '.join(NETWORKS)}")
    return NETWORKS[name]


def choose(levels):
    """The name of the first network with so many levels; of the full one where none has them."""
    return next((name for name, network in NETWORKS.items() if levels <= network.levels), "full")

"""The registry of networks: what is built, and from which files."""

from dataclasses import dataclass
from pathlib import Path

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True)
class Network:
    """An encoder and the decoders that belong to it.

    channels: of relu1_1, relu2_1, ...: as many levels as the network has. They are the widths of the convolutions in
    between, too (`models.vgg`, `models.decoder`). Files are safetensors in weights/, with the names of the modules'
    state_dict, after "encoder." or "decoder." where one file holds both.
    """

    channels: tuple[int, ...]
    encoder: str
    decoders: dict[str, str]  # by name; the first is the default
    deepest: str | None = None  # what the last level alone needs: its encoder stage and its decoder block

    @property
    def levels(self):
        return len(self.channels)


NETWORKS = {
    "full": Network(
        (64, 128, 256, 512, 512),
        "encoder.safetensors",
        {"stylised": "decoder.safetensors", "reconstruction": "decoder_reconstruction.safetensors"},
        "level5.safetensors",
    ),
    "small": Network((16, 32, 80, 160), "small.safetensors", {"stylised": "small.safetensors"}),
}
FULL = NETWORKS["full"].channels


def network(name):
    """The Network of a name; ValueError where there is none."""
    if name not in NETWORKS:
        raise ValueError(f"network {name!r} is none of {', '.join(NETWORKS)}")
    return NETWORKS[name]

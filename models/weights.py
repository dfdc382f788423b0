"""Finding, checking, loading and saving the weights."""

import hashlib
import json
from functools import cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from models import networks
from models.decoder import Decoder
from models.vgg import Encoder

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
HASHES = "sha256.json"  # in the folder of the weights, the hash of every file


class WeightsError(RuntimeError):
    """A weights file is missing or broken; the message says which and what to do."""


def load_encoder(levels=None, *, network="full", folder=WEIGHTS):
    """A pretrained encoder in evaluation mode, float32, on the CPU.

    network: "full" or "small" (`models.networks`). levels: how many, all by default: 5 of "full", of which the last
    has a file of its own, and 4 of "small". folder: where the weights lie. `load_encoder()(x)` takes (B, 3, H, W) RGB
    in [0, 1] to the list [relu1_1, ..., relu{levels}_1] (see `models.vgg.Encoder`). Raises WeightsError, or ValueError
    for another network or number of levels.
    """
    return _load(Encoder, networks.find(network).encoder, "encoder.", levels, network, folder)


def load_decoder(name="stylised", levels=None, corrected=None, *, network="full", folder=WEIGHTS):
    """A pretrained decoder in evaluation mode, float32, on the CPU.

    name: "stylised", trained on through the transform, makes the pictures; "reconstruction" inverts the encoder. Those
    of the full network share block D5. levels, network, folder: as `load_encoder` has them.
    `load_decoder()(features, level)` takes relu{level}_1 to the picture (see `models.decoder.Decoder`).
    corrected: whether what D5 gives is corrected by what the encoder makes of it, which is truer and takes thirty times
    as long as decoding without; by default that of "reconstruction" is. It concerns relu5_1 alone, and such a decoder
    must not be moved or cast in inference mode. Raises WeightsError, or ValueError for another name, network or number
    of levels.
    """
    files = networks.find(network).decoders
    if name not in files:
        raise ValueError(f"decoder {name!r} of network {network!r} is none of {', '.join(files)}")
    decoder = _load(Decoder, files[name], "decoder.", levels, network, folder)
    if decoder.levels == 5 and (name == "reconstruction" if corrected is None else corrected):
        decoder.stage = load_encoder(network=network, folder=folder).stages["relu5_1"]
    return decoder


@torch.inference_mode(False)  # or nothing could be differentiated through weights that were loaded in it
def _load(module, file, prefix, levels, network, folder):
    net = networks.find(network)
    if levels is None:
        levels = net.levels
    if not 1 <= levels <= net.levels:
        raise ValueError(f"levels must be 1 to {net.levels}, not {levels}")
    module = module(levels, net.channels, net.inner)
    files = [file, net.deepest] if net.deepest and levels == net.levels else [file]
    state = {}
    for path in (Path(folder) / name for name in files):
        state |= {k.removeprefix(prefix): v for k, v in _read(path).items()}
    for key, tensor in module.state_dict().items():
        found, name = state.get(key), " with ".join(files)
        if found is None:
            raise WeightsError(f"{name} has no tensor {key}. {_REMEDY}")
        if found.shape != tensor.shape:
            raise WeightsError(f"{name}: {key} is {tuple(found.shape)}, not {tuple(tensor.shape)}. {_REMEDY}")
    module.load_state_dict({key: state[key] for key in module.state_dict()})
    return module.eval().requires_grad_(False)


_REMEDY = "Restore the weights folder: git checkout -- weights"


@cache
def _read(path):
    hashes = path.parent / HASHES
    for file in (path, hashes):
        if not file.is_file():
            raise WeightsError(f"{file} is missing. {_REMEDY}")
    try:
        expected = json.loads(hashes.read_text()).get(path.name)
    except (ValueError, AttributeError) as error:
        raise WeightsError(f"{hashes} is damaged. {_REMEDY}") from error
    if _sha256(path) != expected:
        raise WeightsError(f"{path} is damaged or was replaced (its sha256 is not the one in {HASHES}). {_REMEDY}")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsError(f"{path} cannot be read: {error}. {_REMEDY}") from error


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save(state, path, keep=None):
    """Write `state` as float16 to the safetensors file `path` and note its hash beside it.

    keep: tensors already in the file whose names start so are carried over.
    """
    state = {k: v.detach().half().contiguous() for k, v in state.items()}
    if keep and path.is_file():
        with safe_open(path, "pt") as file:
            state |= {k: file.get_tensor(k) for k in file.keys() if k.startswith(keep)}  # noqa: SIM118
    overflown = [k for k, v in state.items() if not torch.isfinite(v).all()]
    if overflown:
        raise WeightsError(f"{', '.join(overflown)} do not fit float16")
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path)
    hashes = path.parent / HASHES
    known = json.loads(hashes.read_text()) if hashes.is_file() else {}
    known[path.name] = _sha256(path)
    hashes.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")

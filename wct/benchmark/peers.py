"""The published networks of others, from folders that are given as options: they are not this project's to pass on."""

import importlib.util
import sys
from pathlib import Path


class MicroAST:
    """MicroAST (Wang et al., "MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer", AAAI 2023), by
    the code and the weights in a folder: net_microAST.py, function.py and models/*_iter_160000.pth.tar."""

    def __init__(self, folder: Path):
        import torch

        sys.path.insert(0, str(folder))
        try:
            spec = importlib.util.spec_from_file_location("net_microAST", folder / "net_microAST.py")
            net = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(net)
        finally:
            sys.path.remove(str(folder))
        parts = [net.Encoder(), net.Encoder(), net.Modulator(), net.Decoder()]
        for part, name in zip(parts, ("content_encoder", "style_encoder", "modulator", "decoder")):
            path = folder / "models" / f"{name}_iter_160000.pth.tar"
            part.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
            part.eval()
        self.network = net.TestNet(*parts)

    def stylise(self, content, style):
        """PIL images of mode RGB -> PIL image."""
        import torch

        from wct.images import to_pil, to_tensor

        with torch.inference_mode():
            return to_pil(self.network(to_tensor(content), to_tensor(style), 1.0))

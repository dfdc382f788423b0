import torch

from models.vgg import Encoder
from wct.training.convert import folded_encoder, normalise_channels


def test_folding_and_rescaling_change_nothing():
    source = {"0.weight": torch.randn(3, 3, 1, 1), "0.bias": torch.randn(3)}
    for i, conv in enumerate(m for m in Encoder(5).modules() if isinstance(m, torch.nn.Conv2d)):
        torch.nn.init.kaiming_normal_(conv.weight)  # keeps the signal alive through thirteen layers
        source |= {f"{i + 2}.weight": conv.weight.data, f"{i + 2}.bias": conv.bias.data}
    x = torch.rand(1, 3, 32, 32)
    first = torch.nn.functional.conv2d(x, source["0.weight"], source["0.bias"])
    encoder = folded_encoder(source)
    unfolded = Encoder(5)
    unfolded.load_state_dict(dict(zip(unfolded.state_dict(), list(source.values())[2:])))
    with torch.inference_mode():
        expected, folded = unfolded(first), encoder(x)
        for a, b in zip(expected, folded):
            assert torch.allclose(a, b, rtol=1e-3, atol=1e-4)
        normalise_channels(encoder, [x])
        for a, b in zip(folded, encoder(x)):
            alive = a.pow(2).mean((0, 2, 3)) > 0
            rms = b.pow(2).mean((0, 2, 3)).sqrt()
            assert torch.allclose(rms[alive], torch.ones(()), atol=1e-2)
            scale = a.pow(2).mean((0, 2, 3)).sqrt()
            assert torch.allclose(b * scale[:, None, None] * alive[:, None, None], a, rtol=1e-2, atol=1e-3)

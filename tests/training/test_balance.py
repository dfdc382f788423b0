import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from models.decoder import Decoder, revive
from models.vgg import Encoder
from wct.training.balance import SPREAD, balance, scale_loss
from wct.training.convert import convolutions

CHANNELS = (4, 6, 8)


@pytest.fixture
def networks():
    """Random ones, the encoder's channels of many scales, two of them dead."""
    encoder, decoder = Encoder(None, CHANNELS), Decoder(None, CHANNELS)
    for conv in (m for m in (*encoder.modules(), *decoder.modules()) if isinstance(m, nn.Conv2d)):
        nn.init.kaiming_normal_(conv.weight)
        nn.init.uniform_(conv.bias, 0, 0.5)
    with torch.no_grad():
        for conv in convolutions(encoder):
            conv.weight.abs_()  # none dead but those below
            scale = 10 ** torch.linspace(-1, 1, conv.out_channels)
            conv.weight *= scale[:, None, None, None]
            conv.bias *= scale
        for conv in convolutions(encoder)[-2:]:
            conv.weight[1], conv.bias[1] = 0, -1
    return SimpleNamespace(encoder=encoder, decoder=decoder)


@torch.no_grad()
def decoded(networks, x):
    return [networks.decoder(f, k) for k, f in enumerate(networks.encoder(x), 1)]


def test_channels_of_one_scale_do_what_they_did(networks):
    pictures = [torch.rand(1, 3, 32, 32) for _ in range(6)]
    before = decoded(networks, pictures[0])
    with torch.no_grad():
        assert scale_loss(networks.encoder(torch.cat(pictures))) > 10
    assert balance(networks, pictures) == 2
    for a, b in zip(decoded(networks, pictures[0]), before):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-3 * float(b.abs().max()))
    with torch.no_grad():
        features = networks.encoder(torch.cat(pictures))
    for f in features:
        assert (f.pow(2).mean((0, 2, 3)).sqrt().log().abs() < math.log(SPREAD)).all()
    assert not balance(networks, pictures)
    assert all(map(torch.equal, networks.encoder(torch.cat(pictures)), features))  # it leaves what is near one


def test_a_block_that_gives_nothing_learns_again(networks):
    """Its last channels too: nothing behind them would tell that they are dead."""
    block, f = networks.decoder.block(3), torch.rand(2, 8, 8, 8)
    with torch.no_grad():
        block[2].bias.fill_(-1e3)
    assert not block(f).any()
    assert revive([block], lambda: block(f)) >= 6
    block(f).sum().backward()
    assert (block(f).amax((0, 2, 3)) > 0).all() and block[2].weight.grad.abs().sum((1, 2, 3)).all()

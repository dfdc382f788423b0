import torch
from torch import nn

from models.decoder import Decoder
from models.vgg import Encoder
from wct.training.pruning import forward_selection, pruned


def left(covariance, chosen):
    """Variance that an affine map of the chosen channels cannot foretell."""
    a, b = covariance[chosen][:, chosen], covariance[chosen]
    return float((covariance - b.T @ torch.linalg.pinv(a) @ b).trace())


def test_selection_takes_what_others_do_not_tell():
    """Three channels of which the other four are mixes, and noise on one of them."""
    base = torch.randn(1000, 3, dtype=torch.float64) * torch.tensor([3.0, 2.0, 1.0])
    mixes = base @ torch.rand(3, 4, dtype=torch.float64) + torch.tensor([0, 0, 0, 0.5]) * torch.randn(1000, 1)
    covariance = torch.cov(torch.cat([base, mixes], 1).T)
    chosen = [forward_selection(covariance, count) for count in (1, 2, 3, 4, 6)]
    rest = [left(covariance, k) for k in chosen]
    assert rest[0] > rest[1] > rest[2] > rest[3] and rest[3] < 1e-9
    assert all(len(set(k.tolist())) == len(k) for k in chosen)  # also when nothing is left to tell


def test_what_is_redundant_is_pruned_without_loss():
    """Wide networks made of narrow ones, whose channels appear twice at other scales: half of the width does all."""
    narrow = (4, 6, 8)
    wide = tuple(2 * n for n in narrow)
    encoder, decoder = Encoder(None, wide), Decoder(None, wide)
    for conv in (m for m in (*encoder.modules(), *decoder.modules()) if isinstance(m, nn.Conv2d)):
        nn.init.kaiming_normal_(conv.weight)
        nn.init.uniform_(conv.bias, 0, 0.5)
        n = conv.out_channels // 2
        if conv.out_channels > 3:
            with torch.no_grad():
                conv.weight[n:], conv.bias[n:] = 0.5 * conv.weight[:n], 0.5 * conv.bias[:n]
    pictures = torch.rand(12, 3, 32, 32)
    small_encoder, small_decoder = pruned(encoder, narrow, pictures, decoder)
    x = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        found, expected = small_encoder(x), encoder(x)
        for a, b, n in zip(found, expected, narrow, strict=True):
            assert torch.allclose(a, b[:, :n], atol=0.05 * float(b.abs().max()))
        for level in (1, 2, 3):
            a, b = (net.block(level)(f[level - 1]) for net, f in ((small_decoder, found), (decoder, expected)))
            b = b[:, : a.shape[1]]
            assert (a - b).norm() < 0.1 * (b - b.mean()).norm()

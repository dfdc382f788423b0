import pytest
import torch

from wct.training.muon import Muon, polar_factor


@pytest.mark.parametrize("shape", [(5, 40), (40, 5), (16, 24), (1, 9), (9, 1)])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_polar_factor_is_that_of_the_svd(shape, scale):
    G = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    U, _, Vh = torch.linalg.svd(G, full_matrices=False)
    assert torch.allclose(polar_factor(scale * G), U @ Vh, atol=1e-3)


def test_directions_lost_in_rounding_are_left_out():
    factor = polar_factor(torch.ones(4, 8))  # of rank one: the others are nothing but rounding
    assert torch.allclose(factor, torch.full((4, 8), 32**-0.5), atol=1e-3)
    assert not polar_factor(torch.zeros(64, 64)).any()


def test_faint_directions_are_learnt_as_fast_as_strong_ones():
    """Least squares whose inputs have deviations from 1 to 1/100: gradient descent sees the first alone."""
    torch.manual_seed(0)
    scales = torch.logspace(0, -2, 16)
    wanted = torch.randn(16, 16) / scales
    layer = torch.nn.Conv2d(16, 16, 1)
    optimiser = Muon(layer.parameters())
    steps = 300
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 10 * (1 - step / steps)
        x = torch.randn(64, 16, 1, 1) * scales[:, None, None]
        loss = (layer(x)[..., 0, 0] - x[..., 0, 0] @ wanted.T).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.01 * 16  # of the variance at the start


def test_what_has_no_gradient_stays():
    a, b = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3, 2))
    b.grad = torch.tensor([[1.0, 0.0], [0.0, -3.0], [0.0, 0.0]])
    Muon([a, b], lr=0.1).step()
    assert torch.equal(a, torch.ones(3))
    assert torch.allclose((b - 1).square().mean().sqrt(), torch.tensor(0.02), rtol=1e-3)  # 0.2 lr

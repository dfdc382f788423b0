import pytest
import torch

from wct.training.artefacts import axis_share_of_noise, axis_shares, blotches, halo, weave


def cloth(size, period):
    """Threads along rows and columns."""
    wave = 0.2 * torch.sin(2 * torch.pi * torch.arange(size) / period)
    return (0.5 + wave[:, None] + wave).expand(1, 3, size, size)


def test_the_spectrum_of_noise_has_no_axis():
    noise = 0.5 + 0.1 * torch.randn(1, 3, 256, 256).clamp(-4, 4)
    assert torch.allclose(axis_shares(noise)[0], axis_share_of_noise(), atol=0.05)


@pytest.mark.parametrize("period", [3, 4, 6.5])
def test_threads_are_a_weave_and_the_same_threads_turned_are_not(period):
    noise = 0.02 * torch.rand(1, 3, 128, 128)
    plain, style = torch.full((1, 3, 128, 128), 0.5), torch.rand(1, 3, 128, 128)
    straight = weave(cloth(128, period) + noise, plain, style)
    row, column = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    turned = 0.5 + 0.2 * torch.sin(2 * torch.pi * (row + column) / 2**0.5 / period) + noise
    assert straight > 0.1 > 10 * weave(turned, plain, style)


def test_a_weave_of_the_painting_is_allowed():
    plain, painting = torch.full((1, 3, 128, 128), 0.5), cloth(128, 4) + 0.02 * torch.rand(1, 3, 128, 128)
    assert weave(painting, plain, painting) < 1e-4 < weave(painting, plain, torch.rand(1, 3, 128, 128))


def test_threads_count_where_the_content_is_plain():
    """Half of the picture is cloth: over plain ground it is a fault, over a busy photo it hardly matters."""
    output = 0.5 + 0.1 * torch.rand(1, 3, 128, 128)
    output[..., :64] = cloth(128, 4)[..., :64]
    busy = torch.rand(1, 3, 128, 128)
    left, right = torch.full_like(busy, 0.5), torch.full_like(busy, 0.5)
    left[..., 64:], right[..., :64] = busy[..., 64:], busy[..., :64]
    assert weave(output, left, busy) > 2 * weave(output, right, busy)


def test_halos_are_changes_on_plain_ground():
    content = torch.full((1, 3, 64, 64), 0.5)
    content[..., 16:48] = 0.9  # an object
    ring = content.clone()
    ring[..., 8:16] = 1.0
    assert halo(content, content) < 1e-4 < 1e-3 < halo(ring, content)
    assert halo(1 - content, content) < 1e-4  # other colours are no fault


def test_blotches_are_changes_that_the_content_hardly_has():
    sky = torch.linspace(0.3, 0.4, 128).expand(1, 3, 128, 128)
    assert blotches(sky, sky) == blotches(1 - 2 * sky, sky) == 0  # another light, twice as steep
    assert blotches(0.5 + 4 * (sky - 0.35), sky) > 0.002
    blotched = sky.clone()
    blotched[..., 32:96, 32:96] = 0.8
    assert blotches(blotched, sky) > 0.02 and blotches(blotched, blotched) == 0
    assert blotches(blotched[..., :24, :24], sky[..., :24, :24]) == 0  # which no patch fits into twice


def test_all_have_gradients():
    output, content, style = (torch.rand(2, 3, 64, 64) for _ in range(3))
    output.requires_grad_(True)
    (weave(cloth(64, 4) + 0.1 * output, content, style) + halo(output, content) + blotches(output, content)).backward()
    assert output.grad.isfinite().all() and output.grad.abs().sum() > 0

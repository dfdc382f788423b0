"""Decorrelated batch normalisation."""

import copy
import doctest
import io
import subprocess
import sys

import pytest
import torch
from common import ROOT
from torch.autograd import gradcheck, gradgradcheck

import wct.nn.decorrelated
from wct.nn import DecorrelatedBatchNorm1d, DecorrelatedBatchNorm2d, DecorrelatedBatchNorm3d
from wct.sqrtm import METHODS

LAYERS = [(DecorrelatedBatchNorm1d, (60, 6)), (DecorrelatedBatchNorm1d, (7, 6, 11)),
          (DecorrelatedBatchNorm2d, (4, 6, 5, 5)), (DecorrelatedBatchNorm3d, (3, 6, 3, 4, 5))]


def correlated(*shape, seed=0, dtype=torch.float64):
    """Features (N, C, *) with mixed channels of means about 3."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(*shape, generator=g, dtype=torch.float64)
    mix = torch.randn(shape[1], shape[1], generator=g, dtype=torch.float64)
    return (torch.einsum("ij,nj...->ni...", mix, x) + 3).to(dtype)


def by_hand(x, groups=1, eps=1e-3):
    """(x - mu) (C + eps I)^{-1/2} of each group, by eigenvectors."""
    whitened = []
    for part in x.double().movedim(1, -1).chunk(groups, -1):
        X = part.reshape(-1, part.shape[-1])
        X = X - X.mean(0)
        s, V = torch.linalg.eigh(X.mT @ X / len(X))
        whitened.append((X @ (V / (s + eps).sqrt()) @ V.mT).view(part.shape))
    return torch.cat(whitened, -1).movedim(-1, 1)


@pytest.mark.parametrize("layer, shape", LAYERS)
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_whitens_each_group(layer, shape, groups):
    x = correlated(*shape)
    y = layer(6, groups=groups, dtype=torch.float64)(x)
    assert y.shape == x.shape
    assert torch.allclose(y, by_hand(x, groups), atol=1e-6)


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_every_method_whitens(method):
    x = correlated(4, 6, 8, 8, dtype=torch.float32)
    assert torch.allclose(DecorrelatedBatchNorm2d(6, method=method)(x).double(), by_hand(x), atol=5e-3)


def test_groups_of_one_channel_are_batch_normalisation():
    x = correlated(4, 6, 8, 8)
    ours, theirs = DecorrelatedBatchNorm2d(6, 1e-5, groups=6).double(), torch.nn.BatchNorm2d(6, 1e-5).double()
    with torch.no_grad():
        for layer in (ours, theirs):
            layer.weight.copy_(torch.arange(6) - 2.5)
            layer.bias.copy_(torch.arange(6))
    assert torch.allclose(ours(x), theirs(x), atol=1e-6)
    assert torch.allclose(ours.running_mean, theirs.running_mean)
    assert ours.num_batches_tracked == theirs.num_batches_tracked == 1


@pytest.mark.parametrize("momentum", [0.1, None])
def test_evaluation_uses_the_running_whitening_matrix(momentum):
    layer = DecorrelatedBatchNorm1d(6, momentum=momentum).double()
    batches = [correlated(500, 6, seed=0) + i for i in range(200)]
    for x in batches[:60]:
        layer(x)
    layer.eval()
    before = {k: v.clone() for k, v in layer.state_dict().items()}
    y = layer(batches[0])
    covariance = torch.cov(y.mT, correction=0)
    assert torch.allclose(covariance, torch.eye(6, dtype=y.dtype), atol=2e-2)
    if momentum is None:
        assert torch.allclose(layer.running_mean, torch.stack(batches[:60]).mean((0, 1)))
    assert all(torch.equal(before[k], v) for k, v in layer.state_dict().items())
    assert torch.allclose(layer(batches[0][:1]), y[:1])  # one sample does, and is as in its batch


def test_without_running_statistics_evaluation_uses_the_batch():
    layer = DecorrelatedBatchNorm2d(6, track_running_stats=False, affine=False).eval()
    x = correlated(2, 6, 8, 8, dtype=torch.float32)
    assert torch.allclose(layer(x).double(), by_hand(x), atol=1e-3)
    assert not layer.state_dict() and not list(layer.parameters())


@pytest.mark.parametrize("method", ["auto", "mpa", "newton_schulz"])
def test_gradients(method):
    x = correlated(3, 4, 2, 2)
    layer = DecorrelatedBatchNorm2d(4, groups=2, method=method, dtype=torch.float64)
    parameters = [p.detach().clone().normal_().requires_grad_() for p in layer.parameters()]

    def f(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    assert gradcheck(f, (x.requires_grad_(), *parameters))
    assert gradgradcheck(f, (x, *parameters), atol=1e-4)


@pytest.mark.parametrize("layer, shape", LAYERS[2:])
def test_channels_last_is_kept_and_gives_the_same(layer, shape):
    form = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    for groups in (1, 3):
        x = correlated(*shape)
        y, last = (layer(6, groups=groups).double()(v) for v in (x, x.to(memory_format=form)))
        assert torch.allclose(y, last)
        assert y.is_contiguous()
        assert last.is_contiguous(memory_format=form) or groups > 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast(dtype):
    layer = DecorrelatedBatchNorm2d(6)
    net = torch.nn.Sequential(torch.nn.Conv2d(8, 6, 1), layer)
    x = correlated(4, 8, 8, 8, dtype=torch.float32)
    with torch.autocast("cpu", dtype=dtype):
        y = net(x)
        assert y.dtype == dtype
        (y.float() * torch.randn(4, 6, 8, 8)).sum().backward()
    assert layer.running_whitening.dtype == torch.float32
    assert all(p.grad.isfinite().all() for p in net.parameters())
    whitened = y.float().movedim(1, 0).flatten(1)
    assert torch.allclose(torch.cov(whitened).diagonal(), torch.ones(6), atol=0.2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_layers_in_half_precision(dtype):
    layer, x = DecorrelatedBatchNorm2d(6).to(dtype), correlated(4, 6, 8, 8).to(dtype)
    y = layer(x)
    assert y.dtype == dtype
    assert torch.allclose(y.double(), by_hand(x), atol=0.05)
    layer.eval()(x)


@pytest.mark.parametrize("training", [True, False])
def test_compiles(training):
    layer = DecorrelatedBatchNorm2d(6, groups=2).train(training)
    other, x = copy.deepcopy(layer), correlated(4, 6, 8, 8, dtype=torch.float32)
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True)
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    expected = other(b)
    result = compiled(a)
    assert torch.allclose(result, expected, atol=1e-4)
    result.sin().sum().backward()
    expected.sin().sum().backward()
    assert torch.allclose(a.grad, b.grad, atol=1e-4)
    assert torch.allclose(layer.running_whitening, other.running_whitening, atol=1e-5)


def test_state_dict_goes_round():
    layer = DecorrelatedBatchNorm2d(6, groups=3)
    x = correlated(4, 6, 8, 8, dtype=torch.float32)
    layer(x)
    torch.nn.init.normal_(layer.weight)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    other = DecorrelatedBatchNorm2d(6, groups=3)
    other.load_state_dict(torch.load(file))
    assert torch.equal(other.eval()(x), layer.eval()(x))
    other.reset_parameters()
    assert torch.equal(other.running_whitening, torch.eye(2).expand(3, 2, 2)) and other.num_batches_tracked == 0
    assert torch.allclose(other(x), x)


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("kind", ["one picture", "few samples", "constant channels", "constant", "equal channels"])
def test_degenerate_batches_give_finite_results_and_gradients(kind, method):
    x = correlated(1, 12, 5, 5, dtype=torch.float32)
    if kind == "few samples":
        x = correlated(3, 12, 1, 1, dtype=torch.float32)
    elif kind == "constant channels":
        x[:, :4] = 7
    elif kind == "constant":
        x[:] = 7
    elif kind == "equal channels":
        x[:, 1:6] = x[:, :1]
    x.requires_grad_()
    layer = DecorrelatedBatchNorm2d(12, method=method)
    y = layer(x)
    (y * torch.randn(y.shape)).sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()
    assert torch.allclose(y.double(), by_hand(x.detach()), atol=2e-2)
    assert layer.eval()(x).isfinite().all()


@pytest.mark.parametrize("method", ["auto", "mpa", "zolotarev", "newton_schulz"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_in_a_batch_leaves_the_running_statistics(method, bad):
    layer = DecorrelatedBatchNorm2d(6, method=method)
    x = correlated(4, 6, 8, 8, dtype=torch.float32)
    layer(x)
    before = {k: v.clone() for k, v in layer.state_dict().items()}
    x[1, 2, 3, 4] = bad
    assert not layer(x).isfinite().all()
    assert all(torch.equal(before[k], v) for k, v in layer.state_dict().items())


def test_a_grad_scaler_skips_the_step_of_a_bad_batch():
    layer = DecorrelatedBatchNorm1d(4)
    optimiser = torch.optim.SGD(layer.parameters(), 1.0)
    scaler = torch.amp.GradScaler("cpu")
    x = correlated(10, 4, dtype=torch.float32)
    x[0, 0] = float("nan")
    scaler.scale(layer(x).square().sum()).backward()
    scaler.step(optimiser)
    assert torch.equal(layer.weight, torch.ones(4))


@pytest.mark.parametrize("make, words", [
    (lambda: DecorrelatedBatchNorm2d(6, groups=4), "6 channels cannot be in 4 groups"),
    (lambda: DecorrelatedBatchNorm2d(6, 0), "eps"),
    (lambda: DecorrelatedBatchNorm2d(6, method="eigh", degree=3), "eigh takes no 'degree'"),
    (lambda: DecorrelatedBatchNorm2d(6)(torch.ones(2, 6)), "expected 4 dimensions and 6 channels"),
    (lambda: DecorrelatedBatchNorm1d(6)(torch.ones(5, 4)), "2 or 3 dimensions and 6 channels"),
    (lambda: DecorrelatedBatchNorm1d(6)(torch.ones(1, 6)), "one value per channel"),
    (lambda: DecorrelatedBatchNorm1d(6, check_errors=True)(torch.full((5, 6), float("nan"))), "NaN"),
])
def test_bad_use_is_said_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()


TWO_PROCESSES = """
import os, sys, torch, torch.distributed as dist
from wct.nn import DecorrelatedBatchNorm2d
rank, file = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
torch.manual_seed(0)
x = torch.randn(5, 6, 4, 4, dtype=torch.float64) + torch.randn(6, 1, 1, dtype=torch.float64)
G = torch.randn_like(x)
whole = x.clone().requires_grad_()
alone = DecorrelatedBatchNorm2d(6).double()
expected = alone(whole)
(expected * G).sum().backward()
mine = slice(0, 2) if rank == 0 else slice(2, 5)  # of different size
part = x[mine].clone().requires_grad_()
layer = DecorrelatedBatchNorm2d(6, synchronise=True).double()
y = layer(part)
(y * G[mine]).sum().backward()
assert torch.allclose(y, expected[mine], atol=1e-8)
assert torch.allclose(part.grad, whole.grad[mine], atol=1e-8)
assert torch.allclose(layer.running_whitening, alone.running_whitening)
gradient = layer.weight.grad.clone()
dist.all_reduce(gradient)
assert torch.allclose(gradient, alone.weight.grad)
dist.destroy_process_group()
os._exit(0)  # gloo's thread may let go of its last tensor while the interpreter ends, and Python 3.11 aborts then
"""


def test_statistics_over_two_processes(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", TWO_PROCESSES]
    processes = [subprocess.Popen([*command, str(rank), str(tmp_path / "meeting")], cwd=ROOT, stderr=subprocess.PIPE)
                 for rank in range(2)]
    for process in processes:
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error.decode()


def test_synchronised_alone_is_as_usual():
    x = correlated(4, 6, 8, 8)
    assert torch.equal(DecorrelatedBatchNorm2d(6, synchronise=True).double()(x), DecorrelatedBatchNorm2d(6).double()(x))


def test_examples_in_the_documentation_run():
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    for layer in (DecorrelatedBatchNorm1d, DecorrelatedBatchNorm2d, DecorrelatedBatchNorm3d):
        for test in finder.find(layer, layer.__name__, wct.nn.decorrelated):
            runner.run(test)
    assert runner.summarize().attempted >= 7 and not runner.summarize().failed

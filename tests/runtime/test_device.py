"""Precision and memory: what is chosen by itself, and that pictures do not suffer from it."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from common import CONTENTS, ROOT, STYLES, needs_bfloat16

from wct import Stylizer
from wct.images import open_picture
from wct.runtime import device, memory

PHOTO = open_picture(CONTENTS[2], max_size=256).rgb


@pytest.fixture
def took(monkeypatch):
    """Pretends how many seconds convolutions take in bfloat16 and float32, and asks which is chosen."""
    def choose(half, single):
        def seconds(device, *dtypes):
            if half is None:
                raise RuntimeError("not implemented for BFloat16")
            return [half if dtype == torch.bfloat16 else single for dtype in dtypes]

        monkeypatch.setattr(device, "_seconds", seconds)
        device.choose_dtype.cache_clear()
        return device.choose_dtype(torch.device("cpu"))

    yield choose
    monkeypatch.undo()
    device.choose_dtype.cache_clear()


def test_bfloat16_is_chosen_where_it_is_faster(took):
    assert took(half=1, single=2) == torch.bfloat16
    assert took(half=2, single=1) == took(half=1, single=1) == took(half=None, single=1) == torch.float32


@pytest.mark.parametrize("half, chosen", [(1, torch.bfloat16), (2, torch.float32)])
def test_the_networks_are_in_what_was_found_faster(took, half, chosen):
    took(half, single=1.9)
    stylizer = Stylizer.from_pretrained(device="cpu")
    assert {parameter.dtype for parameter in stylizer.encoder.parameters()} == {chosen}


@needs_bfloat16
@pytest.mark.parametrize("options", [{}, {"strength": 0.5}, {"transform": "transport"}, {"mode": "cascade"}], ids=str)
def test_pictures_in_bfloat16_are_those_in_float32(stylizer, options):
    half = Stylizer.from_pretrained(device="cpu", dtype=torch.bfloat16)
    for style in STYLES[3:5]:
        a, b = (np.asarray(s(PHOTO, style, **options), dtype=float) for s in (stylizer, half))
        psnr = 10 * np.log10(255**2 / np.square(a - b).mean())
        assert psnr > (36 if "mode" in options else 40)  # a cascade rounds at every level


@needs_bfloat16
def test_no_strength_is_the_photo_in_bfloat16_too():
    half = Stylizer.from_pretrained(device="cpu", dtype=torch.bfloat16)
    assert np.array_equal(half(PHOTO, STYLES[0], strength=0), PHOTO)


FAULTS = """
import resource, torch
from wct.runtime import memory
{first}
for _ in range(40):
    torch.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_memory_is_used_again():
    kept, returned = (int(subprocess.run([sys.executable, "-c", FAULTS.format(first=first)], cwd=ROOT, check=True,
                                         capture_output=True, text=True).stdout) for first in ("memory.reuse()", ""))
    assert kept + 300_000 < returned  # pages of 4 KB: the same 64 MB, or forty times new ones


TIDY = """
import torch
from wct.runtime import memory
memory.reuse()
memory.MOST = 300_000_000
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
large = [(torch.ones(2**24), torch.ones(2**18)) for _ in range(8)]
kept = [small for _, small in large]  # lies between what is freed
del large
before = resident()
memory.tidy()
print(before - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_what_is_free_between_what_is_kept_is_handed_back():
    run = subprocess.run([sys.executable, "-c", TIDY], cwd=ROOT, check=True, capture_output=True, text=True)
    assert int(run.stdout) > 400_000_000


def test_another_c_library_does_no_harm(monkeypatch):
    class Without:
        def __getattr__(self, name):
            raise AttributeError(name)

    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: Without())
    memory.reuse()
    memory.release()
    memory.tidy()


@pytest.mark.parametrize("name", ["cpu:", "cpu:1", "cpu:x", "tpu"])
def test_devices_that_are_not_there(name):
    with pytest.raises(ValueError, match="not available here"):
        device.choose_device(name)

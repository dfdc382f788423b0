import numpy as np
import pytest
from PIL import Image

from wct.batch.__main__ import main


@pytest.fixture
def batch(stylizer, monkeypatch, capsys):
    """The command in this process, without loading the networks again: its exit status, and all it prints."""
    from wct.pipeline.stylizer import Stylizer

    monkeypatch.setattr(Stylizer, "from_pretrained", lambda **options: stylizer)

    def batch(*arguments):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = stop.code
        told = "".join(capsys.readouterr())
        assert "Traceback" not in told
        return status, told

    return batch


@pytest.fixture
def paint():
    """Write a small picture of random colours; another seed, another picture."""

    def paint(path, seed=0, size=(48, 32)):
        path.parent.mkdir(parents=True, exist_ok=True)
        small = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
        Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(path)
        return path

    return paint

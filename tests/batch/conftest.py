import numpy as np
import pytest
from PIL import Image
from stores import s3

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


@pytest.fixture(scope="session")
def bucket():
    """s3://pictures, of a server on this machine; processes that begin later know of it too."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install s3fs")
    pytest.importorskip("moto", reason="moto is not installed: pip install moto[server]")
    import fsspec

    with s3() as found, pytest.MonkeyPatch.context() as patched:
        for name, value in found.items():
            patched.setenv(name, value)
        fsspec.filesystem("s3").mkdir("pictures")
        yield "s3://pictures"


@pytest.fixture
def idle(monkeypatch):
    """Fails where anything is computed."""
    def stylise(*_, **__):
        pytest.fail("something was computed")

    monkeypatch.setattr("wct.pipeline.stylizer.Stylizer.stylise", stylise)

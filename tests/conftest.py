import os
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
CONTENTS = sorted((EXAMPLES / "content").glob("*.jpg"))
STYLES = sorted((EXAMPLES / "style").glob("*.jpg"))


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def stylizer():
    from wct import Stylizer

    return Stylizer.from_pretrained(device="cpu")


@pytest.fixture(scope="session")
def environment():
    """For subprocesses: no accelerator, so that every machine runs the same test."""
    return os.environ | {"CUDA_VISIBLE_DEVICES": ""}

"""What the tests share."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from wct.runtime.device import _seconds

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
CONTENTS = sorted((EXAMPLES / "content").glob("*.jpg"))
STYLES = sorted((EXAMPLES / "style").glob("*.jpg"))
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

_single, _half = _seconds(torch.device("cpu"), torch.float32, torch.bfloat16)
needs_bfloat16 = pytest.mark.skipif(_half > 5 * _single, reason="bfloat16 is emulated here: minutes")


def benchmark(*arguments, status=0):
    command = [sys.executable, "-m", "wct.benchmark", *arguments]
    done = subprocess.run(command, cwd=EXAMPLES.parent, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr

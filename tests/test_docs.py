"""What the documents promise: links that lead somewhere, Python that runs."""

import re

import pytest
from common import ROOT

PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += [path for folder in ("docs", "wct", "weights", "examples") for path in sorted((ROOT / folder).rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_python_of_the_readme_runs(monkeypatch, tmp_path):
    """Its blocks in their order, on small pictures and a small matrix."""
    import torch
    from common import CONTENTS, STYLES
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    pictures = {"photo.jpg": CONTENTS[1], "painting.jpg": STYLES[0], "other.jpg": STYLES[3]}
    for name, path in pictures.items():
        Image.open(path).convert("RGB").resize((96, 64)).save(name)
    for name, box in {"sky.png": (0, 0, 96, 32), "ground.png": (0, 32, 96, 64), "corner.png": (0, 0, 48, 48)}.items():
        mask = Image.new("L", (96, 64))
        mask.paste(255, box)
        mask.save(name)
    scope = {"covariance": torch.eye(3), "x": torch.rand(1, 3, 32, 32), "photos": torch.rand(2, 3, 32, 48),
             "painting": torch.rand(1, 3, 40, 32), "photo": "photo.jpg", "a": "painting.jpg",
             "b": "other.jpg"}
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    for block in blocks:
        exec(block, scope)
    assert len(blocks) == 3
    assert scope["picture"].size == (96, 64) and scope["result"].shape == (2, 3, 32, 48)
    assert scope["y"].shape == (1, 3, 32, 32)
    assert torch.allclose(scope["W"], torch.eye(3), atol=1e-4)

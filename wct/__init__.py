"""Arbitrary style transfer by whitening and colouring transforms.

    from wct import Stylizer
    picture = Stylizer.from_pretrained()("photo.jpg", "painting.jpg", strength=0.8)
"""

from wct.options import Options

__all__ = ["Options", "Result", "Stylizer"]


def __getattr__(name):
    if name in ("Result", "Stylizer"):  # on first use, so that `--help` need not wait for torch
        from wct.pipeline import stylizer

        return getattr(stylizer, name)
    raise AttributeError(f"module 'wct' has no attribute {name!r}")

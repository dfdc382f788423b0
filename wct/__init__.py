"""Arbitrary style transfer by whitening and colouring transforms."""

__all__ = ["Stylizer"]


def __getattr__(name):
    if name == "Stylizer":  # on first use, so that `--help` need not wait for torch
        from wct.pipeline.stylizer import Stylizer

        return Stylizer
    raise AttributeError(f"module 'wct' has no attribute {name!r}")

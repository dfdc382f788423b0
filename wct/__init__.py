"""Arbitrary style transfer by whitening and colouring transforms."""

BACKENDS = ("mpa", "mtp", "newton_schulz", "svd", "eigh", "zolotarev")  # of wct.sqrtm, without importing torch
MODES = ("single", "cascade")
STAGES = ("encode", "transform", "decode")  # of a picture, as they are timed
TRANSFORMS = ("zca", "transport", "adain")  # of wct.transform
SMALLEST_TILE = 512  # side in pixels; see wct.tiles

__all__ = ["BACKENDS", "MODES", "TRANSFORMS", "Stylizer"]


def __getattr__(name):
    if name == "Stylizer":  # on first use, so that `--help` need not wait for torch
        from wct.stylizer import Stylizer

        return Stylizer
    raise AttributeError(f"module 'wct' has no attribute {name!r}")

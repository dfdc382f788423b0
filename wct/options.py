"""What may be chosen, free of torch."""

BACKENDS = ("mpa", "mtp", "newton_schulz", "svd", "eigh", "zolotarev")  # of wct.sqrtm
MODES = ("single", "cascade")
STAGES = ("encode", "transform", "decode")  # of a picture, as they are timed
TRANSFORMS = ("zca", "transport", "adain")  # of wct.transform
SMALLEST_TILE = 512  # side in pixels; see wct.pipeline.tiles

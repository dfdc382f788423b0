"""The networks: VGG-19 as encoder, a decoder that inverts it, and their weights."""

from models.weights import WeightsError, load_decoder, load_encoder

__all__ = ["WeightsError", "load_decoder", "load_encoder"]

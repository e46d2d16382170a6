"""Between physical quantities and the standardised ones of a network."""

from vidzoo.models.codecs.torque_codec import MarkerCodec, Standardizer, TorqueCodec

__all__ = ["MarkerCodec", "Standardizer", "TorqueCodec"]

"""Conversion between physical quantities and the standardised values that a network predicts."""

from vidzoo.models.codecs.torque_codec import MarkerCodec, Standardizer, TorqueCodec

__all__ = ["MarkerCodec", "Standardizer", "TorqueCodec"]

"""Slot: prediction, target and validity to one number."""

from vidzoo.models.losses.mse import WeightedMSELoss

__all__ = ["WeightedMSELoss"]

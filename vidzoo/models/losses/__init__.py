"""Slot: prediction, target and validity to one number."""

from vidzoo.models.losses.l1 import WeightedL1Loss
from vidzoo.models.losses.mse import WeightedMSELoss

__all__ = ["WeightedL1Loss", "WeightedMSELoss"]

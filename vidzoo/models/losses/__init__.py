"""Slot: prediction, target and validity to a scalar."""

from vidzoo.models.losses.bce import WeightedBCELoss
from vidzoo.models.losses.l1 import WeightedL1Loss
from vidzoo.models.losses.masked_mean import masked_mean
from vidzoo.models.losses.mse import WeightedMSELoss

__all__ = ["WeightedBCELoss", "WeightedL1Loss", "WeightedMSELoss", "masked_mean"]

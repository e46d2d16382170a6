"""Mean absolute error over the labels that can be trusted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vidzoo.models.losses.masked_mean import masked_mean
from vidzoo.registry import MODELS


@MODELS.register_module()
class WeightedL1Loss(nn.Module):
    """Return ``weight`` times the mean absolute error over valid entries; otherwise as :class:`WeightedMSELoss`."""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss in float32; arguments as :class:`WeightedMSELoss`'s."""
        valid = valid.expand_as(target)
        error = torch.where(valid, prediction.float() - target.float(), 0.0)
        return self.weight * masked_mean(error.abs(), valid, self.training)

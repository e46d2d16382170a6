"""Mean squared error over the labels that can be trusted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vidzoo.models.losses.masked_mean import masked_mean
from vidzoo.registry import MODELS


@MODELS.register_module()
class WeightedMSELoss(nn.Module):
    """Return ``weight`` times the mean squared error over valid entries; 0, with a gradient of 0, where none is.

    In training by several processes, the mean of their losses and gradients is that of the whole batch: each divides
    by the mean of their numbers of valid entries.

    Source: VID paper, equation 7, lambda 1 = lambda 2 = 0.5.
    """

    def __init__(self, weight: float = 0.5) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss in float32.

        Args:
            prediction: of any shape.
            target: of the same shape; what it holds in invalid entries, NaN too, plays no part.
            valid: bool, broadcastable to that shape.
        """
        valid = valid.expand_as(target)
        error = torch.where(valid, prediction.float() - target.float(), 0.0)
        return self.weight * masked_mean(error.square(), valid, self.training)

"""Mean squared error over the labels that can be trusted."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

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
        error, count = masked_error(prediction, target, valid, self.training)
        return self.weight * error.square().sum() / count


def masked_error(prediction: Tensor, target: Tensor, valid: Tensor, over_processes: bool) -> tuple[Tensor, Tensor]:
    """Return prediction - target in float32, 0 where not ``valid``, and what its sum is to be divided by.

    That is the number of valid entries, or its mean over the processes; 1 where there is none.
    """
    valid = valid.expand_as(target)
    error = torch.where(valid, prediction.float() - target.float(), 0.0)
    count = valid.sum(dtype=torch.float32)
    if over_processes:
        all_reduce(count, "mean")
    return error, torch.where(count > 0, count, 1.0)

"""Binary cross-entropy over the labels that can be trusted."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from vidzoo.models.losses.masked_mean import masked_mean
from vidzoo.registry import MODELS


@MODELS.register_module()
class WeightedBCELoss(nn.Module):
    """Return ``weight`` times the mean cross-entropy of logits over valid entries; 0 where none is.

    In training by several processes, as :class:`WeightedMSELoss`.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss in float32.

        Args:
            prediction: logits of any shape; above 0 means yes.
            target: 0 or 1, of the same shape; what it holds in invalid entries, NaN too, plays no part.
            valid: bool, broadcastable to that shape.
        """
        valid = valid.expand_as(target)
        target = torch.where(valid, target.float(), 0.0)
        entropy = binary_cross_entropy_with_logits(prediction.float(), target, reduction="none")
        return self.weight * masked_mean(entropy, valid, self.training)

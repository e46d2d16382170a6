"""Mean absolute error over the labels that can be trusted."""

from __future__ import annotations

from torch import Tensor, nn

from vidzoo.models.losses.mse import masked_error
from vidzoo.registry import MODELS


@MODELS.register_module()
class WeightedL1Loss(nn.Module):
    """Return ``weight`` times the mean absolute error over valid entries; arguments as :class:`WeightedMSELoss`.

    Source: PoseNet's loss on coordinates, Moon et al. 2019, section 4.3.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss in float32 for tensors of one shape; ``valid`` is bool, broadcastable to it."""
        error, count = masked_error(prediction, target, valid, self.training)
        return self.weight * error.abs().sum() / count

"""Markers as a linear function of the pose."""

from __future__ import annotations

from torch import Tensor, nn

from vidzoo.registry import MODELS


@MODELS.register_module()
class LinearMarkerRegressor(nn.Module):
    """Map a pose [N, J, 3] in [-1, 1] to standardised markers [N, M, 3] by one linear layer."""

    def __init__(self, num_joints: int = 21, num_markers: int = 51) -> None:
        super().__init__()
        self.num_markers = num_markers
        self.linear = nn.Linear(num_joints * 3, num_markers * 3)

    def forward(self, pose: Tensor) -> Tensor:
        """Return markers [N, M, 3] for a pose [N, J, 3]."""
        return self.linear(pose.flatten(1)).unflatten(1, (self.num_markers, 3))

"""Markers from a pose."""

from __future__ import annotations

from torch import Tensor, nn

from vidzoo.registry import MODELS


@MODELS.register_module()
class MLPMarkerRegressor(nn.Module):
    """Map a pose [N, J, 3] in [-1, 1] to standardised markers [N, M, 3] through two hidden layers.

    Source: VID paper, section 4, marker regressor.
    """

    def __init__(self, num_joints: int = 21, num_markers: int = 51, hidden: int = 128) -> None:
        super().__init__()
        self.num_joints = num_joints
        self.num_markers = num_markers
        self.mlp = nn.Sequential(
            nn.Linear(num_joints * 3, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, num_markers * 3),
        )
        for module in self.mlp:
            if isinstance(module, nn.Linear):  # PyTorch's own start lets a pose fade by a third in each layer
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")

    def forward(self, pose: Tensor) -> Tensor:
        """Return markers [N, M, 3] for a pose [N, J, 3]."""
        return self.mlp(pose.flatten(1)).unflatten(1, (self.num_markers, 3))

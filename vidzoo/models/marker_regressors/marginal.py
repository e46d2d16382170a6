"""Markers from the marginal distributions of a pose."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from vidzoo.errors import ConfigError
from vidzoo.models.pose_decoders import Pose, marginal_features
from vidzoo.registry import MODELS


@MODELS.register_module()
class MarginalMarkerRegressor(nn.Module):
    """Map a :class:`Pose` to standardised markers [N, M, 3] through two hidden layers that read its marginals.

    The marginals hold the coordinates and how sure they are: two peaks, or a wide one, where a joint is hidden.

    Args:
        bins: of the marginals along depth, height and width.
        num_joints: J.
        num_markers: M.
        hidden: width of both hidden layers.

    Raises:
        ConfigError: marginals of other bins.
    """

    takes_pose = True
    """Read by the estimator: the input is the whole Pose, not its coordinates alone."""

    def __init__(self, bins: Sequence[int], num_joints: int = 21, num_markers: int = 51, hidden: int = 128) -> None:
        super().__init__()
        self.bins = tuple(bins)
        self.num_markers = num_markers
        self.mlp = nn.Sequential(
            nn.Linear(num_joints * sum(bins), hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, num_markers * 3),
        )

    def forward(self, pose: Pose) -> Tensor:
        """Return markers [N, M, 3]."""
        bins = tuple(marginal.shape[-1] for marginal in pose.marginals)
        if bins != self.bins:
            raise ConfigError(
                f"MarginalMarkerRegressor: bins={self.bins}, but the pose decoder's marginals along depth, height and "
                f"width have {bins}; set bins to that."
            )
        return self.mlp(marginal_features(pose)).unflatten(1, (self.num_markers, 3))

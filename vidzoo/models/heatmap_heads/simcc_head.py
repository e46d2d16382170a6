"""A heatmap head that gives logits along each axis and never forms a volume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vidzoo.errors import ConfigError
from vidzoo.models.heatmap_heads.maps import last_map
from vidzoo.registry import MODELS


class AxisLogits(NamedTuple):
    """Where J joints of N images lie along each axis, as three classifications."""

    depth: Tensor
    """[N, J, D]."""
    height: Tensor
    """[N, J, bins from top to bottom]."""
    width: Tensor
    """[N, J, bins from left to right]."""


@MODELS.register_module()
class SimCCHead(nn.Module):
    """Turn a map [N, C, s, s] into :class:`AxisLogits`: every joint is classified along depth, height and width.

    A 1 x 1 convolution gives each joint a map of its own, and one linear layer for each axis, shared by the joints,
    reads it. No volume is formed, so that bins cost little: an axis may have more of them than the map has cells.

    Args:
        in_channels: C.
        map_size: s, the cells along a side of the backbone's last map: image size / stride.
        num_joints: J.
        bins: along depth, height and width; a height and a width of fewer bins than pixels lose nothing that the
            soft-argmax does not recover.

    Raises:
        ConfigError: another map than s x s, or of other than C channels.

    Source: Li et al. 2022, SimCC: a simple coordinate classification perspective for human pose estimation, section 3;
    the third axis is this project's.
    """

    def __init__(
        self, in_channels: int, map_size: int, num_joints: int = 21, bins: Sequence[int] = (64, 64, 64)
    ) -> None:
        super().__init__()
        if len(bins) != 3 or min(bins) < 1:
            raise ConfigError(f"SimCCHead: bins={tuple(bins)} must be three numbers: along depth, height and width.")
        self.in_channels = in_channels
        self.map_size = map_size
        self.bins = list(bins)
        self.joint_maps = nn.Conv2d(in_channels, num_joints, 1)
        self.axes = nn.Linear(map_size**2, sum(bins))

    def forward(self, maps: tuple[Tensor, ...]) -> AxisLogits:
        """Return the logits of each axis for the backbone's maps, of which the last is used."""
        features = last_map(maps, self.in_channels, "SimCCHead")
        if features.shape[2:] != (self.map_size, self.map_size):
            raise ConfigError(
                f"SimCCHead: map_size={self.map_size}, but the backbone's last map has "
                f"{features.shape[2]} x {features.shape[3]} cells; set map_size to that."
            )
        return AxisLogits(*torch.split(self.axes(self.joint_maps(features).flatten(2)), self.bins, dim=-1))

"""The part of BlazePose's landmark network that sees the image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vidzoo.errors import ConfigError
from vidzoo.models.blazepose import load_landmark_network
from vidzoo.registry import MODELS

REGRESSION = 5
"""Index of the map of the branch that regresses landmarks, behind the trunk's five."""


@MODELS.register_module()
class BlazePoseBackbone(nn.Module):
    """Turn images [N, 3, S, S] in [0, 1] into maps of BlazePose's landmark network, a tuple of [N, C, h, w].

    The weights are part of this package and are loaded when the backbone is built.

    Args:
        variant: 'full' or 'lite'.
        frozen: the weights stay as they are, and no gradient is computed.
        out_indices: 0 to 4: the trunk's maps at strides 2, 4, 8, 16 and 32; 5: the map [N, 288 ('lite': 192), S / 128,
            S / 128] from which the network regresses landmarks.

    Raises:
        ConfigError: an argument is out of its range.
        CheckpointError: the weight file is damaged.

    Source: Bazarevsky et al. 2020, BlazePose, arXiv 2006.10204; see :class:`vidzoo.models.blazepose.LandmarkNetwork`.
    """

    def __init__(
        self, variant: str = "full", frozen: bool = False, out_indices: Sequence[int] = (1, 2, 3, 4, REGRESSION)
    ) -> None:
        super().__init__()
        if not out_indices or not set(out_indices) <= set(range(REGRESSION + 1)):
            raise ConfigError(f"BlazePoseBackbone: out_indices={tuple(out_indices)} must be some of 0 to {REGRESSION}.")
        self.frozen = frozen
        self.out_indices = tuple(out_indices)
        whole = load_landmark_network(variant, segmentation=False)
        self.trunk = whole.trunk
        self.regression = whole.regression if REGRESSION in self.out_indices else None
        self.requires_grad_(not frozen)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of ``out_indices`` for images [N, 3, S, S]."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            maps = self.trunk(images)
            if self.regression is not None:
                maps = (*maps, self.regression(maps[-1]))
        return tuple(maps[index] for index in self.out_indices)

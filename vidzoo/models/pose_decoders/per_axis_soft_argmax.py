"""Soft-argmax along each axis separately."""

from __future__ import annotations

from torch import nn

from vidzoo.errors import ConfigError
from vidzoo.models.heatmap_heads import AxisLogits
from vidzoo.models.pose_decoders.pose import Pose, expected_pose
from vidzoo.registry import MODELS


@MODELS.register_module()
class PerAxisSoftArgmax(nn.Module):
    """Turn :class:`AxisLogits`, such as :class:`SimCCHead` gives, into a :class:`Pose`; no parameters.

    Equal to :class:`SoftArgmax3D` on the volume whose logits are the sums of the three axes' logits, without forming
    that volume: its softmax is the product of the axes' own.

    Raises:
        ConfigError: anything but AxisLogits; the volume is asked for.

    Source: Li et al. 2022, SimCC, read out by VID paper's equations 3 to 6 instead of by the largest bin, so that the
    coordinates have a gradient.
    """

    def forward(self, logits: AxisLogits, keep_volume: bool = False) -> Pose:
        """Return coordinates and marginals."""
        if not isinstance(logits, AxisLogits):
            raise ConfigError(
                "PerAxisSoftArgmax takes logits per axis, which SimCCHead gives; for a volume use SoftArgmax3D."
            )
        if keep_volume:
            raise ConfigError(
                "PerAxisSoftArgmax forms no volume, which spf_mode 'pooled8' and 'full' read; use 'marginals' or "
                "'coords', or SoftArgmax3D behind a head that gives a volume."
            )
        return expected_pose(*(axis.float().softmax(-1) for axis in logits))

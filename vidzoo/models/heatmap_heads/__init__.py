"""Slot: the backbone's last map [N, C, h, w] to volume logits [N, J, D, h', w'] or to :class:`AxisLogits`."""

from vidzoo.models.heatmap_heads.blazepose import BlazePoseHead
from vidzoo.models.heatmap_heads.deconv_head import DeconvHead
from vidzoo.models.heatmap_heads.separable_head import SeparableHead
from vidzoo.models.heatmap_heads.simcc_head import AxisLogits, SimCCHead

__all__ = ["AxisLogits", "BlazePoseHead", "DeconvHead", "SeparableHead", "SimCCHead"]

"""Slot: the backbone's last map [N, C, h, w] to volume logits [N, J, D, h', w']."""

from vidzoo.models.heatmap_heads.deconv_head import DeconvHead

__all__ = ["DeconvHead"]

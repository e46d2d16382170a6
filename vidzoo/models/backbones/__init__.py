"""Slot: images [N, 3, H, W] to a tuple of maps [N, C, h, w]."""

from vidzoo.models.backbones.blazepose import BlazePoseBackbone
from vidzoo.models.backbones.resnet import ResNet
from vidzoo.models.backbones.timm_backbone import TimmBackbone
from vidzoo.models.backbones.torchvision_backbone import TorchvisionBackbone

__all__ = ["BlazePoseBackbone", "ResNet", "TimmBackbone", "TorchvisionBackbone"]

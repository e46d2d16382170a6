"""Slot: images [N, 3, H, W] to a tuple of maps [N, C, h, w]."""

from vidzoo.models.backbones.resnet import ResNet

__all__ = ["ResNet"]

"""Slot: volume logits [N, J, D, h, w], or logits per axis, to coordinates [N, J, 3] and marginal distributions."""

from vidzoo.models.pose_decoders.per_axis_soft_argmax import PerAxisSoftArgmax
from vidzoo.models.pose_decoders.pose import (
    Pose,
    bin_coordinates,
    bin_features,
    coordinate_features,
    expected_pose,
    marginal_features,
    normalise_coordinates,
)
from vidzoo.models.pose_decoders.soft_argmax_3d import SoftArgmax3D, soft_argmax_3d

__all__ = [
    "PerAxisSoftArgmax",
    "Pose",
    "SoftArgmax3D",
    "bin_coordinates",
    "bin_features",
    "coordinate_features",
    "expected_pose",
    "marginal_features",
    "normalise_coordinates",
    "soft_argmax_3d",
]

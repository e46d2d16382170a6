"""Slot: volume logits [N, J, D, h, w] to coordinates [N, J, 3] and their marginal distributions."""

from vidzoo.models.pose_decoders.soft_argmax_3d import Pose, SoftArgmax3D, normalise_coordinates, soft_argmax_3d

__all__ = ["Pose", "SoftArgmax3D", "normalise_coordinates", "soft_argmax_3d"]

"""What crosses from data to models to metrics: the sample's keys and its container."""

from __future__ import annotations

from typing import Literal

import torch
from mmengine.structures import BaseDataElement
from typing_extensions import NotRequired, TypedDict

Mode = Literal["tensor", "loss", "predict"]
"""MMEngine's three meanings of ``forward``."""


class Inputs(TypedDict):
    """Tensors of a collated batch: B clips of L frames, M markers, C coordinates, 33 landmarks.

    Only the required ones are there.
    """

    frames: NotRequired[torch.Tensor]
    """[B, L, 3, H, W] uint8 RGB as read; float, normalised, after the data preprocessor."""
    frame_is_new: NotRequired[torch.Tensor]
    """[B, L] bool, comes with ``frames``: False where a frame shows the same image as the one before it in the clip
    (a 60 fps video on a 100 Hz grid, or an edge repeated), so that a network may work once per image."""
    image_features: NotRequired[torch.Tensor]
    """[B, L, F] in the place of ``frames``: what a frozen image part says of each frame (``vidzoo features``)."""
    markers: NotRequired[torch.Tensor]
    """[B, L, M, 3] m, ground frame; a missing one stands where it last or next was, a never seen one at the pelvis."""
    marker_valid: NotRequired[torch.Tensor]
    """[B, L, M] bool: False where ``markers`` holds such a stand-in."""
    marker_velocities: NotRequired[torch.Tensor]
    """[B, L, M, 3] m/s."""
    coordinates: NotRequired[torch.Tensor]
    """[B, L, C] rad and m."""
    coordinate_velocities: NotRequired[torch.Tensor]
    """[B, L, C] rad/s and m/s."""
    inertial_torques: NotRequired[torch.Tensor]
    """[B, L, C] N·m and N: M(q) qdd + C + G without any external load."""
    foot_jacobians: NotRequired[torch.Tensor]
    """[B, L, 2, 6, C]: right and left calcaneus origin, rotation rows first, then translation."""
    physics_wrenches: NotRequired[torch.Tensor]
    """[B, L, 2, 6]: of the ground on the right and left foot, by mechanics from the motion alone: N·m about the
    calcaneus origin and N."""
    landmarks: NotRequired[torch.Tensor]
    """[B, L, 33, 2] x, y of the landmarks (``anatomy.LANDMARKS``) in the stored picture as shares of its width and
    height: 0 at its left and upper edge. A frame between two images has what lies between their landmarks, by time."""
    landmark_visibility: NotRequired[torch.Tensor]
    """[B, L, 33] 0-1: how likely each is seen and not hidden."""
    landmarks_world: NotRequired[torch.Tensor]
    """[B, L, 33, 3] m from the middle of the hips; x to the right in the picture, y down, z away from the camera. The
    camera's roll and pitch are in it."""
    landmark_valid: NotRequired[torch.Tensor]
    """[B, L] bool: False where the person was not found in the frame's image and those of other images stand in."""
    mass: NotRequired[torch.Tensor]
    """[B] kg."""
    height: NotRequired[torch.Tensor]
    """[B] m."""


class TorqueSample(BaseDataElement):
    """Labels and predictions of one clip: L frames, K predictions, Q torques, M markers.

    Metainfo: ``subject``, ``trial``, ``action`` (family), ``camera`` ('' where no image is read), ``mass`` kg,
    ``height`` m, ``sex``, ``frame_indices`` (int64 array [K]: the trial's frame that each prediction is of; -1 for
    padding past the end of a range, which no loss and no metric counts).

    Data:
        gt_torques: float32 [K, Q] N·m; 0 where ``valid`` is False.
        valid: bool [K, Q]: a good label of this split, to be learnt from.
        gt_markers: float32 [L, M, 3] m, relative to the pelvis centre, in the frame that the dataset states; 0 where
            ``gt_marker_valid`` is False. Present where the estimator learns markers.
        gt_marker_valid: bool [L, M].
        gt_grf: float32 [L, 2, 3] N, ground frame: the ground's force on the right and on the left foot; 0 where
            ``gt_grf_valid`` is False. Present, like the next two, where the dataset is told ``grf=True``.
        gt_contact: float32 [L, 2]: 1 where that foot's upward force is at least 20 N, else 0.
        gt_grf_valid: bool [L]: a target frame whose forces on both feet were measured.
        pred_torques: float32 [K, Q] N·m.
        pred_markers: float32 [L, M, 3] m, as ``gt_markers``.
        pred_pose: float32 [L, J, 3] in heatmap bins (x, y, z).
        pred_grf: float32 [K, 2, 3] N, as ``gt_grf`` at the predicted frames.
        pred_contact: bool [K, 2], as ``gt_contact`` at the predicted frames.
        pred_wrenches: float32 [K, 2, 6]: of the ground on the right and left foot, N·m about the calcaneus origin, N.
        pred_residual: float32 [K, 2]: pelvis force N and moment N·m that the predicted wrenches leave unexplained.
        pred_trust: float32 [K], 0 to 1: how far the input is like the training subset's (PhysicsGuidedHybrid).
    """


class PoseSample(BaseDataElement):
    """Labels and predictions of one image for the pose network: J pose joints; a clip of L = 1 frames.

    Metainfo: ``kind`` (of the pose file), ``image`` (its number in the data set).

    Data:
        gt_pose: float32 [L, J, 3]: x, y in pixels of the picture as it enters the network (pixel centres at integers),
            and depth in m relative to the root joint; 0 where ``gt_pose_valid`` is False.
        gt_pose_valid: bool [L, J, 3], axis by axis: a set without depth has x and y alone.
        gt_joints: float32 [L, J, 3] m in the camera's axes, relative to the root; 0 where ``gt_joint_valid`` is False.
        gt_joint_valid: bool [L, J].
        intrinsics: float32 [L, 3, 3] from the camera's frame to that picture; NaN where unknown.
        root_depth: float32 [L] m; NaN where unknown.
        pred_joints: float32 [L, J, 3] m, as ``gt_joints``; NaN where intrinsics or root depth are unknown.
    """

"""The left-right mirror: pictures, markers, coordinates, torques and Jacobians of the mirrored person."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from vidzoo.anatomy import (
    CLUSTER_MARKERS,
    COORDINATES,
    LANDMARKS,
    MARKERS,
    POSE_JOINTS,
    SAGITTAL_MIRROR_SIGN_FLIPS,
    mirror_index,
)
from vidzoo.errors import ConfigError
from vidzoo.registry import TRANSFORMS

_COORDINATE_INDEX = np.array(mirror_index(COORDINATES))
_COORDINATE_SIGN = np.where(np.isin(COORDINATES, SAGITTAL_MIRROR_SIGN_FLIPS), -1, 1).astype(np.float32)
_MARKER_INDEX = np.array(mirror_index(MARKERS))
_HAS_MIRROR_TARGET = (_MARKER_INDEX >= 0) & ~np.isin(MARKERS, CLUSTER_MARKERS)
_MARKER_SOURCE = _MARKER_INDEX.copy()
for _m in np.flatnonzero(_MARKER_SOURCE < 0):  # r_sh4, r_thigh5: the last of a cluster that is shorter on the left
    _MARKER_SOURCE[_m] = _MARKER_SOURCE[_m - 1]
_POSE_INDEX = np.array(mirror_index(POSE_JOINTS))
_LANDMARK_INDEX = np.array(mirror_index(LANDMARKS))
_GROUND_SIGN = np.array([1, 1, -1], dtype=np.float32)
_CAMERA_SIGN = np.array([-1, 1, 1], dtype=np.float32)
# An angular velocity is an axial vector: the mirror diag(1, 1, -1) turns it the other way about x and y.
_SPATIAL_SIGN = np.array([-1, -1, 1, 1, 1, -1], dtype=np.float32)


@TRANSFORMS.register_module()
class HorizontalFlip(BaseTransform):
    """Mirror the clip left to right everywhere: see :func:`mirror_sample`.

    Args:
        prob: how often.
    """

    def __init__(self, *, prob: float = 0.5) -> None:
        if not 0 <= prob <= 1:
            raise ConfigError(f"HorizontalFlip: prob {prob} must lie between 0 and 1.")
        self.prob = prob

    def transform(self, sample: dict[str, Any]) -> dict[str, Any]:
        return mirror_sample(sample) if sample["rng"].random() < self.prob else sample


def mirror_sample(sample: dict[str, Any]) -> dict[str, Any]:
    """Return the sample of the person mirrored in the sagittal plane.

    Images are mirrored in x. Left and right are swapped by name; what points sideways changes its sign: z of the
    ground frame (markers, foot forces), x of the camera's (world landmarks), the coordinates and torques of
    ``anatomy.SAGITTAL_MIRROR_SIGN_FLIPS``, and the x and y rotation rows of the foot Jacobians and of
    the physics wrenches (axial vectors). Marker
    targets glued anywhere on a segment have no mirror image and become invalid; as an input, each takes the place that
    its opposite number mirrors to. The equation torques = inertial_torques - J^T W holds for the mirrored sample with
    the mirrored wrench.
    """
    out = dict(sample)
    if "images" in sample:
        out["images"] = np.ascontiguousarray(sample["images"][:, :, ::-1])
    if "joint_pixels" in sample:
        right = sample["images"].shape[2] - 1
        mirror = np.array([[-1.0, 0, right], [0, 1, 0], [0, 0, 1]])
        out["joint_pixels"] = sample["joint_pixels"][_POSE_INDEX] * [-1, 1] + [right, 0]
        out["joints"] = sample["joints"][_POSE_INDEX] * _CAMERA_SIGN
        out["intrinsics"] = mirror @ sample["intrinsics"] * _CAMERA_SIGN
    for name in ("markers", "marker_velocities"):
        if name in sample:
            out[name] = sample[name][..., _MARKER_SOURCE, :] * _GROUND_SIGN
    if "marker_valid" in sample:
        out["marker_valid"] = sample["marker_valid"][..., _MARKER_SOURCE]
    if "landmarks" in sample:  # as shares of the picture's width and height
        mirrored = sample["landmarks"][..., _LANDMARK_INDEX, :]
        out["landmarks"] = np.stack([1 - mirrored[..., 0], mirrored[..., 1]], axis=-1)
    if "landmark_visibility" in sample:
        out["landmark_visibility"] = sample["landmark_visibility"][..., _LANDMARK_INDEX]
    if "landmarks_world" in sample:
        out["landmarks_world"] = sample["landmarks_world"][..., _LANDMARK_INDEX, :] * _CAMERA_SIGN
    for name in ("coordinates", "coordinate_velocities", "inertial_torques"):
        if name in sample:
            out[name] = sample[name][..., _COORDINATE_INDEX] * _COORDINATE_SIGN
    if "foot_jacobians" in sample:
        swapped = sample["foot_jacobians"][..., ::-1, :, :][..., _COORDINATE_INDEX]
        out["foot_jacobians"] = swapped * _SPATIAL_SIGN[:, None] * _COORDINATE_SIGN
    if "physics_wrenches" in sample:
        out["physics_wrenches"] = sample["physics_wrenches"][..., ::-1, :] * _SPATIAL_SIGN
    if "gt_torques" in sample:
        names = tuple(sample["torque_names"])
        index = np.array(mirror_index(names))
        sign = np.where(np.isin(names, SAGITTAL_MIRROR_SIGN_FLIPS), -1, 1).astype(np.float32)
        out["valid"] = sample["valid"][..., index] & (index >= 0)
        out["gt_torques"] = np.where(out["valid"], sample["gt_torques"][..., index] * sign, np.float32(0))
    if "gt_grf" in sample:
        out["gt_grf"] = sample["gt_grf"][..., ::-1, :] * _GROUND_SIGN
        out["gt_contact"] = np.ascontiguousarray(sample["gt_contact"][..., ::-1])
    if "gt_markers" in sample:
        sign = _CAMERA_SIGN if sample["marker_frame"] == "camera" else _GROUND_SIGN
        out["gt_marker_valid"] = sample["gt_marker_valid"][..., _MARKER_INDEX] & _HAS_MIRROR_TARGET
        out["gt_markers"] = np.where(
            out["gt_marker_valid"][..., None], sample["gt_markers"][..., _MARKER_INDEX, :] * sign, np.float32(0)
        )
    return out

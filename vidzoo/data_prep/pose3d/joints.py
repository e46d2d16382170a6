"""From the joints of other sets, and from markers, to the 21 pose joints: by name, what a set lacks is NaN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vidzoo.anatomy import POSE_JOINTS

LIMB_JOINTS: tuple[str, ...] = (
    "R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist",
    "R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle",
)  # fmt: skip
"""What every set has under the same names."""
_SAME: dict[str, tuple[str, ...]] = {name: (name,) for name in LIMB_JOINTS}

HUMAN36M_JOINTS: tuple[str, ...] = (
    "Pelvis", "R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "Torso", "Neck", "Nose", "Head_top",
    "L_Shoulder", "L_Elbow", "L_Wrist", "R_Shoulder", "R_Elbow", "R_Wrist",
)  # fmt: skip
"""Order of ``Human36M_subject*_joint_3d.json``. PoseNet's code calls the top of the head 'Head'."""
HUMAN36M: dict[str, tuple[str, ...]] = _SAME | {
    "Pelvis": ("Pelvis",), "Spine": ("Torso",), "Thorax": ("Neck",), "Head_top": ("Head_top",),
}  # fmt: skip

MPI_INF_3DHP_JOINTS: tuple[str, ...] = (
    "Head_top", "Neck", "R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist",
    "R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "Pelvis", "Torso", "Head",
)  # fmt: skip
"""Order of ``MPI-INF-3DHP_joint_3d.json``; the points that MuCo-3DHP, made of this set, calls Thorax and Spine."""
MPI_INF_3DHP: dict[str, tuple[str, ...]] = _SAME | {
    "Pelvis": ("Pelvis",), "Spine": ("Torso",), "Thorax": ("Neck",), "Head": ("Head",), "Head_top": ("Head_top",),
}  # fmt: skip

MUCO_JOINTS: tuple[str, ...] = (
    "Head_top", "Thorax", "R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist",
    "R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "Pelvis", "Spine", "Head",
    "R_Hand", "L_Hand", "R_Toe", "L_Toe",
)  # fmt: skip
"""Order of ``MuCo-3DHP.json``."""
MUCO: dict[str, tuple[str, ...]] = {name: (name,) for name in POSE_JOINTS}

COCO_JOINTS: tuple[str, ...] = (
    "Nose", "L_Eye", "R_Eye", "L_Ear", "R_Ear", "L_Shoulder", "R_Shoulder", "L_Elbow", "R_Elbow", "L_Wrist", "R_Wrist",
    "L_Hip", "R_Hip", "L_Knee", "R_Knee", "L_Ankle", "R_Ankle",
)  # fmt: skip
"""Order of COCO's ``keypoints``."""
COCO: dict[str, tuple[str, ...]] = _SAME | {
    "Thorax": ("L_Shoulder", "R_Shoulder"), "Pelvis": ("L_Hip", "R_Hip"),
}  # fmt: skip
"""Thorax and Pelvis as means, as PoseNet makes them."""

MARKERS: dict[str, tuple[str, ...]] = {
    "Thorax": ("R_Shoulder", "L_Shoulder"),
    "Pelvis": ("R_HJC", "L_HJC"),
    "R_Shoulder": ("R_Shoulder",), "L_Shoulder": ("L_Shoulder",),
    "R_Elbow": ("R_elbow_med", "R_elbow_lat"), "L_Elbow": ("L_elbow_med", "L_elbow_lat"),
    "R_Wrist": ("R_wrist_radius", "R_wrist_ulna"), "L_Wrist": ("L_wrist_radius", "L_wrist_ulna"),
    "R_Hip": ("R_HJC",), "L_Hip": ("L_HJC",),
    "R_Knee": ("r_knee",), "L_Knee": ("L_knee",),
    "R_Ankle": ("r_ankle",), "L_Ankle": ("L_ankle",),
    "R_Toe": ("r_toe",), "L_Toe": ("L_toe",),
}  # fmt: skip
"""16 joints of a data file's 51 markers. Hips, elbows and wrists are joint centres; the marker of the acromion stands
for the shoulder (some cm above its centre), those of the lateral condyle and malleolus for knee and ankle (half a
joint's width outside), because the set has no medial ones. No marker tells head, spine and hands."""


def to_pose_joints(values: np.ndarray, names: Sequence[str], sources: Mapping[str, tuple[str, ...]]) -> np.ndarray:
    """Return [..., J, k] of the 21 pose joints from [..., S, k] of the S joints or markers ``names``.

    Each is the mean of its ``sources``; NaN where it has none or one of them is NaN.
    """
    joints = np.full((*values.shape[:-2], len(POSE_JOINTS), values.shape[-1]), np.nan)
    for joint, parts in sources.items():
        columns = [names.index(part) for part in parts]
        joints[..., POSE_JOINTS.index(joint), :] = values[..., columns, :].mean(axis=-2)
    return joints

"""Every name, order, unit and left/right pair of the body, once.

Frames: OpenSim's ground frame is x forward, y up, z to the subject's right. Letters: M = 51 markers, C = 35
coordinates and generalized forces, Q = 11 benchmark joints, J = 21 pose joints, 33 landmarks.
"""

from __future__ import annotations

import re
from typing import Any

GRAVITY = 9.80665
"""Standard gravity, m/s^2 (OpenSim's models use 9.80665 too)."""

# --- markers (order of OpenCap LabValidation's own TRC files) ----------------------------------------------------
MARKERS: tuple[str, ...] = (
    "r_knee", "r_shank_antsup", "r_ankle", "r_calc", "r_5meta", "r_toe",
    "L_knee", "L_shank_antsup", "L_ankle", "L_calc", "L_5meta", "L_toe",
    "r_sh2", "r_sh3", "r_sh4", "L_sh2", "L_sh3",
    "r_thigh1", "r_thigh2", "r_thigh3", "r_thigh4", "r_thigh5", "L_thigh1", "L_thigh2", "L_thigh3", "L_thigh4",
    "r.ASIS", "r.PSIS", "L.ASIS", "L.PSIS", "C7", "R_Shoulder", "L_Shoulder", "R_Sternum", "L_Sternum",
    "R_humerus", "R_elbow_med", "R_elbow_lat", "R_forearm", "R_wrist_radius", "R_wrist_ulna",
    "L_humerus", "L_elbow_med", "L_elbow_lat", "L_forearm", "L_wrist_radius", "L_wrist_ulna",
    "R_HJC", "L_HJC", "R_HJC_reg", "L_HJC_reg",
)  # fmt: skip
PELVIS_MARKERS: tuple[str, ...] = ("r.ASIS", "L.ASIS", "r.PSIS", "L.PSIS")
"""Their mean is the pelvis centre that marker targets are relative to."""
PELVIS_MARKER_INDICES: tuple[int, ...] = tuple(MARKERS.index(name) for name in PELVIS_MARKERS)
CLUSTER_MARKERS: tuple[str, ...] = tuple(m for m in MARKERS if re.search(r"thigh\d|_sh\d|humerus|forearm", m))
"""Tracking markers glued anywhere on a segment: left and right are no mirror images of each other."""

# --- coordinates = generalized forces (order of the release's IK files; an ID .sto has another order) -------------
COORDINATES: tuple[str, ...] = (
    "pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz",
    "hip_flexion_r", "hip_adduction_r", "hip_rotation_r", "knee_angle_r", "knee_angle_r_beta", "ankle_angle_r",
    "subtalar_angle_r", "mtp_angle_r",
    "hip_flexion_l", "hip_adduction_l", "hip_rotation_l", "knee_angle_l", "knee_angle_l_beta", "ankle_angle_l",
    "subtalar_angle_l", "mtp_angle_l",
    "lumbar_extension", "lumbar_bending", "lumbar_rotation",
    "arm_flex_r", "arm_add_r", "arm_rot_r", "elbow_flex_r", "pro_sup_r",
    "arm_flex_l", "arm_add_l", "arm_rot_l", "elbow_flex_l", "pro_sup_l",
)  # fmt: skip
TRANSLATIONS: tuple[str, ...] = ("pelvis_tx", "pelvis_ty", "pelvis_tz")
"""Coordinates in m whose generalized force is in N; every other one is in rad and N·m."""
DEPENDENT_COORDINATES: tuple[str, ...] = ("knee_angle_r_beta", "knee_angle_l_beta")
"""Coupled to the knee angle; OpenSim leaves them in radians in a file that says degrees."""
PELVIS_COORDINATES: tuple[str, ...] = COORDINATES[:6]
"""Their generalized forces are residuals: forces and moments that no muscle can give."""
SAGITTAL_MIRROR_SIGN_FLIPS: tuple[str, ...] = (
    "pelvis_list", "pelvis_rotation", "pelvis_tz", "lumbar_bending", "lumbar_rotation",
)  # fmt: skip
"""Coordinates and generalized forces that change sign when the body is mirrored left to right."""

# --- benchmark joints (order of the paper's Table 3) --------------------------------------------------------------
BENCHMARK_JOINTS: tuple[str, ...] = (
    "hip_flexion_r", "hip_flexion_l", "lumbar_extension", "knee_angle_r", "knee_angle_l", "arm_flex_r", "arm_flex_l",
    "ankle_angle_r", "ankle_angle_l", "elbow_flex_r", "elbow_flex_l",
)  # fmt: skip
LOWER_LIMB_JOINTS: tuple[str, ...] = (
    "hip_flexion_r", "hip_flexion_l", "knee_angle_r", "knee_angle_l", "ankle_angle_r", "ankle_angle_l",
)  # fmt: skip

# --- pose joints (MuCo-3DHP's set, as 3DMPPE PoseNet orders it) ---------------------------------------------------
POSE_JOINTS: tuple[str, ...] = (
    "Head_top", "Thorax", "R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist",
    "R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "Pelvis", "Spine", "Head",
    "R_Hand", "L_Hand", "R_Toe", "L_Toe",
)  # fmt: skip
POSE_ROOT = "Pelvis"
"""The pose joint that depths and 3D poses are relative to."""

# --- landmarks of a person in a picture (BlazePose's 33, Bazarevsky et al. 2020) -----------------------------------
LANDMARKS: tuple[str, ...] = (
    "nose", "eye_inner_l", "eye_l", "eye_outer_l", "eye_inner_r", "eye_r", "eye_outer_r", "ear_l", "ear_r",
    "mouth_l", "mouth_r", "shoulder_l", "shoulder_r", "elbow_l", "elbow_r", "wrist_l", "wrist_r",
    "pinky_l", "pinky_r", "index_l", "index_r", "thumb_l", "thumb_r", "hip_l", "hip_r", "knee_l", "knee_r",
    "ankle_l", "ankle_r", "heel_l", "heel_r", "toe_l", "toe_r",
)  # fmt: skip
BODY_LANDMARKS: tuple[str, ...] = tuple(
    f"{name}_{side}"
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "toe")
    for side in ("l", "r")
)
"""The landmarks that a model of torques sees; those of face and fingers say nothing of them."""
LANDMARK_LIMBS: dict[str, tuple[str, ...]] = {
    "shoulders": ("shoulder",),
    "arms": ("elbow", "wrist", "pinky", "index", "thumb"),
    "hips": ("hip",),
    "legs": ("knee", "ankle", "heel", "toe"),
}
"""Parts of the body whose left and right a pose network takes for each other, one without the others; each by its
landmarks without a side."""

# --- feet, in the order of every [.., 2, ..] array ----------------------------------------------------------------
FEET: tuple[str, ...] = ("calcn_r", "calcn_l")

# --- action families ----------------------------------------------------------------------------------------------
ACTION_FAMILIES: tuple[str, ...] = (
    "DJ", "DJAsym", "squats", "squatsAsym", "STS", "STSweakLegs", "walking", "walkingTS",
)  # fmt: skip
_FAMILY_ALIASES = {
    "downjump": "DJ",
    "downjumpasym": "DJAsym",
    "squat": "squats",
    "squatasym": "squatsAsym",
    "sittostand": "STS",
    "sts": "STS",
    "stsweakleg": "STSweakLegs",
    "sittostandweaklegs": "STSweakLegs",
    "walk": "walking",
    "walkts": "walkingTS",
} | {family.lower(): family for family in ACTION_FAMILIES}


def action_family(trial: str) -> str | None:
    """Return the action family of a trial name such as ``DJAsym2`` or ``SitToStand1``; None where there is none.

    >>> action_family("DJAsym2"), action_family("SitToStand1"), action_family("static1")
    ('DJAsym', 'STS', None)
    """
    return _FAMILY_ALIASES.get(re.sub(r"[\d_]*$", "", trial).lower())


def pelvis_centre(markers: Any) -> Any:
    """Return the pelvis centre [..., 1, 3] of markers [..., M, 3], a NumPy array or a tensor."""
    return markers[..., PELVIS_MARKER_INDICES, :].mean(-2)[..., None, :]


def _other_side(name: str, names: tuple[str, ...]) -> str | None:
    """Return the left counterpart of a right name and the reverse; ``name`` itself if it is on the midline."""
    for pattern, swap in (
        (r"_r(?=$|_)", "_l"), (r"_l(?=$|_)", "_r"), (r"^[rR](?=[_.])", "L"), (r"^L(?=[_.])", "r"),
    ):  # fmt: skip
        swapped = re.sub(pattern, swap, name, count=1)
        if swapped != name:
            # Markers of the right side begin with r or R, without a rule.
            return next((n for n in names if n.lower() == swapped.lower()), None)
    return name


def mirror_index(names: tuple[str, ...]) -> list[int]:
    """Return for each name the index of its counterpart on the other side; -1 where it has none.

    A mirrored array is ``x[..., mirror_index(names)]``, then the sign flips that its quantity needs.

    >>> mirror_index(("hip_flexion_r", "hip_flexion_l", "lumbar_extension", "C7", "r_thigh5"))
    [1, 0, 2, 3, -1]
    """
    others = [_other_side(name, names) for name in names]
    return [-1 if other is None else names.index(other) for other in others]

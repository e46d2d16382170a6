"""A parametric body in MuJoCo: OpenSim's coordinates, de Leva's segment inertias, the 51 markers of the real data.

Every body frame is OpenSim's: x forward, y up, z to the right, aligned with the ground frame when all coordinates
are 0 (upright, arms hanging, thumbs forward). Lengths that de Leva does not tabulate (hip and shoulder width, foot
geometry, joint axes) follow the proportions of OpenSim's full-body gait model (Rajagopal et al. 2016), rounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import mujoco
import numpy as np

from vidzoo.anatomy import COORDINATES, DEPENDENT_COORDINATES, GRAVITY, MARKERS
from vidzoo.synthetic.segments import (
    RAJAGOPAL_WAIST,
    Inertia,
    Subject,
    foot_points,
    hip_centre_of,
    segment_inertias,
    segment_lengths,
)

INDEPENDENT: tuple[str, ...] = tuple(c for c in COORDINATES if c not in DEPENDENT_COORDINATES)
"""The 33 coordinates of the MuJoCo model; each knee_angle_*_beta equals its knee angle and has no torque."""
_MUJOCO_ORDER = (
    "pelvis_tx", "pelvis_ty", "pelvis_tz", "pelvis_tilt", "pelvis_list", "pelvis_rotation", *INDEPENDENT[6:],
)  # fmt: skip
DOF: dict[str, int] = {name: i for i, name in enumerate(_MUJOCO_ORDER)}
"""Coordinate name -> MuJoCo's index (translations first, so that their axes are the ground's)."""
TO_COORDINATES: np.ndarray = np.array([DOF.get(c.removesuffix("_beta"), -1) for c in COORDINATES])
"""[C] MuJoCo's index of every coordinate; the two dependent ones point at their knee."""
LEGS: dict[str, np.ndarray] = {
    side: np.array([DOF[f"{name}_{side}"] for name in (
        "hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle", "subtalar_angle",
    )])
    for side in "rl"
}  # fmt: skip
"""The six coordinates of each leg that place its foot."""


# Markers as (body, x, y, z): x and z in body heights, y in lengths of the body's segment; right side, mirrored for the
# left. Clusters are placed where there is space, so they differ between the sides.
_PAIRED_MARKERS = {
    "r_knee": ("femur", 0.006, -0.98, 0.033),
    "r_ankle": ("tibia", -0.012, -0.99, 0.024),
    "r_calc": ("calcn", -0.012, 0.5, -0.006),
    "r_5meta": ("calcn", 0.082, -0.2, 0.030),
    "r_toe": ("calcn", 0.106, 0.6, 0.004),
    "r.ASIS": ("pelvis", 0.012, 0.04, 0.074),
    "r.PSIS": ("pelvis", -0.105, 0.25, 0.027),
    "R_Shoulder": ("torso", 0.002, 0.96, 0.090),
    "R_Sternum": ("torso", 0.062, 0.86, 0.014),
    "R_elbow_med": ("humerus", 0.002, -0.98, -0.024),
    "R_elbow_lat": ("humerus", 0.004, -0.97, 0.025),
    "R_wrist_radius": ("radius", -0.016, -0.95, 0.019),
    "R_wrist_ulna": ("radius", -0.016, -0.95, -0.010),
    "R_HJC": ("femur", 0.002, 0.01, 0.001),
    "R_HJC_reg": ("pelvis", -0.034, -0.31, 0.054),
}
_CLUSTERS = {
    "r_shank_antsup": ("tibia_r", 0.024, -0.20, 0.028),
    "r_sh2": ("tibia_r", 0.021, -0.47, 0.027),
    "r_sh3": ("tibia_r", -0.012, -0.21, 0.050),
    "r_sh4": ("tibia_r", -0.017, -0.48, 0.050),
    "L_shank_antsup": ("tibia_l", 0.022, -0.17, -0.026),
    "L_sh2": ("tibia_l", -0.025, -0.14, -0.048),
    "L_sh3": ("tibia_l", -0.028, -0.44, -0.049),
    "r_thigh1": ("femur_r", 0.038, -0.25, 0.043),
    "r_thigh2": ("femur_r", 0.042, -0.53, 0.037),
    "r_thigh3": ("femur_r", 0.012, -0.61, 0.054),
    "r_thigh4": ("femur_r", -0.026, -0.28, 0.054),
    "r_thigh5": ("femur_r", -0.018, -0.57, 0.046),
    "L_thigh1": ("femur_l", 0.046, -0.32, -0.038),
    "L_thigh2": ("femur_l", 0.053, -0.67, -0.026),
    "L_thigh3": ("femur_l", -0.014, -0.35, -0.060),
    "L_thigh4": ("femur_l", -0.009, -0.68, -0.041),
    "C7": ("torso", -0.042, 1.0, 0.0),
    "R_humerus": ("humerus_r", 0.008, -0.45, 0.033),
    "R_forearm": ("radius_r", -0.014, -0.42, 0.024),
    "L_humerus": ("humerus_l", 0.004, -0.52, -0.034),
    "L_forearm": ("radius_l", -0.010, -0.50, -0.025),
}


@dataclass
class Body:
    """A subject's MuJoCo model, and its measures that drawing and planning use."""

    subject: Subject
    model: mujoco.MjModel
    data: mujoco.MjData
    lengths: dict[str, float]
    """De Leva's segments, scaled, and 'shoulder_above_hip', 'shoulder_width', m."""
    marker_bodies: np.ndarray
    """[M] MuJoCo body of each marker."""
    marker_offsets: np.ndarray
    """[M, 3] m in that body's frame."""
    feet: tuple[int, int] = (0, 0)
    """MuJoCo bodies of the right and left calcaneus."""
    sole: dict[str, np.ndarray] = field(default_factory=dict)
    """'heel', 'ball' and 'toe': points of the sole in the calcaneus frame [3] m (z is 0: the same left and right)."""

    @property
    def weight(self) -> float:
        """Body weight, N."""
        return self.subject.mass * GRAVITY

    def body_id(self, name: str) -> int:
        """Return MuJoCo's index of a body."""
        return mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_BODY, name)

    def markers(self) -> np.ndarray:
        """Return the markers [M, 3] m for the positions that ``data`` holds."""
        rotation = self.data.xmat.reshape(-1, 3, 3)[self.marker_bodies]
        return self.data.xpos[self.marker_bodies] + np.einsum("mij,mj->mi", rotation, self.marker_offsets)


def hip_centre(body: Body) -> np.ndarray:
    """Return the right hip centre in the pelvis frame [3] m."""
    return hip_centre_of(body.subject)


def _numbers(values) -> str:
    return " ".join(f"{v:.12g}" for v in np.ravel(values))


def _joint(name: str, axis, kind: str = "hinge") -> str:
    return f'<joint name="{name}" type="{kind}" axis="{_numbers(axis)}"/>'


def _body_xml(name: str, inertia: Inertia, position, joints: list[str], *children: str) -> str:
    m = inertia.matrix
    entries = m[0, 0], m[1, 1], m[2, 2], m[0, 1], m[0, 2], m[1, 2]
    return (
        f'<body name="{name}" pos="{_numbers(position)}">'
        f'<inertial pos="{_numbers(inertia.com)}" mass="{inertia.mass:.12g}" fullinertia="{_numbers(entries)}"/>'
        f"{''.join(joints)}{''.join(children)}</body>"
    )


def _limbs_xml(s: str, subject: Subject, lengths: dict[str, float], inertias: dict[str, Inertia]) -> tuple[str, str]:
    """Return a side's leg and arm; the left ones are the right ones' mirror image in the plane z = 0."""
    sign = 1.0 if s == "r" else -1.0
    place = np.array([1.0, 1.0, sign])
    # An axis is a pseudovector: in the mirror its x and y change sign.
    turn = np.array([sign, sign, 1.0])
    ankle, mtp = foot_points(subject)

    def hinge(name: str, axis) -> str:
        return _joint(f"{name}_{s}", np.array(axis) * turn)

    def ball(x: str, y: str, z: str) -> list[str]:
        return [hinge(z, (0, 0, 1)), hinge(x, (1, 0, 0)), hinge(y, (0, 1, 0))]

    def body(name: str, position, joints: list[str], *children: str) -> str:
        return _body_xml(f"{name}_{s}", inertias[f"{name}_{s}"], position, joints, *children)

    toes = body("toes", mtp * place, [hinge("mtp_angle", (0.581, 0, -0.814))])
    calcn = body("calcn", -ankle * place, [hinge("subtalar_angle", (0.787, 0.605, -0.121))], toes)
    talus = body("talus", (0, -lengths["shank"], 0), [hinge("ankle_angle", (-0.105, -0.174, 0.979))], calcn)
    tibia = body("tibia", (0, -lengths["thigh"], 0), [hinge("knee_angle", (0, 0, -1))], talus)
    leg = body("femur", hip_centre_of(subject) * place, ball("hip_adduction", "hip_rotation", "hip_flexion"), tibia)
    radius = body("radius", (0, 0, 0), [hinge("pro_sup", (0.056, 0.998, 0.002))])
    ulna = body("ulna", (0, -lengths["upper_arm"], 0), [hinge("elbow_flex", (0.226, 0.022, 0.974))], radius)
    shoulder = (0, lengths["shoulder_above_hip"] - lengths["lower_trunk"], sign * lengths["shoulder_width"] / 2)
    arm = body("humerus", shoulder, ball("arm_add", "arm_rot", "arm_flex"), ulna)
    return leg, arm


def build_body(subject: Subject) -> Body:
    """Build a subject's model: 33 joints in a tree of 20 bodies, gravity along -y, no contacts, no actuators."""
    h, lengths, inertias = subject.height, segment_lengths(subject), segment_inertias(subject)
    (leg_r, arm_r), (leg_l, arm_l) = (_limbs_xml(s, subject, lengths, inertias) for s in "rl")
    hip = hip_centre_of(subject)
    lumbar = [
        _joint("lumbar_extension", (0, 0, 1)),
        _joint("lumbar_bending", (1, 0, 0)),
        _joint("lumbar_rotation", (0, 1, 0)),
    ]
    waist = (hip[0] - 0.018 * h, hip[1] + lengths["lower_trunk"], 0)
    if subject.shape is not None:
        waist = (RAJAGOPAL_WAIST[0] * h, waist[1], 0)
    torso = _body_xml("torso", inertias["torso"], waist, lumbar, arm_r, arm_l)
    root = [_joint(f"pelvis_t{a}", axis, "slide") for a, axis in zip("xyz", np.eye(3))] + [
        _joint("pelvis_tilt", (0, 0, 1)), _joint("pelvis_list", (1, 0, 0)), _joint("pelvis_rotation", (0, 1, 0)),
    ]  # fmt: skip
    pelvis = _body_xml("pelvis", inertias["pelvis"], (0, 0, 0), root, leg_r, leg_l, torso)
    model = mujoco.MjModel.from_xml_string(
        f'<mujoco><compiler angle="radian"/><option gravity="0 {-GRAVITY} 0"><flag contact="disable"/></option>'
        f"<worldbody>{pelvis}</worldbody></mujoco>"
    )
    names = tuple(mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_JOINT, i) for i in range(model.nv))
    assert names == _MUJOCO_ORDER
    _, mtp = foot_points(subject)
    sole = -0.012 * h  # the calcaneus origin lies this far above the floor
    result = Body(
        subject, model, mujoco.MjData(model), lengths, np.zeros(len(MARKERS), int), np.zeros((len(MARKERS), 3)),
        sole={
            "heel": np.array([-0.012 * h, sole, 0]), "ball": np.array([mtp[0], sole, 0]),
            "toe": np.array([0.128 * h if subject.shape is None else mtp[0] + 0.032 * h, sole, 0]),
        },
    )  # fmt: skip
    result.feet = result.body_id("calcn_r"), result.body_id("calcn_l")
    _place_markers(result)
    return result


def _place_markers(body: Body) -> None:
    """Place the 51 markers: a few mm beside their standard places, clusters 1 cm."""
    h, lengths = body.subject.height, body.lengths
    span = {
        "femur": lengths["thigh"], "tibia": lengths["shank"], "calcn": 0.027 * h, "pelvis": lengths["lower_trunk"],
        "torso": lengths["middle_trunk"] + lengths["upper_trunk"], "humerus": lengths["upper_arm"],
        "radius": lengths["forearm"],
    }  # fmt: skip
    places = dict(_CLUSTERS)
    for marker, (name, x, y, z) in _PAIRED_MARKERS.items():
        trunk = name in ("pelvis", "torso")
        left = {"r_": "L_", "R_": "L_", "r.": "L."}[marker[:2]] + marker[2:]
        places[marker] = (name if trunk else f"{name}_r", x, y, z)
        places[left] = (name if trunk else f"{name}_l", x, y, -z)
    rng, subject_shape = np.random.default_rng(body.subject.marker_seed), body.subject.shape
    for i, marker in enumerate(MARKERS):
        name, x, y, z = places[marker]
        if subject_shape is not None and name.startswith("calcn") and x > 0:
            x *= subject_shape.foot * 0.105 / 0.096
        jitter = rng.normal(0, 0.008 if marker in _CLUSTERS else 0.003, 3)
        body.marker_bodies[i] = body.body_id(name)
        body.marker_offsets[i] = np.array([x * h, y * span[name.split("_")[0]], z * h]) + jitter

"""Give a made-up body the proportions of a recorded person, so that contacts and postures stay as they were.

The recorded coordinates tell how every segment is turned. Given that, each marker's place is linear in the places of
the joints in their parent segments and of the markers on theirs; both are found by ridge regression, which starts from
the made-up body of the same height.
"""

from __future__ import annotations

from collections.abc import Iterable

import mujoco
import numpy as np

from vidzoo.anatomy import CLUSTER_MARKERS, COORDINATES, MARKERS
from vidzoo.synthetic.body import DOF, INDEPENDENT, Body, build_body
from vidzoo.synthetic.segments import Subject

MAX_FRAMES = 240
"""Frames of a person that the fit looks at."""
_RESIDUAL_M = 0.01
"""Of a marker: soft tissue and the difference between two models' joint axes."""
_INDEPENDENT_FRAMES = 20
"""Frames are weighted as if so many of them were independent."""
_JOINT_SHARE, _FIXED_SHARE, _MARKER_SHARE, _CLUSTER_SHARE = 0.02, 0.003, 0.006, 0.06
"""How far a place may reasonably be from the made-up body's, in body heights."""
_FIXED_BODIES = ("talus", "calcn", "toes", "radius")
"""No marker tells where these begin."""


def recorded_body(
    height: float, sex: str, recordings: Iterable[tuple[np.ndarray, np.ndarray]], mass: float = 70.0
) -> Body:
    """Return a body whose segments are as long as a recorded person's.

    Args:
        height: of the person, m.
        sex: 'f' or 'm'; where it is unknown, the start is a man's body.
        recordings: of that person: coordinates [F, C], rad and m, and markers [F, M, 3] m, NaN where missing.
        mass: of the person, kg.
    """
    body = build_body(Subject("recorded", mass, height, sex if sex in ("f", "m") else "m"))
    pairs = [(coordinates, markers) for coordinates, markers in recordings]
    coordinates = np.concatenate([pair[0] for pair in pairs]).astype(float)
    markers = np.concatenate([pair[1] for pair in pairs]).astype(float)
    usable = np.isfinite(coordinates).all(axis=1) & np.isfinite(markers).all(axis=2).any(axis=1)
    frames = np.flatnonzero(usable)
    if len(frames):
        frames = frames[np.linspace(0, len(frames) - 1, min(len(frames), MAX_FRAMES)).round().astype(int)]
        _fit(body, coordinates[frames], markers[frames])
    return body


def _fit(body: Body, coordinates: np.ndarray, markers: np.ndarray) -> None:
    """Move the body's joints and markers to where a person's coordinates [F, C] and markers [F, M, 3] put them."""
    model = body.model
    before = model.body_pos.copy()
    joints = [b for b in range(model.nbody) if model.body_parentid[b] > 0]
    height = body.subject.height
    start = np.concatenate([model.body_pos[joints].ravel(), body.marker_offsets.ravel()])
    spread = height * np.repeat(
        [_FIXED_SHARE if _stem(body, b) in _FIXED_BODIES else _JOINT_SHARE for b in joints]
        + [_CLUSTER_SHARE if name in CLUSTER_MARKERS else _MARKER_SHARE for name in MARKERS],
        3,
    )
    normal, right = np.diag(spread**-2.0), np.zeros(len(start))
    weight = min(_INDEPENDENT_FRAMES, len(coordinates)) / len(coordinates) / _RESIDUAL_M**2
    for row, seen in zip(coordinates, markers):
        pelvis, turns = _posture(body, row)
        design = _design(model, body.marker_bodies, joints, turns)
        known = np.repeat(np.isfinite(seen).all(axis=1), 3)
        missed = (seen - pelvis).ravel() - design @ start
        normal += weight * design[known].T @ design[known]
        right += weight * design[known].T @ missed[known]
    found = start + np.linalg.solve(normal, right)
    model.body_pos[joints] = found[: 3 * len(joints)].reshape(-1, 3)
    body.marker_offsets[:] = found[3 * len(joints) :].reshape(-1, 3)
    _measure(body, before)


def _stem(body: Body, index: int) -> str:
    return mujoco.mj_id2name(body.model, mujoco.mjtObj.mjOBJ_BODY, index).removesuffix("_r").removesuffix("_l")


def _posture(body: Body, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pelvis' place [3] m and every segment's axes [bodies, 3, 3] for coordinates [C]."""
    body.data.qpos[[DOF[c] for c in INDEPENDENT]] = row[[COORDINATES.index(c) for c in INDEPENDENT]]
    mujoco.mj_kinematics(body.model, body.data)
    return body.data.xpos[body.body_id("pelvis")].copy(), body.data.xmat.reshape(-1, 3, 3).copy()


def _design(model: mujoco.MjModel, marker_bodies: np.ndarray, joints: list[int], turns: np.ndarray) -> np.ndarray:
    """Return the matrix [3 M, 3 (joints + M)] from places in segments to the markers relative to the pelvis."""
    design = np.zeros((len(marker_bodies), 3, len(joints) + len(marker_bodies), 3))
    column = {b: i for i, b in enumerate(joints)}
    for m, b in enumerate(marker_bodies):
        design[m, :, len(joints) + m] = turns[b]
        while b in column:
            parent = model.body_parentid[b]
            design[m, :, column[b]] = turns[parent]
            b = parent
    return design.reshape(3 * len(marker_bodies), -1)


def _measure(body: Body, before: np.ndarray) -> None:
    """Set the lengths that drawing uses from where the joints are now; the others grow with the trunk or the arm."""

    def place(name: str, places: np.ndarray = body.model.body_pos) -> np.ndarray:
        return (places[body.body_id(f"{name}_r")] + places[body.body_id(f"{name}_l")] * [1, 1, -1]) / 2

    lengths = body.lengths
    shoulder = place("humerus")
    trunk = shoulder[1] / place("humerus", before)[1]
    for name in ("middle_trunk", "upper_trunk"):
        lengths[name] *= trunk
    lengths["shoulder_width"] = 2 * shoulder[2]
    lengths["thigh"], lengths["shank"] = (float(np.linalg.norm(place(name))) for name in ("tibia", "talus"))
    lengths["upper_arm"] = float(np.linalg.norm(place("ulna")))
    wrists = [i for i, name in enumerate(MARKERS) if "wrist" in name]
    lengths["forearm"] = float(-body.marker_offsets[wrists, 1].mean() / 0.95)

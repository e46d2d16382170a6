"""Postures over time, and the places of standing feet: what the plans of all actions are made of.

Postures are in degrees, as biomechanics writes them; tracks are in radians.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import mujoco
import numpy as np

from vidzoo.synthetic.body import DOF, Body
from vidzoo.synthetic.plan import Track

RATE_HZ = 100.0
SOLE_CENTRE = 0.048
"""Middle of the whole sole, ahead of the calcaneus origin in body heights."""

Posture = Mapping[str, "np.ndarray | float"]
"""Coordinate name -> degrees, a number or [n]."""


@dataclass(frozen=True)
class Style:
    """A person's way of moving, the same in all their trials: standard normal numbers."""

    depth: float
    tempo: float
    lean: float
    arms: float
    width: float
    side: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Style:
        """Draw a person's style."""
        return cls(*rng.normal(size=6).clip(-2, 2))


def step(x: np.ndarray) -> np.ndarray:
    """Return the septic step from 0 at x <= 0 to 1 at x >= 1; three of its derivatives are zero at both ends."""
    x = np.clip(x, 0, 1)
    return x**4 * (35 - 84 * x + 70 * x**2 - 20 * x**3)


def keys(time: np.ndarray, *points: tuple[float, float]) -> np.ndarray:
    """Return a curve [n] that rests at each (time, value) and goes smoothly from one to the next."""
    curve = np.full(len(time), float(points[0][1]))
    for (t0, v0), (t1, v1) in pairwise(points):
        curve += (v1 - v0) * step((time - t0) / (t1 - t0))
    return curve


def wander(rng: np.random.Generator, time: np.ndarray, degrees: float) -> np.ndarray:
    """Return a small slow sway [n], as of a living body: three sinusoids of 0.2 to 1.2 Hz."""
    frequency, phase = rng.uniform(0.2, 1.2, 3), rng.uniform(0, 2 * np.pi, 3)
    return degrees / 3 * np.sin(2 * np.pi * frequency * time[:, None] + phase).sum(axis=1)


def posture_track(rng: np.random.Generator, time: np.ndarray, posture: Posture, sway: bool = True) -> Track:
    """Return the track of a posture, with sway in trunk and arms unless it is not wanted."""
    value = np.zeros((len(time), len(DOF)))
    for name, degrees in posture.items():
        value[:, DOF[name]] = degrees
    for name, amplitude in (("pelvis", 0.4), ("lumbar", 0.7), ("arm", 2.0), ("elbow", 2.0)) if sway else ():
        for dof in [i for n, i in DOF.items() if n.startswith(name) and n[:-1] != "pelvis_t"]:
            value[:, dof] += wander(rng, time, amplitude)
    return Track.through(time, np.radians(value))


def both_sides(posture: Posture) -> dict[str, np.ndarray | float]:
    """Return a posture with every name without a side given to both sides."""
    paired = ("arm_flex", "arm_add", "arm_rot", "elbow_flex", "pro_sup", "mtp_angle")
    return {
        full: value
        for name, value in posture.items()
        for full in ((f"{name}_r", f"{name}_l") if name in paired else (name,))
    }


def com_height(body: Body, posture: Posture, knee: float, pitch: float = 0.0) -> float:
    """Return the height of the centre of mass, m, over the floor that heel or ball touches (degrees; symmetrical)."""
    q = np.zeros(body.model.nv)
    tilt = posture.get("pelvis_tilt", 0.0)
    legs = {"hip_flexion": knee / 2 - tilt, "knee_angle": knee, "ankle_angle": pitch + knee / 2}
    for name, degrees in (both_sides(posture) | {f"{n}_{s}": d for n, d in legs.items() for s in "rl"}).items():
        q[DOF[name]] = np.radians(degrees)
    body.data.qpos[:] = q
    mujoco.mj_fwdPosition(body.model, body.data)
    pivot = body.sole["heel" if pitch >= 0 else "ball"]
    foot = body.feet[0]
    floor = body.data.xpos[foot] + body.data.xmat[foot].reshape(3, 3) @ pivot
    return float(body.data.subtree_com[0, 1] - floor[1])


def stance(body: Body, rng: np.random.Generator, width: float, toe_out: float) -> tuple[np.ndarray, np.ndarray]:
    """Return calcaneus origins [2, 3] m and yaw [2] rad of a stance ``width`` m wide, a little uneven."""
    floor = -body.sole["heel"][1]
    uneven = rng.normal(0, 0.004, 2) * body.subject.height
    yaw = np.radians([-toe_out, toe_out] + rng.normal(0, 1.5, 2))
    return np.array([[uneven[0], floor, width / 2], [uneven[1], floor, -width / 2]]), yaw


def sole_point(body: Body, position: np.ndarray, yaw: np.ndarray, ahead: float | np.ndarray) -> np.ndarray:
    """Return the points [..., 2, 2] m (x, z) that lie ``ahead`` [..., 1] body heights before the calcaneus origins."""
    forward = np.stack([np.cos(yaw), -np.sin(yaw)], axis=-1)
    return position[..., [0, 2]] + np.asarray(ahead) * body.subject.height * forward


def frame_times(duration: float, rate_hz: float = RATE_HZ) -> np.ndarray:
    return np.arange(round(duration * rate_hz) + 1) / rate_hz

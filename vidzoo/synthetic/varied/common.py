"""What the varied plans share: a person's manner, minimum-jerk curves, and the pelvis above two feet."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from vidzoo.synthetic.body import DOF, Body, hip_centre
from vidzoo.synthetic.path import Performed
from vidzoo.synthetic.plan import ORIENTATION, TRANSLATION, Track
from vidzoo.synthetic.postures import Posture, posture_track
from vidzoo.synthetic.solver import OutOfReachError


@dataclass(frozen=True)
class Manner:
    """A person's way of moving, the same in all their trials: standard normal numbers, cut at 2."""

    speed: float
    lean: float
    depth: float
    width: float
    toe_out: float
    arms: float
    support: float
    """Where on their feet they like to stand: forward is positive."""
    side: float
    """The leg that they prefer: right is positive."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Manner:
        """Draw a person's manner."""
        return cls(*rng.normal(size=8).clip(-2, 2))


def around(rng: np.random.Generator, mean: float, spread: float, own: float = 0.0, share: float = 0.7) -> float:
    """Draw a value: ``share`` of its variance lies between persons (``own``: the person's number), the rest within."""
    return mean + spread * (np.sqrt(share) * own + np.sqrt(1 - share) * float(np.clip(rng.normal(), -2, 2)))


def smooth(x: np.ndarray) -> np.ndarray:
    """Return the minimum-jerk step from 0 at x <= 0 to 1 at x >= 1 (Flash and Hogan 1985)."""
    x = np.clip(x, 0, 1)
    return x**3 * (10 - 15 * x + 6 * x**2)


def curve(time: np.ndarray, *points: tuple[float, float]) -> np.ndarray:
    """Return a curve [n] that rests at each (time, value) and goes from one to the next with minimum jerk."""
    value = np.full(len(time), float(points[0][1]))
    for (t0, v0), (t1, v1) in pairwise(points):
        value += (v1 - v0) * smooth((time - t0) / (t1 - t0))
    return value


def pelvis_track(
    rng: np.random.Generator, body: Body, time: np.ndarray, posture: Posture, hips: np.ndarray, sway: bool = True
) -> Track:
    """Return the track of a posture, degrees, whose hips' middle follows ``hips`` [n, 3] m."""
    value = posture_track(rng, time, posture, sway).value.copy()
    turn = Rotation.from_euler("ZXY", value[:, ORIENTATION])
    value[:, TRANSLATION] = hips - turn.apply(hip_centre(body) * [1, 1, 0])
    return Track.through(time, value)


def check_soles(body: Body, done: Performed, least: float = 0.1, furthest: float = 0.155) -> None:
    """Refuse a performance in which a loaded foot's centre of pressure leaves its sole.

    Raises:
        OutOfReachError: it does.
    """
    p, plan, h = done.performance, done.plan, body.subject.height
    feet = plan.feet_position.value[plan.keep][:, :, [0, 2]]
    reach = p.grf[:, :, [3, 5]] - feet
    loaded = p.grf[:, :, 1] > least * body.weight
    forward = np.stack([np.cos(plan.feet_yaw), -np.sin(plan.feet_yaw)], axis=-1)
    ahead = np.where(loaded, np.einsum("nfx,fx->nf", reach, forward) / h, 0.05)
    if ahead.min() < -0.03 or ahead.max() > furthest:
        raise OutOfReachError(f"centre of pressure {ahead.min():.3f} to {ahead.max():.3f}")


def arms(rng: np.random.Generator, style: str, manner: Manner) -> dict[str, float]:
    """Return a posture of the arms, degrees: 'crossed', 'hanging', 'forward', 'hips' or 'clasped' before the chest."""
    means = {
        "crossed": (18, -2, 30, 118),
        "hanging": (2, -8, -8, 20),
        "forward": (80, -6, 5, 15),
        "hips": (-25, -35, -10, 85),
        "clasped": (45, 2, 20, 115),
    }[style]
    flex, add, rot, elbow = (around(rng, m, s, manner.arms) for m, s in zip(means, (9, 4, 6, 12)))
    return {"arm_flex": flex, "arm_add": add, "arm_rot": rot, "elbow_flex": max(elbow, 3.0), "pro_sup": 105.0}


__all__ = ["DOF", "Manner", "arms", "around", "curve", "pelvis_track", "smooth"]

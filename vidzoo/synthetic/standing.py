"""Plan the motions on two flat feet: squats, and rising from a stool and sitting down again."""

from __future__ import annotations

import numpy as np

from vidzoo.synthetic.body import Body
from vidzoo.synthetic.plan import Plan, Track
from vidzoo.synthetic.postures import (
    SOLE_CENTRE,
    Posture,
    Style,
    both_sides,
    com_height,
    frame_times,
    keys,
    posture_track,
    sole_point,
    stance,
)


def _planted_plan(
    body: Body,
    rng: np.random.Generator,
    time: np.ndarray,
    posture: Posture,
    height: np.ndarray,
    width: float,
    toe_out: float,
    load_right: np.ndarray,
    cop_ahead: np.ndarray,
) -> Plan:
    """Plan a motion on two flat feet."""
    n = len(time)
    position, yaw = stance(body, rng, width, toe_out)
    still = np.zeros((n, 2, 3))
    return Plan(
        time=time,
        keep=slice(None),
        perform=slice(None),
        posture=posture_track(rng, time, both_sides(posture)),
        com_height=height,
        feet_position=Track(np.broadcast_to(position, still.shape), still, still),
        feet_pitch=Track(*[np.zeros((n, 2))] * 3),
        feet_yaw=yaw,
        load=np.column_stack([load_right, 1 - load_right]),
        support=sole_point(body, np.broadcast_to(position, still.shape), yaw, cop_ahead[:, None, None]),
        planted=np.ones((n, 2), bool),
    )


def plan_squat(body: Body, rng: np.random.Generator, style: Style, asymmetric: bool = False) -> Plan:
    """Plan one squat, arms swung forward; asymmetric: most of the weight on the right leg."""
    h = body.subject.height
    tempo = 1 + 0.10 * style.tempo + rng.normal(0, 0.05)
    down, up = rng.uniform(0.8, 0.95) * tempo, rng.uniform(0.7, 0.9) * tempo
    marks = np.cumsum([rng.uniform(0.12, 0.25), down, rng.uniform(0.05, 0.2), up])
    time = frame_times(marks[-1] + rng.uniform(0.12, 0.25))
    s = keys(time, (marks[0], 0), (marks[1], 1), (marks[2], 1), (marks[3], 0))
    trunk = keys(time, (marks[0], 0), (marks[1] * 0.97, 1), (marks[2] * 1.01, 1), (marks[3], 0))
    depth = (0.165 + 0.012 * style.depth + rng.normal(0, 0.010)) * (0.86 if asymmetric else 1.0) * h
    lean = 1 + 0.15 * style.lean
    load = 0.5 + 0.01 * style.side + np.zeros_like(time)
    if asymmetric:
        shifted = rng.uniform(0.64, 0.78)
        load = 0.5 * (shifted + load) + 0.5 * (shifted - load) * keys(
            time, (0, 0), (marks[1] * 0.7, 1), (marks[3], 0.4)
        )
    side = load - 0.5
    arms = (75 + 10 * style.arms + rng.normal(0, 5)) * trunk
    posture: Posture = {
        "pelvis_tilt": 2 - rng.normal(30, 3) * lean * trunk,
        "pelvis_list": 12 * side,
        "lumbar_extension": -4 - rng.normal(20, 3) * lean * trunk,
        "lumbar_bending": 6 * side,
        "arm_flex": 3 + arms,
        "arm_add": -7 - 4 * trunk,
        "arm_rot": -5 + 12 * trunk,
        "elbow_flex": 18 + (25 + 8 * style.arms) * trunk,
        "pro_sup": 105.0,
        "mtp_angle": 0.0,
    }
    height = com_height(body, {"arm_flex": 3, "elbow_flex": 18}, knee=9) - depth * s
    ahead = SOLE_CENTRE + 0.010 * s + rng.normal(0, 0.003)
    width = (0.155 + 0.012 * style.width) * h
    return _planted_plan(body, rng, time, posture, height, width, rng.uniform(6, 14), load, ahead)


def plan_sit_to_stand(body: Body, rng: np.random.Generator, style: Style, weak_legs: bool = False) -> Plan:
    """Plan rising from a stool and sitting down again, arms crossed, from seat-off to seat contact.

    The seat carries nothing in between, so all of the ground's reaction acts on the feet. With weak legs the trunk
    first bends far forward, which reduces the knees' load, and everything is slower.
    """
    h = body.subject.height
    tempo = (1 + 0.10 * style.tempo + rng.normal(0, 0.05)) * (1.2 if weak_legs else 1.0)
    rise, stand, sit = rng.uniform(0.85, 1.05) * tempo, rng.uniform(0.15, 0.35), rng.uniform(0.85, 1.1) * tempo
    marks = np.cumsum([0.05, rise, stand, sit])
    time = frame_times(marks[-1] + 0.05)
    s = keys(time, (marks[0], 1), (marks[1], 0), (marks[2], 0), (marks[3], 1))
    late = 0.12 if weak_legs else 0.05
    trunk = keys(
        time, (marks[0] + late * rise, 1), (marks[1] + 0.04, 0), (marks[2] - 0.04, 0), (marks[3] - late * sit, 1)
    )
    lean = 1 + 0.10 * style.lean
    pelvis, lumbar = ((33, 48) if weak_legs else (24, 36)) + rng.normal(0, 2.5, 2)
    depth = (0.150 + 0.005 * style.depth + rng.normal(0, 0.006) + (0.012 if weak_legs else 0.0)) * h
    posture: Posture = {
        "pelvis_tilt": 3 - pelvis * lean * trunk,
        "lumbar_extension": -5 - lumbar * lean * trunk,
        "arm_flex": 24 + 4 * style.arms + 8 * trunk,
        "arm_add": 2.0,
        "arm_rot": 34 + 3 * style.arms,
        "elbow_flex": 118 + 4 * style.arms,
        "pro_sup": 105.0,
    }
    height = com_height(body, {"arm_flex": 24, "elbow_flex": 118}, knee=9) - depth * s
    ahead = SOLE_CENTRE - 0.012 * s + rng.normal(0, 0.003)
    load = 0.5 + 0.015 * style.side + 0.01 * np.sin(2 * np.pi * time / marks[-1])
    width = (0.145 + 0.010 * style.width) * h
    return _planted_plan(body, rng, time, posture, height, width, rng.uniform(4, 12), load, ahead)

"""Plan squats of many styles: depth, lean of the trunk, stance, arms, where the feet press, which leg bears more."""

from __future__ import annotations

import numpy as np

from vidzoo.synthetic.body import Body
from vidzoo.synthetic.dynamics import Performance, perform
from vidzoo.synthetic.plan import Plan, Track, lower
from vidzoo.synthetic.postures import (
    SOLE_CENTRE,
    both_sides,
    com_height,
    frame_times,
    posture_track,
    sole_point,
    stance,
)
from vidzoo.synthetic.solver import OutOfReachError
from vidzoo.synthetic.varied.common import Manner, arms, around, curve


def squat(body: Body, rng: np.random.Generator, manner: Manner, asymmetric: bool = False) -> Performance:
    """Perform one or two squats; asymmetric: more of the weight on one leg.

    Raises:
        OutOfReachError: a leg is too short for it.
    """
    h = body.subject.height
    slow = around(rng, 1.0, 0.2, -manner.speed)
    marks, begin = [], rng.uniform(0.1, 0.3)
    for _ in range(rng.integers(1, 3)):
        marks.append(
            np.cumsum([begin, rng.uniform(0.8, 1.2) * slow, rng.uniform(0.02, 0.3), rng.uniform(0.7, 1.15) * slow])
        )
        begin = marks[-1][-1] + rng.uniform(0.05, 0.5)
    time = frame_times(begin)
    depth = np.clip(around(rng, 0.175, 0.03, manner.depth), 0.09, 0.24) * (0.9 if asymmetric else 1.0) * h
    # A deeper squat leans further; upright and bent styles lie about 10 degrees to either side of the usual.
    lean = around(rng, 1.0, 0.25, manner.lean) * np.clip(depth / (0.175 * h), 0.7, 1.3)
    pelvis, lumbar = 29 * lean + rng.normal(0, 3), 19 * lean + rng.normal(0, 4)
    ahead = around(rng, 0.004, 0.010, manner.support)
    rocks = rng.normal(-0.004, 0.008)
    bent, trunk = np.zeros(len(time)), np.zeros(len(time))
    for a, b, c, d in marks:
        share = rng.uniform(0.9, 1.05)
        bent += share * curve(time, (a, 0), (b, 1), (c, 1), (d, 0))
        trunk += share * curve(
            time, (a, 0), (a + rng.uniform(0.93, 1.0) * (b - a), 1), (c, 1), (d + rng.uniform(-0.02, 0.08), 0)
        )
    at_ease = around(rng, 0.5, 0.02, manner.side, 0.5)
    load = np.full(len(time), at_ease)
    if asymmetric:
        other = 0.5 + rng.choice([-1, 1]) * rng.uniform(0.08, 0.27)
        load = load + (other - at_ease) * np.clip(curve(time, (0, rng.uniform(0.3, 1)), (marks[0][1] * 0.7, 1)), 0, 1)
    side = load - 0.5
    style = rng.choice(["forward", "hanging", "crossed", "clasped"], p=[0.5, 0.15, 0.15, 0.2])
    held, rest = arms(rng, style, manner), arms(rng, "hanging", manner)
    if style == "forward":
        held["elbow_flex"] = rng.uniform(8, 115)
    raised = rng.random() < 0.3  # the arms stay up between squats
    high = 1.0 if raised or style in ("crossed", "hanging") else trunk
    tall = around(rng, 0, 3)
    posture = both_sides({
        **{k: rest[k] + (held[k] - rest[k]) * high for k in held},
        "pelvis_tilt": tall - pelvis * trunk,
        "pelvis_list": rng.uniform(-4, 16) * side,
        "lumbar_extension": around(rng, -5, 4) - lumbar * trunk,
        "lumbar_bending": rng.uniform(-6, 20) * side,
        "mtp_angle": 0.0,
    })  # fmt: skip
    start = {k: float(np.broadcast_to(v, time.shape)[0]) for k, v in posture.items()}
    height = com_height(body, start, knee=rng.uniform(6, 12)) - depth * bent
    position, yaw = stance(
        body, rng, np.clip(around(rng, 0.165, 0.04, manner.width), 0.08, 0.3) * h, around(rng, 11, 7, manner.toe_out)
    )
    where, still = np.broadcast_to(position, (len(time), 2, 3)), np.zeros((len(time), 2, 3))
    pressed = np.clip(SOLE_CENTRE + ahead + rocks * bent, 0.012, 0.085)
    plan = Plan(
        time=time, keep=slice(None), perform=slice(None),
        posture=posture_track(rng, time, posture), com_height=height,
        feet_position=Track(where, still, still), feet_pitch=Track(*[np.zeros((len(time), 2))] * 3), feet_yaw=yaw,
        load=np.column_stack([load, 1 - load]), support=sole_point(body, where, yaw, pressed[:, None, None]),
        planted=np.ones((len(time), 2), bool), squeeze=rng.uniform(0.1, 0.9),
    )  # fmt: skip
    for by in np.arange(0, 0.04, 0.008):
        try:
            return perform(body, lower(plan, by))
        except OutOfReachError as error:
            reason = error
    raise reason

"""Plan rising from a chair and sitting down again, with the chair's part of the load."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vidzoo.synthetic.body import ANKLE_HEIGHT, Body
from vidzoo.synthetic.path import Performed, perform_path
from vidzoo.synthetic.plan import Plan, Seat, Track
from vidzoo.synthetic.postures import both_sides, RATE_HZ, frame_times, sole_point, stance
from vidzoo.synthetic.solver import OutOfReachError
from vidzoo.synthetic.varied.common import check_soles, Manner, around, arms, curve, pelvis_track, smooth

ANKLE_AHEAD = 0.031
"""Ankle before the calcaneus origin in body heights (see body.py)."""


def leg_reach(body: Body, knee: float) -> float:
    """Return the distance of hip and ankle centres, m, with the knee bent by degrees."""
    a, b = body.lengths["thigh"], body.lengths["shank"]
    return float(np.sqrt(a * a + b * b + 2 * a * b * np.cos(np.radians(knee))))


def rise_and_sit(body: Body, rng: np.random.Generator, manner: Manner, weak_legs: bool = False) -> Performance:
    h, thigh, shank = body.subject.height, body.lengths["thigh"], body.lengths["shank"]
    # times
    slow = around(rng, 1.0, 0.16, -manner.speed) * (1.12 if weak_legs else 1.0)
    before, flexing, rise = rng.uniform(0.2, 0.6), rng.uniform(0.28, 0.5) * slow, rng.uniform(0.85, 1.2) * slow
    stand, sit = rng.uniform(0.2, 0.8), rng.uniform(0.95, 1.35) * slow
    reclining, after = rng.uniform(0.3, 0.6) * slow, rng.uniform(0.2, 0.5)
    off = before + flexing
    on = off + rise + stand + sit
    end = on + reclining + after
    # the chair and the feet before it
    knee_height = shank + ANKLE_HEIGHT * h
    seat = np.clip(around(rng, 0.455, 0.03), 0.38, 0.54)
    hip_height = max(seat + 0.052 * h, 0.85 * knee_height)
    shank_lean = np.radians(around(rng, 9.0, 5.0, manner.support, 0.3))
    knee_at = np.array([ANKLE_AHEAD * h + shank * np.sin(shank_lean), ANKLE_HEIGHT * h + shank * np.cos(shank_lean)])
    sitting = np.array([knee_at[0] - np.sqrt(thigh**2 - (hip_height - knee_at[1]) ** 2), hip_height])
    standing = np.array([ANKLE_AHEAD * h - 0.005 * h, ANKLE_HEIGHT * h + leg_reach(body, rng.uniform(5, 10)) - 0.002 * h])
    early, arrive, leave = rng.uniform(0.04, 0.14), rng.uniform(0.85, 1.0), rng.uniform(0.85, 1.0)
    late = rng.uniform(0.0, 0.08)
    # the trunk
    slouch, tall = around(rng, 16, 8, manner.lean), rng.uniform(-1, 4)
    pelvis, lumbar = around(rng, -24, 6, -manner.lean), around(rng, -24, 6, -manner.lean)
    if weak_legs:
        pelvis, lumbar = pelvis - 10, lumbar - 14
    lumbar_sit, lumbar_stand = around(rng, -28, 7), rng.uniform(-8, 0)
    lag, hang = rng.uniform(0.15, 0.3), rng.uniform(0.15, 0.3)
    style = rng.choice(["crossed", "hanging", "forward"], p=[0.6, 0.2, 0.2])
    held = arms(rng, style, manner)
    position, yaw = stance(body, rng, max(around(rng, 0.15, 0.03, manner.width), 0.08) * h, around(rng, 8, 6, manner.toe_out))
    lift_at = np.clip(around(rng, 0.020, 0.014, manner.support), -0.004, 0.06)
    mid = np.clip(around(rng, 0.050, 0.010, manner.support), 0.025, 0.075)
    sit_at = np.clip(around(rng, 0.018, 0.012, manner.support), -0.004, 0.05)
    right = 0.5 + 0.02 * manner.side + rng.normal(0, 0.01)
    reach = sitting[0] - 0.03 * h, sitting[0] + rng.uniform(0.03, 0.10) * h
    rest = rng.uniform(0.02, 0.16)
    squeeze = rng.uniform(0.2, 0.8)
    seed = int(rng.integers(2**31))

    def plan(amount: np.ndarray, rate: float) -> Plan:
        time = frame_times(round(end * 50) / 50, rate)
        n = len(time)
        up = curve(time, (off + late, 0), (off + rise, 1), (on - sit, 1), (on - late, 0))
        forward = curve(time, (off - early, 0), (off + arrive * rise, 1), (on - sit * leave, 1), (on + early, 0))
        hips = np.column_stack([
            sitting[0] + (standing[0] - sitting[0]) * forward, sitting[1] + (standing[1] - sitting[1]) * up, 0 * up,
        ])  # fmt: skip
        first, second = amount
        posture = both_sides({
            **held, "mtp_angle": 0.0,
            "pelvis_tilt": curve(time, (before, slouch), (off + lag * rise, pelvis + first), (off + rise, tall),
                                 (on - sit, tall), (on - hang * sit, pelvis + second), (on + reclining, slouch)),
            "lumbar_extension": curve(time, (before, lumbar_sit), (off, lumbar + 0.5 * first),
                                      (off + 1.05 * rise, lumbar_stand), (on - sit, lumbar_stand),
                                      (on - 0.5 * hang * sit, lumbar + 0.5 * second), (on + reclining, lumbar_sit)),
        })  # fmt: skip
        where, still = np.broadcast_to(position, (n, 2, 3)), np.zeros((n, 2, 3))
        ahead = curve(time, (off - 0.05, lift_at), (off + 0.7 * rise, mid), (on - 0.8 * sit, mid), (on, sit_at))
        share = curve(time, (off - 0.2, 1), (off + 0.02, 0), (on - 0.02, 0), (on + 0.2, 1))
        return Plan(
            time=time, keep=slice(None), perform=slice(None),
            posture=pelvis_track(np.random.default_rng(seed), body, time, posture, hips),
            com_height=hips[:, 1] + 0.12 * h,
            feet_position=Track(where, still, still), feet_pitch=Track(*[np.zeros((n, 2))] * 3), feet_yaw=yaw,
            load=np.tile([right, 1 - right], (n, 1)),
            support=sole_point(body, where, yaw, ahead[:, None, None]),
            planted=np.ones((n, 2), bool),
            seat=Seat(seat, reach, rest, share), squeeze=squeeze,
        )  # fmt: skip

    at = [round(off * COARSE), round(on * COARSE)]
    amount = np.zeros(2)
    gain = np.full(2, 0.006)  # m of shift per degree
    slip = perform_path(body, plan(amount, COARSE), passes=1).shift[at, 0]
    for _ in range(3):
        change = np.clip(-slip / gain, -15, 15)
        fresh = perform_path(body, plan(amount + change, COARSE), passes=1).shift[at, 0]
        gain = np.clip((fresh - slip) / np.where(np.abs(change) > 0.2, change, np.inf), 0.003, 0.015)
        amount, slip = amount + change, fresh
        if np.abs(amount).max() > MAX_EXTRA_LEAN + 5:
            break
        if np.abs(slip).max() < 0.015:
            break
    if np.abs(amount).max() > MAX_EXTRA_LEAN or np.abs(slip).max() > MAX_SLIP:
        raise OutOfReachError(f"lean {amount}, slip {slip}")
    done = perform_path(body, plan(amount, RATE_HZ), passes=3)
    check_soles(body, done)
    return done.performance


COARSE = 50.0
"""Frames per second with which the lean is sought."""
MAX_SLIP = 0.03
"""Largest slide of the hips on the seat before it is left, m."""
MAX_EXTRA_LEAN = 25.0
"""Largest change of the drawn lean, degrees, that balance may ask for."""

"""Perform level walking as gait laboratories describe it: knees that yield and straighten, ankles that roll and push.

Speed 1.22 +- 0.12 m/s (Bohannon 1997 has 1.2 to 1.4), steps by the walk ratio, angles around Winter's (1991) means.
The hips' height and the foot's turning are fitted to the drawn knee and ankle angles
(:mod:`vidzoo.synthetic.varied.stance_leg`); the hips' path over the floor is the one whose centre of pressure rolls
from heel to toes (:mod:`vidzoo.synthetic.varied.periodic`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from scipy.interpolate import BPoly, PchipInterpolator

from vidzoo.synthetic.body import DOF, Body, hip_centre
from vidzoo.synthetic.dynamics import Performance
from vidzoo.synthetic.path import perform_path
from vidzoo.synthetic.plan import UP, Plan, Track, about
from vidzoo.synthetic.postures import RATE_HZ, step
from vidzoo.synthetic.varied.common import Manner, around, check_soles, pelvis_track
from vidzoo.synthetic.varied.periodic import Periodic
from vidzoo.synthetic.varied.stance_leg import (
    AHEAD,
    PITCH,
    POINTS,
    PUSH,
    Gait,
    Leg,
    draw_gait,
    foot_path,
    pitch_curve,
)

_STENCIL = np.array([-1e-3, 0, 1e-3])
"""Strides about a time at which a path is sampled for its derivatives."""
LEAD_S = 0.3
"""Time before and after a trial that is performed, too, for the filter."""
TURNS = 4
"""Repairs of the hips' path."""
Curve = Callable[[np.ndarray], Any]


@dataclass(frozen=True, eq=False)
class _Walk:
    """A drawn walk."""

    body: Body
    gait: Gait
    roll: Curve
    """The centre of pressure's way from heel (0) to ball (1) and beyond over the stance (0 to 1)."""
    moves: Curve
    """The posture, degrees, over the phase of the stride, rad."""
    squeeze: float
    bend: np.ndarray
    """[6] rad: see :class:`vidzoo.synthetic.plan.Plan`."""
    sway_seed: int

    def posture(self, time: np.ndarray) -> dict[str, Any]:
        """Return the posture at times [n] s; time 0 is a right heel strike."""
        return self.moves(2 * np.pi * (time / self.gait.stride - (self.gait.stance - 0.5) / 2))

    def plan(self, time: np.ndarray, kept: slice, hip: Periodic, fitted: np.ndarray, ahead: float, sway: bool) -> Plan:
        """Plan the walk along the hips' path; ``ahead`` m: how much further forward the feet press."""
        body, gait = self.body, self.gait
        lead = round(LEAD_S / (time[1] - time[0]))
        further = ahead / (body.sole["ball"][0] - body.sole["heel"][0])
        position, pitch, load, support, planted = walk_feet(
            body, gait, time, fitted[PITCH], lambda u: self.roll(u) + 1.4 * further * np.sin(np.pi * u)
        )
        path = hip(time, gait.speed) + [fitted[AHEAD], 0]
        hips = np.column_stack([path[:, 0], Leg.height(fitted, time / gait.stride), path[:, 1]])
        toes = np.clip(-np.degrees(pitch), 0, None)
        posture = self.posture(time) | {
            f"mtp_angle_{s}": -0.9 * toes[:, f] ** 3 / (toes[:, f] ** 2 + 400) for f, s in enumerate("rl")
        }
        return Plan(
            time=time, keep=kept, perform=slice(kept.start - lead, kept.stop + lead),
            posture=pelvis_track(np.random.default_rng(self.sway_seed), body, time, posture, hips, sway),
            com_height=hips[:, 1] + 0.05 * body.subject.height,
            feet_position=Track.through(time, position), feet_pitch=Track.through(time, pitch), feet_yaw=gait.yaw,
            load=load, support=support, planted=planted, swing=self.bend, squeeze=self.squeeze,
        )  # fmt: skip


def walk(body: Body, rng: np.random.Generator, manner: Manner, sway: bool = False) -> Performance:
    """Perform one to two strides of level walking; with ``sway`` the trunk leans over the standing leg.

    Raises:
        OutOfReachError: a leg is too short, or the ground would have to push beyond the soles.
    """
    gait = draw_gait(body, rng, manner, sway)
    start = np.clip(around(rng, 0.06, 0.04), 0.0, 0.16)
    roll = PchipInterpolator(
        [0, 0.2, 0.5, 0.8, 1],
        [start, around(rng, 0.47, 0.06, manner.support), around(rng, 0.80, 0.07, manner.support),
         around(rng, 1.12, 0.04), around(rng, 1.38, 0.05)],
    )  # fmt: skip
    moves = walking_posture(rng, manner, sway)
    squeeze = rng.uniform(0.75, 1.05)
    bend = np.radians([rng.uniform(8, 15), 0, 0, rng.uniform(20, 30), rng.uniform(10, 20), 0])
    drawn = _Walk(body, gait, roll, moves, squeeze, bend, int(rng.integers(2**31)))
    begin, frames = rng.uniform(0, gait.stride), round(rng.uniform(1.3, 1.8) * RATE_HZ)

    hip, fitted, ahead = _balanced(drawn)
    pad = round(1.2 * gait.stride * RATE_HZ)
    time = begin + (np.arange(frames + 2 * pad) - pad) / RATE_HZ
    done = perform_path(body, drawn.plan(time, slice(pad, pad + frames), hip, fitted, ahead, True), passes=0)
    check_soles(body, done, 0.25, 0.18)
    return done.performance


def _balanced(drawn: _Walk) -> tuple[Periodic, np.ndarray, float]:
    """Return the hips' path, the fitted numbers and how much further forward the feet press, in balance."""
    body, gait = drawn.body, drawn.gait
    tall = 0.57 * body.subject.height
    trial = np.arange(-1.5 * gait.stride, 2.5 * gait.stride, 0.02)
    middle = slice(*np.searchsorted(trial, [0, gait.stride]))
    _, _, load, support, _ = walk_feet(body, gait, trial, PUSH, drawn.roll)
    cop = np.einsum("nf,nfx->nx", load, support)[middle]
    hip = Periodic.of(gait, trial[middle], cop, gait.speed).under(tall)
    hip.x[0] -= com_ahead(body, drawn.posture(trial))
    fitted, ahead = None, 0.0
    for _ in range(TURNS):
        fitted = Leg(body, gait, hip_in_stance(drawn, hip)).fit(fitted)
        ahead += fitted[AHEAD]
        done = perform_path(body, drawn.plan(trial, middle, hip, fitted, ahead, False), passes=0)
        error = np.clip(done.performance.cop_error, -0.1, 0.1)
        hip.x[0] += fitted[AHEAD]
        fitted[AHEAD] = 0
        hip = hip + Periodic.of(gait, trial[middle], -error, 0.0).under(tall)
    fitted = Leg(body, gait, hip_in_stance(drawn, hip)).fit(fitted)
    return hip, fitted, ahead + fitted[AHEAD]


def com_ahead(body: Body, posture: dict[str, Any]) -> float:
    """Return how far the centre of mass lies before the hips, m, in a posture's mean with the legs apart."""
    q = np.zeros(body.model.nv)
    for name, value in posture.items():
        q[DOF[name]] = np.radians(np.mean(value))
    for side, hip in (("r", 28.0), ("l", -14.0)):
        q[DOF[f"hip_flexion_{side}"]], q[DOF[f"knee_angle_{side}"]] = np.radians([hip, 12.0])
    body.data.qpos[:] = q
    mujoco.mj_fwdPosition(body.model, body.data)
    pelvis = body.body_id("pelvis")
    hips = body.data.xpos[pelvis] + body.data.xmat[pelvis].reshape(3, 3) @ (hip_centre(body) * [1, 1, 0])
    return float(body.data.subtree_com[0, 0] - hips[0])


def hip_in_stance(drawn: _Walk, hip: Periodic) -> np.ndarray:
    """Return the mean path of a hip in stance, [POINTS, 3] m (see :class:`Leg`)."""
    body, gait = drawn.body, drawn.gait
    half, found = hip_centre(body)[2], []
    for f, side in enumerate((1, -1)):
        time = np.linspace(0, gait.stance * gait.stride, POINTS) + f * gait.step_time
        pose = drawn.posture(time)
        turn, drop = np.radians(pose["pelvis_rotation"]), np.radians(pose["pelvis_list"])
        path = hip(time, gait.speed)
        x = path[:, 0] - f * gait.length + side * half * np.sin(turn)
        aside = path[:, 1] + side * (half * np.cos(drop) * np.cos(turn) - gait.width)
        found.append(np.column_stack([x, -side * half * np.sin(drop), side * aside]))
    return np.mean(found, axis=0)


def walk_feet(body: Body, gait: Gait, time: np.ndarray, push: np.ndarray, roll: Curve) -> tuple[np.ndarray, ...]:
    """Return positions [n, 2, 3] m, pitch [n, 2] rad, load [n, 2], support [n, 2, 2] m, planted [n, 2] of both feet.

    In swing the leg's joint angles are planned, not the foot's path; this one only joins the stances smoothly.
    """
    n = len(time)
    heel, ball = body.sole["heel"], body.sole["ball"]
    position, pitch, load = np.zeros((n, 2, 3)), np.zeros((n, 2)), np.zeros((n, 2))
    support, planted = np.zeros((n, 2, 2)), np.ones((n, 2), bool)
    in_stance = pitch_curve(gait, push)
    swung = BPoly.from_derivatives([gait.stance, 1], [_state(in_stance, gait.stance), _state(in_stance, 0.0)])
    for f, side in enumerate((1, -1)):
        turn = about(UP, gait.yaw[f])
        count = np.floor(time / gait.stride - f / 2)
        u = time / gait.stride - f / 2 - count
        struck = np.zeros((n, 3))
        struck[:, 0] = (2 * count + f) * gait.length
        struck[:, 2] = side * gait.width

        def on_ground(v: np.ndarray, turn: Any = turn) -> np.ndarray:
            place = foot_path(body, gait, np.radians(in_stance(v)), v)
            return turn.apply(np.column_stack([place, 0 * v]))

        off, on = _state(on_ground, gait.stance), _state(on_ground, 0.0)
        on[0] = on[0] + [2 * gait.length, 0, 0]
        through_air = BPoly.from_derivatives([gait.stance, 1], [off, on])
        swing, standing = u > gait.stance, np.minimum(u, gait.stance)
        planted[:, f] = ~swing
        position[:, f] = struck + np.where(swing[:, None], through_air(u), on_ground(standing))
        pitch[:, f] = np.radians(np.where(swing, swung(u), in_stance(standing)))
        overlap = gait.stance - 0.5
        load[:, f] = step(u / overlap) - step((u - 0.5) / overlap)
        along = roll(np.clip(u / gait.stance, 0, 1))
        support[:, f] = (struck + turn.apply(np.outer(along, ball - heel)))[:, [0, 2]]
    return position, pitch, load, support, planted


def _state(path: Curve, at: float) -> list[Any]:
    """Return value, rate and acceleration of a path at one time, by central differences."""
    before, here, after = path(at + _STENCIL)
    return [here, (after - before) / 2e-3, (after - 2 * here + before) / 1e-6]


def walking_posture(rng: np.random.Generator, manner: Manner, sway: bool) -> Curve:
    """Return the posture of pelvis, trunk and arms, degrees, as a function of the phase of the stride, [n] rad."""
    drop, turn = around(rng, 4.0, 1.2), around(rng, 6, 2.5)
    early = np.radians(rng.uniform(-60, -20))
    lean = np.clip(around(rng, 17, 5, manner.lean), 7, 30) if sway else 0.0
    lean_early = np.radians(rng.uniform(-65, -15))
    swing = np.clip(around(rng, 18, 7, manner.arms) * (0.5 if sway else 1.0), 2, 40)
    elbow, more = around(rng, 30, 8, manner.arms), np.clip(around(rng, 12, 6), 0, 30) * (0.5 if sway else 1.0)
    tilt, bob, nod = around(rng, 0, 4, manner.lean), rng.uniform(0.3, 1.5), rng.uniform(0, 2 * np.pi)
    lag_turn, upright, against = rng.uniform(-0.3, 0.3), around(rng, -5, 3) - 0.8 * tilt, rng.uniform(0.5, 1.5)
    tip = rng.uniform(-0.1, 0.2)
    level, counter = rng.uniform(0.8, 1.4), rng.uniform(1.2, 2.0)
    add, rot, lag = around(rng, -8, 3), around(rng, -8, 8), rng.uniform(-0.3, 0.1)

    def at(phase: np.ndarray) -> dict[str, Any]:
        standing = np.cos(phase - np.pi / 2 - early)
        leaning = lean * np.cos(phase - np.pi / 2 - lean_early)
        posture: dict[str, Any] = {
            "pelvis_tilt": tilt + bob * np.cos(2 * phase - nod),
            "pelvis_list": -drop * standing + tip * leaning,
            "pelvis_rotation": turn * np.cos(phase + lag_turn),
            "lumbar_extension": upright - against * bob * np.cos(2 * phase - nod),
            "lumbar_bending": level * drop * standing + leaning,
            "lumbar_rotation": -counter * turn * np.cos(phase + lag_turn),
        }
        for s, opposite in (("r", -1), ("l", 1)):
            posture |= {
                f"arm_flex_{s}": opposite * swing * np.cos(phase + lag),
                f"arm_add_{s}": add,
                f"arm_rot_{s}": rot,
                f"elbow_flex_{s}": np.clip(elbow + opposite * more * np.cos(phase + lag - 0.3), 3, None),
                f"pro_sup_{s}": 105.0,
            }
        return posture

    return at

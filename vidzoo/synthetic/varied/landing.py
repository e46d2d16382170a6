"""Plan a drop from a box, a landing, soft or stiff, and a jump, recorded from one flight into the next.

As in the screening test (Hewett et al. 2005; OpenCap's protocol) people hop forward from a box of about 30 cm, land on
both feet and jump as high as they can.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import BPoly, BSpline
from scipy.linalg import solve_banded
from scipy.optimize import nnls

from vidzoo.anatomy import COORDINATES, GRAVITY, LOWER_LIMB_JOINTS
from vidzoo.synthetic.body import Body
from vidzoo.synthetic.drop_jump import SUBSTEPS
from vidzoo.synthetic.dynamics import Performance, record
from vidzoo.synthetic.path import low_pass
from vidzoo.synthetic.plan import RIGHT, UP, Jump, Plan, Track, about
from vidzoo.synthetic.postures import (
    RATE_HZ,
    SOLE_CENTRE,
    Posture,
    both_sides,
    com_height,
    frame_times,
    posture_track,
    sole_point,
    stance,
    step,
)
from vidzoo.synthetic.solver import OutOfReachError, Solver
from vidzoo.synthetic.varied.common import Manner, around, curve

BALL_CENTRE = 0.118
"""Middle of ball and toes, ahead of the calcaneus origin in body heights."""
CUTOFF_HZ = 12.0
"""Low-pass filter of the coordinates, as recorded landings have it."""
MAX_TORQUE = 6.0
"""Largest torque of hip, knee or ankle that is believed, N·m/kg."""
LEG_TORQUES = [COORDINATES.index(name) for name in LOWER_LIMB_JOINTS]
KNOT_S = 0.035
"""Distance of the force spline's knots, s."""


def drop_jump(body: Body, rng: np.random.Generator, manner: Manner, asymmetric: bool = False) -> Performance:
    """Perform a drop jump; asymmetric: more of the load on one leg.

    Raises:
        OutOfReachError: the drawn jump cannot be performed.
    """
    h = body.subject.height
    fall, flight = rng.uniform(0.24, 0.31), rng.uniform(0.03, 0.28)
    contact = float(np.clip(around(rng, 0.58, 0.13, -manner.speed), 0.34, 0.85))
    time = frame_times(round((fall + contact + flight) * RATE_HZ) / RATE_HZ, RATE_HZ * SUBSTEPS)
    start, end = round(fall / time[1]), round((fall + contact) / time[1])
    t, contact = time - time[start], time[end] - time[start]

    box = rng.uniform(0.27, 0.38)
    speed_in = -np.sqrt(2 * GRAVITY * box)
    high = np.clip(around(rng, 0.27, 0.07, manner.depth), 0.12, 0.45) * (0.9 if asymmetric else 1.0)
    speed_out = np.sqrt(2 * GRAVITY * high)
    load_right = float(np.clip(around(rng, 0.5, 0.07 if asymmetric else 0.02, manner.side), 0.36, 0.64))
    landing, roll = np.clip(around(rng, 27, 6), 14, 40), np.clip(around(rng, 38, 5), 25, 48)
    knee_in, knee_out = np.clip(around(rng, 21, 6), 10, 38), rng.uniform(9, 18)
    pitch = foot_pitch(t, contact, landing, roll, rng.uniform(0.06, 0.09), rng.uniform(0.12, 0.17))
    depth = float(np.clip(around(rng, 0.165, 0.04, manner.depth), 0.09, 0.25)) * h * (0.55 + 0.75 * contact)
    bottom = contact * rng.uniform(0.42, 0.54)
    posture = jump_posture(rng, manner, t, contact, bottom, load_right - 0.5, landing, roll)

    position, yaw = stance(
        body, rng, max(around(rng, 0.14, 0.03, manner.width), 0.07) * h, around(rng, 6, 5, manner.toe_out)
    )
    still = np.broadcast_to(position, (len(time), 2, 3))
    on_ball = step(-pitch / 12)
    flat = SOLE_CENTRE + around(rng, 0.012, 0.012, manner.support)
    support = sole_point(body, still, yaw, (flat + (BALL_CENTRE - flat) * on_ball)[:, None, None])
    load = np.tile([load_right, 1 - load_right], (len(time), 1))
    low = com_height(body, at(posture, len(time), start), knee_in, -landing)
    top = com_height(body, at(posture, len(time), end), knee_out, -roll) - 0.016 * h
    seed, forward = int(rng.integers(2**31)), (rng.uniform(0.7, 1.5), rng.uniform(0.1, 1.0))
    middle = np.einsum("nf,nfx->nx", load, support)
    slant = np.zeros(2)
    for _ in range(3):  # a slanted leg reaches less high
        lower, upper = np.sqrt(np.square([low, top]) - slant**2)
        push = push_spline(np.random.default_rng(seed), contact, bottom, (speed_in, speed_out), (depth, upper - lower))
        com = com_track(t, contact, push, lower, speed_in, forward, middle)
        slant = 1.1 * (com.value[[start, end], 0] - middle[[start, end], 0])
    inside = (np.arange(len(time)) >= start) & (np.arange(len(time)) <= end)
    plan = Plan(
        time=time,
        keep=slice(None, None, SUBSTEPS),
        perform=slice(None),
        posture=posture_track(rng, time, posture),
        com_height=com.value[:, 1],
        feet_position=Track.through(time, feet_on_balls(body, still, yaw, pitch)),
        feet_pitch=Track.through(time, np.radians(np.column_stack([pitch, pitch]))),
        feet_yaw=yaw,
        load=load,
        support=support,
        planted=np.tile(inside[:, None], 2),
        squeeze=rng.uniform(0.3, 0.9),
        jump=Jump(
            touch_down=start,
            take_off=end,
            com=com,
            reach=np.column_stack([(0.018 + 0.040 * (1 - on_ball)) * h, np.full(len(time), 0.018 * h)]),
            leg_before=flying_legs(rng, 30, knee_in + 6, -landing + 4),
            leg_after=flying_legs(rng, 8, 14, -30),
        ),
    )
    solver = Solver(body, plan, com)
    solver.solve_jump()
    low_pass(solver, slice(None), CUTOFF_HZ)
    done = record(body, plan, solver)
    legs = np.abs(done.torques[:, LEG_TORQUES]).max() / body.subject.mass
    if legs > MAX_TORQUE:
        raise OutOfReachError(f"{legs:.1f} N·m/kg")
    return done


def push_spline(
    rng: np.random.Generator,
    contact: float,
    bottom: float,
    speeds: tuple[float, float],
    ways: tuple[float, float],
) -> BSpline:
    """Return the ground's push per mass, m/s^2, a function of the time since touch-down.

    An impact of the landing, an absorbing and a pushing part, as near as they can be to drawn sizes while the body
    comes to rest ``ways[0]`` m below where it landed at time ``bottom`` and leaves ``ways[1]`` m above it.

    Raises:
        OutOfReachError: only a pull could do that.
    """
    n = max(round(contact / KNOT_S), 8)
    knots = np.r_[[0] * 3, np.linspace(0, contact, n + 1), [contact] * 3]
    centres = np.convolve(knots[1:-1], np.ones(3) / 3, "valid")[1:-1]
    basis = [BSpline.basis_element(knots[i : i + 5], extrapolate=False) for i in range(1, len(centres) + 1)]
    wide = rng.uniform(0.025, 0.045)
    impact = rng.uniform(1.3, 3.6) * np.exp(-0.5 * ((centres - rng.uniform(0.05, 0.075)) / wide) ** 2)
    dip = rng.uniform(-0.6, 0.7)
    plateau = (
        rng.uniform(1.3, 1.9)
        + dip * np.sin(np.pi * centres / contact)
        + rng.uniform(-0.4, 0.5) * (centres / contact - 0.5)
    )
    wanted = GRAVITY * (impact + np.clip(plateau, 0.3, None) * np.minimum(1, (contact - centres) / 0.12))
    spline = BSpline(knots, np.eye(len(centres) + 2)[:, 1:-1], 3)
    speed, way = spline.antiderivative(1), spline.antiderivative(2)
    rows = np.array([speed(bottom), way(bottom), speed(contact), way(contact)])
    (v_in, v_out), (depth, rise) = speeds, ways
    free = lambda x: v_in * x - 0.5 * GRAVITY * x * x  # noqa: E731
    target = np.array(
        [GRAVITY * bottom - v_in, -depth - free(bottom), v_out - v_in + GRAVITY * contact, rise - free(contact)]
    )
    weight = 1e4
    size = 1 / np.sqrt(wanted + 0.3 * GRAVITY)
    found, _ = nnls(np.vstack([weight * rows, np.diag(size)]), np.concatenate([weight * target, size * wanted]))
    if np.abs(rows @ found - target).max() > 1e-3:
        raise OutOfReachError("push")
    del basis
    return BSpline(knots, np.r_[0, found, 0], 3)


def com_track(
    t: np.ndarray,
    contact: float,
    push: BSpline,
    low: float,
    speed_in: float,
    forward: tuple[float, float],
    cop: np.ndarray,
) -> Track:
    """Return the centre of mass, [n, 3] m: a parabola, the push of the ground through ``cop`` [n, 2], a parabola."""
    x = np.clip(t, 0, contact)
    late = np.clip(t - contact, 0, None)
    speed, way = push.antiderivative(1), push.antiderivative(2)
    up = np.where((t > 0) & (t < contact), push(x), 0.0)
    height = low + speed_in * t - 0.5 * GRAVITY * t * t + way(x) + speed(contact) * late
    rate = speed_in - GRAVITY * t + speed(x)
    # Forward: c'' = push / height (c - p), whose speeds at both ends are given.
    k = np.flatnonzero((t >= 0) & (t <= contact + 1e-9))
    dt = t[1] - t[0]
    stiff = (up / height)[k] * dt * dt
    bands = np.ones((3, len(k)))
    bands[1] = -2 - stiff
    right = -stiff * cop[k, 0]
    bands[0, 1] = bands[2, -2] = 2.0
    right[0] += 2 * dt * forward[0]
    right[-1] -= 2 * dt * forward[1]
    c = solve_banded((1, 1), bands, right)
    acceleration = np.zeros(len(t))
    acceleration[k] = (up / height)[k] * (c - cop[k, 0])
    first, last = k[0], k[-1]
    along, ahead = np.zeros(len(t)), np.zeros(len(t))
    ahead[k] = np.gradient(c, dt)
    ahead[: first + 1], ahead[last:] = forward[0], forward[1]
    along[k] = c
    along[:first] = c[0] + forward[0] * t[:first]
    along[last:] = c[-1] + forward[1] * (t[last:] - t[last])
    middle = np.full(len(t), cop[k, 1].mean())
    zero = np.zeros(len(t))
    return Track(
        np.column_stack([along, height, middle]),
        np.column_stack([ahead, rate, zero]),
        np.column_stack([acceleration, up - GRAVITY, zero]),
    )


def jump_posture(
    rng: np.random.Generator,
    manner: Manner,
    t: np.ndarray,
    contact: float,
    bottom: float,
    side: float,
    landing: float,
    roll: float,
) -> Posture:
    """Return the posture, degrees, at times t [n] s since touch-down; ``side``: surplus of load on the right leg."""
    crouch = curve(t, (-0.12, 0), (bottom * rng.uniform(0.9, 1.25), 1), (1.08 * contact, 0))
    lean = around(rng, 1.0, 0.3, manner.lean)
    lumbar, pelvis = rng.uniform(-20, -10), rng.uniform(-8, 0)
    heel_up = ((-0.15, 0), (0, landing), (0.12, 0), (contact - 0.14, 0), (contact, roll), (contact + 0.15, 0))
    style = rng.choice(["overhead", "swing", "hips"], p=[0.5, 0.4, 0.1])
    first, back, top = {"overhead": (60, -50, 150), "swing": (30, -35, 95), "hips": (-25, -25, -25)}[style]
    loose = around(rng, 1.0, 0.2, manner.arms)
    elbow = {"overhead": (95, 85, 35), "swing": (75, 60, 60), "hips": (85, 85, 85)}[style]
    bend = rng.uniform(0.7, 1.3)
    turn = rng.uniform(0.35, 0.65) * bottom
    flex = curve(t, (-0.25, first * loose), (turn, back * loose), (1.05 * contact, top * loose))
    return both_sides({
        "pelvis_tilt": pelvis - np.clip(rng.normal(16, 5), 6, 28) * lean * crouch,
        "pelvis_list": 14 * side,
        "lumbar_extension": lumbar - np.clip(rng.normal(11, 5), 2, 24) * lean * crouch
        + (-lumbar) * step(t / contact - 0.1),
        "lumbar_bending": 12 * side,
        "arm_flex": flex,
        "arm_add": -14.0 if style != "hips" else -35.0,
        "arm_rot": 5.0,
        "elbow_flex": bend * curve(t, (-0.25, elbow[0]), (turn, elbow[1]), (1.05 * contact, elbow[2])),
        "pro_sup": 105.0,
        "mtp_angle": -0.7 * curve(t, *heel_up),
    })  # fmt: skip


def at(posture: Posture, num_times: int, k: int) -> Posture:
    """Return the posture at time index k."""
    return {name: float(np.broadcast_to(value, num_times)[k]) for name, value in posture.items()}


def foot_pitch(t: np.ndarray, contact: float, landing: float, roll: float, down: float, up: float) -> np.ndarray:
    """Return the feet's pitch, degrees, toes up: down after ``down`` s, rolling off in the last ``up`` s."""
    fast, off = 1.9 * landing / down, 1.9 * roll / up
    return BPoly.from_derivatives(
        [t[0], 0, down, contact - up, contact, max(t[-1], contact + 0.01)],
        [
            [-landing + fast * t[0], fast, 0], [-landing, fast, 0], [0, 0, 0], [0, 0, 0], [-roll, -off, 0],
            [-roll - off * (max(t[-1], contact + 0.01) - contact), -off, 0],
        ],
    )(t)  # fmt: skip


def feet_on_balls(body: Body, still: np.ndarray, yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Return the calcaneus origins, [n, 2, 3] m, of feet that roll over their balls, which stay where they are."""
    turn, ball = about(UP, yaw), body.sole["ball"]
    lift = about(RIGHT, np.radians(pitch)).apply(ball)
    return np.stack([still[:, f] + turn[f].apply(ball - lift) for f in (0, 1)], axis=1)


def flying_legs(rng: np.random.Generator, hip: float, knee: float, ankle: float) -> np.ndarray:
    """Return both legs' posture in flight, [12] rad, for flexions in degrees."""
    one = np.radians([hip + 4 * rng.normal(), -2.0, 0.0, knee + 4 * rng.normal(), ankle, 0.0])
    return np.concatenate([one, one])

"""Plan a drop from a box, a landing and a jump, recorded from one flight into the next."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import BPoly
from scipy.stats import beta

from vidzoo.anatomy import GRAVITY
from vidzoo.synthetic.body import Body
from vidzoo.synthetic.plan import RIGHT, UP, Jump, Plan, Track, about
from vidzoo.synthetic.postures import (
    RATE_HZ,
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
    step,
)

SUBSTEPS = 4
"""Integration steps per frame."""
BALL_CENTRE = 0.108
"""Middle of ball and toes, ahead of the calcaneus origin in body heights."""


def plan_drop_jump(body: Body, rng: np.random.Generator, style: Style, asymmetric: bool = False) -> Plan:
    """Plan a drop jump; asymmetric: most of the load on the right leg.

    The centre of mass follows the push of the ground; outside the contact nothing but gravity acts.
    """
    h = body.subject.height
    fall, flight = rng.uniform(0.26, 0.31), rng.uniform(0.24, 0.30)
    contact = 0.40 * (1 + 0.08 * style.tempo + rng.normal(0, 0.04)) * (1.08 if asymmetric else 1.0)
    time = frame_times(round((fall + contact + flight) * RATE_HZ) / RATE_HZ, RATE_HZ * SUBSTEPS)
    start, end = round(fall / time[1]), round((fall + contact) / time[1])
    t, contact = time - time[start], time[end] - time[start]

    load_right = rng.uniform(0.62, 0.74) if asymmetric else 0.5 + 0.01 * style.side
    landing, roll = rng.uniform(18, 24), rng.uniform(24, 30)
    posture = _jump_posture(rng, style, t, contact, load_right - 0.5, landing, roll)
    pitch = _foot_pitch(t, contact, landing, roll)
    weaker = 0.85 if asymmetric else 1.0
    speed_in = -(1.8 + 0.4 * (fall - 0.26) / 0.05) * weaker
    speed_out = (1.95 + 0.10 * style.depth + rng.normal(0, 0.08)) * weaker
    forward = rng.uniform(0.14, 0.24), rng.uniform(0.04, 0.10)

    position, yaw = stance(body, rng, (0.135 + 0.010 * style.width) * h, rng.uniform(2, 8))
    still = np.broadcast_to(position, (len(time), 2, 3))
    on_ball = step(-pitch / 12)
    support = sole_point(body, still, yaw, (SOLE_CENTRE + (BALL_CENTRE - SOLE_CENTRE) * on_ball)[:, None, None])
    load = np.tile([load_right, 1 - load_right], (len(time), 1))
    half = (start + end) // 2
    low = com_height(body, _at(posture, len(time), start), 46, -landing)
    high = com_height(body, _at(posture, len(time), end), 38, -roll)
    middle = np.einsum("nf,nfx->nx", load, support)[half]
    com = _com_track(t, contact, (low, high), (speed_in, speed_out), forward, middle, half)
    inside = (np.arange(len(time)) >= start) & (np.arange(len(time)) <= end)
    return Plan(
        time=time,
        keep=slice(None, None, SUBSTEPS),
        perform=slice(None),
        posture=posture_track(rng, time, posture),
        com_height=com.value[:, 1],
        feet_position=Track.through(time, _feet_on_balls(body, still, yaw, pitch)),
        feet_pitch=Track.through(time, np.radians(np.column_stack([pitch, pitch]))),
        feet_yaw=yaw,
        load=load,
        support=support,
        planted=np.tile(inside[:, None], 2),
        jump=Jump(
            touch_down=start,
            take_off=end,
            com=com,
            reach=np.column_stack([(0.016 + 0.036 * (1 - on_ball)) * h, np.full(len(time), 0.016 * h)]),
            leg_before=_flying_legs(rng, 28, 34, -8),
            leg_after=_flying_legs(rng, 12, 18, -28),
        ),
    )


def _jump_posture(
    rng: np.random.Generator, style: Style, t: np.ndarray, contact: float, side: float, landing: float, roll: float
) -> Posture:
    """Return the posture, degrees, at times t [n] s since touch-down; ``side``: surplus of load on the right leg."""
    crouch = keys(t, (-0.12, 0), (0.45 * contact, 1), (1.1 * contact, 0))
    swing = keys(t, (-0.25, 0), (0.30 * contact, -1), (1.15 * contact, 1.6))
    lean = 1 + 0.12 * style.lean
    reach = 1 + 0.10 * style.arms
    heel_up = ((-0.15, 0), (0, landing), (0.12, 0), (contact - 0.14, 0), (contact, roll), (contact + 0.15, 0))
    return both_sides({
        "pelvis_tilt": -7 - rng.normal(12, 2.0) * lean * crouch,
        "pelvis_list": 14 * side,
        "lumbar_extension": -8 - rng.normal(13, 2.0) * lean * crouch + 4 * step(t / contact),
        "lumbar_bending": 12 * side,
        "arm_flex": 25 + 45 * reach * swing,
        "arm_add": -14.0,
        "arm_rot": 5.0,
        "elbow_flex": 40 + 18 * swing,
        "pro_sup": 105.0,
        "mtp_angle": -0.7 * keys(t, *heel_up),
    })  # fmt: skip


def _at(posture: Posture, num_times: int, k: int) -> Posture:
    """Return the posture at time index k."""
    return {name: float(np.broadcast_to(value, num_times)[k]) for name, value in posture.items()}


def _foot_pitch(t: np.ndarray, contact: float, landing: float, roll: float) -> np.ndarray:
    """Return the feet's pitch, degrees, toes up, at times t [n] s since touch-down.

    The feet turn at a constant rate at touch-down and take-off, and on beyond, where the values are not used.
    """
    return BPoly.from_derivatives(
        [t[0], 0, 0.06, contact - 0.09, contact, t[-1]],
        [
            [-landing + 780 * t[0], 780, 0], [-landing, 780, 0], [0, 0, 0], [0, 0, 0], [-roll, -780, 0],
            [-roll - 780 * (t[-1] - contact), -780, 0],
        ],
    )(t)  # fmt: skip


def _push(t: np.ndarray, duration: float, impulse: float, centroid: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the double integral, the integral and the value of a push per mass at times t after its begin.

    The push is a beta density with at least one linear flank and the given centroid (0 to 1): zero at both
    ends, so that accelerations are continuous, but no flatter there than a landing on the toes.
    """
    a, b = (2.0, 2 * (1 - centroid) / centroid) if centroid < 0.5 else (2 * centroid / (1 - centroid), 2.0)
    x = np.clip(t / duration, 0, 1)
    share = beta.cdf(x, a, b)
    integral = duration * (x * share - centroid * beta.cdf(x, a + 1, b)) + np.clip(t - duration, 0, None)
    return impulse * integral, impulse * share, impulse / duration * beta.pdf(x, a, b)


def _com_track(
    t: np.ndarray,
    contact: float,
    heights: tuple[float, float],
    speeds: tuple[float, float],
    forward: tuple[float, float],
    middle: np.ndarray,
    half: int,
) -> Track:
    """Return the centre of mass, [n, 3] m: a parabola, the push of the ground, a parabola.

    Args:
        t: [n] s since touch-down.
        contact: its duration, s.
        heights: at touch-down and at take-off, m.
        speeds: vertical, at touch-down and at take-off, m/s.
        forward: horizontal speeds at touch-down and at take-off, m/s.
        middle: [2] m: where the feet push at mid-contact, x and z.
        half: index of mid-contact.
    """
    (low, high), (speed_in, speed_out), (forward_in, forward_out) = heights, speeds, forward
    impulse = speed_out - speed_in + GRAVITY * contact
    centroid = 1 - (high - low - speed_in * contact + 0.5 * GRAVITY * contact**2) / (impulse * contact)
    rise, speed, push = _push(t, contact, impulse, centroid)
    friction = (forward_out - forward_in) / impulse
    com = np.column_stack([forward_in * t + friction * rise, speed_in * t - 0.5 * GRAVITY * t**2 + rise, 0 * t])
    # At mid-contact the ground reaction, which leans back by the friction, points at the centre of mass.
    com += [middle[0] - com[half, 0] - friction * (low + com[half, 1]), low, middle[1]]
    rate = np.column_stack([forward_in + friction * speed, speed_in - GRAVITY * t + speed, 0 * t])
    acceleration = np.column_stack([friction * push, push - GRAVITY, 0 * t])
    return Track(com, rate, acceleration)


def _feet_on_balls(body: Body, still: np.ndarray, yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Return the calcaneus origins, [n, 2, 3] m, of feet that roll over their balls, which stay where they are."""
    turn, ball = about(UP, yaw), body.sole["ball"]
    lift = about(RIGHT, np.radians(pitch)).apply(ball)
    return np.stack([still[:, f] + turn[f].apply(ball - lift) for f in (0, 1)], axis=1)


def _flying_legs(rng: np.random.Generator, hip: float, knee: float, ankle: float) -> np.ndarray:
    """Return both legs' posture in flight, [12] rad, for flexions in degrees."""
    one = np.radians([hip + 4 * rng.normal(), -2.0, 0.0, knee + 4 * rng.normal(), ankle, 0.0])
    return np.concatenate([one, one])

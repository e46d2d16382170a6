"""Plan level walking as gait laboratories describe it: knees that yield and straighten, ankles that roll and push."""

from __future__ import annotations

from dataclasses import dataclass, replace

import mujoco
import numpy as np
from scipy.interpolate import BPoly, CubicSpline, PchipInterpolator
from scipy.optimize import least_squares

from vidzoo.anatomy import GRAVITY
from vidzoo.synthetic.body import DOF, Body, foot_points, hip_centre
from vidzoo.synthetic.path import Performed, perform_path
from vidzoo.synthetic.plan import RIGHT, UP, Plan, Track, about
from vidzoo.synthetic.postures import RATE_HZ, posture_track, step
from vidzoo.synthetic.solver import OutOfReachError
from vidzoo.synthetic.varied.common import Manner, around, check_soles, pelvis_track

WALK_RATIO = 0.0065
"""Step length over cadence, m per step/min: nearly the same at all speeds (Sekiya and Nagasaki 1998)."""
_STENCIL = np.array([-1e-3, 0, 1e-3])


@dataclass(frozen=True)
class Gait:
    """Measures of one trial's walk; times in strides, angles in degrees."""

    step_time: float
    length: float
    width: float
    yaw: np.ndarray
    stance: float
    """How long a foot is on the ground."""
    strike: float
    """Pitch of the foot when its heel strikes, toes up."""
    flat: float
    """When the sole is down."""
    heel_off: float
    """When the heel leaves the ground."""
    rocker: float
    """Radius of the forefoot that it rolls over, body heights."""
    knee: CubicSpline
    ankle: CubicSpline
    """Wanted angles over the stance, functions of strides since heel strike."""

    @property
    def stride(self) -> float:
        """From one foot's heel strike to its next, s."""
        return 2 * self.step_time

    @property
    def both(self) -> float:
        """How long both feet are on the ground together, s."""
        return (self.stance - 0.5) * self.stride


def draw_gait(body: Body, rng: np.random.Generator, manner: Manner, sway: bool) -> Gait:
    """Draw a walk: speed and walk ratio by their published spreads, angles around Winter's (1991) means."""
    h = body.subject.height
    speed = float(np.clip(around(rng, 1.22, 0.12, manner.speed), 0.95, 1.45)) * (0.95 if sway else 1.0)
    ratio = around(rng, WALK_RATIO, 0.0005) * (h / 1.72)
    length = np.sqrt(60 * speed * ratio)
    stance = float(np.clip(around(rng, 0.622 - 0.05 * (speed - 1.3), 0.010), 0.59, 0.66))
    width = max(around(rng, 0.105, 0.03, manner.width) + (0.03 if sway else 0.0), 0.04)
    toe_out = around(rng, 7, 4, manner.toe_out)
    strike = around(rng, 20 + 10 * (speed - 1.3), 3.5)
    knee0, peak, least, off = (
        max(around(rng, 10, 1.5), 8.5), np.clip(around(rng, 17.5 + 8 * (speed - 1.3), 4.0), 9, 27),
        max(around(rng, 8.5, 1.5), 7.0), around(rng, 40, 3.0),
    )  # fmt: skip
    knee = CubicSpline(
        [0, 0.14, 0.39, 0.50, stance],
        [knee0, max(peak, knee0 + 5), least, least + rng.uniform(4, 8), off], bc_type=((1, 10.0), (1, 330.0)),
    )  # fmt: skip
    dorsi = around(rng, 14, 3.0)
    ankle = CubicSpline(
        [0, 0.065, 0.14, 0.30, 0.46, 0.50, stance],
        [around(rng, -1, 2.5), around(rng, -6.5, 2), around(rng, 0, 1.5), 0.62 * dorsi, dorsi, dorsi - 1.5,
         around(rng, -14, 4)],
    )
    return Gait(
        length / speed, length, width / 2, np.radians([-toe_out, toe_out] + rng.normal(0, 1.5, 2)), stance, strike,
        rng.uniform(0.085, 0.115), rng.uniform(0.30, 0.36), rng.uniform(0.03, 0.05), knee, ankle,
    )  # fmt: skip


HARMONICS = 5
"""Of the hips' height over a step."""
USUAL = np.array([0.016, 0.002, 0.0006, 0.0002, 0.0001])
"""Sizes of these harmonics in body heights that a fit may take without harm."""
POINTS = 72
AHEAD, PITCH = 2 * HARMONICS + 1, slice(2 * HARMONICS + 2, None)
"""Places in the fitted numbers: how far the hips (and the feet's pressure) lie further forward, m; the pitch's knots."""


class Leg:
    """The planar leg in stance: knee and ankle from the hips' path and the foot's pitch."""

    def __init__(self, body: Body, gait: Gait, hip: np.ndarray) -> None:
        """hip: [POINTS, 3] m: the hip relative to the heel's strike (forward, aside) and to the hips' middle (up)."""
        self.body, self.gait, self.hip = body, gait, hip
        self.u = np.linspace(0, gait.stance, POINTS)
        self.wanted = np.radians([gait.knee(self.u), gait.ankle(self.u)])
        self.wanted_rate = np.gradient(self.wanted[0], self.u)
        turns = 4 * np.pi * self.u[:, None] * np.arange(1, HARMONICS + 1)
        self.waves = np.column_stack([np.ones(POINTS), np.cos(turns), np.sin(turns)])

    def angles(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return knee and ankle [POINTS] rad; beyond the leg's reach the knee goes on smoothly below zero."""
        a, b = self.body.lengths["thigh"], self.body.lengths["shank"]
        pitch = np.radians(pitch_curve(self.gait, p[PITCH])(self.u))
        place = foot_path(self.body, self.gait, pitch, self.u)
        c, s = np.cos(pitch), np.sin(pitch)
        ahead, up = foot_points(self.body.subject)[0][:2]
        ankle = place + np.column_stack([c * ahead - s * up, s * ahead + c * up])
        x = self.hip[:, 0] + p[AHEAD] - ankle[:, 0]
        y = self.hip[:, 1] + self.waves @ p[: 2 * HARMONICS + 1] - ankle[:, 1]
        cosine = (x * x + y * y + self.hip[:, 2] ** 2 - a * a - b * b) / (2 * a * b)
        knee = np.where(cosine < 1, np.arccos(np.clip(cosine, -1, 1)), -np.sqrt(2 * np.clip(cosine - 1, 0, None)))
        bent = np.clip(knee, 1e-6, None)
        shank = np.arctan2(x, y) + np.arctan2(a * np.sin(bent), b + a * np.cos(bent))
        return knee, shank + pitch

    def residuals(self, p: np.ndarray) -> np.ndarray:
        """Return what :func:`fit` makes small: angles and knee rate off, rough heights, an odd push-off."""
        knee, ankle = self.angles(p)
        rough = 0.3 * p[1 : 2 * HARMONICS + 1] / self.body.subject.height / np.tile(USUAL, 2)
        odd = 0.08 * (p[PITCH] - PUSH) / 10
        rate = 0.03 * (np.gradient(knee, self.u) - self.wanted_rate)
        up = 0.1 * np.clip(pitch_curve(self.gait, p[PITCH])(self.u[self.u > self.gait.heel_off]), 0, None)
        return np.concatenate([np.where(knee < 0.1, 8, 3) * (knee - self.wanted[0]), 0.8 * (ankle - self.wanted[1]), rate, rough, odd, up, p[AHEAD : AHEAD + 1] / 0.004])

    def fit(self, start: np.ndarray | None = None) -> np.ndarray:
        """Return the heights' coefficients and the pitch's knots."""
        if start is None:
            up = self.body.lengths["thigh"] + self.body.lengths["shank"] + 0.035 * self.body.subject.height
            start = np.r_[0.98 * up, np.zeros(2 * HARMONICS + 1), PUSH]
        return least_squares(self.residuals, start, method="lm", x_scale=1.0, max_nfev=1200, xtol=1e-5, ftol=1e-4).x

    def height(self, p: np.ndarray, phase: np.ndarray) -> np.ndarray:
        """Return the hips' height [n] m at strides since heel strike [n]."""
        turns = 4 * np.pi * phase[:, None] * np.arange(1, HARMONICS + 1)
        return np.column_stack([np.ones(len(phase)), np.cos(turns), np.sin(turns)]) @ p[: 2 * HARMONICS + 1]


PUSH = np.array([0.8, 3.0, 7.5, 15.0, 30.0, 49.0, 65.0])
"""Pitch of the foot, degrees toes down, at equal steps of time between heel-off and toe-off: where the fit starts."""


def pitch_curve(gait: Gait, push: np.ndarray) -> PchipInterpolator:
    """Return the foot's pitch, degrees toes up, a function of strides since heel strike."""
    knots = np.linspace(gait.heel_off, gait.stance, len(push) + 1)[1:]
    down = BPoly.from_derivatives([0, gait.flat], [[gait.strike, -120 * gait.stride, 0], [0, 0, 0]])
    up = CubicSpline(np.r_[gait.heel_off, knots], np.r_[0, -push], bc_type=((1, 0.0), "not-a-knot"))

    def pitch(u: np.ndarray) -> np.ndarray:
        u = np.asarray(u, float)
        return np.where(u < gait.flat, down(np.clip(u, -0.01, gait.flat)), np.where(u > gait.heel_off, up(u), 0.0))

    return pitch


def foot_path(body: Body, gait: Gait, pitch: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return the calcaneus origin in stance relative to where its heel struck, [n, 2] m (forward, up).

    The foot turns about its heel until the sole is down; in push-off it rolls over a forefoot of radius ``rocker``.
    """
    heel, ball = body.sole["heel"], body.sole["ball"]
    radius = gait.rocker * body.subject.height
    centre = ball + [0, radius, 0]
    lift = about(RIGHT, pitch)
    rolled = np.column_stack([centre[0] - heel[0] - radius * pitch, np.full(len(pitch), radius), 0 * pitch])
    return np.where((u < 0.2)[:, None], -lift.apply(heel), rolled - lift.apply(centre))[:, :2]


class Periodic:
    """A path over the floor [n, 2] m: steady progress, and what repeats with every step (x) or stride (z)."""

    def __init__(self, gait: Gait, x: np.ndarray, z: np.ndarray) -> None:
        self.gait, self.x, self.z = gait, x, z

    @staticmethod
    def waves(gait: Gait, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the waves of a step [n, 11] and the waves of a stride [n, 8]."""
        turns = 2 * np.pi * time[:, None] / gait.stride
        even, odd = turns * [2, 4, 6, 8, 10], turns * [1, 3, 5, 7]
        return np.column_stack([np.ones(len(time)), np.cos(even), np.sin(even)]), np.column_stack([np.cos(odd), np.sin(odd)])

    @classmethod
    def of(cls, gait: Gait, time: np.ndarray, values: np.ndarray, progress: float) -> Periodic:
        """Fit values [n, 2] whose mean speed along x is ``progress``."""
        step_waves, stride_waves = cls.waves(gait, time)
        return cls(gait, np.linalg.lstsq(step_waves, values[:, 0] - progress * time, rcond=None)[0],
                   np.linalg.lstsq(stride_waves, values[:, 1], rcond=None)[0])  # fmt: skip

    def __call__(self, time: np.ndarray, progress: float) -> np.ndarray:
        step_waves, stride_waves = self.waves(self.gait, time)
        return np.column_stack([progress * time + step_waves @ self.x, stride_waves @ self.z])

    def under(self, height: float) -> Periodic:
        """Return the body's path whose centre of pressure this is (the inverted pendulum, wave by wave)."""
        def gain(orders: np.ndarray) -> np.ndarray:
            return 1 / (1 + (2 * np.pi * orders / self.gait.stride) ** 2 * height / GRAVITY)

        return Periodic(self.gait, self.x * gain(np.array([0, *[2, 4, 6, 8, 10] * 2])), self.z * gain(np.array([1, 3, 5, 7] * 2)))

    def __add__(self, other: Periodic) -> Periodic:
        return Periodic(self.gait, self.x + other.x, self.z + other.z)


def walk(body: Body, rng: np.random.Generator, manner: Manner, sway: bool = False) -> Performance:
    """Perform a walk of one to two strides; with ``sway`` the trunk leans over the standing leg."""
    h = body.subject.height
    gait = draw_gait(body, rng, manner, sway)
    speed = gait.length / gait.step_time
    start = np.clip(around(rng, 0.06, 0.04), 0.0, 0.16)
    roll = PchipInterpolator(
        [0, 0.2, 0.5, 0.8, 1],
        [start, around(rng, 0.47, 0.06, manner.support), around(rng, 0.80, 0.07, manner.support),
         around(rng, 1.12, 0.04), around(rng, 1.38, 0.05)],
    )  # fmt: skip
    moves = walking_posture(rng, manner, sway)
    squeeze = rng.uniform(0.75, 1.05)
    bump = np.radians([rng.uniform(8, 15), 0, 0, rng.uniform(20, 30), rng.uniform(10, 20), 0])
    seed, begin, frames = int(rng.integers(2**31)), rng.uniform(0, gait.stride), round(rng.uniform(1.3, 1.8) * RATE_HZ)

    def posture(time: np.ndarray) -> dict:
        return moves(2 * np.pi * (time / gait.stride - (gait.stance - 0.5) / 2))

    def plan(time: np.ndarray, kept: slice, hip: Periodic, p: np.ndarray, leg: Leg, ahead: float, sway: bool) -> Plan:
        lead = round(0.3 / (time[1] - time[0]))
        further = ahead / (body.sole["ball"][0] - body.sole["heel"][0])
        position, pitch, load, support, planted = walk_feet(
            body, gait, time, p[PITCH], lambda u: roll(u) + 1.4 * further * np.sin(np.pi * u)
        )
        path = hip(time, speed) + [p[AHEAD], 0]
        hips = np.column_stack([path[:, 0], leg.height(p, time / gait.stride), path[:, 1]])
        toes = np.clip(-np.degrees(pitch), 0, None)
        shaped = posture(time) | {
            f"mtp_angle_{s}": -0.9 * toes[:, f] ** 3 / (toes[:, f] ** 2 + 400) for f, s in enumerate("rl")
        }
        return Plan(
            time=time, keep=kept, perform=slice(kept.start - lead, kept.stop + lead),
            posture=pelvis_track(np.random.default_rng(seed), body, time, shaped, hips, sway),
            com_height=hips[:, 1] + 0.05 * h,
            feet_position=Track.through(time, position), feet_pitch=Track.through(time, pitch), feet_yaw=gait.yaw,
            load=load, support=support, planted=planted, swing=bump, squeeze=squeeze,
        )  # fmt: skip

    trial = np.arange(-1.5 * gait.stride, 2.5 * gait.stride, 0.02)
    middle = slice(*np.searchsorted(trial, [0, gait.stride]))
    _, _, load, support, _ = walk_feet(body, gait, trial, PUSH, roll)
    cop = Periodic.of(gait, trial[middle], np.einsum("nf,nfx->nx", load, support)[middle], speed)
    hip = cop.under(0.57 * h)
    hip.x[0] -= com_ahead(body, posture(trial))
    p, ahead = None, 0.0
    for _ in range(4):
        leg = Leg(body, gait, hip_in_stance(body, gait, hip, posture))
        p = leg.fit(p)
        ahead += p[AHEAD]
        done = perform_path(body, plan(trial, middle, hip, p, leg, ahead, False), passes=0)
        error = np.clip(done.performance.cop_error, -0.1, 0.1)
        hip.x[0] += p[AHEAD]
        p[AHEAD] = 0
        hip = hip + Periodic.of(gait, trial[middle], -error, 0.0).under(0.57 * h)
    leg = Leg(body, gait, hip_in_stance(body, gait, hip, posture))
    p = leg.fit(p)
    pad = round(1.2 * gait.stride * RATE_HZ)
    time = begin + (np.arange(frames + 2 * pad) - pad) / RATE_HZ
    done = perform_path(body, plan(time, slice(pad, pad + frames), hip, p, leg, ahead + p[AHEAD], True), passes=0)
    check_soles(body, done, 0.25, 0.18)
    return done.performance




def com_ahead(body: Body, posture: dict) -> float:
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


def hip_in_stance(body: Body, gait: Gait, hip: Periodic, posture) -> np.ndarray:
    """Return the mean path of a hip in stance, [POINTS, 3] m (see :class:`Leg`)."""
    half, found = hip_centre(body)[2], []
    for f, side in enumerate((1, -1)):
        time = np.linspace(0, gait.stance * gait.stride, POINTS) + f * gait.step_time
        pose = posture(time)
        turn, drop = np.radians(pose["pelvis_rotation"]), np.radians(pose["pelvis_list"])
        path = hip(time, gait.length / gait.step_time)
        x = path[:, 0] - f * gait.length + side * half * np.sin(turn)
        aside = path[:, 1] + side * (half * np.cos(drop) * np.cos(turn) - gait.width)
        found.append(np.column_stack([x, -side * half * np.sin(drop), side * aside]))
    return np.mean(found, axis=0)


def walk_feet(body: Body, gait: Gait, time: np.ndarray, push: np.ndarray, roll: PchipInterpolator) -> tuple[np.ndarray, ...]:
    """Return positions [n, 2, 3] m, pitch [n, 2] rad, load [n, 2], support [n, 2, 2] m, planted [n, 2] of both feet."""
    n = len(time)
    heel, ball = body.sole["heel"], body.sole["ball"]
    position, pitch, load = np.zeros((n, 2, 3)), np.zeros((n, 2)), np.zeros((n, 2))
    support, planted = np.zeros((n, 2, 2)), np.ones((n, 2), bool)
    stance_pitch = pitch_curve(gait, push)
    for f, side in enumerate((1, -1)):
        turn = about(UP, gait.yaw[f])
        count = np.floor(time / gait.stride - f / 2)
        u = time / gait.stride - f / 2 - count
        struck = np.zeros((n, 3))
        struck[:, 0] = (2 * count + f) * gait.length
        struck[:, 2] = side * gait.width

        def on_ground(v: np.ndarray) -> np.ndarray:
            place = foot_path(body, gait, np.radians(stance_pitch(v)), v)
            return turn.apply(np.column_stack([place, 0 * v]))

        def ends(function, at: float) -> list[np.ndarray]:
            before, here, after = (function(np.array([at + d]))[0] for d in _STENCIL)
            return [here, (after - before) / 2e-3, (after - 2 * here + before) / 1e-6]

        off, on = ends(on_ground, gait.stance), ends(on_ground, 0.0)
        on[0] = on[0] + [2 * gait.length, 0, 0]
        through_air = BPoly.from_derivatives([gait.stance, 1], [off, on])
        swung = BPoly.from_derivatives([gait.stance, 1], [ends(stance_pitch_1(stance_pitch), gait.stance), ends(stance_pitch_1(stance_pitch), 0.0)])
        swing = u > gait.stance
        planted[:, f] = ~swing
        position[:, f] = struck + np.where(swing[:, None], through_air(u), on_ground(np.minimum(u, gait.stance)))
        pitch[:, f] = np.radians(np.where(swing, swung(u)[..., 0] if swung(u).ndim > 1 else swung(u), stance_pitch(np.minimum(u, gait.stance))))
        overlap = gait.stance - 0.5
        load[:, f] = step(u / overlap) - step((u - 0.5) / overlap)
        along = roll(np.clip(u / gait.stance, 0, 1))
        support[:, f] = (struck + turn.apply(np.outer(along, ball - heel)))[:, [0, 2]]
    return position, pitch, load, support, planted


def stance_pitch_1(function):
    return lambda v: np.asarray(function(v))[:, None]


def walking_posture(rng: np.random.Generator, manner: Manner, sway: bool):
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

    def at(phase: np.ndarray) -> dict:
        standing = np.cos(phase - np.pi / 2 - early)
        leaning = lean * np.cos(phase - np.pi / 2 - lean_early)
        posture: dict = {
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

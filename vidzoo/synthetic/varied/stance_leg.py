"""The leg in a walk's stance: how high the hips go and how the foot turns, so that knee and ankle do as people's do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BPoly, CubicSpline
from scipy.optimize import least_squares

from vidzoo.synthetic.body import Body
from vidzoo.synthetic.plan import RIGHT, about
from vidzoo.synthetic.segments import foot_points
from vidzoo.synthetic.varied.common import Manner, around

WALK_RATIO = 0.0065
"""Step length over cadence, m per step/min, nearly the same at all speeds (Sekiya and Nagasaki 1998)."""


@dataclass(frozen=True)
class Gait:
    """Measures of one trial's walk; times in strides where nothing else is said, angles in degrees."""

    step_time: float
    """From one foot's heel strike to the other's, s."""
    length: float
    """Of a step, m."""
    width: float
    """From the middle line to a foot, m."""
    yaw: np.ndarray
    """[2] rad: right and left foot about the vertical."""
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
    def speed(self) -> float:
        """Of the walk, m/s."""
        return self.length / self.step_time


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
    )  # fmt: skip
    return Gait(
        length / speed, length, width / 2, np.radians([-toe_out, toe_out] + rng.normal(0, 1.5, 2)), stance, strike,
        rng.uniform(0.085, 0.115), rng.uniform(0.30, 0.36), rng.uniform(0.03, 0.05), knee, ankle,
    )  # fmt: skip


HARMONICS = 5
"""Of the hips' height over a step."""
USUAL = np.array([0.016, 0.002, 0.0006, 0.0002, 0.0001])
"""Sizes of these harmonics in body heights that a fit may take without harm."""
POINTS = 72
"""Times of a stance at which a fit looks."""
AHEAD, PITCH = 2 * HARMONICS + 1, slice(2 * HARMONICS + 2, None)
"""Places in the fitted numbers: how far the hips (and the feet's pressure) lie further forward, m; the pitch."""


class Leg:
    """The planar leg in stance: knee and ankle from the hips' path and the foot's pitch."""

    def __init__(self, body: Body, gait: Gait, hip: np.ndarray) -> None:
        """Take the hip's path [POINTS, 3] m: forward of the heel's strike, over the hips' middle, aside."""
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
        """Return what :meth:`fit` makes small: angles and knee rate off, rough heights, an odd push-off."""
        knee, ankle = self.angles(p)
        rough = 0.3 * p[1 : 2 * HARMONICS + 1] / self.body.subject.height / np.tile(USUAL, 2)
        odd = 0.08 * (p[PITCH] - PUSH) / 10
        rate = 0.03 * (np.gradient(knee, self.u) - self.wanted_rate)
        up = 0.1 * np.clip(pitch_curve(self.gait, p[PITCH])(self.u[self.u > self.gait.heel_off]), 0, None)
        knee_off = np.where(knee < 0.1, 8, 3) * (knee - self.wanted[0])
        ankle_off = 0.8 * (ankle - self.wanted[1])
        return np.concatenate([knee_off, ankle_off, rate, rough, odd, up, p[AHEAD : AHEAD + 1] / 0.004])

    def fit(self, start: np.ndarray | None = None) -> np.ndarray:
        """Return the heights' coefficients and the pitch's knots."""
        if start is None:
            up = self.body.lengths["thigh"] + self.body.lengths["shank"] + 0.035 * self.body.subject.height
            start = np.r_[0.98 * up, np.zeros(2 * HARMONICS + 1), PUSH]
        return least_squares(self.residuals, start, method="lm", x_scale=1.0, max_nfev=1200, xtol=1e-5, ftol=1e-4).x

    @staticmethod
    def height(p: np.ndarray, phase: np.ndarray) -> np.ndarray:
        """Return the hips' height [n] m at strides since heel strike [n]."""
        turns = 4 * np.pi * phase[:, None] * np.arange(1, HARMONICS + 1)
        return np.column_stack([np.ones(len(phase)), np.cos(turns), np.sin(turns)]) @ p[: 2 * HARMONICS + 1]


PUSH = np.array([0.8, 3.0, 7.5, 15.0, 30.0, 49.0, 65.0])
"""Pitch of the foot, degrees toes down, at equal steps of time between heel-off and toe-off: where the fit starts."""


def pitch_curve(gait: Gait, push: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
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

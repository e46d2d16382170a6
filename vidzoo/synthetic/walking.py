"""Plan level walking, about one and a quarter strides, with or without a sway of the trunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BPoly, PchipInterpolator
from scipy.spatial.transform import Rotation

from vidzoo.synthetic.body import Body
from vidzoo.synthetic.plan import RIGHT, UP, Plan, Track, about
from vidzoo.synthetic.postures import RATE_HZ, Posture, Style, com_height, posture_track, step

_STENCIL = np.array([-1e-3, 0, 1e-3])
"""Times about one at which a path is sampled for its derivatives, s."""


@dataclass(frozen=True)
class _Gait:
    """Measures of one trial's walk."""

    step_time: float
    """From one foot's heel strike to the other's, s."""
    length: float
    """Of a step, m."""
    width: float
    """From the middle line to a foot, m."""
    yaw: np.ndarray
    """[2] rad: right and left foot about the vertical."""
    strike: float
    """Pitch of the foot when its heel strikes, degrees, toes up."""
    roll: float
    """Pitch of the foot when it lifts off, degrees, toes down."""

    @property
    def stride(self) -> float:
        """From one foot's heel strike to its next, s."""
        return 2 * self.step_time

    @property
    def stance(self) -> float:
        """How long a foot is on the ground, s."""
        return 1.24 * self.step_time

    @property
    def both(self) -> float:
        """How long both feet are on the ground together, s."""
        return self.stance - self.step_time


@dataclass(frozen=True, eq=False)
class _Feet:
    """Where both feet are at n times, right and left."""

    position: np.ndarray
    """[n, 2, 3] m."""
    pitch: np.ndarray
    """[n, 2] rad, toes up."""
    load: np.ndarray
    """[n, 2] shares of the ground reaction."""
    support: np.ndarray
    """[n, 2, 2] m: centres of pressure, x and z."""
    planted: np.ndarray
    """[n, 2] bool."""


def plan_walk(body: Body, rng: np.random.Generator, style: Style, sway: bool = False) -> Plan:
    """Plan about one and a quarter strides of level walking; with sway the trunk leans over the standing leg."""
    h = body.subject.height
    step_time = 0.535 * (1 + 0.04 * style.tempo + rng.normal(0, 0.02)) * (1.06 if sway else 1.0)
    length = 0.300 * (1 + 0.04 * style.depth + rng.normal(0, 0.03)) * h
    pad, lead = round(1.5 * RATE_HZ), round(0.4 * RATE_HZ)
    frames = round(rng.uniform(1.3, 1.5) * RATE_HZ) + 1
    # Time 0 is a right heel strike; the recording begins anywhere in a stride.
    time = rng.uniform(0, 2 * step_time) + (np.arange(frames + 2 * pad) - pad) / RATE_HZ
    width = (0.056 + 0.006 * style.width) * h
    toe_out = rng.uniform(4, 9)
    gait = _Gait(
        step_time, length, width, np.radians([-toe_out, toe_out]), strike=rng.uniform(13, 17), roll=rng.uniform(46, 54)
    )
    feet = _feet(body, gait, time)
    phase = 2 * np.pi * (time - gait.both / 2) / gait.stride
    posture = _walking_posture(rng, style, phase, feet.pitch, sway)
    standing = com_height(body, {"arm_flex": 2, "elbow_flex": 28}, knee=9)
    rise = rng.uniform(0.0115, 0.0135) * h
    return Plan(
        time=time,
        keep=slice(pad, pad + frames),
        perform=slice(pad - lead, pad + frames + lead),
        posture=posture_track(rng, time, posture),
        com_height=standing - 0.014 * h - rise * np.cos(2 * phase),
        feet_position=Track.through(time, feet.position),
        feet_pitch=Track.through(time, feet.pitch),
        feet_yaw=gait.yaw,
        load=feet.load,
        support=feet.support,
        planted=feet.planted,
        swing=np.radians([13.0, 0.0, 0.0, 29.0, 21.0, 0.0]),
    )


def _stance_pitch(gait: _Gait) -> BPoly:
    """Return the foot's pitch during stance, degrees: the heel strikes, the sole comes down and stays, the ball rolls.

    A function of the time since heel strike, s.
    """
    stance = gait.stance
    return BPoly.from_derivatives(
        [0, 0.15 * stance, 0.56 * stance, stance],
        [[gait.strike, -170, 0], [0, 0, 0], [0, 0, 0], [-gait.roll, -330, 0]],
    )


def _stance_path(body: Body, gait: _Gait, turn: Rotation) -> Callable[[np.ndarray], np.ndarray]:
    """Return the calcaneus origin in stance relative to where its heel struck, a function [n] s -> [n, 3] m."""
    heel, ball = body.sole["heel"], body.sole["ball"]
    pitch = _stance_pitch(gait)

    def path(u: np.ndarray) -> np.ndarray:
        lift = about(RIGHT, np.radians(pitch(u)))
        on_heel = -lift.apply(heel)
        on_ball = ball - heel - lift.apply(ball)
        return turn.apply(np.where((u < 0.4 * gait.stance)[:, None], on_heel, on_ball))

    return path


def _state(path: Callable[[np.ndarray], np.ndarray], time: float) -> list[np.ndarray]:
    """Return value, rate and acceleration of a path at one time, by central differences."""
    before, at, after = path(time + _STENCIL)
    return [at, (after - before) / 2e-3, (after - 2 * at + before) / 1e-6]


def _feet(body: Body, gait: _Gait, time: np.ndarray) -> _Feet:
    """Return the way of both feet over the ground and through the air."""
    n = len(time)
    heel, ball = body.sole["heel"], body.sole["ball"]
    feet = _Feet(np.zeros((n, 2, 3)), np.zeros((n, 2)), np.zeros((n, 2)), np.zeros((n, 2, 2)), np.ones((n, 2), bool))
    # The centre of pressure's way from heel (0) to ball (1) and beyond, as pressure plates show it.
    roll_over = PchipInterpolator([0, 0.2, 0.5, 0.8, 1], [0.14, 0.52, 0.80, 1.02, 1.14])
    pitch = _stance_pitch(gait)
    swung = BPoly.from_derivatives([gait.stance, gait.stride], [[-gait.roll, -330, 0], [gait.strike, -170, 0]])
    for f, side in enumerate((1, -1)):
        turn = about(UP, gait.yaw[f])
        count = np.floor((time - f * gait.step_time) / gait.stride)
        u = time - f * gait.step_time - count * gait.stride
        struck = np.zeros((n, 3))
        struck[:, 0] = (2 * count + f) * gait.length
        struck[:, 2] = side * gait.width
        swing = u > gait.stance
        feet.planted[:, f] = ~swing
        on_ground = _stance_path(body, gait, turn)
        off, on = _state(on_ground, gait.stance), _state(on_ground, 0)
        on[0] = on[0] + [2 * gait.length, 0, 0]
        # In swing the leg's joint angles are planned, not the foot's path; this one only joins the stances smoothly.
        through_air = BPoly.from_derivatives([gait.stance, gait.stride], [off, on])
        feet.position[:, f] = struck + np.where(swing[:, None], through_air(u), on_ground(u))
        feet.pitch[:, f] = np.radians(np.where(swing, swung(u), pitch(u)))
        feet.load[:, f] = step(u / gait.both) - step((u - gait.step_time) / gait.both)
        along = roll_over(np.clip(u / gait.stance, 0, 1))
        feet.support[:, f] = (struck + turn.apply(np.outer(along, ball - heel)))[:, [0, 2]]
    return feet


def _walking_posture(
    rng: np.random.Generator, style: Style, phase: np.ndarray, feet_pitch: np.ndarray, sway: bool
) -> Posture:
    """Return the posture of pelvis, trunk, arms and toes, degrees, over the phase of the stride, [n] rad."""
    right_standing = np.cos(phase - np.pi / 2)
    pelvic_list, pelvic_turn = rng.uniform(3, 5), rng.uniform(6, 9)
    lean = (rng.uniform(11, 15) + 1.5 * style.lean) * right_standing if sway else 0.0
    swing_of_arms = 20 + 4 * style.arms + rng.normal(0, 2)
    flexed = np.clip(-np.degrees(feet_pitch), 0, None)
    posture: dict[str, np.ndarray | float] = {
        "pelvis_tilt": 1 + 0.8 * np.cos(2 * phase) + style.lean,
        "pelvis_list": -pelvic_list * right_standing + 0.15 * lean,
        "pelvis_rotation": pelvic_turn * np.cos(phase),
        "lumbar_extension": -6 + 1.2 * np.cos(2 * phase) - style.lean,
        "lumbar_bending": 0.8 * pelvic_list * right_standing + lean,
        "lumbar_rotation": -1.6 * pelvic_turn * np.cos(phase),
    }
    for f, (s, opposite) in enumerate((("r", -1), ("l", 1))):
        posture |= {
            f"arm_flex_{s}": 2 + opposite * swing_of_arms * np.cos(phase),
            f"arm_add_{s}": -7.0,
            f"arm_rot_{s}": -8.0,
            f"elbow_flex_{s}": 28 + 3 * style.arms + opposite * 12 * np.cos(phase),
            f"pro_sup_{s}": 108.0,
            f"mtp_angle_{s}": -0.9 * flexed[:, f] ** 3 / (flexed[:, f] ** 2 + 400),
        }
    return posture

"""The plan of a motion: smooth quantities on a time grid, and operations on a whole plan."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.spatial.transform import Rotation

TRANSLATION, ORIENTATION = np.arange(3), np.arange(3, 6)
"""MuJoCo's indices of the pelvis' coordinates."""
UP, RIGHT = (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def about(axis: tuple[float, float, float], angle: float | np.ndarray) -> Rotation:
    """Return the rotations about a unit axis by angles [...] rad."""
    return Rotation.from_rotvec(np.multiply.outer(angle, axis))


@dataclass(frozen=True)
class Track:
    """A smooth quantity on a time grid with its first and second derivatives, each [n, ...]."""

    value: np.ndarray
    rate: np.ndarray
    acceleration: np.ndarray

    @classmethod
    def through(cls, time: np.ndarray, value: np.ndarray) -> Track:
        """Make the track of a quintic spline through samples; its rates are the spline's exact derivatives."""
        spline = make_interp_spline(time, value, k=5)
        return cls(value, spline.derivative(1)(time), spline.derivative(2)(time))


@dataclass(frozen=True)
class Jump:
    """The contact phase of a drop jump; before and after it the body flies."""

    touch_down: int
    take_off: int
    """Grid indices: the first and the last frame with planted feet; between them the ground pushes."""
    com: Track
    """[n, 3] m: parabola, push, parabola."""
    reach: np.ndarray
    """[n, 2] m: largest distance of the centre of pressure from its reference, x and z."""
    leg_before: np.ndarray
    leg_after: np.ndarray
    """[12] rad: the legs' postures in flight, in the order of LEG_DOFS."""


@dataclass(frozen=True)
class Seat:
    """A seat that carries a part of the body.

    Its force acts under the buttocks and thighs: as far forward, within ``reach``, as leaves the feet no more than
    ``rest`` of the load; what lies further forward comes onto the feet.
    """

    height: float
    """Of its surface, m."""
    reach: tuple[float, float]
    """Where it can push, furthest back and furthest forward, m along the heading from ``origin``."""
    rest: float
    """The feet's share of the load when the person sits back, 0 to 1."""
    share: np.ndarray
    """[n] 0 to 1: its share of the horizontal force; 0: the person does not sit."""
    heading: float = 0.0
    """Of the person, rad about the vertical, to the left."""
    origin: np.ndarray = field(default_factory=lambda: np.zeros(2))
    """[2] m (x, z)."""


@dataclass(frozen=True)
class Plan:
    """A motion as planned, on a grid of n times.

    ``keep`` are the frames of the trial. ``perform`` are those that are solved: more than ``keep``, so that the limbs'
    reactions are known before and after. The remaining frames only lead the centre of mass into and out of the motion.
    ``posture`` [n, 33] (MuJoCo's order) prescribes the pelvis' orientation and everything above it; the legs and the
    pelvis' translation follow from the rest.
    """

    time: np.ndarray
    keep: slice
    perform: slice
    posture: Track
    com_height: np.ndarray
    """[n] m."""
    feet_position: Track
    """[n, 2, 3] m: calcaneus origins, right and left."""
    feet_pitch: Track
    """[n, 2] rad, toes up."""
    feet_yaw: np.ndarray
    """[2] rad about the vertical, to the left."""
    load: np.ndarray
    """[n, 2] each foot's share of the ground reaction; the two sum to 1."""
    support: np.ndarray
    """[n, 2, 2] m: each foot's planned centre of pressure, x and z."""
    planted: np.ndarray
    """[n, 2] bool: the foot follows ``feet_position``; otherwise its leg swings or flies."""
    swing: np.ndarray = field(default_factory=lambda: np.zeros(6))
    """[6] rad: how much more a leg bends in mid-swing than a smooth curve from lift-off to strike (order of LEGS)."""
    jump: Jump | None = None
    seat: Seat | None = None
    squeeze: float = 0.5
    """How much the reactions of two feet on the ground turn towards the centre of mass, 0 to 1."""

    @property
    def planned_cop(self) -> np.ndarray:
        """The planned centre of pressure of both feet together [n, 2] m."""
        return np.einsum("nf,nfx->nx", self.load, self.support)


def turn_plan(plan: Plan, heading: float, origin: np.ndarray) -> Plan:
    """Turn a plan about the vertical by ``heading`` rad and move it by ``origin`` [2] m (x, z)."""
    turn = about(UP, heading)
    shift = np.array([origin[0], 0, origin[1]])

    def place(track: Track) -> Track:
        matrix = turn.as_matrix().T
        return Track(track.value @ matrix + shift, track.rate @ matrix, track.acceleration @ matrix)

    value = plan.posture.value.copy()
    turned = turn * Rotation.from_euler("ZXY", value[:, ORIENTATION])
    value[:, ORIENTATION] = np.unwrap(turned.as_euler("ZXY"), axis=0)
    horizontal = turn.as_matrix()[np.ix_([0, 2], [0, 2])].T
    jump = plan.jump and replace(plan.jump, com=place(plan.jump.com))
    return replace(
        plan,
        posture=Track.through(plan.time, value),
        feet_position=place(plan.feet_position),
        feet_yaw=plan.feet_yaw + heading,
        support=plan.support @ horizontal + origin,
        jump=jump,
        seat=plan.seat and replace(plan.seat, heading=plan.seat.heading + heading, origin=origin),
    )


def lower(plan: Plan, by: float) -> Plan:
    """Return the plan with its centre of mass ``by`` m nearer to the floor, where legs bend more."""
    jump = plan.jump
    if jump is not None:
        com = jump.com
        jump = replace(jump, com=Track(com.value - [0, by, 0], com.rate, com.acceleration))
    return replace(plan, com_height=plan.com_height - by, jump=jump)

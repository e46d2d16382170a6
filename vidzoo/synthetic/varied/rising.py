"""Perform rising from a chair and sitting down again, with the chair's part of the load.

The phases are those of Schenkman et al. (1990), Phys. Ther. 70(10):638-648: the trunk's flexion brings the body over
the feet while the chair still carries it, the greatest flexion comes soon after the chair is left, then hips and knees
extend. Seats are 0.38 to 0.54 m high (usual chairs 0.43 to 0.47 m).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vidzoo.synthetic.body import Body
from vidzoo.synthetic.dynamics import Performance
from vidzoo.synthetic.path import perform_path
from vidzoo.synthetic.plan import Plan, Seat, Track
from vidzoo.synthetic.postures import RATE_HZ, both_sides, frame_times, sole_point, stance
from vidzoo.synthetic.segments import ANKLE_HEIGHT, foot_points
from vidzoo.synthetic.solver import OutOfReachError
from vidzoo.synthetic.varied.common import Manner, arms, around, check_soles, curve, pelvis_track

COARSE_HZ = 50.0
"""Frames per second with which the lean is sought."""
MAX_SLIP = 0.03
"""Largest slide of the hips on the seat before it is left, m."""
ENOUGH_SLIP = 0.015
"""Slide of the hips, m, at which the search of the lean ends."""
MAX_EXTRA_LEAN = 25.0
"""Largest change of the drawn lean, degrees, that balance may ask for."""


def leg_reach(body: Body, knee: float) -> float:
    """Return the distance of hip and ankle centres, m, with the knee bent by degrees."""
    a, b = body.lengths["thigh"], body.lengths["shank"]
    return float(np.sqrt(a * a + b * b + 2 * a * b * np.cos(np.radians(knee))))


@dataclass(frozen=True, eq=False)
class _Rising:
    """The draws of one trial: times s, places m, angles degrees."""

    before: float
    flexing: float
    rise: float
    stand: float
    sit: float
    reclining: float
    after: float
    seat: float
    sitting: np.ndarray
    """[2] the hips' middle on the seat, forward and up."""
    standing: np.ndarray
    early: float
    """How long before it leaves the seat the body begins to go forward."""
    arrive: float
    leave: float
    late: float
    slouch: float
    tall: float
    pelvis: float
    lumbar: float
    lumbar_sit: float
    lumbar_stand: float
    lag: float
    hang: float
    held: dict[str, float]
    feet: tuple[np.ndarray, np.ndarray]
    pressed: tuple[float, float, float]
    """Where the feet press, body heights before the calcaneus: leaving the seat, standing, reaching the seat."""
    right: float
    reach: tuple[float, float]
    rest: float
    squeeze: float
    sway_seed: int

    @property
    def off(self) -> float:
        """When the seat is left."""
        return self.before + self.flexing

    @property
    def on(self) -> float:
        """When the seat is reached again."""
        return self.off + self.rise + self.stand + self.sit


def _draw(body: Body, rng: np.random.Generator, manner: Manner, weak_legs: bool) -> _Rising:
    h, thigh, shank = body.subject.height, body.lengths["thigh"], body.lengths["shank"]
    slow = around(rng, 1.0, 0.16, -manner.speed) * (1.12 if weak_legs else 1.0)
    before, flexing, rise = rng.uniform(0.2, 0.6), rng.uniform(0.28, 0.5) * slow, rng.uniform(0.85, 1.2) * slow
    stand, sit = rng.uniform(0.2, 0.8), rng.uniform(0.95, 1.35) * slow
    reclining, after = rng.uniform(0.3, 0.6) * slow, rng.uniform(0.2, 0.5)

    seat = np.clip(around(rng, 0.455, 0.03), 0.38, 0.54)
    hip_height = max(seat + 0.052 * h, 0.85 * (shank + ANKLE_HEIGHT * h))
    shank_lean = np.radians(around(rng, 9.0, 5.0, manner.support, 0.3))
    ankle = np.array([foot_points(body.subject)[0][0], ANKLE_HEIGHT * h])
    knee = ankle + shank * np.array([np.sin(shank_lean), np.cos(shank_lean)])
    sitting = np.array([knee[0] - np.sqrt(thigh**2 - (hip_height - knee[1]) ** 2), hip_height])
    standing = ankle + [-0.005 * h, leg_reach(body, rng.uniform(5, 10)) - 0.002 * h]
    early, arrive, leave = rng.uniform(0.04, 0.14), rng.uniform(0.85, 1.0), rng.uniform(0.85, 1.0)
    late = rng.uniform(0.0, 0.08)

    slouch, tall = around(rng, 16, 8, manner.lean), rng.uniform(-1, 4)
    pelvis, lumbar = around(rng, -24, 6, -manner.lean), around(rng, -24, 6, -manner.lean)
    if weak_legs:
        pelvis, lumbar = pelvis - 10, lumbar - 14
    lumbar_sit, lumbar_stand = around(rng, -28, 7), rng.uniform(-8, 0)
    lag, hang = rng.uniform(0.15, 0.3), rng.uniform(0.15, 0.3)
    held = arms(rng, str(rng.choice(["crossed", "hanging", "forward"], p=[0.6, 0.2, 0.2])), manner)
    width = max(around(rng, 0.15, 0.03, manner.width), 0.08) * h
    feet = stance(body, rng, width, around(rng, 8, 6, manner.toe_out))
    pressed = (
        float(np.clip(around(rng, 0.020, 0.014, manner.support), -0.004, 0.06)),
        float(np.clip(around(rng, 0.050, 0.010, manner.support), 0.025, 0.075)),
        float(np.clip(around(rng, 0.018, 0.012, manner.support), -0.004, 0.05)),
    )
    right = 0.5 + 0.02 * manner.side + rng.normal(0, 0.01)
    reach = sitting[0] - 0.03 * h, sitting[0] + rng.uniform(0.03, 0.10) * h
    return _Rising(
        before, flexing, rise, stand, sit, reclining, after, seat, sitting, standing, early, arrive, leave, late,
        slouch, tall, pelvis, lumbar, lumbar_sit, lumbar_stand, lag, hang, held, feet, pressed, right, reach,
        rest=rng.uniform(0.02, 0.16), squeeze=rng.uniform(0.2, 0.8), sway_seed=int(rng.integers(2**31)),
    )  # fmt: skip


def _posture(d: _Rising, time: np.ndarray, lean: np.ndarray) -> dict[str, np.ndarray | float]:
    """Return the posture; ``lean`` [2] degrees: added to the trunk's flexion when the seat is left and reached."""
    up, down = d.off + d.rise, d.on - d.sit
    return both_sides({
        **d.held, "mtp_angle": 0.0,
        "pelvis_tilt": curve(time, (d.before, d.slouch), (d.off + d.lag * d.rise, d.pelvis + lean[0]), (up, d.tall),
                             (down, d.tall), (d.on - d.hang * d.sit, d.pelvis + lean[1]),
                             (d.on + d.reclining, d.slouch)),
        "lumbar_extension": curve(time, (d.before, d.lumbar_sit), (d.off, d.lumbar + 0.5 * lean[0]),
                                  (d.off + 1.05 * d.rise, d.lumbar_stand), (down, d.lumbar_stand),
                                  (d.on - 0.5 * d.hang * d.sit, d.lumbar + 0.5 * lean[1]),
                                  (d.on + d.reclining, d.lumbar_sit)),
    })  # fmt: skip


def _plan(body: Body, d: _Rising, lean: np.ndarray, rate_hz: float) -> Plan:
    off, on, (position, yaw) = d.off, d.on, d.feet
    time = frame_times(round((on + d.reclining + d.after) * 50) / 50, rate_hz)
    n = len(time)
    up = curve(time, (off + d.late, 0), (off + d.rise, 1), (on - d.sit, 1), (on - d.late, 0))
    forward = curve(
        time, (off - d.early, 0), (off + d.arrive * d.rise, 1), (on - d.sit * d.leave, 1), (on + d.early, 0)
    )
    way = d.standing - d.sitting
    hips = np.column_stack([d.sitting[0] + way[0] * forward, d.sitting[1] + way[1] * up, 0 * up])
    where, still = np.broadcast_to(position, (n, 2, 3)), np.zeros((n, 2, 3))
    first, middle, last = d.pressed
    ahead = curve(time, (off - 0.05, first), (off + 0.7 * d.rise, middle), (on - 0.8 * d.sit, middle), (on, last))
    share = curve(time, (off - 0.2, 1), (off + 0.02, 0), (on - 0.02, 0), (on + 0.2, 1))
    return Plan(
        time=time, keep=slice(None), perform=slice(None),
        posture=pelvis_track(np.random.default_rng(d.sway_seed), body, time, _posture(d, time, lean), hips),
        com_height=hips[:, 1] + 0.12 * body.subject.height,
        feet_position=Track(where, still, still), feet_pitch=Track(*[np.zeros((n, 2))] * 3), feet_yaw=yaw,
        load=np.tile([d.right, 1 - d.right], (n, 1)),
        support=sole_point(body, where, yaw, ahead[:, None, None]), planted=np.ones((n, 2), bool),
        seat=Seat(d.seat, d.reach, d.rest, share), squeeze=d.squeeze,
    )  # fmt: skip


def rise_and_sit(body: Body, rng: np.random.Generator, manner: Manner, weak_legs: bool = False) -> Performance:
    """Perform rising and sitting down; with weak legs the trunk bends far forward, which unloads the knees.

    The trunk bends as far as balance asks for: until the hips need not slide on the seat for the feet to take over.

    Raises:
        OutOfReachError: no lean near the drawn one keeps the balance, or a leg is too short.
    """
    drawn = _draw(body, rng, manner, weak_legs)
    at = [round(drawn.off * COARSE_HZ), round(drawn.on * COARSE_HZ)]
    lean, gain = np.zeros(2), np.full(2, 0.006)  # m of slide per degree
    slip = perform_path(body, _plan(body, drawn, lean, COARSE_HZ), passes=1).shift[at, 0]
    for _ in range(3):
        change = np.clip(-slip / gain, -15, 15)
        fresh = perform_path(body, _plan(body, drawn, lean + change, COARSE_HZ), passes=1).shift[at, 0]
        gain = np.clip((fresh - slip) / np.where(np.abs(change) > 0.2, change, np.inf), 0.003, 0.015)
        lean, slip = lean + change, fresh
        if np.abs(lean).max() > MAX_EXTRA_LEAN + 5 or np.abs(slip).max() < ENOUGH_SLIP:
            break
    if np.abs(lean).max() > MAX_EXTRA_LEAN or np.abs(slip).max() > MAX_SLIP:
        raise OutOfReachError(f"balance asks for {lean} degrees more lean and a slide of {slip} m")
    done = perform_path(body, _plan(body, drawn, lean, RATE_HZ), passes=3)
    check_soles(body, done)
    return done.performance

"""Perform a plan of the pelvis' path, moved so that the ground can push where the plan says.

The solver of :mod:`vidzoo.synthetic.dynamics` places the body by its centre of mass; a chair or a knee's loading
response are told by the pelvis instead. The legs follow from pelvis and feet. What the pelvis' path gets wrong in the
centre of pressure is repaired as humanoid robots do it ("dynamics filter", Kajita et al. 2003): a shift d(t) of the
body moves the centre of pressure by ``d - d'' y / (g + y'')``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.interpolate import BPoly, PchipInterpolator
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfiltfilt

from vidzoo.synthetic.body import LEGS, Body
from vidzoo.synthetic.dynamics import Performance, record, zero_moment_com
from vidzoo.synthetic.plan import TRANSLATION, Plan, Track
from vidzoo.synthetic.solver import OutOfReachError, Solver

PASSES = 3
"""The legs do not shift with the pelvis, so that a pass leaves about a fifth of the error."""
CUTOFF_HZ = 7.0
"""Low-pass filter of the coordinates: recorded motion has passed one, too."""
GAP = 0.06
"""How long a foot may be a little out of reach, s: the legs' angles are then interpolated."""
MAX_RATE = np.radians(400.0)
"""Fastest turn of a joint with which a swing begins or ends, rad/s."""
MAX_ERROR = 0.15
"""Largest error of the centre of pressure that one pass repairs, m."""


@dataclass(frozen=True)
class Performed:
    """A plan as it was performed."""

    plan: Plan
    performance: Performance
    shift: np.ndarray
    """[n, 2] m: how far the pelvis was moved from its first path, x and z."""


def perform_path(body: Body, plan: Plan, passes: int = PASSES) -> Performed:
    """Perform a plan whose posture holds the pelvis' translation; ``passes`` repairs of the centre of pressure.

    Raises:
        OutOfReachError: a leg is too short for the plan.
    """
    shift = np.zeros((len(plan.time), 2))
    wanted = np.zeros_like(shift)
    before = None
    for n in range(passes + 1):
        solver = Solver(body, plan, None)
        _solve(solver, before)
        before = solver.q
        performance = record(body, plan if n == passes else replace(plan, keep=plan.perform), solver)
        if n < passes:
            error = np.clip(performance.cop_error * (1 - performance.seat_share[:, None]), -MAX_ERROR, MAX_ERROR)
            wanted[plan.perform] -= gaussian_filter1d(error, 0.04 / (plan.time[1] - plan.time[0]), axis=0)
            step = zero_moment_com(plan.time, plan.com_height, wanted) - shift
            shift = shift + step
            plan = moved(plan, step)
    return Performed(plan, performance, shift)


def _solve(solver: Solver, before: np.ndarray | None) -> None:
    """Fill in the coordinates [n, 33] and their rates; ``before``: coordinates of a plan that is nearly the same."""
    plan = solver.plan
    frames = np.arange(len(plan.time))[plan.perform]
    dt = plan.time[1] - plan.time[0]
    q = solver.posture.value.copy()
    placed = np.zeros(len(plan.time), bool)
    guess = solver.guess(frames[0])
    gap = round(GAP / dt)
    for k in frames:
        start = q[k].copy()
        for f, side in enumerate("rl"):
            if plan.planted[k, f]:
                source = guess if before is None or not before[k, LEGS[side]].any() else before[k]
                start[LEGS[side]] = source[LEGS[side]]
        try:
            q[k] = guess = solver.place(k, start)
            placed[k] = True
        except OutOfReachError:
            if k - frames[0] < 1 or not placed[max(k - gap, frames[0]) : k].any():
                raise
    missing = frames[~placed[frames]]
    for side in "rl" if len(missing) else ():
        q[np.ix_(missing, LEGS[side])] = PchipInterpolator(
            frames[placed[frames]], q[np.ix_(frames[placed[frames]], LEGS[side])]
        )(missing)
    for f, side in enumerate("rl"):
        stance = plan.planted[:, f] & placed
        for lift, strike in pairwise(np.flatnonzero(stance).tolist()):
            if strike > lift + 1:
                _swing(plan, q, LEGS[side], lift, strike)
    solver.q[:] = q
    low_pass(solver, plan.perform, CUTOFF_HZ)


def low_pass(solver: Solver, frames: slice, cutoff_hz: float) -> None:
    """Filter a solver's coordinates as recordings are, without delay, and take their rates from splines."""
    time = solver.plan.time[frames]
    sections = butter(2, cutoff_hz, fs=1 / (time[1] - time[0]), output="sos")
    track = Track.through(time, sosfiltfilt(sections, solver.q[frames], axis=0))
    solver.q[frames], solver.v[frames], solver.a[frames] = track.value, track.rate, track.acceleration


def _swing(plan: Plan, q: np.ndarray, legs: np.ndarray, lift: int, strike: int) -> None:
    """Fill in a swinging leg's angles between two planted frames: a cubic, and the plan's extra bend."""
    time = plan.time
    dt = time[1] - time[0]
    ends = [[q[lift, legs], np.clip((q[lift, legs] - q[lift - 1, legs]) / dt, -MAX_RATE, MAX_RATE)],
            [q[strike, legs], np.clip((q[strike + 1, legs] - q[strike, legs]) / dt, -MAX_RATE, MAX_RATE)]]  # fmt: skip
    inside = time[lift + 1 : strike]
    x = (inside - time[lift]) / (time[strike] - time[lift])
    bump = x**2 * (1 - x) ** 3 / 0.03456
    q[lift + 1 : strike, legs] = BPoly.from_derivatives([time[lift], time[strike]], ends)(inside) + np.outer(
        bump, plan.swing
    )


def moved(plan: Plan, by: np.ndarray) -> Plan:
    """Return the plan with its pelvis moved by [n, 2] m, x and z."""
    value = plan.posture.value.copy()
    value[:, TRANSLATION[[0, 2]]] += by
    return replace(plan, posture=Track.through(plan.time, value))

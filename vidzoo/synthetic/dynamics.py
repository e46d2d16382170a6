"""Perform a plan: its coordinates, ground reactions and torques by exact rigid-body dynamics in MuJoCo.

A plan says where the whole-body centre of mass and the feet are, how the upper body moves and how the load is shared.
The coordinates, velocities and accelerations of each frame are solved for these conditions
(:mod:`vidzoo.synthetic.solver`). The ground wrench then follows from the six equations of motion of the pelvis, so that
the pelvis' residual is zero by construction: ``tau = M(q) a + b(q, v) - J_R^T W_R - J_L^T W_L``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import mujoco
import numpy as np
from scipy.linalg import solve_banded
from scipy.ndimage import gaussian_filter1d

from vidzoo.anatomy import COORDINATES, GRAVITY
from vidzoo.synthetic.body import INDEPENDENT, TO_COORDINATES, Body
from vidzoo.synthetic.plan import UP, Plan, Seat, Track, about
from vidzoo.synthetic.solver import Solver, centre_of_pressure


@dataclass(frozen=True)
class Performance:
    """A motion as performed: F frames, C coordinates."""

    time: np.ndarray
    coordinates: np.ndarray
    """[F, C] rad, m."""
    coordinate_velocities: np.ndarray
    """[F, C]: analytic."""
    accelerations: np.ndarray
    """[F, C]."""
    torques: np.ndarray
    """[F, C] N·m, N."""
    inertial_torques: np.ndarray
    """[F, C]: without any ground reaction."""
    foot_jacobians: np.ndarray
    """[F, 2, 6, C]: rotation rows, then translation rows, of the calcaneus origins."""
    grf: np.ndarray
    """[F, 2, 9]: force N, centre of pressure m, free moment N·m."""
    foot_wrenches: np.ndarray
    """[F, 2, 6]: moment about the calcaneus origin N·m, force N."""
    cop_error: np.ndarray
    """[F, 2] m: offset of the feet's centre of pressure from its plan."""
    seat_share: np.ndarray
    """[F] what a seat carries of the vertical force, which the pelvis' forces then lack."""


def zero_moment_com(time: np.ndarray, height: np.ndarray, cop: np.ndarray) -> np.ndarray:
    """Return the horizontal centre of mass [n, 2] whose ground reaction passes through ``cop`` [n, 2], if rigid.

    Solves c'' = (g + y'') / y * (c - p) as a boundary-value problem (the inverted pendulum of zero-moment-point
    walking, Kajita et al. 2003).
    """
    n, dt = len(time), time[1] - time[0]
    stiffness = (GRAVITY + Track.through(time, height).acceleration) / height * dt**2
    bands = np.ones((3, n))
    bands[1] = -2 - stiffness
    right = -stiffness[:, None] * cop
    bands[1, [0, -1]] = 1
    bands[0, 1] = bands[2, -2] = 0
    right[[0, -1]] = cop[[0, -1]]
    return solve_banded((1, 1), bands, right)


def perform(body: Body, plan: Plan) -> Performance:
    """Perform a plan.

    Without a jump the horizontal centre of mass is planned from the centre of pressure: first for a rigid body, then
    twice with a correction for the swinging limbs, so that the centre of pressure stays where it was planned. Plans of
    the pelvis' path are for :func:`vidzoo.synthetic.path.perform_path`.

    Raises:
        OutOfReachError: a leg is too short for the plan.
    """
    if plan.jump is not None:
        solver = Solver(body, plan, plan.jump.com)
        solver.solve_jump()
        return record(body, plan, solver)
    cop = plan.planned_cop
    for _ in range(3):
        horizontal = zero_moment_com(plan.time, plan.com_height, cop)
        com = np.column_stack([horizontal[:, 0], plan.com_height, horizontal[:, 1]])
        solver = Solver(body, plan, Track.through(plan.time, com))
        solver.solve_prescribed()
        performance = record(body, replace(plan, keep=plan.perform), solver)
        # Without smoothing, the error of a nearly straight, fast leg would grow from one iteration to the next.
        cop[plan.perform] -= gaussian_filter1d(np.clip(performance.cop_error, -0.1, 0.1), 4.0, axis=0)
    return record(body, plan, solver)


def _squeeze(plan: Plan, k: int, force: np.ndarray) -> np.ndarray:
    """Return the horizontal force [3] N that the right foot has and the left opposes, along the line between them.

    It has no effect on the motion. It turns each foot's reaction towards the centre of mass, as in standing and walking
    people (feet apart press outwards; a leading foot brakes while the trailing one propels). With a ``plan.squeeze`` of
    1 the reactions point at the centre of mass.
    """
    right, left = plan.support[k]
    share = plan.squeeze * plan.load[k].prod() * force[1] / plan.com_height[k]
    return share * np.array([left[0] - right[0], 0.0, left[1] - right[1]])


def _without_seat(
    plan: Plan, seat: Seat, k: int, force: np.ndarray, moment: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return what the feet have of a wrench about the origin while a seat carries a part: force, moment, share.

    The seat's horizontal force is planned. Its vertical force and where it acts leave the feet's centre of pressure
    where it is planned.
    """
    turn = about(UP, seat.heading)
    origin = np.array([seat.origin[0], 0, seat.origin[1]])
    f, m = turn.apply([force, moment - np.cross(origin, force)], inverse=True)
    x, _, z = turn.apply([plan.planned_cop[k, 0] - origin[0], 0, plan.planned_cop[k, 1] - origin[2]], inverse=True)
    level = seat.share[k] * f * [1, 0, 1]
    # What the vertical forces of feet and seat must give together: sum of force times place.
    along, across = m[2] + seat.height * level[0], -m[0] + seat.height * level[2]
    most = (1 - seat.rest) * f[1]
    place = float(np.clip((along - x * seat.rest * f[1]) / most, *seat.reach))
    lift = float(np.clip((along - x * f[1]) / (place - x), 0, most))
    side = np.clip((across - z * (f[1] - lift)) / max(lift, 1e-3 * f[1]), z - 0.15, z + 0.15)
    carried = level + [0, lift, 0]
    moment_carried = np.cross([place, seat.height, side], carried)
    f, m = turn.apply([f - carried, m - moment_carried])
    return f, m + np.cross(origin, f), lift / force[1]


def record(body: Body, plan: Plan, solver: Solver) -> Performance:
    """Compute ground reactions and torques of the frames to keep."""
    frames = np.arange(len(plan.time))[plan.keep]
    n, nv, data, model = len(frames), solver.nv, body.data, body.model
    inertial, torques, jacobians = np.zeros((n, nv)), np.zeros((n, nv)), np.zeros((n, 2, 6, nv))
    grf, wrenches, cop_error = np.zeros((n, 2, 9)), np.zeros((n, 2, 6)), np.zeros((n, 2))
    seat_share = np.zeros(n)
    planned = plan.planned_cop
    for i, k in enumerate(frames):
        data.qpos[:], data.qvel[:], data.qacc[:] = solver.q[k], solver.v[k], solver.a[k]
        mujoco.mj_fwdPosition(model, data)
        mujoco.mj_fwdVelocity(model, data)
        solver.update_rows()
        mujoco.mj_rne(model, data, 1, inertial[i])
        force, moment = solver.ground_wrench(solver.a[k])
        flies = plan.jump is not None and not plan.jump.touch_down < k < plan.jump.take_off
        if not flies:
            cop, free = centre_of_pressure(force, moment)
            cop_error[i] = cop - planned[k]
        torques[i] = inertial[i]
        if plan.seat is not None and plan.seat.share[k] > 0:
            force, moment, seat_share[i] = _without_seat(plan, plan.seat, k, force, moment)
            cop, free = centre_of_pressure(force, moment)
            cop_error[i] = cop - planned[k]
        squeeze = _squeeze(plan, k, force)
        for f, foot in enumerate(body.feet):
            rows = jacobians[i, f]
            mujoco.mj_jacBody(model, data, rows[3:], rows[:3], foot)
            if flies or plan.load[k, f] == 0:
                continue
            # The feet share force and free moment by load; both centres of pressure have the same offset.
            foot_cop = plan.support[k, f] + cop_error[i]
            point = np.array([foot_cop[0], 0.0, foot_cop[1]])
            foot_force = plan.load[k, f] * force + (squeeze if f == 0 else -squeeze)
            foot_free = np.array([0.0, plan.load[k, f] * free, 0.0])
            grf[i, f] = np.concatenate([foot_force, point, foot_free])
            wrenches[i, f] = np.concatenate([np.cross(point - data.xpos[foot], foot_force) + foot_free, foot_force])
            torques[i] -= rows.T @ wrenches[i, f]

    c = TO_COORDINATES
    dependent = np.array([name not in INDEPENDENT for name in COORDINATES])

    def expand(array: np.ndarray) -> np.ndarray:
        """Return a generalized force or Jacobian in OpenSim's order; the dependent coordinates carry none."""
        return np.where(dependent, 0.0, array[..., c])

    return Performance(
        time=plan.time[frames] - plan.time[frames[0]],
        coordinates=solver.q[frames][:, c],
        coordinate_velocities=solver.v[frames][:, c],
        accelerations=solver.a[frames][:, c],
        torques=expand(torques),
        inertial_torques=expand(inertial),
        foot_jacobians=expand(jacobians),
        grf=grf,
        foot_wrenches=wrenches,
        cop_error=cop_error,
        seat_share=seat_share,
    )

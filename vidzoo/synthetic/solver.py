"""Solve a plan for the coordinates, velocities and accelerations of each frame, with MuJoCo."""

from __future__ import annotations

from itertools import pairwise

import mujoco
import numpy as np
from scipy.interpolate import BPoly

from vidzoo.anatomy import GRAVITY
from vidzoo.synthetic.body import DOF, LEGS, Body
from vidzoo.synthetic.plan import ORIENTATION, RIGHT, TRANSLATION, UP, Plan, Track, about

LEG_DOFS = np.concatenate([LEGS["r"], LEGS["l"]])
KNEES = [DOF["knee_angle_r"], DOF["knee_angle_l"]]
MIN_KNEE = np.radians(2.0)
TRUNK_STIFFNESS, TRUNK_DAMPING = 150.0, 24.0
"""Feedback that keeps the pelvis' orientation near its plan in a drop jump's contact, 1/s^2 and 1/s."""
MAX_FREE_MOMENT = 0.02
"""Largest free moment of the ground in a drop jump, N·m per N of vertical force."""
LEG_RATE = 25.0
"""How fast a leg in flight changes from its state at contact to its flight posture, 1/s."""
NO_FORCE = np.zeros(6)
PATH_TOLERANCE = 1e-6
"""How near, m and rad, a foot comes to its plan where the pelvis' path is planned and the result is filtered."""


class OutOfReachError(Exception):
    """A plan needs a longer leg than the body has."""


class Solver:
    """Positions, velocities and accelerations of one body under a plan, frame by frame.

    Args:
        body: the person.
        plan: what they do.
        com: the path of the centre of mass, which the pelvis' translation follows from; None: the plan's posture
            prescribes the pelvis' translation too.
    """

    def __init__(self, body: Body, plan: Plan, com: Track | None) -> None:
        self.body, self.plan, self.com = body, plan, com
        self.model, self.data = body.model, body.data
        self.nv = self.model.nv
        self.q, self.v, self.a = (np.zeros((len(plan.time), self.nv)) for _ in range(3))
        self.posture = Track(plan.posture.value.copy(), plan.posture.rate.copy(), plan.posture.acceleration.copy())
        yaw = about(UP, plan.feet_yaw)
        self.pitch_axis = yaw.apply(RIGHT)
        self.feet_rotation = [(yaw[f] * about(RIGHT, plan.feet_pitch.value[:, f])).as_matrix() for f in (0, 1)]
        self.mass_rows = np.zeros((6, self.nv))
        self.jacobian = np.zeros((12, self.nv))
        self._dot = np.zeros((6, self.nv))

    def update_rows(self, root: bool = True) -> None:
        """Refresh the feet's Jacobian (translation, then rotation) and, with ``root``, the mass matrix' root rows."""
        unit = np.zeros(self.nv)
        for i in range(6 if root else 0):
            unit[:] = 0
            unit[i] = 1
            mujoco.mj_mulM(self.model, self.data, self.mass_rows[i], unit)
        for f, foot in enumerate(self.body.feet):
            rows = self.jacobian[6 * f : 6 * f + 6]
            mujoco.mj_jacBody(self.model, self.data, rows[:3], rows[3:], foot)

    def _unknown(self, k: int) -> tuple[np.ndarray, list[int]]:
        """Return the coordinates that the centre of mass and the planted feet determine at time k, and these feet."""
        feet = [f for f in (0, 1) if self.plan.planted[k, f]]
        root = [] if self.com is None else [TRANSLATION]
        return np.concatenate([*root, *(LEGS["rl"[f]] for f in feet)]), feet

    def _rows(self, feet: list[int]) -> list[np.ndarray]:
        """Return the rows that map velocities to momentum and to the twists of ``feet``."""
        root = [] if self.com is None else [self.mass_rows[:3]]
        return [*root, *(self.jacobian[6 * f : 6 * f + 6] for f in feet)]

    def place(self, k: int, q: np.ndarray) -> np.ndarray:
        """Return the coordinates at time k, from a near guess whose prescribed ones are already right.

        Raises:
            OutOfReachError: no knee angle brings the foot where the plan wants it.
        """
        q = q.copy()
        plan, data = self.plan, self.data
        unknown, feet = self._unknown(k)
        knees = [KNEES[f] for f in feet]
        near = 1e-10 if self.com is not None else PATH_TOLERANCE
        for _ in range(40):
            data.qpos[:] = q
            if self.com is None:
                mujoco.mj_kinematics(self.model, data)
                mujoco.mj_comPos(self.model, data)
            else:
                mujoco.mj_fwdPosition(self.model, data)
            self.update_rows(self.com is not None)
            errors = []
            if self.com is not None:
                errors.append(self.body.subject.mass * (self.com.value[k] - data.subtree_com[0]))
            for f in feet:
                foot = self.body.feet[f]
                turn = self.feet_rotation[f][k] @ data.xmat[foot].reshape(3, 3).T
                # The vector of the skew part is the rotation error to first order.
                skew = [turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]
                errors += [plan.feet_position.value[k, f] - data.xpos[foot], 0.5 * np.array(skew)]
            error = np.concatenate(errors)
            if np.abs(error).max() < near:
                if (q[knees] < MIN_KNEE).any():
                    break
                return q
            change = np.linalg.solve(np.vstack(self._rows(feet))[:, unknown], error)
            q[unknown] += change * min(1.0, 0.3 / np.abs(change).max())
            # A nearly straight leg has a second solution with the knee bent backwards.
            q[knees] = np.abs(q[knees])
        raise OutOfReachError(f"frame {k}")

    def move(self, k: int, orientation_rate: np.ndarray | None) -> np.ndarray:
        """Return the velocities at time k; without an orientation rate, the one of zero angular momentum."""
        plan, data = self.plan, self.data
        v = self.posture.rate[k].copy()
        unknown, feet = self._unknown(k)
        rows, target = self._rows(feet), []
        if self.com is not None:
            target.append(self.body.subject.mass * self.com.rate[k])
        for f in feet:
            target += [plan.feet_position.rate[k, f], plan.feet_pitch.rate[k, f] * self.pitch_axis[f]]
        if orientation_rate is None:
            momentum = np.zeros((3, self.nv))
            mujoco.mj_angmomMat(self.model, data, momentum, 1)
            rows.append(momentum)
            target.append(np.zeros(3))
            unknown = np.concatenate([unknown, ORIENTATION])
        else:
            v[ORIENTATION] = orientation_rate
        v = _complete(v, unknown, np.vstack(rows), np.concatenate(target))
        data.qvel[:] = v
        mujoco.mj_fwdVelocity(self.model, data)
        return v

    def accelerate(self, k: int, orientation: np.ndarray | None, root_force: np.ndarray = NO_FORCE) -> np.ndarray:
        """Return the accelerations at time k, for a given orientation acceleration or else a ground wrench on the root.

        ``root_force`` [6] is the generalized force that the ground exerts on the six root coordinates.
        """
        plan, data = self.plan, self.data
        a = self.posture.acceleration[k].copy()
        unknown, feet = self._unknown(k)
        rows, target = self._rows(feet), []
        if self.com is not None:
            force = self.body.subject.mass * (self.com.acceleration[k] + [0, GRAVITY, 0])
            target.append(force - data.qfrc_bias[:3])
        for f in feet:
            foot = self.body.feet[f]
            mujoco.mj_jacDot(self.model, data, self._dot[:3], self._dot[3:], data.xpos[foot], foot)
            wanted = [plan.feet_position.acceleration[k, f], plan.feet_pitch.acceleration[k, f] * self.pitch_axis[f]]
            target.append(np.concatenate(wanted) - self._dot @ data.qvel)
        if orientation is None:
            rows.append(self.mass_rows[3:])
            target.append(root_force[3:] - data.qfrc_bias[3:6])
            unknown = np.concatenate([unknown, ORIENTATION])
        else:
            a[ORIENTATION] = orientation
        return _complete(a, unknown, np.vstack(rows), np.concatenate(target))

    def ground_wrench(self, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the force and the moment about the ground's origin that the root needs, each [3]."""
        needed = self.mass_rows @ a + self.data.qfrc_bias[:6]
        moment = np.linalg.solve(self.data.xaxis[ORIENTATION], needed[3:])
        return needed[:3], moment + np.cross(self.data.xpos[1], needed[:3])

    def root_force(self, force: np.ndarray, moment: np.ndarray) -> np.ndarray:
        """Return the generalized force on the root of a wrench about the ground's origin, [6]: the reverse."""
        return np.concatenate([force, self.data.xaxis[ORIENTATION] @ (moment - np.cross(self.data.xpos[1], force))])

    def guess(self, k: int) -> np.ndarray:
        """Return a posture with bent legs to start Newton's method from at time k."""
        q = self.posture.value[k].copy()
        if self.com is not None:
            q[TRANSLATION] = self.com.value[k]
        for side in "rl":
            q[LEGS[side]] = 0.5, 0.0, 0.0, 0.7, 0.1, 0.0
        return q

    def _solve_frame(self, k: int, guess: np.ndarray) -> None:
        """Solve time k with the pelvis oriented as planned, from a guess of the coordinates."""
        unknown, _ = self._unknown(k)
        q = self.posture.value[k].copy()
        q[unknown] = guess[unknown]
        self.q[k] = self.place(k, q)
        self.v[k] = self.move(k, self.posture.rate[k, ORIENTATION])
        self.a[k] = self.accelerate(k, self.posture.acceleration[k, ORIENTATION])

    def solve_prescribed(self) -> None:
        """Solve every frame of a plan that keeps a foot on the ground; swinging legs go from lift-off to strike."""
        frames = np.arange(len(self.plan.time))[self.plan.perform]
        for f in (0, 1):
            planted = np.flatnonzero(self.plan.planted[:, f]).tolist()
            for lift, strike in pairwise(planted):
                if strike > lift + 1 and strike >= frames[0] and lift <= frames[-1]:
                    self._swing(f, lift, strike)
        guess = self.guess(frames[0])
        for k in frames:
            self._solve_frame(k, guess)
            guess = self.q[k]

    def _swing(self, f: int, lift: int, strike: int) -> None:
        """Prescribe leg f between two planted frames: a quintic in its joint angles, and the plan's extra bend."""
        legs, time = LEGS["rl"[f]], self.plan.time
        for k in (lift, strike):
            self._solve_frame(k, self.guess(k))
        ends = [[x[k, legs] for x in (self.q, self.v, self.a)] for k in (lift, strike)]
        inside = slice(lift + 1, strike)
        curve = BPoly.from_derivatives([time[lift], time[strike]], ends)
        # x^3 (1 - x)^4 in Bernstein form, 1 at its peak: a bump that comes early, as a knee's bend does in swing, and
        # whose first two derivatives vanish at both ends.
        coefficients = np.zeros((8, 1, len(legs)))
        coefficients[3] = self.plan.swing / 0.2938
        bump = BPoly(coefficients, [time[lift], time[strike]])
        for order, array in enumerate((self.posture.value, self.posture.rate, self.posture.acceleration)):
            array[inside, legs] = curve(time[inside], order) + bump(time[inside], order)
        if (self.posture.value[inside, KNEES[f]] < MIN_KNEE).any():
            raise OutOfReachError(f"swing from frame {lift}")

    def solve_jump(self) -> None:
        """Solve a drop jump: planted feet, a pelvis turned by the ground reaction of the soles, free flight."""
        jump, n = self.plan.jump, len(self.plan.time)
        assert jump is not None
        start, end = jump.touch_down, jump.take_off
        self.q[start] = self.place(start, self.guess(start))
        self.v[start] = self.move(start, None)
        self.a[start] = self.accelerate(start, None)
        self._fly(start, -1, jump.leg_before)
        for k in range(start, end):
            self._step(k, k + 1)
        self._fly(end, 1, jump.leg_after)
        for k in range(end, n - 1):
            self._step(k, k + 1)
        for k in range(start, 0, -1):
            self._step(k, k - 1)

    def _fly(self, k: int, direction: int, target: np.ndarray) -> None:
        """Prescribe the legs from time k forwards or backwards: critically damped from their state to ``target``."""
        frames = np.arange(k, len(self.plan.time)) if direction > 0 else np.arange(k + 1)
        s = np.abs(self.plan.time[frames] - self.plan.time[k])[:, None]
        c0 = self.q[k, LEG_DOFS] - target
        c1 = direction * self.v[k, LEG_DOFS] + LEG_RATE * c0
        c2 = 0.5 * self.a[k, LEG_DOFS] + LEG_RATE * c1 - 0.5 * LEG_RATE**2 * c0
        decay, p, dp = np.exp(-LEG_RATE * s), c0 + c1 * s + c2 * s**2, c1 + 2 * c2 * s
        at = np.ix_(frames, LEG_DOFS)
        self.posture.value[at] = target + p * decay
        self.posture.rate[at] = direction * (dp - LEG_RATE * p) * decay
        self.posture.acceleration[at] = (2 * c2 - 2 * LEG_RATE * dp + LEG_RATE**2 * p) * decay

    def _step(self, k: int, new: int) -> None:
        """Step from time k to its neighbour: Heun's rule for the pelvis' orientation; the rest follows exactly."""
        dt = self.plan.time[new] - self.plan.time[k]
        rate, old = self.v[k, ORIENTATION], self.a[k, ORIENTATION]
        unknown, _ = self._unknown(new)
        q = self.posture.value[new].copy()
        q[unknown] = self.q[k, unknown] + dt * self.v[k, unknown]
        q[ORIENTATION] = self.q[k, ORIENTATION] + dt * rate + 0.5 * dt**2 * old
        self.q[new] = self.place(new, q)
        guess = rate + dt * old
        for _ in range(2):
            self.v[new] = self.move(new, guess)
            self.a[new] = self._free(new)
            guess = rate + 0.5 * dt * (old + self.a[new, ORIENTATION])

    def _free(self, k: int) -> np.ndarray:
        """Return the accelerations where the ground's moment is limited by the soles, and zero in flight."""
        plan, jump = self.plan, self.plan.jump
        assert jump is not None
        if not jump.touch_down < k < jump.take_off:
            return self.accelerate(k, None)
        wanted = (
            plan.posture.acceleration[k, ORIENTATION]
            + TRUNK_STIFFNESS * (plan.posture.value[k, ORIENTATION] - self.data.qpos[ORIENTATION])
            + TRUNK_DAMPING * (plan.posture.rate[k, ORIENTATION] - self.data.qvel[ORIENTATION])
        )
        force, moment = self.ground_wrench(self.accelerate(k, wanted))
        cop, free = centre_of_pressure(force, moment)
        planned = plan.planned_cop[k]
        cop = planned + jump.reach[k] * np.tanh((cop - planned) / jump.reach[k])
        limit = MAX_FREE_MOMENT * force[1]
        free = limit * np.tanh(free / limit)
        moment = np.cross([cop[0], 0, cop[1]], force) + [0, free, 0]
        return self.accelerate(k, None, self.root_force(force, moment))


def _complete(x: np.ndarray, unknown: np.ndarray, rows: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return x with its unknown entries such that rows @ x = target."""
    x[unknown] = 0
    x[unknown] = np.linalg.solve(rows[:, unknown], target - rows @ x)
    return x


def centre_of_pressure(force: np.ndarray, moment: np.ndarray) -> tuple[np.ndarray, float]:
    """Return where on the floor a wrench about the origin acts [2] (x, z) m, and its free moment about +y, N·m."""
    cop = np.array([moment[2], -moment[0]]) / force[1]
    return cop, moment[1] - (cop[1] * force[0] - cop[0] * force[2])

"""Plans of the eight action families, with per-subject and per-trial variation.

Angles are written in degrees here, as a biomechanist reads them, and leave in radians. Everything is first laid out
with the person facing +x, then turned to the trial's heading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import mujoco
import numpy as np
from scipy.interpolate import BPoly, PchipInterpolator
from scipy.spatial.transform import Rotation
from scipy.stats import beta

from vidzoo.anatomy import GRAVITY
from vidzoo.synthetic.body import DOF, Body
from vidzoo.synthetic.dynamics import ORIENTATION, RIGHT, UP, Jump, Plan, Track, about

RATE_HZ = 100.0
JUMP_SUBSTEPS = 4
"""Integration steps per frame in a drop jump."""
SOLE_CENTRE, BALL_CENTRE = 0.048, 0.108
"""Middle of the whole sole, and of ball and toes, ahead of the calcaneus origin in body heights."""

Posture = Mapping[str, "np.ndarray | float"]
"""Coordinate name -> degrees, a number or [n]."""


@dataclass(frozen=True)
class Style:
    """How a person moves, the same in all their trials: standard normal numbers."""

    depth: float
    tempo: float
    lean: float
    arms: float
    width: float
    side: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Style:
        """Draw a person's style."""
        return cls(*rng.normal(size=6).clip(-2, 2))


def step(x: np.ndarray) -> np.ndarray:
    """Return the septic step from 0 at x <= 0 to 1 at x >= 1, three derivatives of which vanish at both ends."""
    x = np.clip(x, 0, 1)
    return x**4 * (35 - 84 * x + 70 * x**2 - 20 * x**3)


def keys(time: np.ndarray, *points: tuple[float, float]) -> np.ndarray:
    """Return a curve [n] that rests at each (time, value) and goes smoothly from one to the next."""
    curve = np.full(len(time), float(points[0][1]))
    for (t0, v0), (t1, v1) in pairwise(points):
        curve += (v1 - v0) * step((time - t0) / (t1 - t0))
    return curve


def wander(rng: np.random.Generator, time: np.ndarray, degrees: float) -> np.ndarray:
    """Return the small slow sway [n] of a living body: three sinusoids of 0.2 to 1.2 Hz."""
    frequency, phase = rng.uniform(0.2, 1.2, 3), rng.uniform(0, 2 * np.pi, 3)
    return degrees / 3 * np.sin(2 * np.pi * frequency * time[:, None] + phase).sum(axis=1)


def _posture(rng: np.random.Generator, time: np.ndarray, posture: Posture) -> Track:
    """Return the track of a posture, with sway in trunk and arms."""
    value = np.zeros((len(time), len(DOF)))
    for name, degrees in posture.items():
        value[:, DOF[name]] = degrees
    for name, sway in (("pelvis", 0.4), ("lumbar", 0.7), ("arm", 2.0), ("elbow", 2.0)):
        for dof in [i for n, i in DOF.items() if n.startswith(name) and n[:-1] != "pelvis_t"]:
            value[:, dof] += wander(rng, time, sway)
    return Track.through(time, np.radians(value))


def _both(posture: Posture) -> dict[str, np.ndarray | float]:
    """Return a posture with every name without a side given to both sides."""
    paired = ("arm_flex", "arm_add", "arm_rot", "elbow_flex", "pro_sup", "mtp_angle")
    return {
        full: value
        for name, value in posture.items()
        for full in ((f"{name}_r", f"{name}_l") if name in paired else (name,))
    }


def com_height(body: Body, posture: Posture, knee: float, pitch: float = 0.0) -> float:
    """Return the height of the centre of mass, m, over the floor that heel or ball touches (degrees; symmetrical)."""
    q = np.zeros(body.model.nv)
    tilt = posture.get("pelvis_tilt", 0.0)
    legs = {"hip_flexion": knee / 2 - tilt, "knee_angle": knee, "ankle_angle": pitch + knee / 2}
    for name, degrees in (_both(posture) | {f"{n}_{s}": d for n, d in legs.items() for s in "rl"}).items():
        q[DOF[name]] = np.radians(degrees)
    body.data.qpos[:] = q
    mujoco.mj_fwdPosition(body.model, body.data)
    pivot = body.sole["heel" if pitch >= 0 else "ball"]
    foot = body.feet[0]
    floor = body.data.xpos[foot] + body.data.xmat[foot].reshape(3, 3) @ pivot
    return float(body.data.subtree_com[0, 1] - floor[1])


def _turn(plan: Plan, heading: float, origin: np.ndarray) -> Plan:
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
    )


def _stance(body: Body, rng: np.random.Generator, width: float, toe_out: float) -> tuple[np.ndarray, np.ndarray]:
    """Return calcaneus origins [2, 3] m and yaw [2] rad of a stance ``width`` m wide, a little uneven."""
    floor = -body.sole["heel"][1]
    uneven = rng.normal(0, 0.004, 2) * body.subject.height
    yaw = np.radians([-toe_out, toe_out] + rng.normal(0, 1.5, 2))
    return np.array([[uneven[0], floor, width / 2], [uneven[1], floor, -width / 2]]), yaw


def _sole_point(body: Body, position: np.ndarray, yaw: np.ndarray, ahead: float | np.ndarray) -> np.ndarray:
    """Return the points [..., 2, 2] m (x, z) that lie ``ahead`` [..., 1] body heights before the calcaneus origins."""
    forward = np.stack([np.cos(yaw), -np.sin(yaw)], axis=-1)
    return position[..., [0, 2]] + np.asarray(ahead) * body.subject.height * forward


def _planted_plan(
    body: Body,
    rng: np.random.Generator,
    time: np.ndarray,
    posture: Posture,
    height: np.ndarray,
    width: float,
    toe_out: float,
    load_right: np.ndarray,
    cop_ahead: np.ndarray,
) -> Plan:
    """Plan a motion on two flat feet."""
    n = len(time)
    position, yaw = _stance(body, rng, width, toe_out)
    still = np.zeros((n, 2, 3))
    return Plan(
        time=time,
        keep=slice(None),
        perform=slice(None),
        posture=_posture(rng, time, _both(posture)),
        com_height=height,
        feet_position=Track(np.broadcast_to(position, still.shape), still, still),
        feet_pitch=Track(*[np.zeros((n, 2))] * 3),
        feet_yaw=yaw,
        load=np.column_stack([load_right, 1 - load_right]),
        support=_sole_point(body, np.broadcast_to(position, still.shape), yaw, cop_ahead[:, None, None]),
        planted=np.ones((n, 2), bool),
    )


def _times(duration: float, rate_hz: float = RATE_HZ) -> np.ndarray:
    return np.arange(round(duration * rate_hz) + 1) / rate_hz


def plan_squat(body: Body, rng: np.random.Generator, style: Style, asymmetric: bool = False) -> Plan:
    """Plan one squat, arms swung forward; asymmetric: most of the weight on the right leg."""
    h = body.subject.height
    tempo = 1 + 0.10 * style.tempo + rng.normal(0, 0.05)
    down, up = rng.uniform(0.8, 0.95) * tempo, rng.uniform(0.7, 0.9) * tempo
    marks = np.cumsum([rng.uniform(0.12, 0.25), down, rng.uniform(0.05, 0.2), up])
    time = _times(marks[-1] + rng.uniform(0.12, 0.25))
    s = keys(time, (marks[0], 0), (marks[1], 1), (marks[2], 1), (marks[3], 0))
    trunk = keys(time, (marks[0], 0), (marks[1] * 0.97, 1), (marks[2] * 1.01, 1), (marks[3], 0))
    depth = (0.165 + 0.012 * style.depth + rng.normal(0, 0.010)) * (0.86 if asymmetric else 1.0) * h
    lean = 1 + 0.15 * style.lean
    load = 0.5 + 0.01 * style.side + np.zeros_like(time)
    if asymmetric:
        shifted = rng.uniform(0.64, 0.78)
        load = 0.5 * (shifted + load) + 0.5 * (shifted - load) * keys(
            time, (0, 0), (marks[1] * 0.7, 1), (marks[3], 0.4)
        )
    side = load - 0.5
    arms = (75 + 10 * style.arms + rng.normal(0, 5)) * trunk
    posture: Posture = {
        "pelvis_tilt": 2 - rng.normal(30, 3) * lean * trunk,
        "pelvis_list": 12 * side,
        "lumbar_extension": -4 - rng.normal(20, 3) * lean * trunk,
        "lumbar_bending": 6 * side,
        "arm_flex": 3 + arms,
        "arm_add": -7 - 4 * trunk,
        "arm_rot": -5 + 12 * trunk,
        "elbow_flex": 18 + (25 + 8 * style.arms) * trunk,
        "pro_sup": 105.0,
        "mtp_angle": 0.0,
    }
    height = com_height(body, {"arm_flex": 3, "elbow_flex": 18}, knee=9) - depth * s
    ahead = SOLE_CENTRE + 0.010 * s + rng.normal(0, 0.003)
    width = (0.155 + 0.012 * style.width) * h
    return _planted_plan(body, rng, time, posture, height, width, rng.uniform(6, 14), load, ahead)


def plan_sit_to_stand(body: Body, rng: np.random.Generator, style: Style, weak_legs: bool = False) -> Plan:
    """Plan rising from a stool and sitting down again, arms crossed, from seat-off to seat contact.

    The seat bears nothing in between, so the feet's reactions are all there is. With weak legs the trunk bends far
    forward first, which spares the knees, and everything is slower.
    """
    h = body.subject.height
    tempo = (1 + 0.10 * style.tempo + rng.normal(0, 0.05)) * (1.2 if weak_legs else 1.0)
    rise, stand, sit = rng.uniform(0.85, 1.05) * tempo, rng.uniform(0.15, 0.35), rng.uniform(0.85, 1.1) * tempo
    marks = np.cumsum([0.05, rise, stand, sit])
    time = _times(marks[-1] + 0.05)
    s = keys(time, (marks[0], 1), (marks[1], 0), (marks[2], 0), (marks[3], 1))
    late = 0.12 if weak_legs else 0.05
    trunk = keys(
        time, (marks[0] + late * rise, 1), (marks[1] + 0.04, 0), (marks[2] - 0.04, 0), (marks[3] - late * sit, 1)
    )
    lean = 1 + 0.10 * style.lean
    pelvis, lumbar = ((33, 48) if weak_legs else (24, 36)) + rng.normal(0, 2.5, 2)
    depth = (0.150 + 0.005 * style.depth + rng.normal(0, 0.006) + (0.012 if weak_legs else 0.0)) * h
    posture: Posture = {
        "pelvis_tilt": 3 - pelvis * lean * trunk,
        "lumbar_extension": -5 - lumbar * lean * trunk,
        "arm_flex": 24 + 4 * style.arms + 8 * trunk,
        "arm_add": 2.0,
        "arm_rot": 34 + 3 * style.arms,
        "elbow_flex": 118 + 4 * style.arms,
        "pro_sup": 105.0,
    }
    height = com_height(body, {"arm_flex": 24, "elbow_flex": 118}, knee=9) - depth * s
    ahead = SOLE_CENTRE - 0.012 * s + rng.normal(0, 0.003)
    load = 0.5 + 0.015 * style.side + 0.01 * np.sin(2 * np.pi * time / marks[-1])
    width = (0.145 + 0.010 * style.width) * h
    return _planted_plan(body, rng, time, posture, height, width, rng.uniform(4, 12), load, ahead)


def plan_walk(body: Body, rng: np.random.Generator, style: Style, sway: bool = False) -> Plan:
    """Plan about one and a quarter strides of level walking; with sway the trunk leans over the standing leg."""
    h = body.subject.height
    step_time = 0.535 * (1 + 0.04 * style.tempo + rng.normal(0, 0.02)) * (1.06 if sway else 1.0)
    length = 0.300 * (1 + 0.04 * style.depth + rng.normal(0, 0.03)) * h
    stride, stance = 2 * step_time, 1.24 * step_time
    both = stance - step_time
    pad, lead = round(1.5 * RATE_HZ), round(0.4 * RATE_HZ)
    frames = round(rng.uniform(1.3, 1.5) * RATE_HZ) + 1
    # Time 0 is a right heel strike; the recording begins anywhere in a stride.
    time = rng.uniform(0, stride) + (np.arange(frames + 2 * pad) - pad) / RATE_HZ
    width = (0.056 + 0.006 * style.width) * h
    toe_out = rng.uniform(4, 9)
    yaw = np.radians([-toe_out, toe_out])
    strike, roll = rng.uniform(13, 17), rng.uniform(46, 54)
    heel, ball = body.sole["heel"], body.sole["ball"]

    # Degrees, toes up: the heel strikes, the sole slaps down and stays, the foot rolls off over the ball.
    pitch = BPoly.from_derivatives(
        [0, 0.15 * stance, 0.56 * stance, stance], [[strike, -170, 0], [0, 0, 0], [0, 0, 0], [-roll, -330, 0]]
    )

    def planted(u: np.ndarray, turn: Rotation) -> np.ndarray:
        """Return the calcaneus origin in stance relative to where its heel struck, [n, 3]."""
        lift = about(RIGHT, np.radians(pitch(u)))
        on_heel = -lift.apply(heel)
        on_ball = ball - heel - lift.apply(ball)
        return turn.apply(np.where((u < 0.4 * stance)[:, None], on_heel, on_ball))

    n = len(time)
    position, angle, load, support = np.zeros((n, 2, 3)), np.zeros((n, 2)), np.zeros((n, 2)), np.zeros((n, 2, 2))
    planted_feet = np.ones((n, 2), bool)
    # The centre of pressure's way from heel (0) to ball (1) and beyond, as pressure plates show it.
    roll_over = PchipInterpolator([0, 0.2, 0.5, 0.8, 1], [0.14, 0.52, 0.80, 1.02, 1.14])

    stencil = np.array([-1e-3, 0, 1e-3])

    def state(samples: np.ndarray) -> list[np.ndarray]:
        """Return value, rate and acceleration from three samples on the stencil."""
        before, at, after = samples
        return [at, (after - before) / 2e-3, (after - 2 * at + before) / 1e-6]

    for f, side in enumerate((1, -1)):
        turn = about(UP, yaw[f])
        count = np.floor((time - f * step_time) / stride)
        u = time - f * step_time - count * stride
        struck = np.zeros((n, 3))
        struck[:, 0] = (2 * count + f) * length
        struck[:, 2] = side * width
        swing = u > stance
        planted_feet[:, f] = ~swing
        off, on = state(planted(stance + stencil, turn)), state(planted(stencil, turn))
        on[0] = on[0] + [2 * length, 0, 0]
        # In swing the foot's own path is not followed; it only joins the stances smoothly.
        through_air = BPoly.from_derivatives([stance, stride], [off, on])
        position[:, f] = struck + np.where(swing[:, None], through_air(u), planted(u, turn))
        swung = BPoly.from_derivatives([stance, stride], [[-roll, -330, 0], [strike, -170, 0]])
        angle[:, f] = np.radians(np.where(swing, swung(u), pitch(u)))
        load[:, f] = step(u / both) - step((u - step_time) / both)
        along = roll_over(np.clip(u / stance, 0, 1))
        support[:, f] = (struck + turn.apply(np.outer(along, ball - heel)))[:, [0, 2]]

    phase = 2 * np.pi * (time - both / 2) / stride
    right_standing = np.cos(phase - np.pi / 2)
    pelvic_list, pelvic_turn = rng.uniform(3, 5), rng.uniform(6, 9)
    lean = (rng.uniform(11, 15) + 1.5 * style.lean) * right_standing if sway else 0.0
    swing_of_arms = 20 + 4 * style.arms + rng.normal(0, 2)
    flexed = np.clip(-np.degrees(angle), 0, None)
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
    standing = com_height(body, {"arm_flex": 2, "elbow_flex": 28}, knee=9)
    rise = rng.uniform(0.0115, 0.0135) * h
    return Plan(
        time=time,
        keep=slice(pad, pad + frames),
        perform=slice(pad - lead, pad + frames + lead),
        posture=_posture(rng, time, posture),
        com_height=standing - 0.014 * h - rise * np.cos(2 * phase),
        feet_position=Track.through(time, position),
        feet_pitch=Track.through(time, angle),
        feet_yaw=yaw,
        load=load,
        support=support,
        planted=planted_feet,
        swing=np.radians([13.0, 0.0, 0.0, 29.0, 21.0, 0.0]),
    )


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


def plan_drop_jump(body: Body, rng: np.random.Generator, style: Style, asymmetric: bool = False) -> Plan:
    """Plan a drop from a box, a landing and a jump, recorded from one flight into the next.

    The centre of mass follows the push of the ground; outside the contact nothing but gravity acts.
    Asymmetric: most of the load on the right leg.
    """
    h = body.subject.height
    fall, flight = rng.uniform(0.26, 0.31), rng.uniform(0.24, 0.30)
    contact = 0.40 * (1 + 0.08 * style.tempo + rng.normal(0, 0.04)) * (1.08 if asymmetric else 1.0)
    time = _times(round((fall + contact + flight) * RATE_HZ) / RATE_HZ, RATE_HZ * JUMP_SUBSTEPS)
    dt = time[1]
    start, end = round(fall / dt), round((fall + contact) / dt)
    t0, contact = time[start], time[end] - time[start]
    t = time - t0

    crouch = keys(t, (-0.12, 0), (0.45 * contact, 1), (1.1 * contact, 0))
    swing = keys(t, (-0.25, 0), (0.30 * contact, -1), (1.15 * contact, 1.6))
    lean = 1 + 0.12 * style.lean
    load_right = rng.uniform(0.62, 0.74) if asymmetric else 0.5 + 0.01 * style.side
    side = load_right - 0.5
    reach = 1 + 0.10 * style.arms
    landing, roll = rng.uniform(18, 24), rng.uniform(24, 30)
    heel_up = ((-0.15, 0), (0, landing), (0.12, 0), (contact - 0.14, 0), (contact, roll), (contact + 0.15, 0))
    posture = _both({
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

    # Degrees, toes up. The feet turn at a constant rate at touch-down and take-off, and on beyond (used by nothing).
    pitch = BPoly.from_derivatives(
        [t[0], 0, 0.06, contact - 0.09, contact, t[-1]],
        [
            [-landing + 780 * t[0], 780, 0], [-landing, 780, 0], [0, 0, 0], [0, 0, 0], [-roll, -780, 0],
            [-roll - 780 * (t[-1] - contact), -780, 0],
        ],
    )(t)  # fmt: skip
    speed_in = -(1.8 + 0.4 * (fall - 0.26) / 0.05) * (0.85 if asymmetric else 1.0)
    speed_out = (1.95 + 0.10 * style.depth + rng.normal(0, 0.08)) * (0.85 if asymmetric else 1.0)

    def at(k: int) -> Posture:
        return {name: float(np.broadcast_to(value, time.shape)[k]) for name, value in posture.items()}

    low, high = com_height(body, at(start), 46, -landing), com_height(body, at(end), 38, -roll)
    impulse = speed_out - speed_in + GRAVITY * contact
    centroid = 1 - (high - low - speed_in * contact + 0.5 * GRAVITY * contact**2) / (impulse * contact)
    rise, speed, push = _push(t, contact, impulse, centroid)
    forward_in, forward_out = rng.uniform(0.14, 0.24), rng.uniform(0.04, 0.10)
    friction = (forward_out - forward_in) / impulse

    width = (0.135 + 0.010 * style.width) * h
    position, yaw = _stance(body, rng, width, rng.uniform(2, 8))
    ground = SOLE_CENTRE + (BALL_CENTRE - SOLE_CENTRE) * step(-pitch / 12)
    support = _sole_point(body, np.broadcast_to(position, (len(time), 2, 3)), yaw, ground[:, None, None])
    load = np.tile([load_right, 1 - load_right], (len(time), 1))
    middle = np.einsum("nf,nfx->nx", load, support)[(start + end) // 2]
    com = np.column_stack([forward_in * t + friction * rise, speed_in * t - 0.5 * GRAVITY * t**2 + rise, 0 * t])
    # At mid-contact the ground reaction, which leans back by the friction, points at the centre of mass.
    half = (start + end) // 2
    com += [middle[0] - com[half, 0] - friction * (low + com[half, 1]), low, middle[1]]
    rate = np.column_stack([forward_in + friction * speed, speed_in - GRAVITY * t + speed, 0 * t])
    acceleration = np.column_stack([friction * push, push - GRAVITY, 0 * t])

    # The feet roll over the balls, which stay where they touched down.
    still = np.broadcast_to(position, (len(time), 2, 3))
    turn, ball = about(UP, yaw), body.sole["ball"]
    lift = about(RIGHT, np.radians(pitch)).apply(ball)
    feet = np.stack([still[:, f] + turn[f].apply(ball - lift) for f in (0, 1)], axis=1)

    def leg(hip: float, knee: float, ankle: float) -> np.ndarray:
        one = np.radians([hip + 4 * rng.normal(), -2.0, 0.0, knee + 4 * rng.normal(), ankle, 0.0])
        return np.concatenate([one, one])

    between = 1 - step(-pitch / 12)
    forward = (0.016 + 0.036 * between) * h
    return Plan(
        time=time,
        keep=slice(None, None, JUMP_SUBSTEPS),
        perform=slice(None),
        posture=_posture(rng, time, posture),
        com_height=com[:, 1],
        feet_position=Track.through(time, feet),
        feet_pitch=Track.through(time, np.radians(np.column_stack([pitch, pitch]))),
        feet_yaw=yaw,
        load=load,
        support=support,
        planted=np.tile(((np.arange(len(time)) >= start) & (np.arange(len(time)) <= end))[:, None], 2),
        jump=Jump(
            touch_down=start,
            take_off=end,
            com=Track(com, rate, acceleration),
            reach=np.column_stack([forward, np.full(len(time), 0.016 * h)]),
            leg_before=leg(28, 34, -8),
            leg_after=leg(12, 18, -28),
        ),
    )


PLANNERS: dict[str, tuple[Callable[..., Plan], dict[str, bool]]] = {
    "DJ": (plan_drop_jump, {}),
    "DJAsym": (plan_drop_jump, {"asymmetric": True}),
    "squats": (plan_squat, {}),
    "squatsAsym": (plan_squat, {"asymmetric": True}),
    "STS": (plan_sit_to_stand, {}),
    "STSweakLegs": (plan_sit_to_stand, {"weak_legs": True}),
    "walking": (plan_walk, {}),
    "walkingTS": (plan_walk, {"sway": True}),
}
"""Action family -> what plans it."""


def plan_motion(body: Body, family: str, rng: np.random.Generator, style: Style) -> Plan:
    """Plan a trial of an action family with its own heading (within 8 degrees of +x) and place on the floor."""
    planner, options = PLANNERS[family]
    plan = planner(body, rng, style, **options)
    return _turn(plan, np.radians(rng.uniform(-8, 8)), rng.uniform(-0.15, 0.15, 2))


def lower(plan: Plan, by: float) -> Plan:
    """Return the plan with its centre of mass ``by`` m nearer to the floor, where legs bend more."""
    jump = plan.jump
    if jump is not None:
        com = jump.com
        jump = replace(jump, com=Track(com.value - [0, by, 0], com.rate, com.acceleration))
    return replace(plan, com_height=plan.com_height - by, jump=jump)

"""Share the load of a motion between the feet by mechanics alone: no measured force and nothing learnt.

**Total load.** The equations of motion are ``tau = tau_inertial - J_R^T W_R - J_L^T W_L``, one for each generalized
force. No muscle acts between pelvis and ground, so the six generalized forces of the pelvis must be zero. These six
equations give the total wrench that the ground exerts, about the pelvis, up to the error of the accelerations
(:func:`total_wrench`). They are as well conditioned as the pelvis' angles, and singular where it lies on its side.

**Sharing.** Two feet have twelve unknowns, six more than there are equations. Soles and floors limit what is possible:
a foot is four points on the floor. Each point pushes upwards within a cone of friction, and only as far as its marker
is low and slow (:func:`contacts`). So the centre of pressure of each foot lies below its sole, and its place decides
most of the sharing: two feet beside each other carry loads in the ratio of their levers. Among the sharings that remain
possible, the one with the least effort is taken: the least sum of squared torques of hips, knees and ankles, each as a
share of its ``STRENGTH`` (:func:`share`). A smaller second term makes the solution unique and prefers points in firm
contact.

If one foot alone is on the ground and the total's centre of pressure lies below its sole, this foot carries all of it:
the result is then exact up to differentiation. Feet in the air carry nothing, even if the pelvis' equations ask for a
force. What no sole can supply remains as a residual.

**Sitting.** Where more than ``RESIDUAL_LIMIT`` of body weight is missing while the hips rest, the person leans on
something other than the feet. A seat is then added as a fifth point, at the hips. A force through the hips has no
moment about them, so the feet carry what balances the moment about the hips. The place of the seat is a guess that no
marker confirms, and the figures of the actions with a chair depend on it.

Contact points with a strength by height and speed are the idea of Fluit et al. 2014 (J. Biomech. 47, 2321) and Skals et
al. 2017 (Multibody Syst. Dyn. 39, 175), here with torques in place of muscles. Every constant is a round number that
stands here with its reason; none was fitted to labels. The method itself (a seat; torques as shares of a strength) was
chosen while figures of one real subject and of synthetic people were known. Halving or doubling any constant changes
that subject's mPJE_mean of 0.097 by less than 0.003 N·m/kg, except a doubled ``RESIDUAL_LIMIT`` (0.110), which takes
some sitting people for standing ones.

**Limits.** What this cannot know stays wrong: feet that push against each other, a load that is shared otherwise than
with the least effort, other contacts of the body, and errors of the model's masses, which appear as forces below the
feet.

Letters: F frames, C coordinates, P = 4 points of a sole; feet are right, left. Ground: y up, the floor is y = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from vidzoo.anatomy import COORDINATES, GRAVITY, MARKERS, PELVIS_COORDINATES
from vidzoo.errors import DataError

MOTION = ("markers", "marker_velocities", "coordinates", "inertial_torques", "foot_jacobians")
"""What :func:`ground_reaction` takes of a data file's trial."""
FOOT_MARKERS: tuple[tuple[str, str, str], ...] = (("r_calc", "r_5meta", "r_toe"), ("L_calc", "L_5meta", "L_toe"))
"""Back of the heel, head of the fifth metatarsal, big toe; right and left."""
TOE_REACH = 0.02
"""How far the sole reaches beyond the toe's marker, which sits on top of the toe, not at the tip of the shoe, m."""
REST_PERCENTILE, REST_LIMIT = 2.0, 0.10
"""A marker's height above the sole is not known. It is taken to be the 2nd percentile of its heights in the recording
(the lowest of all may be an outlier), but at most 0.10 m: where that is exceeded, the foot was never on the floor."""
CONTACT_HEIGHT, CONTACT_HEIGHT_WIDTH = 0.03, 0.005
"""Contact fades where a marker is 0.03 m above its height at rest, m. A foot that rolls over its sole moves its markers
by up to 0.02, because they sit above the sole; a heel that has lifted off is soon higher."""
CONTACT_SPEED, CONTACT_SPEED_WIDTH = 0.8, 0.1
"""Contact fades where a marker is faster, m/s: standing feet roll with less, swinging ones go at 2 to 5."""
MIN_CONTACT = 0.02
"""A point with less contact than this is left out."""
FRICTION = 0.8
"""Largest horizontal over vertical force: shoes on a dry floor hold 0.5 to 1."""
LEVER = 0.1
"""How a force is compared with a torque: 1 N counts as 0.1 N·m, m. Half the length of a foot is a usual lever of the
ground's force about a leg's joints."""
STRENGTH = {"hip_flexion": 200.0, "hip_adduction": 100.0, "hip_rotation": 50.0, "knee_angle": 200.0,
            "ankle_angle": 150.0, "subtalar_angle": 30.0}  # fmt: skip
"""Torques that a healthy adult's joints can supply, rounded, N·m; only their ratios count. The load is kept where weak
joints bear little of it: the subtalar joint is why people keep it near the middle line of the foot."""
EQUALITY = 1e3
"""Weight of the total wrench against effort: so large that the total is met wherever the soles can supply it."""
RESIDUAL_LIMIT, RESIDUAL_WIDTH = 0.15, 0.03
"""Of body weight: the limit beyond which labels, too, are taken not to belong to their forces."""

_DIRECTIONS = np.array([[FRICTION, 1, 0], [-FRICTION, 1, 0], [0, 1, FRICTION], [0, 1, -FRICTION]])
_DIRECTIONS /= np.linalg.norm(_DIRECTIONS, axis=1, keepdims=True)
"""[4, 3] edges of the cone of friction: the forces of a point are the sums of non-negative multiples of them."""
_PELVIS = [COORDINATES.index(name) for name in PELVIS_COORDINATES]
_LEGS = [[COORDINATES.index(f"{name}_{s}") for name in STRENGTH] for s in "rl"]
_HIPS = [leg[:3] for leg in _LEGS]
_WEIGHTS = max(STRENGTH.values()) / np.array([*STRENGTH.values()] * 2)
_FOOT_MARKERS = [[MARKERS.index(name) for name in foot] for foot in FOOT_MARKERS]


# --- kinematics and the total wrench --------------------------------------------------------------------------------
def arm_to_foot(jacobian: np.ndarray, rotations: list[int]) -> np.ndarray:
    """Return the vectors from a joint's centre to a foot's origin, [F, 3] m.

    A rotation about the joint moves the foot by ``omega x arm``. With E the rotation rows and V the translation rows of
    the joint's columns of the Jacobian, ``V = -[arm]x E``.

    Args:
        jacobian: [F, 6, C] of that foot.
        rotations: the joint's three angles.
    """
    cross = -jacobian[:, 3:, rotations] @ np.linalg.inv(jacobian[:, :3, rotations])
    return np.stack([cross[:, 2, 1], cross[:, 0, 2], cross[:, 1, 0]], axis=-1)


def foot_origins(coordinates: np.ndarray, foot_jacobians: np.ndarray) -> np.ndarray:
    """Return the calcaneus origins in ground, [F, 2, 3] m, for coordinates [F, C] and Jacobians [F, 2, 6, C]."""
    return np.stack([coordinates[:, _PELVIS[3:]] + arm_to_foot(foot_jacobians[:, k], _PELVIS[:3]) for k in (0, 1)], 1)


def total_wrench(inertial_torques: np.ndarray, foot_jacobians: np.ndarray) -> np.ndarray:
    """Return the wrench on the whole body that makes the pelvis' generalized forces zero, [F, 6].

    Moment N·m about the pelvis' origin, then force N, in ground. With E [3, 3] the angular velocities of the pelvis'
    angles, which each foot's Jacobian contains, the generalized forces are ``E^T moment`` and ``force``.

    Args:
        inertial_torques: [F, C] N·m and N.
        foot_jacobians: [F, 2, 6, C].
    """
    turn = foot_jacobians[:, 0, :3, _PELVIS[:3]].transpose(1, 0, 2)  # NumPy puts the listed axis first: E^T
    moment = np.linalg.solve(turn, inertial_torques[:, _PELVIS[:3], None])[..., 0]
    return np.concatenate([moment, inertial_torques[:, _PELVIS[3:]]], axis=1)


def _fade(value: np.ndarray, limit: float, width: float) -> np.ndarray:
    """Return 1 below the limit, 0 above it, one half at it."""
    return 1 / (1 + np.exp(np.clip((value - limit) / width, -50, 50)))


def contacts(markers: np.ndarray, velocities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of both soles on the floor, [F, 2, P, 3] m, and how far each is in contact, [F, 2, P] 0 to 1.

    Points: back of the heel, both sides of the ball (the inner one is the outer one's mirror image about the line from
    heel to toe), end of the toes.

    Args:
        markers: [F, 2, 3, 3] m: the feet's markers in the order of ``FOOT_MARKERS``.
        velocities: [F, 2, 3, 3] m/s.
    """
    heel, ball, toe = (markers[:, :, i] * (1.0, 0.0, 1.0) for i in range(3))
    forward = toe - heel
    forward /= np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-6)  # a foot on its tip points nowhere
    along = ((ball - heel) * forward).sum(-1, keepdims=True) * forward
    points = np.stack([heel, ball, 2 * (heel + along) - ball, toe + TOE_REACH * forward], axis=2)
    height = markers[..., 1]
    height = height - np.minimum(np.percentile(height, REST_PERCENTILE, axis=0), REST_LIMIT)
    speed = np.linalg.norm(velocities, axis=-1)
    firm = _fade(height, CONTACT_HEIGHT, CONTACT_HEIGHT_WIDTH) * _fade(speed, CONTACT_SPEED, CONTACT_SPEED_WIDTH)
    return points, firm[..., [0, 1, 1, 2]]


# --- sharing between the feet ---------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class GroundReaction:
    """The estimated contact forces; F frames, feet right and left, all in ground."""

    wrenches: np.ndarray
    """[F, 2, 6]: moment N·m about the calcaneus origin, then force N."""
    seat_force: np.ndarray
    """[F, 3] N through the hips; 0 where the person does not sit."""
    residual: np.ndarray
    """[F, 6]: what remains of the total, moment N·m about the hips, then force N."""


def _wrench_map(points: np.ndarray, about: np.ndarray) -> np.ndarray:
    """Return the wrenches about a point [3] that unit forces along the cones' edges give, [6, 4 * len(points)]."""
    force = np.tile(_DIRECTIONS, (len(points), 1))
    return np.concatenate([np.cross(np.repeat(points - about, len(_DIRECTIONS), axis=0), force), force], axis=1).T


def _least_effort(
    total: np.ndarray, reach: np.ndarray, leg_torques: np.ndarray, legs_from: np.ndarray, firm: np.ndarray
) -> np.ndarray:
    """Return the forces x >= 0 along n edges, in body weights, that give ``total`` with the least effort.

    Minimise ``|EQUALITY S (reach x - total)|^2 + |(leg_torques - legs_from x) / strength|^2 + |LEVER x / firm|^2``,
    where S weighs moments by 1 and forces by LEVER, and the greatest strength is 1. Args: [6], [6, n], [12], [12, n],
    [n]; forces per body weight, torques in m.
    """
    scale = EQUALITY * np.repeat([1.0, LEVER], 3)
    rows = np.concatenate([scale[:, None] * reach, _WEIGHTS[:, None] * legs_from, np.diag(LEVER / firm)])
    return nnls(rows, np.concatenate([scale * total, _WEIGHTS * leg_torques, np.zeros(len(firm))]))[0]


def share(
    total: np.ndarray,
    leg_torques: np.ndarray,
    leg_jacobians: np.ndarray,
    points: np.ndarray,
    firm: np.ndarray,
    origins: np.ndarray,
    hips: np.ndarray,
    rest: float,
    body_weight: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share one frame's total wrench: return the feet's wrenches [2, 6], the seat's force [3] and the residual [6].

    Args:
        total: [6] moment N·m about the hips, then force N.
        leg_torques: [2, 6] N·m that the legs' motion alone asks for, in the order of ``STRENGTH``.
        leg_jacobians: [2, 6, 6]: each foot's, the columns of its leg's torques.
        points: [2, P, 3] m in ground.
        firm: [2, P] contact, 0 to 1.
        origins: [2, 3] m: the calcanei, which the wrenches are about.
        hips: [3] m: the point midway between the hip joints.
        rest: 0 to 1: how far the hips are at rest.
        body_weight: N.
    """
    wrenches, seat = np.zeros((2, 6)), np.zeros(3)
    there = firm > MIN_CONTACT
    if not there.any():
        return wrenches, seat, total
    reach = np.concatenate([_wrench_map(points[k, there[k]], hips) for k in (0, 1)], axis=1)
    to_foot = [_wrench_map(points[k, there[k]], origins[k]) for k in (0, 1)]
    edges = [to_foot[k].shape[1] for k in (0, 1)]
    legs_from = np.zeros((12, sum(edges)))
    legs_from[:6, : edges[0]] = leg_jacobians[0].T @ to_foot[0]
    legs_from[6:, edges[0] :] = leg_jacobians[1].T @ to_foot[1]
    strength = np.repeat(firm[there], len(_DIRECTIONS))
    asked, wanted = total / body_weight, leg_torques.ravel() / body_weight

    x = _least_effort(asked, reach, wanted, legs_from, strength)
    residual = asked - reach @ x
    sits = rest * (1 - _fade(residual[4], RESIDUAL_LIMIT, RESIDUAL_WIDTH))
    if sits > MIN_CONTACT:
        at_hips = _wrench_map(hips[None], hips)
        reach = np.concatenate([reach, at_hips], axis=1)
        legs_from = np.pad(legs_from, ((0, 0), (0, at_hips.shape[1])))
        strength = np.concatenate([strength, np.full(at_hips.shape[1], sits)])
        x = _least_effort(asked, reach, wanted, legs_from, strength)
        residual = asked - reach @ x
        seat = body_weight * x[sum(edges) :] @ _DIRECTIONS
    for k, forces in enumerate(np.split(x[: sum(edges)], [edges[0]])):
        wrenches[k] = body_weight * to_foot[k] @ forces
    return wrenches, seat, body_weight * residual


# --- a motion -------------------------------------------------------------------------------------------------------
def foot_trajectories(values: np.ndarray) -> np.ndarray:
    """Return the feet's part [F, 2, 3, 3] of markers [F, M, 3] or their velocities, gaps bridged by straight lines.

    Raises:
        DataError: a marker is missing throughout.
    """
    values = values.astype(np.float64)[:, _FOOT_MARKERS]
    frames = np.arange(len(values))
    for k, foot in enumerate(FOOT_MARKERS):
        for i, marker in enumerate(foot):
            seen = np.isfinite(values[:, k, i]).all(axis=-1)
            if not seen.any():
                raise DataError(
                    f"the marker {marker} is missing throughout; without the feet's markers it is unknown when they "
                    f"touch the ground"
                )
            for axis in range(3):
                values[:, k, i, axis] = np.interp(frames, frames[seen], values[seen, k, i, axis])
    return values


def ground_reaction(
    *,
    markers: np.ndarray,
    marker_velocities: np.ndarray,
    coordinates: np.ndarray,
    inertial_torques: np.ndarray,
    foot_jacobians: np.ndarray,
    rate_hz: float,
    mass_kg: float,
    frames: np.ndarray | None = None,
) -> GroundReaction:
    """Estimate the contact forces of a motion; zero in frames that are not asked for.

    Args:
        markers: [F, M, 3] m, NaN where missing.
        marker_velocities: [F, M, 3] m/s.
        coordinates: [F, C] rad and m.
        inertial_torques: [F, C] N·m and N.
        foot_jacobians: [F, 2, 6, C].
        rate_hz: frames per second.
        mass_kg: of the person.
        frames: indices; None for all.

    Raises:
        DataError: a foot marker is missing throughout, or inertial torques or Jacobians are no numbers; a sentence
            without its end, to which the caller adds the place.
    """
    inertial, jacobians = inertial_torques.astype(np.float64), foot_jacobians.astype(np.float64)
    for name, values in (("inertial_torques", inertial), ("foot_jacobians", jacobians)):
        if not np.isfinite(values).all():
            raise DataError(f"its '{name}' hold values that are no numbers")
    points, firm = contacts(foot_trajectories(markers), foot_trajectories(marker_velocities))
    origins = foot_origins(coordinates.astype(np.float64), jacobians)
    hips = np.mean([origins[:, k] - arm_to_foot(jacobians[:, k], _HIPS[k]) for k in (0, 1)], axis=0)
    total = total_wrench(inertial, jacobians)
    pelvis = origins[:, 0] - arm_to_foot(jacobians[:, 0], _PELVIS[:3])
    total[:, :3] += np.cross(pelvis - hips, total[:, 3:])
    speed = np.linalg.norm(np.gradient(hips, 1 / rate_hz, axis=0), axis=1) if len(hips) > 1 else np.zeros(1)
    rest = _fade(speed, CONTACT_SPEED, CONTACT_SPEED_WIDTH)

    found = GroundReaction(np.zeros((len(total), 2, 6)), np.zeros((len(total), 3)), np.zeros((len(total), 6)))
    for f in range(len(total)) if frames is None else frames:
        found.wrenches[f], found.seat_force[f], found.residual[f] = share(
            total[f],
            np.stack([inertial[f, leg] for leg in _LEGS]),
            np.stack([jacobians[f, k][:, leg] for k, leg in enumerate(_LEGS)]),
            points[f],
            firm[f],
            origins[f],
            hips[f],
            rest[f],
            mass_kg * GRAVITY,
        )
    return found

"""Judge each torque label of each frame: good, or the reason why it cannot be trusted.

Inverse dynamics proceeds from the ends of the limbs to the pelvis. The torque of a joint depends on the motion of the
bodies beyond it and on the forces that act on these bodies: an ankle, knee or hip on its leg and its foot's force, an
elbow or shoulder on its arm, the lumbar joint on trunk and arms. Every inconsistency, wherever it arises, appears in
the six generalized forces of the pelvis, which no muscle supplies: the residual. From this follow the rules. They are
applied in this order, and the first one that applies gives the reason:

``NOT_FINITE``
    The source holds no number for this torque, or none for a coordinate of this frame (then for all torques).
``MISSING_MARKERS``
    Fewer than half of a body region's real markers are present, after gaps of at most 5 frames were filled. The labels
    of that region, of everything between it and the pelvis, and of everything beyond it are marked.
``COORDINATE_JUMP``
    A coordinate changes by more than 25 degrees from one frame to the next (2500 degrees/s at 100 Hz, which no joint
    reaches: the shoulder's angles have flipped near their singular position). The low-pass filter before inverse
    dynamics spreads the jump. Frames are marked until the acceleration of the filtered step has decreased to 1 % of its
    peak, see :func:`jump_support`. The filter behind a release's stored torques is unknown; this library's cut-off
    frequencies are assumed for it, 12 Hz for drop jumps and 6 Hz for the rest
    (:func:`~vidzoo.dynamics.opensim.default_lowpass_hz`). A jump of an arm affects that arm, the lumbar joint and the
    pelvis; one of the trunk also the other arm; one of a leg that leg and the pelvis. Legs are never affected by an arm
    or the trunk.
``OFF_PLATE``
    One of three cases. A plate that belongs to no foot carries more than 20 N: both legs, as either may stand on it,
    and the pelvis are marked. Or the residual force exceeds 15 % of body weight outside the reach of a jump, while a
    foot stands (its slowest marker is slower than 0.8 m/s) and its plate reads nothing: that leg and the pelvis are
    marked as long as the residual lasts and the plate reads nothing. Or the person sits (actions with a chair) and the
    pelvis lacks an upward force: hips, trunk and pelvis are marked, but neither knees nor ankles, which lie beyond the
    seat.
``RESIDUAL``
    The residual force exceeds 15 % of body weight, from any cause. Pelvis, trunk and arms are marked: they are most of
    the body's mass, so that most of an unexplained residual is an error of their acceleration. Where the cause is a
    missing force on the feet, these labels may be right; they are marked nevertheless, because hands and back may lean
    on the same thing. Legs are kept, because their torques depend on their own measured force only.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.signal import butter, filtfilt

from vidzoo.anatomy import COORDINATES, GRAVITY, MARKERS, TRANSLATIONS
from vidzoo.arrays import ranges
from vidzoo.dynamics.ground_reaction import UNASSIGNED_FORCE_N
from vidzoo.dynamics.opensim import default_lowpass_hz
from vidzoo.io.data_file import Reason

RESIDUAL_LIMIT = 0.15
"""Of body weight."""
JUMP_LIMIT = np.deg2rad(25.0)
"""Between neighbouring frames, rad."""
STANDING_SPEED = 0.8
"""A foot whose slowest marker is slower stands on something, m/s."""
UNLOADED = 0.03
"""A plate that reads less than this share of body weight carries no foot."""
CHAIR_FAMILIES = ("STS", "STSweakLegs")

REGIONS = ("pelvis", "leg_r", "leg_l", "trunk", "arm_r", "arm_l")
_CHAIN = {
    "pelvis": REGIONS,
    "leg_r": ("pelvis", "leg_r"),
    "leg_l": ("pelvis", "leg_l"),
    "trunk": ("pelvis", "trunk", "arm_r", "arm_l"),
    "arm_r": ("pelvis", "trunk", "arm_r"),
    "arm_l": ("pelvis", "trunk", "arm_l"),
}
"""The regions that an error of a region's motion affects: those between it and the pelvis, and those beyond it."""
_FOOT_MARKERS = (("r_calc", "r_5meta", "r_toe"), ("L_calc", "L_5meta", "L_toe"))


def _coordinate_region(name: str) -> str:
    if name.startswith("pelvis"):
        return "pelvis"
    if name.startswith("lumbar"):
        return "trunk"
    side = "r" if name.removesuffix("_beta").endswith("_r") else "l"
    return f"{'leg' if name.startswith(('hip', 'knee', 'ankle', 'subtalar', 'mtp')) else 'arm'}_{side}"


def _marker_region(name: str) -> str | None:
    if "HJC" in name:
        return None  # computed from the pelvis markers, not seen
    if "IS" in name:
        return "pelvis"
    if name == "C7" or "Shoulder" in name or "Sternum" in name:
        return "trunk"
    limb = "arm" if any(part in name for part in ("humerus", "elbow", "forearm", "wrist")) else "leg"
    return f"{limb}_{name[0].lower()}"


def region_columns(*regions: str) -> np.ndarray:
    """Return a mask [C] of the coordinates that belong to ``regions``."""
    return np.array([_coordinate_region(name) in regions for name in COORDINATES])


@cache
def jump_support(lowpass_hz: float, rate_hz: float) -> int:
    """Return how many frames before and after a jump its filtered acceleration stays above 1 % of its peak.

    The filter is OpenSim's: Butterworth of third order, forwards and backwards.
    """
    step = np.zeros(int(12 * rate_hz / lowpass_hz) + 8)
    middle = len(step) // 2
    step[middle:] = 1.0
    b, a = butter(3, min(lowpass_hz / (rate_hz / 2), 0.99))
    acceleration = np.abs(np.diff(filtfilt(b, a, step), n=2))
    return int(np.flatnonzero(acceleration > 0.01 * acceleration.max())[-1] + 2 - middle)


def _unseen(markers: np.ndarray) -> dict[str, np.ndarray]:
    """Return for each region a mask [F] of the frames in which fewer than half of its real markers are present."""
    seen = np.isfinite(markers).all(axis=-1)
    of_marker = [_marker_region(name) for name in MARKERS]
    return {region: seen[:, [name == region for name in of_marker]].mean(axis=1) < 0.5 for region in REGIONS}


def _jumps(coordinates: np.ndarray, support: int) -> dict[str, np.ndarray]:
    """Return for each region a mask [F] of the frames within reach of a jump of its coordinates."""
    rotations = [name not in TRANSLATIONS for name in COORDINATES]
    with np.errstate(invalid="ignore"):
        jumps = np.abs(np.diff(coordinates, axis=0)) > JUMP_LIMIT
    reached = {}
    for region in REGIONS:
        mask = np.zeros(len(coordinates), dtype=bool)
        for before in np.flatnonzero(jumps[:, rotations & region_columns(region)].any(axis=1)):
            mask[max(before + 1 - support, 0) : before + 1 + support] = True
        reached[region] = mask
    return reached


def _standing_feet(markers: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return a mask [F, 2] of the feet (right, left) with a marker that hardly moves."""
    velocity = np.linalg.norm(np.gradient(markers, 1 / rate_hz, axis=0), axis=-1)
    speeds = [velocity[:, [MARKERS.index(name) for name in foot]] for foot in _FOOT_MARKERS]
    return np.stack([(np.nan_to_num(speed, nan=np.inf) < STANDING_SPEED).any(axis=1) for speed in speeds], axis=1)


def _feet_off_plate(unloaded: np.ndarray, stands: np.ndarray, unexplained: np.ndarray) -> np.ndarray:
    """Return a mask [F, 2] of the feet that stand where no plate is.

    A foot that stands without load anywhere in an unbroken range of unexplained residual is off its plate wherever its
    plate reads nothing in that range.

    Args:
        unloaded: [F, 2] bool: the foot's plate reads nothing.
        stands: [F, 2] bool.
        unexplained: [F] bool: the residual force is large for no other reason.
    """
    off_plate = np.zeros_like(unloaded)
    for start, stop in ranges(unexplained):
        off_plate[start:stop] = unloaded[start:stop] & (stands & unloaded)[start:stop].any(axis=0)
    return off_plate


def judge_labels(
    coordinates: np.ndarray,
    torques: np.ndarray,
    markers: np.ndarray,
    foot_forces: np.ndarray | None,
    mass_kg: float,
    family: str,
    rate_hz: float,
    unassigned_n: np.ndarray | None = None,
) -> np.ndarray:
    """Return a reason code for every torque of every frame, by this module's rules.

    Args:
        coordinates: [F, C] rad and m, as inverse dynamics read them: not smoothed.
        torques: [F, C] N·m and N, the pelvis rows being the residual.
        markers: [F, M, 3] m, short gaps filled.
        foot_forces: [F, 2, 3] N on the right and left foot; None where no plate was read.
        mass_kg: of the subject.
        family: the action family.
        rate_hz: frames per second.
        unassigned_n: [F] N on plates that belong to no foot; None where no plate was read.

    Returns:
        uint8 [F, C] of :class:`~vidzoo.io.data_file.Reason`.
    """
    codes = np.full(torques.shape, Reason.GOOD, dtype=np.uint8)

    def spoil(frames: np.ndarray, columns: np.ndarray, reason: Reason) -> None:
        codes[np.outer(frames, columns) & (codes == Reason.GOOD)] = reason

    codes[~np.isfinite(torques)] = Reason.NOT_FINITE
    spoil(~np.isfinite(coordinates).all(axis=1), np.ones(len(COORDINATES), bool), Reason.NOT_FINITE)

    for region, mask in _unseen(markers).items():
        spoil(mask, region_columns(*_CHAIN[region]), Reason.MISSING_MARKERS)
    reached = _jumps(coordinates, jump_support(default_lowpass_hz(family), rate_hz))
    for region, mask in reached.items():
        spoil(mask, region_columns(*_CHAIN[region]), Reason.COORDINATE_JUMP)

    body_weight = mass_kg * GRAVITY
    residual = torques[:, [COORDINATES.index(name) for name in TRANSLATIONS]]
    with np.errstate(invalid="ignore"):
        large = np.linalg.norm(residual, axis=1) > RESIDUAL_LIMIT * body_weight
        lacks_support = residual[:, 1] > RESIDUAL_LIMIT * body_weight
    unexplained = large & ~np.any(list(reached.values()), axis=0)

    if unassigned_n is not None:
        spoil(unassigned_n > UNASSIGNED_FORCE_N, region_columns("pelvis", "leg_r", "leg_l"), Reason.OFF_PLATE)
    # A sitting person's feet carry little; the force that is missing acts at the seat.
    if foot_forces is not None and family not in CHAIR_FAMILIES:
        unloaded = np.linalg.norm(foot_forces, axis=-1) < UNLOADED * body_weight
        off_plate = _feet_off_plate(unloaded, _standing_feet(markers, rate_hz), unexplained)
        for foot, leg in enumerate(("leg_r", "leg_l")):
            spoil(off_plate[:, foot], region_columns("pelvis", leg), Reason.OFF_PLATE)
    if family in CHAIR_FAMILIES:
        hips = np.array([name.startswith("hip_") for name in COORDINATES])
        spoil(unexplained & lacks_support, hips | region_columns("pelvis", "trunk"), Reason.OFF_PLATE)
    spoil(large, region_columns("pelvis", "trunk", "arm_r", "arm_l"), Reason.RESIDUAL)
    return codes

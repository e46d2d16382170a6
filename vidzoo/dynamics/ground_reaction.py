"""Measured ground reactions: which columns of a force file act on which foot, and the forces at any time.

Letters: F frames; feet are right, left; all in ground.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidzoo.anatomy import FEET
from vidzoo.arrays import neighbours
from vidzoo.errors import DataError
from vidzoo.io.storage import Storage

UNASSIGNED_FORCE_N = 20.0
"""A plate that belongs to no foot is reported where it carries more; smaller forces are noise."""
_AXES = ("x", "y", "z")


@dataclass(frozen=True)
class ExternalLoad:
    """A measured force: the body it acts on and how its columns' names in the force file begin."""

    body: str
    force: str
    """Columns ``<force>x``, ``<force>y``, ``<force>z``, N in ground."""
    point: str
    """Columns of the point of application (centre of pressure), m in ground."""
    torque: str
    """Columns of the free moment, N·m in ground; empty where there is none."""

    @property
    def columns(self) -> list[str]:
        """Names of its columns: force, point, torque."""
        return [name + axis for name in (self.force, self.point, self.torque) if name for axis in _AXES]


FORCE_PLATES: tuple[ExternalLoad, ...] = tuple(
    ExternalLoad(body, f"{side}_ground_force_v", f"{side}_ground_force_p", f"{side}_ground_torque_")
    for side, body in zip("RL", FEET)
)
"""The columns of OpenCap's force files, right and left, in the ground frame."""


def measured_grf(forces: Storage, time: np.ndarray) -> np.ndarray:
    """Return the ground reaction under each foot at the given times, [F, 2, 9]: force N, point m, free moment N·m.

    Between two samples, force and moment about the ground's origin are interpolated linearly, which keeps the load. The
    point is the mean of its neighbours weighted by their forces, because an unloaded plate has no meaningful point.

    Raises:
        DataError: a column of ``FORCE_PLATES`` is missing, or the forces do not cover ``time``.
    """
    time = np.asarray(time, dtype=np.float64)
    check_cover(forces, time)
    before, weight = neighbours(forces.time, time)
    weight = weight[:, None]

    result = np.zeros((len(time), len(FORCE_PLATES), 9))
    for k, load in enumerate(FORCE_PLATES):
        force, point, free_moment = np.split(forces.select(load.columns), 3, axis=1)
        moment = free_moment + np.cross(point, force)
        size = np.linalg.norm(force, axis=1, keepdims=True)
        force, moment, load_point, size = (
            (1 - weight) * x[before] + weight * x[before + 1] for x in (force, moment, size * point, size)
        )
        point = np.divide(load_point, size, out=np.zeros_like(load_point), where=size > 0)
        result[:, k] = np.hstack([force, point, moment - np.cross(point, force)])
    return result


def wrench_at_foot(grf: np.ndarray, foot_origins: np.ndarray) -> np.ndarray:
    """Move ground reactions to the calcaneus origins: [F, 2, 6] moment N·m about the origin, then force N, in ground.

    ``grf`` is [F, 2, 9] as of :func:`measured_grf`, ``foot_origins`` [F, 2, 3] m as of :class:`InertialTerms`.
    """
    force, point, free_moment = np.split(grf, 3, axis=-1)
    return np.concatenate([free_moment + np.cross(point - foot_origins, force), force], axis=-1)


def unassigned_force(
    forces: Storage, time: np.ndarray, external_loads: Sequence[ExternalLoad] = FORCE_PLATES
) -> np.ndarray:
    """Return the force on plates that belong to none of the loads, summed over plates, [F] N.

    A trial's third plate (``3_ground_force_v*``) may carry either foot: torques are wrong while it is loaded.
    """
    known = {column for load in external_loads for column in load.columns}
    total = np.zeros(len(forces.time))
    for column in forces.columns:
        if column.endswith("_vx") and column not in known:
            total += np.linalg.norm(forces.select([column[:-1] + axis for axis in _AXES]), axis=1)
    return np.interp(time, forces.time, total)


def check_forces(forces: Storage, external_loads: Sequence[ExternalLoad], time: np.ndarray) -> None:
    """Check the forces of a motion at ``time``, [F] s.

    Raises:
        DataError: a column of a load is missing or holds no number, or the forces do not cover the motion.

    Warns:
        UserWarning: a plate that belongs to no foot carries more than ``UNASSIGNED_FORCE_N``.
    """
    columns = list(dict.fromkeys(column for load in external_loads for column in load.columns))
    values = forces.select(columns)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise DataError(f"{forces.source}: column '{columns[column]}' is no number at {forces.time[row]:g} s.")
    check_cover(forces, time)
    unassigned = unassigned_force(forces, time, external_loads)
    if unassigned.max() > UNASSIGNED_FORCE_N:
        loaded = time[unassigned > UNASSIGNED_FORCE_N]
        warnings.warn(
            f"{forces.source}: a force of up to {unassigned.max():.0f} N between {loaded[0]:g} and {loaded[-1]:g} s "
            f"belongs to no known foot and was left out; the torques are wrong there.",
            stacklevel=3,
        )


def check_cover(forces: Storage, time: np.ndarray) -> None:
    """Raise a DataError if the forces do not cover the times."""
    slack = 1e-4  # s, for times printed with few digits
    if time[0] < forces.time[0] - slack or time[-1] > forces.time[-1] + slack:
        raise DataError(
            f"{forces.source}: forces from {forces.time[0]:g} to {forces.time[-1]:g} s do not cover the motion from "
            f"{time[0]:g} to {time[-1]:g} s; cut the motion to what both cover."
        )

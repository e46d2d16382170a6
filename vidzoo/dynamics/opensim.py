"""Inverse dynamics by OpenSim (extra ``opensim``), and the inertial torques and foot Jacobians that go with it.

Every function takes coordinates in rad and m. Low-pass filter, splines and derivatives are OpenSim's and the same in
all functions here, so that ``tau = inertial_torques - sum over feet of J^T W`` is what ``InverseDynamicsTool`` returns.
Letters: F = frames, C = the 35 coordinates in the order of ``anatomy.COORDINATES``; feet are right, left.

OpenSim's log is switched off unless its level was set to something other than its default. While the tool runs, the
standard output of the process is discarded, so that only one thread at a time may call these functions; several
processes may.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidzoo.anatomy import COORDINATES, DEPENDENT_COORDINATES, FEET
from vidzoo.dynamics.ground_reaction import FORCE_PLATES, ExternalLoad, check_forces
from vidzoo.dynamics.opensim_model import add_loads, import_opensim, load_model, no_standard_output, opensim_storage
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.storage import Storage, generalized_forces, nearest_names, read_storage

MIN_FRAMES = 6
"""A quintic spline needs as many."""


@dataclass(frozen=True, eq=False)
class InertialTerms:
    """The part of the torques that follows from the motion alone."""

    inertial_torques: np.ndarray
    """[F, C] N·m, N for translations: M(q) qdd + C(q, qd) + G(q), no external load."""
    foot_jacobians: np.ndarray
    """[F, 2, 6, C]: calcaneus velocity in ground per generalized speed: rotation rows, then its origin's."""
    foot_origins: np.ndarray
    """[F, 2, 3] m: the calcaneus origin in ground."""


def default_lowpass_hz(family: str | None) -> float:
    """Return the coordinates' cut-off frequency in Hz for an action family: 12 for drop jumps, 6 for the rest."""
    return 12.0 if family in ("DJ", "DJAsym") else 6.0


def _motion(
    opensim: Any, time: np.ndarray, coordinates: np.ndarray, names: Sequence[str], lowpass_hz: float | None
) -> tuple[np.ndarray, Any]:
    """Return the time grid, [F] s, and the filtered coordinates as an OpenSim Storage, padded at both ends.

    The padding (half the trial, mirrored) and the filter are those of ``InverseDynamicsTool``.
    """
    time = np.asarray(time, dtype=np.float64)
    unknown = [name for name in names if name not in COORDINATES]
    missing = [name for name in COORDINATES if name not in names and name not in DEPENDENT_COORDINATES]
    if unknown or missing:
        told = [f"'{name}' is no coordinate ({nearest_names(name, COORDINATES)})" for name in unknown[:3]]
        told += [f"'{name}' is missing" for name in missing[:3]]
        raise DataError(f"inverse dynamics: {'; '.join(told)}.")
    if coordinates.shape != (len(time), len(names)):
        raise DataError(
            f"inverse dynamics: coordinates of shape {coordinates.shape} for {len(time)} times and {len(names)} names."
        )
    if len(time) < MIN_FRAMES:
        raise DataError(f"inverse dynamics: {len(time)} frames, but a quintic spline needs at least {MIN_FRAMES}.")
    if not np.isfinite(coordinates).all():
        frame, column = np.argwhere(~np.isfinite(coordinates))[0]
        raise DataError(f"inverse dynamics: '{names[column]}' is no number at {time[frame]:g} s; cut the motion.")
    if not (np.diff(time) > 0).all():
        raise DataError("inverse dynamics: time does not increase from frame to frame; sort the motion.")
    if lowpass_hz is not None:
        step = (time[-1] - time[0]) / (len(time) - 1)
        grid = time[0] + step * np.arange(len(time))
        # Printed times are rounded; OpenSim would use their smallest step as sampling interval and drift.
        if not np.abs(grid - time).max() < 0.01 * step:
            raise DataError(
                "inverse dynamics: the low-pass filter needs frames at equal intervals; resample the motion."
            )
        time = grid
        if not 0 < lowpass_hz < 0.5 / step:
            raise ConfigError(
                f"inverse dynamics: lowpass_hz is {lowpass_hz}, expected more than 0 and less than half the rate "
                f"({0.5 / step:g} Hz), or None for no filter."
            )
        if len(time) * step < 2 / lowpass_hz:
            # The padding is half the trial; if it is shorter than a period, the filter's transient reaches the result.
            raise DataError(
                f"inverse dynamics: the motion lasts {len(time) * step:g} s, but a low-pass filter at "
                f"{lowpass_hz:g} Hz needs {2 / lowpass_hz:.2g} s; take a longer part."
            )
    motion = opensim_storage(opensim, names, time, coordinates)
    if lowpass_hz is not None:
        motion.pad(len(time) // 2)
        motion.lowpassIIR(lowpass_hz)
    return time, motion


def inverse_dynamics(
    model_path: str | Path,
    time: np.ndarray,
    coordinates: np.ndarray,
    forces: Storage | None = None,
    *,
    external_loads: Sequence[ExternalLoad] = FORCE_PLATES,
    lowpass_hz: float | None = None,
    names: Sequence[str] = COORDINATES,
) -> np.ndarray:
    """Return the generalized forces of a motion, [F, C] N·m, N for translations, by ``InverseDynamicsTool``.

    Muscles and every other force of the model are left out first; the model's constraints are ignored, as the tool
    does. Forces are not filtered.

    Args:
        model_path: a scaled .osim file with the 35 coordinates.
        time: [F] s.
        coordinates: [F, len(names)] rad and m.
        forces: the measured forces; None for a body without external loads.
        external_loads: which columns of ``forces`` act on which body.
        lowpass_hz: cut-off of OpenSim's zero-phase Butterworth filter on the coordinates; None for no filter.
        names: the columns of ``coordinates``. Only the coupled ``knee_angle_*_beta`` may be left out; they then stay at
            the model's default, as in the tool.

    Raises:
        DataError: a file is broken, a coordinate, body or force column is missing, or forces do not cover the motion.
        ConfigError: ``lowpass_hz`` is not below half the rate.
        VidZooError: OpenSim is not installed.

    Warns:
        UserWarning: a plate that belongs to no foot carries more than ``UNASSIGNED_FORCE_N``.
    """
    opensim, path = import_opensim(), Path(model_path)
    model = load_model(opensim, path)
    time, motion = _motion(opensim, time, coordinates, names, lowpass_hz)
    measured = None
    if forces is not None:
        check_forces(forces, external_loads, time)
        # The model keeps a bare pointer to this table, which must live as long as the tool runs.
        measured = opensim_storage(opensim, forces.columns, forces.time, forces.data)
        add_loads(opensim, model, measured, external_loads, path)
    return generalized_forces(_run_tool(opensim, model, motion, time, path))


def _run_tool(opensim: Any, model: Any, motion: Any, time: np.ndarray, model_path: Path) -> Storage:
    """Return what ``InverseDynamicsTool`` writes for a motion at the times ``time``, [F] s."""
    with tempfile.TemporaryDirectory() as folder:
        tool = opensim.InverseDynamicsTool()
        tool.setModel(model)
        tool.setCoordinateValues(motion)
        # The tool ends at the last line before a bound; a thousandth of a step keeps rounding from losing one.
        slack = 1e-3 * (time[1] - time[0])
        tool.setStartTime(time[0] + slack)
        tool.setEndTime(time[-1] + slack)
        tool.setResultsDir(folder)
        tool.setOutputGenForceFileName("inverse_dynamics.sto")
        try:
            with no_standard_output():
                tool.run()
        except RuntimeError as error:
            raise DataError(
                f"{model_path}: OpenSim's inverse dynamics failed ({str(error).splitlines()[0]})."
            ) from None
        result = read_storage(Path(folder) / "inverse_dynamics.sto")
    if len(result.time) != len(time) or not np.abs(result.time - time).max() < 1e-6:
        raise DataError(
            f"{model_path}: OpenSim returned {len(result.time)} frames from {result.time[0]:g} s for {len(time)} from "
            f"{time[0]:g} s; resample the motion at equal intervals."
        )
    return result


def inertial_terms(
    model_path: str | Path,
    time: np.ndarray,
    coordinates: np.ndarray,
    *,
    lowpass_hz: float | None = None,
    names: Sequence[str] = COORDINATES,
) -> InertialTerms:
    """Return the inertial torques of a motion, and the Jacobians that turn ground reactions into torques.

    Arguments are those of :func:`inverse_dynamics`. With W the wrenches of :func:`wrench_at_foot`, ``inertial_torques -
    sum over feet of J^T W`` is what that function returns.

    Raises:
        DataError: the model is broken, lacks a coordinate or has a ball or free joint.
        ConfigError: ``lowpass_hz`` is not below half the rate.
        VidZooError: OpenSim is not installed.
    """
    opensim = import_opensim()
    model = load_model(opensim, Path(model_path))
    time, motion = _motion(opensim, time, coordinates, names, lowpass_hz)
    state = model.initSystem()
    if not state.getNQ() == state.getNU() == len(COORDINATES):
        raise DataError(f"{model_path}: has a ball or free joint, whose speeds are not the rates of its coordinates.")
    coordinate_set = model.getCoordinateSet()
    splines = opensim.GCVSplineSet(5, motion)
    column = {name: i for i, name in enumerate(names)}
    values = np.zeros((3, len(time), len(COORDINATES)))  # coordinates, speeds, accelerations
    for c, name in enumerate(COORDINATES):
        if name in column:
            for order in range(3):
                values[order, :, c] = [splines.evaluate(column[name], order, t) for t in time.tolist()]
        else:
            values[0, :, c] = coordinate_set.get(name).getDefaultValue()
        # The state holds the coordinates in the order of the model's tree: mark each one to find its place.
        coordinate_set.get(name).setSpeedValue(state, float(c))
    slots = state.getU().to_numpy().astype(int)
    place = np.argsort(slots)

    solver = opensim.InverseDynamicsSolver(model)
    matter = model.getMatterSubsystem()
    feet = [model.getBodySet().get(foot) for foot in FEET]
    origin, jacobian, vector = opensim.Vec3(0), opensim.Matrix(), opensim.Vector.createFromMat
    torques = np.empty((len(time), len(COORDINATES)))
    jacobians = np.empty((len(time), len(FEET), 6, len(COORDINATES)))
    origins = np.empty((len(time), len(FEET), 3))
    for f, (q, u, udot) in enumerate(np.ascontiguousarray(values[:, :, slots].swapaxes(0, 1))):
        state.setTime(time[f])
        state.setQ(vector(q))
        state.setU(vector(u))
        torques[f] = solver.solve(state, vector(udot)).to_numpy()[place]
        for k, foot in enumerate(feet):
            matter.calcFrameJacobian(state, foot.getMobilizedBodyIndex(), origin, jacobian)
            jacobians[f, k] = jacobian.to_numpy()[:, place]
            origins[f, k] = foot.getPositionInGround(state).to_numpy()
    return InertialTerms(torques, jacobians, origins)

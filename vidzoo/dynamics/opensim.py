"""Inverse dynamics by OpenSim itself (extra ``opensim``), and what a rigid-body model of the torques needs from it.

Every function takes coordinates in rad and m. Low-pass filter, splines and derivatives are OpenSim's own and shared by
all functions here, so that ``tau = inertial_torques - sum over feet of J^T W`` is what ``InverseDynamicsTool`` returns.
Letters: F = frames, C = the 35 coordinates in the order of ``anatomy.COORDINATES``; feet are right, left.

OpenSim's log is switched off unless its level was set to something other than its default. While its tool runs, the
process's standard output goes nowhere, so that two threads must not be in here at once; two processes may.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidzoo.anatomy import COORDINATES, DEPENDENT_COORDINATES, FEET
from vidzoo.errors import ConfigError, DataError, VidZooError
from vidzoo.io.storage import Storage, generalized_forces, nearest_names, read_storage

MAX_XML_BYTES = 64 << 20
MIN_FRAMES = 6
"""A quintic spline needs as many."""
UNASSIGNED_FORCE_N = 20.0
"""A plate that belongs to no foot and carries more than this is reported; below it is noise."""
_AXES = ("x", "y", "z")


@dataclass(frozen=True)
class ExternalLoad:
    """A measured force: the body it acts on and the beginnings of its columns' names in the force file."""

    body: str
    force: str
    """Columns ``<force>x``, ``<force>y``, ``<force>z``, N."""
    point: str
    """Columns of the point of application (centre of pressure), m."""
    torque: str
    """Columns of the free moment, N·m; empty where there is none."""
    force_frame: str = "ground"
    point_frame: str = "ground"

    @property
    def columns(self) -> list[str]:
        """Names of its columns: force, point, torque."""
        return [name + axis for name in (self.force, self.point, self.torque) if name for axis in _AXES]


FORCE_PLATES: tuple[ExternalLoad, ...] = tuple(
    ExternalLoad(body, f"{side}_ground_force_v", f"{side}_ground_force_p", f"{side}_ground_torque_")
    for side, body in zip("RL", FEET)
)
"""The columns of OpenCap's force files, right and left, in the ground frame."""


@dataclass(frozen=True, eq=False)
class InertialTerms:
    """What the motion alone says about the torques."""

    inertial_torques: np.ndarray
    """[F, C] N·m, N for translations: M(q) qdd + C(q, qd) + G(q), no external load."""
    foot_jacobians: np.ndarray
    """[F, 2, 6, C]: calcaneus velocity in ground per generalized speed: rotation rows, then its origin's."""
    foot_origins: np.ndarray
    """[F, 2, 3] m: the calcaneus origin in ground."""


def default_lowpass_hz(family: str | None) -> float:
    """Return the coordinates' cut-off frequency in Hz for an action family: 12 for drop jumps, 6 for the rest."""
    return 12.0 if family in ("DJ", "DJAsym") else 6.0


def _import_opensim() -> Any:
    """Return the OpenSim package, its log off and without its file opensim.log in the working directory."""
    try:
        import opensim
    except ImportError as error:
        raise VidZooError(f"OpenSim is not there ({error}); install it with: pip install 'vidzoo[opensim]'.") from None
    if opensim.Logger.getLevelString() == "Info":
        opensim.Logger.setLevelString("Off")
        opensim.Logger.removeFileSink()
    return opensim


@contextmanager
def _no_standard_output() -> Iterator[None]:
    """Send file descriptor 1 to nowhere: the tool prints the model's summary past every log level."""
    sys.stdout.flush()
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _parse_xml(path: Path) -> ET.Element:
    """Return an XML file's root, refusing whatever would make OpenSim open another file."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; check the subject's folder.")
    if path.stat().st_size > MAX_XML_BYTES:
        raise DataError(f"{path}: larger than {MAX_XML_BYTES >> 20} MiB, which no model is.")
    try:
        root = ET.parse(path).getroot()
    except ET.ParseError as error:
        raise DataError(f"{path}: is no well-formed XML ({error}); copy it again.") from None
    for element in root.iter():
        if "file" in element.attrib:
            raise DataError(
                f"{path}: <{element.tag} file='{element.get('file')}'> points to another file, which is not followed; "
                f"save the model with OpenSim as one file."
            )
    return root


_NOT_NEEDED = ("attached_geometry", "ForceSet", "ControllerSet", "ContactGeometrySet", "ProbeSet")


def _load_model(opensim: Any, path: Path) -> Any:
    """Return the skeleton of an .osim file: no muscle, actuator, spring or contact, and no drawing.

    What is left holds no file name, and the generalized forces are the net ones that the motion and the measured
    loads ask for, whoever supplies them.
    """
    root = _parse_xml(path)
    for parent in root.iter():
        for child in [child for child in parent if child.tag in _NOT_NEEDED]:
            parent.remove(child)
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "model.osim"
        ET.ElementTree(root).write(bare)
        try:
            model = opensim.Model(str(bare))
            model.initSystem()
        except RuntimeError as error:
            raise DataError(f"{path}: OpenSim cannot build this model ({str(error).splitlines()[0]}).") from None
    coordinates = model.getCoordinateSet()
    names = [coordinates.get(i).getName() for i in range(coordinates.getSize())]
    missing = [name for name in COORDINATES if name not in names]
    unknown = [name for name in names if name not in COORDINATES]
    if missing or unknown:
        raise DataError(
            f"{path}: its coordinates are not the {len(COORDINATES)} of the LaiArnold full-body model "
            f"(missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'})."
        )
    return model


def _table(opensim: Any, columns: Sequence[str], time: np.ndarray, data: np.ndarray) -> Any:
    """Return numbers over time as OpenSim's own Storage, not in degrees."""
    table = opensim.Storage(len(time))
    labels = opensim.ArrayStr()
    for label in ("time", *columns):
        labels.append(label)
    table.setColumnLabels(labels)
    table.setInDegrees(False)
    for t, row in zip(time.tolist(), np.ascontiguousarray(data, dtype=np.float64)):
        table.append(t, opensim.Vector.createFromMat(row))
    return table


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
        # Printed times are rounded; OpenSim would take their smallest step for the sampling interval and drift away.
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
            # The padding is half the trial; shorter than a period, it lets the filter's start into the result.
            raise DataError(
                f"inverse dynamics: the motion lasts {len(time) * step:g} s, but a low-pass filter at "
                f"{lowpass_hz:g} Hz needs {2 / lowpass_hz:.2g} s; take a longer part."
            )
    motion = _table(opensim, names, time, coordinates)
    if lowpass_hz is not None:
        motion.pad(len(time) // 2)
        motion.lowpassIIR(lowpass_hz)
    return time, motion


def _check_forces(forces: Storage, external_loads: Sequence[ExternalLoad], time: np.ndarray) -> None:
    """Raise where the loads are not in the table, are no numbers or do not cover the motion; warn of unknown feet."""
    columns = list(dict.fromkeys(column for load in external_loads for column in load.columns))
    values = forces.select(columns)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise DataError(f"{forces.source}: column '{columns[column]}' is no number at {forces.time[row]:g} s.")
    _check_cover(forces, time)
    unassigned = unassigned_force(forces, time, external_loads)
    if unassigned.max() > UNASSIGNED_FORCE_N:
        loaded = time[unassigned > UNASSIGNED_FORCE_N]
        warnings.warn(
            f"{forces.source}: a force of up to {unassigned.max():.0f} N between {loaded[0]:g} and {loaded[-1]:g} s "
            f"belongs to no known foot and was left out; torques are wrong there.",
            stacklevel=3,
        )


def _check_cover(forces: Storage, time: np.ndarray) -> None:
    """Raise where the forces do not cover the motion."""
    slack = 1e-4  # s, for times printed with few digits
    if time[0] < forces.time[0] - slack or time[-1] > forces.time[-1] + slack:
        raise DataError(
            f"{forces.source}: forces from {forces.time[0]:g} to {forces.time[-1]:g} s do not cover the motion from "
            f"{time[0]:g} to {time[-1]:g} s; cut the motion to what both cover."
        )


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
        forces: the measured forces; None for a body that nothing touches.
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
    opensim = _import_opensim()
    with tempfile.TemporaryDirectory() as folder:
        model = _load_model(opensim, Path(model_path))
        time, motion = _motion(opensim, time, coordinates, names, lowpass_hz)
        if forces is not None:
            _check_forces(forces, external_loads, time)
            # The model keeps a bare pointer to this table.
            measured = _table(opensim, forces.columns, forces.time, forces.data)
            _add_loads(opensim, model, measured, external_loads, Path(model_path))
        tool = opensim.InverseDynamicsTool()
        tool.setModel(model)
        tool.setCoordinateValues(motion)
        # The tool picks the last row not after a bound; a thousandth of a step keeps rounding from losing one.
        slack = 1e-3 * (time[1] - time[0])
        tool.setStartTime(time[0] + slack)
        tool.setEndTime(time[-1] + slack)
        tool.setResultsDir(folder)
        tool.setOutputGenForceFileName("inverse_dynamics.sto")
        try:
            with _no_standard_output():
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
    return generalized_forces(result)


def _add_loads(opensim: Any, model: Any, measured: Any, loads: Sequence[ExternalLoad], model_path: Path) -> None:
    """Let the measured forces act on the model's bodies."""
    bodies = model.getBodySet()
    frames = ["ground", *(bodies.get(i).getName() for i in range(bodies.getSize()))]
    for i, load in enumerate(loads):
        for name in (load.body, load.force_frame, load.point_frame):
            if name not in frames:
                raise DataError(f"{model_path}: has no body '{name}' for a force ({nearest_names(name, frames)}).")
        force = opensim.ExternalForce(
            measured, load.force, load.point, load.torque, load.body, load.force_frame, load.point_frame
        )
        force.setName(f"load_{i}")
        # addForce adopts it before it checks it: were it ours too, a failure would free it twice.
        force.thisown = False
        model.addForce(force)


def inertial_terms(
    model_path: str | Path,
    time: np.ndarray,
    coordinates: np.ndarray,
    *,
    lowpass_hz: float | None = None,
    names: Sequence[str] = COORDINATES,
) -> InertialTerms:
    """Return the torques of the motion alone and the Jacobians that carry ground reactions into torques.

    Arguments and errors are those of :func:`inverse_dynamics`. With W the wrenches of :func:`wrench_at_foot`,
    ``inertial_torques - sum over feet of J^T W`` is what that function returns.
    """
    opensim = _import_opensim()
    model = _load_model(opensim, Path(model_path))
    time, motion = _motion(opensim, time, coordinates, names, lowpass_hz)
    state = model.initSystem()
    if not state.getNQ() == state.getNU() == len(COORDINATES):
        raise DataError(f"{model_path}: has a joint whose coordinates are not its own speeds (a ball or free joint).")
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


def measured_grf(forces: Storage, time: np.ndarray) -> np.ndarray:
    """Return the ground reaction under each foot at the given times, [F, 2, 9]: force N, point m, free moment N·m.

    Between two samples force and moment about the ground's origin are linear, so that nothing of the load is lost; the
    point is the mean of its neighbours weighted by their forces, because an unloaded plate's point means nothing.

    Raises:
        DataError: a column of ``FORCE_PLATES`` is missing, or the forces do not cover ``time``.
    """
    time = np.asarray(time, dtype=np.float64)
    _check_cover(forces, time)
    right = np.clip(np.searchsorted(forces.time, time), 1, len(forces.time) - 1)
    weight = np.clip((time - forces.time[right - 1]) / np.diff(forces.time)[right - 1], 0, 1)[:, None]

    result = np.zeros((len(time), len(FORCE_PLATES), 9))
    for k, load in enumerate(FORCE_PLATES):
        force, point, free_moment = np.split(forces.select(load.columns), 3, axis=1)
        moment = free_moment + np.cross(point, force)
        size = np.linalg.norm(force, axis=1, keepdims=True)
        force, moment, load_point, size = (
            (1 - weight) * x[right - 1] + weight * x[right] for x in (force, moment, size * point, size)
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
    """Return the force on plates that no load speaks for, summed over plates, [F] N.

    A trial's third plate (``3_ground_force_v*``) may carry either foot: torques are wrong while it is loaded.
    """
    known = {column for load in external_loads for column in load.columns}
    total = np.zeros(len(forces.time))
    for column in forces.columns:
        if column.endswith("_vx") and column not in known:
            total += np.linalg.norm(forces.select([column[:-1] + axis for axis in _AXES]), axis=1)
    return np.interp(time, forces.time, total)


def read_external_loads(path: str | Path) -> tuple[tuple[ExternalLoad, ...], Path]:
    """Read OpenSim's ExternalLoads XML: the loads, and the path of the force file that it names.

    Raises:
        DataError: it is broken, describes anything but ExternalForce elements, or names a force file outside its own
            folder.
    """
    path = Path(path)
    root = _parse_xml(path)
    loads_element = root if root.tag == "ExternalLoads" else root.find("ExternalLoads")
    if loads_element is None:
        raise DataError(f"{path}: has no element <ExternalLoads>.")
    loads = []
    for element in loads_element.findall("./objects/*"):
        if element.tag != "ExternalForce":
            raise DataError(f"{path}: holds a <{element.tag}>, but only <ExternalForce> is understood.")

        def text(tag: str, element: ET.Element = element) -> str:
            return (element.findtext(tag) or "").strip()

        if text("isDisabled") == "true" or text("appliesForce") == "false":
            continue
        load = ExternalLoad(
            text("applied_to_body"),
            text("force_identifier"),
            text("point_identifier"),
            text("torque_identifier"),
            text("force_expressed_in_body") or "ground",
            text("point_expressed_in_body") or "ground",
        )
        if not (load.body and load.force and load.point):
            raise DataError(
                f"{path}: <ExternalForce name='{element.get('name', '')}'> lacks applied_to_body, force_identifier or "
                f"point_identifier."
            )
        loads.append(load)
    if not loads:
        raise DataError(f"{path}: describes no force.")
    data_file = (loads_element.findtext("datafile") or "").strip()
    folder = path.parent.resolve()
    data_path = (folder / data_file).resolve()
    if not data_file or not data_path.is_relative_to(folder):
        raise DataError(f"{path}: its <datafile> is '{data_file}', expected a file in the folder {path.parent}.")
    return tuple(loads), data_path

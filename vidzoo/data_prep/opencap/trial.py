"""Build one trial: read its sources, bring them to common times, judge the labels, cut out the pictures.

Sources are matched by name and by time, never by the order of columns or lines. Letters: F frames, M markers, C
coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidzoo.anatomy import ACTION_FAMILIES, COORDINATES, TRANSLATIONS, action_family
from vidzoo.arrays import nearest_index, neighbours
from vidzoo.data_prep.opencap.options import BuildOptions
from vidzoo.data_prep.opencap.pictures import Pictures, read_pictures
from vidzoo.data_prep.opencap.release import scaled_model, select_videos
from vidzoo.data_prep.opencap.subject import Subject
from vidzoo.data_prep.signal import SAME_TIME, clean_trajectory, resample
from vidzoo.data_prep.validity import judge_labels
from vidzoo.dynamics import load_sharing
from vidzoo.dynamics.ground_reaction import UNASSIGNED_FORCE_N, measured_grf, unassigned_force
from vidzoo.dynamics.opensim import InertialTerms, default_lowpass_hz, inertial_terms, inverse_dynamics
from vidzoo.errors import DataError
from vidzoo.io.data_file import Reason, Trial
from vidzoo.io.storage import Storage, coordinates_in_si, generalized_forces, read_storage
from vidzoo.io.trc import read_trc

MAX_MARKER_SPEED = 15.0
"""Faster markers are outliers, m/s."""
MAX_ROTATION_SPEED = np.deg2rad(2500.0)
"""Faster coordinates are outliers (or jumps, where they do not come back), rad/s."""
MIN_FRAMES = 11
"""A shorter trial is left out."""
MAX_MASS_DIFFERENCE = 0.03
"""Masses of metadata and force plates that differ by a larger share are remarked."""


@dataclass(frozen=True, eq=False)
class Recording:
    """What was measured in a trial: markers, coordinates and forces, each at the times of its source."""

    markers_time: np.ndarray
    """[F] s."""
    markers: np.ndarray
    """[F, M, 3] m, smoothed; NaN where missing."""
    marker_velocities: np.ndarray
    """[F, M, 3] m/s."""
    coordinates_time: np.ndarray
    """[F] s."""
    rate_hz: float
    """Of the coordinates."""
    raw_coordinates: np.ndarray
    """[F, C] rad and m, as inverse dynamics sees them."""
    coordinates: np.ndarray
    """[F, C] rad and m, smoothed."""
    coordinate_velocities: np.ndarray
    """[F, C] rad/s and m/s."""
    forces: Storage | None
    """Of the force plates; None where there is no such file."""

    @property
    def sources(self) -> dict[str, np.ndarray]:
        """The times of each source, s."""
        times = {"markers": self.markers_time, "coordinates": self.coordinates_time}
        return times if self.forces is None else times | {"forces": self.forces.time}


@dataclass(frozen=True, eq=False)
class Torques:
    """Generalized forces of a trial."""

    time: np.ndarray
    """[F] s."""
    values: np.ndarray
    """[F, C] N·m and N."""
    inertial: InertialTerms | None
    """Where they were computed."""
    sources: dict[str, np.ndarray]
    """The times of the file they were read from, s; empty where they were computed from the recording."""
    remark: str


def build_trial(subject: Subject, trial: str, options: BuildOptions) -> tuple[Trial, list[str]]:
    """Build one trial; return it and the remarks about it.

    Markers and coordinates are cleaned and differentiated at their sources' times, before anything is cut. The
    labels are judged at the coordinates' times; then everything is taken at the times of the grid. Where a source
    covers less than the coordinates, the range that all cover is kept and a remark names the source.

    Raises:
        DataError: a source is missing or broken, the sources have no time in common, or a video is shorter than half
            of what the others cover.
        ConfigError: the stated box is far larger than the picture.
    """
    action = action_family(trial)
    if action is None:
        raise DataError(f"no action family belongs to this name; the families are {', '.join(ACTION_FAMILIES)}.")
    videos = select_videos(subject.folder, trial, options.cameras)
    mass = subject.mass_kg(options.mass_source)
    recording = read_recording(subject.folder, trial)
    if options.inverse_dynamics == "stored":
        torques = _stored_torques(subject.folder, trial)
    else:
        torques = _computed_torques(subject.folder, trial, action, recording)
    sources = recording.sources | torques.sources
    time = _common_times(recording.coordinates_time, sources)
    markers = resample(recording.markers_time, recording.markers, time)
    codes, label_remarks = _judge(recording, torques, time, markers, mass, action)
    pictures = {
        camera: read_pictures(video, calibration, time, markers, recording.markers_time[-1], options)
        for camera, (video, calibration) in videos.items()
    }
    kept = _shown_times(time, pictures)
    grid, rate_hz = (kept, recording.rate_hz) if options.grid == "mocap" else _video_grid(kept, pictures)
    arrays = _arrays_at(grid, recording, torques)
    wrenches, wrench_remarks = _physics_wrenches(arrays, rate_hz, mass)
    remarks = [
        torques.remark,
        *_mass_remarks(subject, options.mass_source),
        *label_remarks,
        *wrench_remarks,
        *(f"{camera} ({shots.remark})" if shots.remark else camera for camera, shots in pictures.items()),
        *_coverage_remarks(recording.coordinates_time, sources, time, pictures, len(kept)),
    ]
    return Trial(
        subject=subject.name,
        trial=trial,
        action=action,
        rate_hz=rate_hz,
        mass_kg=mass,
        mass_source=options.mass_source,
        height_m=subject.height_m,
        sex=subject.sex,
        motion="real",
        mass_metadata_kg=subject.mass_metadata_kg,
        mass_force_plate_kg=subject.mass_force_plate_kg,
        time=grid,
        validity=_codes_between(time, codes, grid),
        cameras={
            camera: shots.at(grid, "rendered" if camera.startswith("CamRender") else "real")
            for camera, shots in pictures.items()
        },
        physics_wrenches=wrenches,
        **arrays,
    ), remarks


# --- sources --------------------------------------------------------------------------------------------------------


def read_recording(folder: Path, trial: str) -> Recording:
    """Read a trial's markers, coordinates and forces; clean and differentiate the first two.

    Raises:
        DataError: a file other than the forces' is missing, one is broken, or its times are uneven.
    """
    trc = read_trc(folder / f"MarkerData/Mocap/{trial}.trc")
    ik = read_storage(folder / f"OpenSimData/Mocap/IK/{trial}.mot")
    _even_rate(trc.time, trc.source)
    rate_hz = _even_rate(ik.time, ik.source)
    force_path = _force_path(folder, trial)
    forces = read_storage(force_path) if force_path.is_file() else None
    markers, marker_velocities = clean_trajectory(trc.positions, trc.time, MAX_MARKER_SPEED)
    raw = coordinates_in_si(ik, COORDINATES)
    # Each coordinate is a point of one number; dividing by its limit lets one threshold serve all.
    limits = np.where([name in TRANSLATIONS for name in COORDINATES], MAX_MARKER_SPEED, MAX_ROTATION_SPEED)
    smoothed, velocities = clean_trajectory((raw / limits)[..., None], ik.time, max_speed=1.0)
    return Recording(
        markers_time=trc.time,
        markers=markers,
        marker_velocities=marker_velocities,
        coordinates_time=ik.time,
        rate_hz=rate_hz,
        raw_coordinates=raw,
        coordinates=smoothed[..., 0] * limits,
        coordinate_velocities=velocities[..., 0] * limits,
        forces=forces,
    )


def _force_path(folder: Path, trial: str) -> Path:
    return folder / f"ForceData/{trial}_forces.mot"


def _even_rate(time: np.ndarray, where: object) -> float:
    steps = np.diff(time)
    if len(time) < MIN_FRAMES or steps.max() - steps.min() > 1e-3:
        raise DataError(f"{where}: expected at least {MIN_FRAMES} evenly spaced times; export the trial again.")
    return float((len(time) - 1) / (time[-1] - time[0]))


def _stored_torques(folder: Path, trial: str) -> Torques:
    """Read the torques of the release's .sto file."""
    stored = read_storage(folder / f"OpenSimData/Mocap/ID/{trial}.sto")
    values = generalized_forces(stored, COORDINATES)
    if not np.isfinite(values).any():
        raise DataError(f"{stored.source}: holds no finite torque; export it again.")
    return Torques(stored.time, values, None, {"torques": stored.time}, "stored torques")


def _computed_torques(folder: Path, trial: str, action: str, recording: Recording) -> Torques:
    """Compute the torques by OpenSim, where the recording's sources overlap."""
    if recording.forces is None:
        path = _force_path(folder, trial)
        raise DataError(f"{path}: no such file; without forces there is no inverse dynamics.")
    start, stop = _span(recording.sources)
    inside = (recording.coordinates_time >= start) & (recording.coordinates_time <= stop)
    time, motion = recording.coordinates_time[inside], recording.raw_coordinates[inside]
    model, lowpass_hz = scaled_model(folder), default_lowpass_hz(action)
    values = inverse_dynamics(model, time, motion, recording.forces, lowpass_hz=lowpass_hz)
    inertial = inertial_terms(model, time, motion, lowpass_hz=lowpass_hz)
    remark = f"torques by OpenSim, coordinates low-passed at {lowpass_hz:g} Hz"
    return Torques(time, values, inertial, {}, remark)


# --- times ----------------------------------------------------------------------------------------------------------


def _span(sources: dict[str, np.ndarray]) -> tuple[float, float]:
    """Return the range that all sources cover."""
    start = max(time[0] for time in sources.values()) - SAME_TIME
    stop = min(time[-1] for time in sources.values()) + SAME_TIME
    if start >= stop:
        ranges = ", ".join(f"{name} {time[0]:.2f} to {time[-1]:.2f} s" for name, time in sources.items())
        raise DataError(f"its sources have no time in common: {ranges}.")
    return start, stop


def _check_length(time: np.ndarray) -> None:
    if len(time) < MIN_FRAMES:
        raise DataError(f"its sources have only {len(time)} frames in common; at least {MIN_FRAMES} are needed.")


def _common_times(time: np.ndarray, sources: dict[str, np.ndarray]) -> np.ndarray:
    """Return those of the coordinates' times that all sources cover."""
    start, stop = _span(sources)
    time = time[(time >= start) & (time <= stop)]
    _check_length(time)
    return time


def _shown_times(time: np.ndarray, pictures: dict[str, Pictures]) -> np.ndarray:
    """Return the times that every camera shows."""
    for shots in pictures.values():
        start, stop = shots.span
        time = time[(time >= start) & (time <= stop)]
    _check_length(time)
    return time


def _video_grid(time: np.ndarray, pictures: dict[str, Pictures]) -> tuple[np.ndarray, float]:
    """Return the times of the first camera's pictures during ``time``, and their rate in Hz."""
    if not pictures:
        raise DataError("there is no video whose times could be the grid; use --grid mocap.")
    shown = next(iter(pictures.values())).time
    grid = shown[(shown >= time[0] - SAME_TIME) & (shown <= time[-1] + SAME_TIME)]
    _check_length(grid)
    return grid, float(1 / np.median(np.diff(grid)))


def _arrays_at(grid: np.ndarray, recording: Recording, torques: Torques) -> dict[str, Any]:
    """Return the trial's arrays at the times of the grid."""
    terms = torques.inertial
    return {
        "markers": resample(recording.markers_time, recording.markers, grid),
        "marker_velocities": resample(recording.markers_time, recording.marker_velocities, grid),
        "coordinates": resample(recording.coordinates_time, recording.coordinates, grid),
        "coordinate_velocities": resample(recording.coordinates_time, recording.coordinate_velocities, grid),
        "torques": resample(torques.time, torques.values, grid),
        "inertial_torques": resample(torques.time, terms.inertial_torques, grid) if terms else None,
        "foot_jacobians": resample(torques.time, terms.foot_jacobians, grid) if terms else None,
        "grf": measured_grf(recording.forces, grid) if recording.forces is not None else None,
    }


def _physics_wrenches(arrays: dict[str, Any], rate_hz: float, mass: float) -> tuple[np.ndarray | None, list[str]]:
    """Return the feet's wrenches [F, 2, 6] by mechanics, of the arrays as they are stored, or why there are none."""
    if arrays["inertial_torques"] is None:
        return None, []
    motion = {name: np.asarray(arrays[name], dtype=np.float32) for name in load_sharing.MOTION}
    try:
        return load_sharing.ground_reaction(**motion, rate_hz=rate_hz, mass_kg=mass).wrenches, []
    except DataError as error:
        return None, [f"no physics wrenches: {error}"]


def _codes_between(time: np.ndarray, codes: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return the reason codes at the times of the grid; between two frames, a label is as bad as the worse of them."""
    nearest = nearest_index(time, grid)
    exact = (np.abs(time[nearest] - grid) <= SAME_TIME)[:, None]
    before, _ = neighbours(time, grid)
    worse = np.where(codes[before] != Reason.GOOD, codes[before], codes[before + 1])
    return np.where(exact, codes[nearest], worse)


# --- labels and remarks ---------------------------------------------------------------------------------------------


def _judge(
    recording: Recording, torques: Torques, time: np.ndarray, markers: np.ndarray, mass: float, action: str
) -> tuple[np.ndarray, list[str]]:
    """Return the reason code of each label at ``time``, [F, C], and what to remark about them."""
    remarks = []
    forces, unassigned, foot_forces = recording.forces, None, None
    if forces is None:
        remarks.append("no force file: feet off the plates go unnoticed")
    else:
        foot_forces = measured_grf(forces, time)[:, :, :3]
        unassigned = unassigned_force(forces, time)
        # Computing the torques has warned of this already.
        if unassigned.max() > UNASSIGNED_FORCE_N and torques.inertial is None:
            remarks.append(
                f"up to {unassigned.max():.0f} N on a plate that belongs to no foot: legs and pelvis are marked there"
            )
    codes = judge_labels(
        resample(recording.coordinates_time, recording.raw_coordinates, time),
        resample(torques.time, torques.values, time),
        markers,
        foot_forces,
        mass,
        action,
        recording.rate_hz,
        unassigned,
    )
    if not (codes == Reason.GOOD).any():
        remarks.append("no label is good")
    return codes, remarks


def _mass_remarks(subject: Subject, mass_source: str) -> list[str]:
    metadata, plates = subject.mass_metadata_kg, subject.mass_force_plate_kg
    # An unknown mass is NaN, for which the comparison is false.
    if not abs(metadata - plates) > MAX_MASS_DIFFERENCE * metadata:
        return []
    return [f"metadata {metadata:.1f} kg, force plates {plates:.1f} kg: both are stored, {mass_source} counts"]


def _coverage_remarks(
    coordinates_time: np.ndarray,
    sources: dict[str, np.ndarray],
    time: np.ndarray,
    pictures: dict[str, Pictures],
    num_kept: int,
) -> list[str]:
    """Name the sources that cover less than the coordinates, and the cameras that show less than all sources cover."""
    short = [
        f"{name} {source[0]:.2f} to {source[-1]:.2f} s"
        for name, source in sources.items()
        if source[0] > coordinates_time[0] + SAME_TIME or source[-1] < coordinates_time[-1] - SAME_TIME
    ]
    for camera, shots in pictures.items():
        start, stop = shots.span
        if start > time[0] or stop < time[-1]:
            short.append(f"{camera} {shots.time[0]:.2f} to {shots.time[-1]:.2f} s")
    if not short:
        return []
    return [f"{num_kept} of {len(coordinates_time)} frames kept, for that is all of {', '.join(short)}"]

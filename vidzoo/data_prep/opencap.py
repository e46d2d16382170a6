"""Build a data file from a folder in the layout of OpenCap's LabValidation release (Uhlrich et al. 2023).

Layout read, below ROOT::

    subject4/sessionMetadata.yaml                       mass_kg, height_m, gender_mf (optional)
    subject4/MarkerData/Mocap/DJ1.trc
    subject4/ForceData/DJ1_forces.mot                   optional
    subject4/OpenSimData/Mocap/IK/DJ1.mot
    subject4/OpenSimData/Mocap/ID/DJ1.sto               needed for ``inverse_dynamics='stored'``
    subject4/OpenSimData/Mocap/**/*.osim                needed for ``inverse_dynamics='opensim'``
    subject4/VideoData/Session0/Cam2/cameraIntrinsicsExtrinsics.pickle           optional
    subject4/VideoData/Session0/Cam2/DJ1/DJ1_syncdWithMocap.avi (or .mp4; or DJ1.avi, DJ1.mp4)

Everything is matched by name and synchronised by time, never by column or row. Each trial is built in a process of its
own, so that none can cost the others; what cannot be built becomes a row of the report with its reason.
"""

from __future__ import annotations

import warnings
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import yaml
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from scipy.integrate import trapezoid

from vidzoo.anatomy import ACTION_FAMILIES, BENCHMARK_JOINTS, COORDINATES, GRAVITY, TRANSLATIONS, action_family
from vidzoo.data_prep import crop
from vidzoo.data_prep.camera import MIN_SHARE_IN_PICTURE, Camera, read_camera
from vidzoo.data_prep.signal import SAME_TIME, clean_trajectory, nearest_index, resample
from vidzoo.data_prep.stats import natural_key
from vidzoo.data_prep.validity import judge_labels
from vidzoo.data_prep.video import read_frames
from vidzoo.dynamics.opensim import (
    UNASSIGNED_FORCE_N,
    default_lowpass_hz,
    inertial_terms,
    inverse_dynamics,
    measured_grf,
    unassigned_force,
)
from vidzoo.errors import ConfigError, DataError, VidZooError
from vidzoo.io.data_file import CameraTrack, DataFileWriter, Reason, Trial
from vidzoo.io.storage import Storage, coordinates_in_si, generalized_forces, read_storage
from vidzoo.io.trc import read_trc

MAX_MARKER_SPEED = 15.0
"""Faster markers are outliers, m/s."""
MAX_ROTATION_SPEED = np.deg2rad(2500.0)
"""Faster coordinates are outliers (or jumps, where they do not come back), rad/s."""
UNSYNCHRONISED_EXCESS = 0.5
"""A video that outlasts the markers by more is an unsynchronised original, s."""
REACH = 0.05
"""Pictures this long before and after the labels are read too, so that the nearest one is always among them, s."""
MAX_IMAGE_SIZE = 2048
MIN_FRAMES = 11
"""A shorter trial is left out."""
MIN_VIDEO_SHARE = 0.5
"""A trial is left out where a video shows less of its frames."""
MAX_MASS_DIFFERENCE = 0.03
"""Masses of metadata and force plates that differ by a larger share are remarked."""
MAX_METADATA_BYTES = 1 << 20

Grid = Literal["mocap", "video"]
Dynamics = Literal["stored", "opensim"]


@dataclass(frozen=True)
class BuildOptions:
    """What to build, and how."""

    subjects: tuple[str, ...] = ()
    """Folder names; empty: all."""
    trials: tuple[str, ...] = ()
    """Trial names; empty: all."""
    cameras: tuple[str, ...] = ()
    """Folder names such as Cam2, all of which a trial must have; empty: whichever it has; ('none',): no images."""
    grid: Grid = "mocap"
    """Frame times: the coordinates', each with the nearest picture, or those of the (first) camera's pictures."""
    inverse_dynamics: Dynamics = "stored"
    """Torques of the .sto files; or computed by OpenSim, then with inertial torques and foot Jacobians too."""
    image_size: int = 256
    crop: Literal["trial", "frame"] = "trial"
    """One box for a whole trial, or one that follows the body; for calibrated cameras."""
    box: tuple[float, float, float, float] | None = None
    """x, y, width, height in pixels for cameras without a usable calibration; None: the full frame."""
    mass_source: Literal["metadata", "force_plate"] = "metadata"


@dataclass(frozen=True)
class Subject:
    """A person of the release: what the metadata and the force plates say."""

    name: str
    folder: Path
    mass_metadata_kg: float
    mass_force_plate_kg: float
    height_m: float
    sex: str


@dataclass(frozen=True)
class TrialReport:
    """What became of one trial."""

    subject: str
    trial: str
    action: str
    frames: int = 0
    images: int = 0
    valid_share: float = float("nan")
    """Good labels among those of the 11 benchmark joints."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Number of labels under each reason code."""
    note: str = ""
    """Remarks; where nothing was built, the reason."""
    built: bool = True


@dataclass(frozen=True)
class BuildReport:
    """What was built and what was left out, and why."""

    trials: tuple[TrialReport, ...]

    @property
    def built(self) -> tuple[TrialReport, ...]:
        """The trials that are in the file."""
        return tuple(trial for trial in self.trials if trial.built)

    @property
    def left_out(self) -> tuple[TrialReport, ...]:
        """The trials (or whole subjects) that are not."""
        return tuple(trial for trial in self.trials if not trial.built)

    def table(self) -> Table:
        """Return the report as a table for the terminal."""
        table = Table(title=f"{len(self.built)} trials built, {len(self.left_out)} left out")
        for name in ("subject", "trial", "family"):
            table.add_column(name, no_wrap=True)
        for name in ("frames", "images", "valid"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("source, or why it was left out", overflow="fold")
        for row in self.trials:
            numbers = (str(row.frames), str(row.images), f"{row.valid_share:.0%}") if row.built else ("-", "-", "-")
            note = row.note if row.built else f"left out: {row.note}"
            names = escape(row.subject), escape(row.trial), row.action
            table.add_row(*names, *numbers, escape(note), style=None if row.built else "yellow")
        return table


# --- finding -------------------------------------------------------------------------------------------------------


def find_subjects(root: Path, names: tuple[str, ...] = ()) -> list[Path]:
    """Return the subjects' folders, in order of their numbers.

    Raises:
        DataError: there is no such root, none of a subject's folders in it, or a named subject is not there.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; name the one that holds subject2, subject3, ...")
    folders = sorted((path.parent for path in root.glob("*/MarkerData")), key=lambda path: natural_key(path.name))
    if not folders:
        raise DataError(f"{root}: holds no subject; expected folders such as {root / 'subject4' / 'MarkerData'}.")
    missing = sorted(set(names) - {folder.name for folder in folders})
    if missing:
        raise DataError(f"{root}: has no subject '{missing[0]}'; it has {', '.join(f.name for f in folders)}.")
    return [folder for folder in folders if not names or folder.name in names]


def trial_names(folder: Path) -> list[str]:
    """Return the names of all trials that have markers or coordinates, in natural order."""
    found = {path.stem for path in folder.glob("MarkerData/Mocap/*.trc")}
    found |= {path.stem for path in folder.glob("OpenSimData/Mocap/IK/*.mot")}
    return sorted(found, key=natural_key)


def find_videos(folder: Path, trial: str) -> dict[str, tuple[Path, Path]]:
    """Return for each camera the trial's video and where its calibration would be; synchronised videos first."""
    videos = {}
    for camera in sorted(folder.glob("VideoData/*/*")):
        for name in (f"{trial}_syncdWithMocap", trial):
            for suffix in (".avi", ".mp4"):
                path = camera / trial / (name + suffix)
                if path.is_file() and camera.name not in videos:
                    videos[camera.name] = (path, camera / "cameraIntrinsicsExtrinsics.pickle")
    return videos


def force_plate_mass(folder: Path) -> float:
    """Estimate a subject's mass from the plates, kg; NaN where no recording allows it.

    Over a recording in which nothing but the feet ever carries the body, the mean vertical force is its weight, for
    its momentum hardly changes. Squats and static trials qualify if they last 3 s or more and the force never falls
    under half its median (a foot off the plates, a chair). The median over these recordings is returned.
    """
    masses = []
    for path in sorted(folder.glob("ForceData/*_forces.mot")):
        name = path.name.removesuffix("_forces.mot")
        if action_family(name) not in ("squats", "squatsAsym") and not name.lower().startswith("static"):
            continue
        try:
            forces = read_storage(path)
            vertical = forces.select([column for column in forces.columns if column.endswith("_vy")]).sum(axis=1)
        except DataError:
            continue  # the trial itself will say what is wrong with it
        median = np.median(vertical)
        if forces.time[-1] - forces.time[0] >= 3.0 and median > 0 and vertical.min() > median / 2:
            masses.append(trapezoid(vertical, forces.time) / (forces.time[-1] - forces.time[0]) / GRAVITY)
    return float(np.median(masses)) if masses else float("nan")


def read_subject(folder: Path, mass_source: str) -> Subject:
    """Read ``sessionMetadata.yaml`` and weigh the subject on the force plates.

    Raises:
        DataError: the file is missing or broken, or the mass (from the chosen source) or the height is not plausible.
    """
    path = folder / "sessionMetadata.yaml"
    if not path.is_file():
        raise DataError(f"{path}: no such file; it must state mass_kg and height_m.")
    try:
        with path.open("rb") as file:
            text = file.read(MAX_METADATA_BYTES + 1)
        if len(text) > MAX_METADATA_BYTES:
            raise ValueError("larger than 1 MiB")
        # Every value stays text: a date that is none, which nobody asks for, costs nothing.
        metadata = yaml.load(text.decode(errors="replace"), yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:
        raise DataError(f"{path}: is no YAML ({' '.join(str(error).split())[:300]}); mend it.") from None
    if not isinstance(metadata, dict):
        raise DataError(f"{path}: expected lines such as 'mass_kg: 62.6'.")

    def told(key: str) -> str:
        value = metadata.get(key, "")
        return (value[:40] or "missing") if isinstance(value, str) else "no single value"

    def number(key: str, low: float, high: float) -> float:
        try:
            value = float(told(key))
        except ValueError:
            return float("nan")
        return value if low < value < high else float("nan")

    mass, height = number("mass_kg", 10, 400), number("height_m", 0.5, 2.6)
    mass_on_plates = force_plate_mass(folder)
    if mass_source == "metadata" and not np.isfinite(mass):
        raise DataError(
            f"{path}: mass_kg is {told('mass_kg')}, expected 10 to 400; correct it or use --mass-source force_plate."
        )
    if mass_source == "force_plate" and not np.isfinite(mass_on_plates):
        raise DataError(
            f"{folder / 'ForceData'}: no squat or static recording from which the mass can be told; use "
            f"--mass-source metadata."
        )
    if not np.isfinite(height):
        raise DataError(f"{path}: height_m is {told('height_m')}, expected metres between 0.5 and 2.6.")
    sex = told("gender_mf").strip().lower()[:1] if metadata.get("gender_mf") else ""
    return Subject(folder.name, folder, mass, mass_on_plates, height, sex if sex in ("f", "m") else "")


# --- one trial -----------------------------------------------------------------------------------------------------


def _even_rate(time: np.ndarray, where: object) -> float:
    steps = np.diff(time)
    if len(time) < MIN_FRAMES or steps.max() - steps.min() > 1e-3:
        raise DataError(f"{where}: expected at least {MIN_FRAMES} evenly spaced times; export the trial again.")
    return float((len(time) - 1) / (time[-1] - time[0]))


def _span(times: dict[str, np.ndarray]) -> tuple[float, float]:
    """Return the range that all sources cover."""
    start = max(time[0] for time in times.values()) - SAME_TIME
    stop = min(time[-1] for time in times.values()) + SAME_TIME
    if start >= stop:
        ranges = ", ".join(f"{name} {time[0]:.2f} to {time[-1]:.2f} s" for name, time in times.items())
        raise DataError(f"its sources have no time in common: {ranges}.")
    return start, stop


def _clean_coordinates(ik: Storage) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the coordinates [F, C] as inverse dynamics sees them, then smoothed, then their velocities."""
    raw = coordinates_in_si(ik, COORDINATES)
    limits = np.where([name in TRANSLATIONS for name in COORDINATES], MAX_MARKER_SPEED, MAX_ROTATION_SPEED)
    # Each coordinate is a point of one number; dividing by its limit lets one threshold serve all.
    smoothed, velocities = clean_trajectory((raw / limits)[..., None], ik.time, max_speed=1.0)
    return raw, smoothed[..., 0] * limits, velocities[..., 0] * limits


@dataclass
class _Pictures:
    """A camera's pictures within a time span, cropped and encoded."""

    time: np.ndarray
    boxes: np.ndarray
    jpegs: list[bytes]
    source_size: tuple[int, int]
    camera: Camera | None
    intrinsics: np.ndarray | None
    remark: str

    @property
    def span(self) -> tuple[float, float]:
        """The first and the last time at which one of the pictures is shown, s."""
        half = np.median(np.diff(self.time)) / 2 if len(self.time) > 1 else 0.0
        return self.time[0] - half - SAME_TIME, self.time[-1] + half + SAME_TIME


def _usable_calibration(path: Path, markers: np.ndarray) -> tuple[Camera | None, np.ndarray | None, str]:
    """Return the camera if it sees the markers where they are, its intrinsics in any case, and what to remark.

    The release's calibrations place the camera in the frame of a checkerboard, whose place in the laboratory is not
    told; such a camera sees the markers anywhere but in the picture, and no guess is made.
    """
    if not path.is_file():
        return None, None, "no calibration"
    try:
        camera = read_camera(path)
    except DataError as error:
        return None, None, str(error)
    share = camera.share_in_picture(markers[:: max(len(markers) // 50, 1)])
    if share < MIN_SHARE_IN_PICTURE:
        return None, camera.intrinsics, f"not calibrated to the markers' frame ({share:.0%} of them in the picture)"
    return camera, camera.intrinsics, ""


def _read_pictures(
    video: Path,
    calibration: Path,
    time: np.ndarray,
    markers: np.ndarray,
    last_marker_time: float,
    options: BuildOptions,
) -> _Pictures:
    """Decode, crop and encode the pictures that a video shows during the grid ``time`` [F] with ``markers`` [F, M, 3].

    A video's first picture is at time 0 of the markers' clock, which is what ``_syncdWithMocap`` means.

    Raises:
        DataError: it cannot be decoded, is not synchronised with the markers, or shows less than half of the grid.
    """
    camera, intrinsics, remark = _usable_calibration(calibration, markers)
    synchronised = video.stem.endswith("_syncdWithMocap")
    times: list[float] = []
    jpegs: list[bytes] = []
    boxes: list[np.ndarray] = []
    grid_boxes: np.ndarray | None = None
    size = (0, 0)
    for at, image in read_frames(video):
        if grid_boxes is None:
            size = (image.shape[1], image.shape[0])
            if camera is not None and camera.size != size:
                remark = f"calibrated for {camera.size[0]} x {camera.size[1]} pixels, not {size[0]} x {size[1]}"
                camera = intrinsics = None
            grid_boxes = _boxes(video, camera, markers, time, size, options)
        if at > time[-1] + REACH:
            if synchronised:
                break
            if at > last_marker_time + UNSYNCHRONISED_EXCESS:
                raise DataError(
                    f"{video}: outlasts the markers, which end at {last_marker_time:.2f} s, so it is not synchronised "
                    f"with them; expected {video.parent.name}_syncdWithMocap{video.suffix} beside it."
                )
        elif at >= time[0] - REACH:
            box = grid_boxes[nearest_index(time, np.array([at]))[0]]
            times.append(at)
            boxes.append(box)
            jpegs.append(crop.encode_jpeg(crop.crop_image(image, box, options.image_size)))
    if not times:
        raise DataError(f"{video}: shows nothing between {time[0]:.2f} and {time[-1]:.2f} s, where the labels are.")
    if camera is None:
        remark += "; stated box" if options.box else "; full frame"
    if not synchronised:
        remarks = (remark, "not named _syncdWithMocap, taken to start with the markers' time 0")
        remark = "; ".join(filter(None, remarks))
    pictures = _Pictures(np.array(times), np.array(boxes), jpegs, size, camera, intrinsics, remark)
    start, stop = pictures.span
    if ((time >= start) & (time <= stop)).mean() < MIN_VIDEO_SHARE:
        raise DataError(
            f"{video}: the video is shorter than the mocap: it shows {times[0]:.2f} to {times[-1]:.2f} s of "
            f"{time[0]:.2f} to {time[-1]:.2f} s; copy it again or leave its camera out with --camera."
        )
    return pictures


def _boxes(
    video: Path,
    camera: Camera | None,
    markers: np.ndarray,
    time: np.ndarray,
    size: tuple[int, int],
    options: BuildOptions,
) -> np.ndarray:
    """Return what to cut out at each grid time, [F, 4]."""
    if camera is not None and options.crop == "frame":
        return crop.frame_boxes(camera, markers, time)
    if camera is not None:
        box = crop.trial_box(camera, markers)
    else:
        x, y, width, height = options.box or (0, 0, *size)
        if max(width, height) > crop.MAX_SIDE * max(size):
            raise ConfigError(
                f"{video}: the box {x:g},{y:g},{width:g},{height:g} is more than {crop.MAX_SIDE} times as large as its "
                f"{size[0]} x {size[1]} pixels; name a smaller one with --box."
            )
        if x >= size[0] or y >= size[1] or x + width <= 0 or y + height <= 0:
            raise DataError(f"{video}: the box {x:g},{y:g},{width:g},{height:g} is outside its {size[0]} x {size[1]}.")
        box = crop.letterbox(size, options.box)
    return np.tile(box, (len(time), 1))


def _track(pictures: _Pictures, grid: np.ndarray, kind: str) -> CameraTrack:
    """Keep the pictures that are nearest to some grid time."""
    used, index = np.unique(nearest_index(pictures.time, grid), return_inverse=True)
    return CameraTrack(
        jpegs=[pictures.jpegs[i] for i in used],
        video_time=pictures.time[used],
        video_index=index.astype(np.int32),
        crop=pictures.boxes[used],
        kind=kind,
        source_size=pictures.source_size,
        intrinsics=pictures.intrinsics,
        rotation=pictures.camera.rotation if pictures.camera else None,
        translation=pictures.camera.translation if pictures.camera else None,
    )


def _chosen_videos(subject: Subject, trial: str, cameras: tuple[str, ...]) -> dict[str, tuple[Path, Path]]:
    if cameras == ("none",):
        return {}
    videos = find_videos(subject.folder, trial)
    missing = [camera for camera in cameras if camera not in videos]
    if missing:
        raise DataError(f"no video of camera '{missing[0]}'; there is {', '.join(videos) or 'none of any camera'}.")
    return {camera: videos[camera] for camera in cameras or videos}


def build_trial(subject: Subject, trial: str, options: BuildOptions) -> tuple[Trial, list[str]]:
    """Build one trial and say what is remarkable about it.

    Markers and coordinates are mended, smoothed and differentiated on their own recordings, before anything is cut;
    torques, forces and validity are read or computed on the coordinates' times; then all is taken at the grid's times.

    Where a source covers less than the coordinates, the range that all cover is kept and a remark names the source. A
    video that would cost more than half of the frames is no shortfall but a wrong file: the trial is refused.

    Raises:
        DataError: a source is missing or broken, the sources have no time in common, or a video is shorter than half
            of what the others cover.
        ConfigError: the stated box is far larger than the picture.
    """
    folder, remarks = subject.folder, []
    action = action_family(trial)
    if action is None:
        raise DataError(f"no action family belongs to this name; the families are {', '.join(ACTION_FAMILIES)}.")
    videos = _chosen_videos(subject, trial, options.cameras)
    mass = subject.mass_metadata_kg if options.mass_source == "metadata" else subject.mass_force_plate_kg
    # NaN, where one of the two is unknown, differs from nothing.
    if abs(subject.mass_metadata_kg - subject.mass_force_plate_kg) > MAX_MASS_DIFFERENCE * subject.mass_metadata_kg:
        remarks.append(
            f"metadata {subject.mass_metadata_kg:.1f} kg, force plates {subject.mass_force_plate_kg:.1f} kg: both are "
            f"stored, {options.mass_source} counts"
        )

    trc = read_trc(folder / f"MarkerData/Mocap/{trial}.trc")
    ik = read_storage(folder / f"OpenSimData/Mocap/IK/{trial}.mot")
    _even_rate(trc.time, trc.source)
    rate_hz = _even_rate(ik.time, ik.source)
    sources = {"markers": trc.time, "coordinates": ik.time}
    force_path = folder / f"ForceData/{trial}_forces.mot"
    forces = read_storage(force_path) if force_path.is_file() else None
    if forces is not None:
        sources["forces"] = forces.time
    else:
        remarks.append("no force file: feet off the plates go unnoticed")
    markers, marker_velocities = clean_trajectory(trc.positions, trc.time, MAX_MARKER_SPEED)
    raw_coordinates, coordinates, coordinate_velocities = _clean_coordinates(ik)

    inertial = None
    if options.inverse_dynamics == "stored":
        stored = read_storage(folder / f"OpenSimData/Mocap/ID/{trial}.sto")
        sources["torques"] = torque_time = stored.time
        torques = generalized_forces(stored, COORDINATES)
        if not np.isfinite(torques).any():
            raise DataError(f"{stored.source}: holds no finite torque; export it again.")
        remarks.insert(0, "stored torques")
    else:
        if forces is None:
            raise DataError(f"{force_path}: no such file; without forces there is no inverse dynamics.")
        start, stop = _span(sources)
        inside = (ik.time >= start) & (ik.time <= stop)
        torque_time, motion = ik.time[inside], raw_coordinates[inside]
        model, lowpass_hz = _model(folder), default_lowpass_hz(action)
        torques = inverse_dynamics(model, torque_time, motion, forces, lowpass_hz=lowpass_hz)
        inertial = inertial_terms(model, torque_time, motion, lowpass_hz=lowpass_hz)
        remarks.insert(0, f"torques by OpenSim, coordinates low-passed at {lowpass_hz:g} Hz")

    start, stop = _span(sources)
    time = ik.time[(ik.time >= start) & (ik.time <= stop)]
    _check_length(time)
    time_markers = resample(trc.time, markers, time)
    grf = measured_grf(forces, time) if forces is not None else None
    unassigned = unassigned_force(forces, time) if forces is not None else None
    if unassigned is not None and unassigned.max() > UNASSIGNED_FORCE_N and options.inverse_dynamics == "stored":
        remarks.append(
            f"up to {unassigned.max():.0f} N on a plate that belongs to no foot: legs and pelvis are marked there"
        )
    codes = judge_labels(
        resample(ik.time, raw_coordinates, time),
        resample(torque_time, torques, time),
        time_markers,
        grf[:, :, :3] if grf is not None else None,
        mass,
        action,
        rate_hz,
        unassigned,
    )
    if not (codes == Reason.GOOD).any():
        remarks.append("no label is good")

    pictures = {
        name: _read_pictures(video, calibration, time, time_markers, trc.time[-1], options)
        for name, (video, calibration) in videos.items()
    }
    grid = time
    short = [
        f"{name} {source[0]:.2f} to {source[-1]:.2f} s"
        for name, source in sources.items()
        if source[0] > ik.time[0] + SAME_TIME or source[-1] < ik.time[-1] - SAME_TIME
    ]
    for name, shots in pictures.items():
        start, stop = shots.span
        if start > time[0] or stop < time[-1]:
            short.append(f"{name} {shots.time[0]:.2f} to {shots.time[-1]:.2f} s")
        grid = grid[(grid >= start) & (grid <= stop)]
        remarks.append(f"{name} ({shots.remark})" if shots.remark else name)
    _check_length(grid)
    if short:
        remarks.append(f"{len(grid)} of {len(ik.time)} frames kept, for that is all of {', '.join(short)}")
    if options.grid == "video":
        if not pictures:
            raise DataError("there is no video whose times could be the grid; use --grid mocap.")
        shown = next(iter(pictures.values())).time
        grid = shown[(shown >= grid[0] - SAME_TIME) & (shown <= grid[-1] + SAME_TIME)]
        _check_length(grid)
        rate_hz = float(1 / np.median(np.diff(grid)))

    def on_grid(source_time: np.ndarray, values: np.ndarray) -> np.ndarray:
        return resample(source_time, values, grid)

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
        time=grid,
        markers=on_grid(trc.time, markers),
        marker_velocities=on_grid(trc.time, marker_velocities),
        coordinates=on_grid(ik.time, coordinates),
        coordinate_velocities=on_grid(ik.time, coordinate_velocities),
        torques=on_grid(torque_time, torques),
        validity=_codes_between(time, codes, grid),
        inertial_torques=on_grid(torque_time, inertial.inertial_torques) if inertial else None,
        foot_jacobians=on_grid(torque_time, inertial.foot_jacobians) if inertial else None,
        grf=measured_grf(forces, grid) if forces is not None else None,
        mass_metadata_kg=subject.mass_metadata_kg,
        mass_force_plate_kg=subject.mass_force_plate_kg,
        cameras={
            name: _track(shots, grid, "rendered" if name.startswith("CamRender") else "real")
            for name, shots in pictures.items()
        },
    ), remarks


def _check_length(time: np.ndarray) -> None:
    if len(time) < MIN_FRAMES:
        raise DataError(f"its sources have only {len(time)} frames in common; at least {MIN_FRAMES} are needed.")


def _model(folder: Path) -> Path:
    """Return the subject's scaled model."""
    models = sorted(
        (folder / "OpenSimData/Mocap").rglob("*.osim"), key=lambda path: ("scaled" not in path.name, path.name)
    )
    if not models:
        raise DataError(f"{folder / 'OpenSimData/Mocap'}: holds no scaled model (.osim).")
    return models[0]


def _codes_between(time: np.ndarray, codes: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return the reason codes at grid times; a label between two frames is as bad as the worse of them."""
    nearest = nearest_index(time, grid)
    exact = (np.abs(time[nearest] - grid) <= SAME_TIME)[:, None]
    upper = np.clip(np.searchsorted(time, grid), 1, len(time) - 1)
    neighbours = np.where(codes[upper - 1] != Reason.GOOD, codes[upper - 1], codes[upper])
    return np.where(exact, codes[nearest], neighbours)


# --- all trials ----------------------------------------------------------------------------------------------------


def _build_in_worker(subject: Subject, trial: str, options: BuildOptions) -> tuple[Trial | None, str]:
    """Build a trial; return it with its remarks, or None with the reason."""
    cv2.setNumThreads(1)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default", UserWarning)
            built, remarks = build_trial(subject, trial, options)
    except VidZooError as error:
        return None, str(error)
    except Exception as error:
        return None, f"unexpected {type(error).__name__}: {error}"
    told = dict.fromkeys(str(warning.message) for warning in caught if warning.category is UserWarning)
    return built, "; ".join([*remarks, *told])


def _build_in_own_process(subject: Subject, trial: str, options: BuildOptions) -> tuple[Trial | None, str]:
    """Build a trial in a fresh process, whose death is nobody else's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(_build_in_worker, subject, trial, options).result()
        except BrokenProcessPool:
            return None, "its worker process died (out of memory, or a crash in a library)"


def _report(subject: str, name: str, trial: Trial | None, note: str) -> TrialReport:
    action = action_family(name) or ""
    if trial is None:
        return TrialReport(subject, name, action, note=note, built=False)
    benchmark = [COORDINATES.index(joint) for joint in BENCHMARK_JOINTS]
    return TrialReport(
        subject,
        name,
        action,
        frames=len(trial.time),
        images=sum(len(track.jpegs) for track in trial.cameras.values()),
        valid_share=float((trial.validity[:, benchmark] == Reason.GOOD).mean()),
        reasons={r.name.lower(): int((trial.validity == r).sum()) for r in Reason if (trial.validity == r).any()},
        note=note,
    )


def _select_trials(folders: list[Path], wanted: tuple[str, ...]) -> list[tuple[Path, str]]:
    """Return the wanted trials (all, if none is named) of each subject that has them."""
    found = [(folder, name) for folder in folders for name in trial_names(folder)]
    known = {name for _, name in found}
    missing = [name for name in wanted if name not in known]
    if missing or not found:
        what = f"trial '{missing[0]}'" if missing else "trial at all"
        there = ", ".join(sorted(known, key=natural_key)) or "no .trc and no .mot"
        raise DataError(f"{folders[0].parent}: no subject has a {what}; there is {there}.")
    return [(folder, name) for folder, name in found if not wanted or name in wanted]


def build_opencap(
    root: str | Path,
    out: str | Path,
    options: BuildOptions | None = None,
    jobs: int = 1,
    progress: bool = True,
) -> BuildReport:
    """Build the data file ``out`` from the LabValidation folder ``root``, ``jobs`` trials at a time.

    The file's settings hold the options (default: :class:`BuildOptions`'s), and what was left out and why. Nothing
    appears under ``out`` unless at least one trial was built.

    Raises:
        DataError: the folder is missing or holds none of what was named, or no trial at all could be built.
        ConfigError: the image size is out of bounds.
    """
    root, out = Path(root), Path(out)
    options = options or BuildOptions()
    if not 16 <= options.image_size <= MAX_IMAGE_SIZE:
        raise ConfigError(f"image size {options.image_size}: expected 16 to {MAX_IMAGE_SIZE} pixels.")
    if out.is_dir():
        raise DataError(f"{out}: is a folder; name the data file to write, such as {out / 'vid.h5'}.")
    folders = find_subjects(root, options.subjects)
    selected = _select_trials(folders, options.trials)
    subjects: dict[Path, Subject | str] = {}
    for folder in {folder: None for folder, _ in selected}:
        try:
            subjects[folder] = read_subject(folder, options.mass_source)
        except DataError as error:
            subjects[folder] = str(error)

    settings = {
        "source": "OpenCap LabValidation layout",
        **asdict(options),
        "jump_support_lowpass_hz": {family: default_lowpass_hz(family) for family in ACTION_FAMILIES},
    }
    reports: dict[tuple[str, str], TrialReport] = {}
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    bar = Progress(*columns, console=Console(stderr=True), disable=not progress)
    with DataFileWriter(out, settings) as writer, ThreadPoolExecutor(jobs) as threads, bar:
        pending: dict[Future, tuple[str, str]] = {}
        for folder, name in selected:
            subject = subjects[folder]
            if isinstance(subject, Subject):
                pending[threads.submit(_build_in_own_process, subject, name, options)] = (folder.name, name)
            else:
                reports[folder.name, name] = _report(folder.name, name, None, subject)
        task = bar.add_task("building trials", total=len(pending))
        try:
            for done in as_completed(list(pending)):
                key = pending.pop(done)  # let go of the pictures once they are written
                trial, note = done.result()
                if trial is not None:
                    writer.add(trial)
                reports[key] = _report(*key, trial, note)
                bar.advance(task)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
        report = BuildReport(tuple(reports[folder.name, name] for folder, name in selected))
        if not report.built:
            first = report.left_out[0]
            raise DataError(
                f"{root}: nothing could be built, {len(selected)} trials left out; the first is "
                f"{first.subject}/{first.trial}: {first.note}"
            )
        settings["left_out"] = {f"{row.subject}/{row.trial}": row.note for row in report.left_out}
    return report

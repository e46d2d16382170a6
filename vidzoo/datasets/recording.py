"""The frames of one split entry, read from a data file into memory, and what one camera saw of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import interp1d

from vidzoo.anatomy import COORDINATES, pelvis_centre
from vidzoo.arrays import neighbours
from vidzoo.errors import DataError
from vidzoo.io.data_file import LandmarkStatus, Reason, TrialReader
from vidzoo.io.splits import SplitEntry
from vidzoo.task import LANDMARK_MODALITIES, MODALITIES

_PER_FRAME = tuple(
    name for name in MODALITIES if name not in ("frames", "marker_valid", *LANDMARK_MODALITIES, "mass", "height")
)
_ANKLES = [COORDINATES.index(name) for name in ("ankle_angle_r", "ankle_angle_l")]


@dataclass(frozen=True)
class Recording:
    """The frames of one split entry: F frames of its context, held in memory; nothing outside the context."""

    subject: str
    trial: str
    action: str
    rate_hz: float
    mass: float
    """kg."""
    height: float
    """m."""
    sex: str
    start: int
    """The trial's frame index of this recording's first frame."""
    target: np.ndarray
    """[F] bool: to be learnt or scored."""
    torques: np.ndarray
    """[F, Q] N·m, 0 where not ``valid``."""
    valid: np.ndarray
    """[F, Q] bool: a target frame with a good label."""
    modalities: dict[str, np.ndarray]
    """The required ones that have a value for each frame, without gaps."""
    markers: np.ndarray | None
    """[F, M, 3] m relative to the pelvis centre, ground axes, 0 where not ``marker_valid``; None if not asked for."""
    marker_valid: np.ndarray | None
    """[F, M] bool."""
    grf: np.ndarray | None
    """[F, 2, 3] N on the right and left foot, 0 where not ``grf_valid``; None if not asked for."""
    grf_valid: np.ndarray | None
    """[F] bool."""

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class Track:
    """What one camera saw of a recording; without images, landmarks and camera axes, the recording itself."""

    recording: Recording
    camera: str
    """'' where neither images nor landmarks nor the camera's axes are asked for."""
    rotation: np.ndarray
    """[3, 3] from the ground's axes to those of the marker targets."""
    image: np.ndarray | None
    """[F] int: the image each frame shows; None where no images are read."""
    offsets: np.ndarray | None
    """[V+1] int: where each image's JPEG begins; None where no JPEG is read."""
    first: int
    """The first frame of the recording that is tiled into predictions."""
    stop: int
    """The frame after the last one."""
    modalities: dict[str, np.ndarray] = field(default_factory=dict)
    """The required ones that this camera saw, with a value for each frame, without gaps."""
    features: np.ndarray | None = None
    """[V, F]: what a features file says of each image; None where images themselves are read, or none."""

    @property
    def all_modalities(self) -> dict[str, np.ndarray]:
        """The recording's modalities and those that this camera saw."""
        return self.recording.modalities | self.modalities


def read_recording(
    trial: TrialReader,
    entry: SplitEntry,
    *,
    requires: Sequence[str],
    torques: Sequence[str],
    marker_targets: bool,
    grf: bool,
) -> Recording:
    """Read the context of a split entry.

    Args:
        trial: the entry's trial.
        entry: its context is read, its targets are marked.
        requires: modalities (``task.MODALITIES``) to read.
        torques: names of the Q torques.
        marker_targets: read the markers that are to be learnt.
        grf: read the feet's forces.

    Raises:
        DataError: the trial lacks something that is asked for.
    """
    context = slice(*entry.context)
    target = np.zeros(entry.context[1] - entry.context[0], dtype=bool)
    for start, stop in entry.targets:
        target[start - context.start : stop - context.start] = True
    columns = [COORDINATES.index(name) for name in torques]
    labels = trial.array("torques", context)[:, columns]
    valid = (trial.array("validity", context)[:, columns] == 0) & np.isfinite(labels) & target[:, None]
    if "height" in requires and not trial.height_m > 0:
        raise DataError(
            f"{trial.place} has height {trial.height_m} m, which the inputs need; correct it in the source and build "
            f"the file again."
        )
    modalities, raw_markers = _read_modalities(trial, context, requires, marker_targets)
    markers = marker_valid = None
    if marker_targets and raw_markers is not None:
        centred = raw_markers - pelvis_centre(raw_markers)
        marker_valid = np.isfinite(centred).all(axis=-1) & target[:, None]
        markers = np.where(marker_valid[..., None], centred, np.float32(0))
    forces, forces_valid = _read_grf(trial, context, target) if grf else (None, None)
    return Recording(
        subject=trial.subject,
        trial=trial.trial,
        action=trial.action,
        rate_hz=trial.rate_hz,
        mass=trial.mass_kg,
        height=trial.height_m,
        sex=trial.sex,
        start=entry.context[0],
        target=target,
        torques=np.where(valid, labels, np.float32(0)),
        valid=valid,
        modalities=modalities,
        markers=markers,
        marker_valid=marker_valid,
        grf=forces,
        grf_valid=forces_valid,
    )


def _read_modalities(
    trial: TrialReader, context: slice, requires: Sequence[str], marker_targets: bool
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Return the required modalities without gaps, and the markers as stored where these or ``requires`` need them."""
    modalities = {name: trial.array(name, context) for name in requires if name in _PER_FRAME}
    empty = [name for name, values in modalities.items() if not np.isfinite(values).any()]
    if empty:
        raise DataError(
            f"{trial.place} has no '{empty[0]}' in the frames of this split, which the model takes as input; use a "
            f"model of images, or leave the trial out of the split."
        )
    markers = modalities.get("markers")
    if markers is None and (marker_targets or "marker_valid" in requires):
        markers = trial.array("markers", context)
    for name, values in modalities.items():
        filled = values if "velocities" in name else fill_gaps(values)
        rest = pelvis_centre_or_zero(filled) if name == "markers" else np.float32(0)
        modalities[name] = np.where(np.isfinite(filled), filled, rest)
    if "marker_valid" in requires and markers is not None:
        modalities["marker_valid"] = np.isfinite(markers).all(axis=-1)
    return modalities, markers


def _read_grf(trial: TrialReader, context: slice, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the feet's forces [F, 2, 3] N and where both were measured [F]."""
    if not trial.has("grf"):
        return np.zeros((len(target), 2, 3), np.float32), np.zeros(len(target), dtype=bool)
    force = trial.array("grf", context)[..., :3]
    off_plate = (trial.array("validity", context)[:, _ANKLES] == Reason.OFF_PLATE).any(axis=1)
    valid = np.isfinite(force).all(axis=(1, 2)) & ~off_plate & target
    return np.where(valid[:, None, None], force, np.float32(0)), valid


def read_rotation(trial: TrialReader, camera: str) -> np.ndarray:
    """Return a camera's rotation [3, 3] from the ground's axes to its own.

    Raises:
        DataError: the camera is not calibrated.
    """
    rotation = trial.camera_attribute(camera, "rotation")
    numbers = np.shape(rotation) == (3, 3) and np.asarray(rotation).dtype.kind == "f"
    if not numbers or not np.isfinite(rotation).all():
        raise DataError(
            f"{trial.place}/{camera} is not calibrated, so its axes are unknown; use a model that learns markers in "
            f"the ground's axes (marker_frame='ground') or none, or another camera."
        )
    return np.asarray(rotation)


def read_image_index(trial: TrialReader, camera: str) -> np.ndarray:
    """Return which image each of the trial's frames shows, int [F].

    Raises:
        DataError: a frame shows an image that is not there.
    """
    image, images = trial.camera_array(camera, "video_index"), trial.num_images(camera)
    if image.shape != (trial.num_frames,) or image.min() < 0 or image.max() >= images:
        raise DataError(
            f"{trial.place}/{camera}/video_index must name one of {images} images for each of {trial.num_frames} "
            f"frames; build the file again."
        )
    return image


def read_landmarks(trial: TrialReader, camera: str, context: slice, requires: Sequence[str]) -> dict[str, np.ndarray]:
    """Return those of ``task.LANDMARK_MODALITIES`` that are required, without gaps, as ``structures.Inputs`` says.

    A frame between two images has what lies between theirs, by its time; the images have other times than the frames,
    and which one a frame shows changes unevenly.

    Args:
        trial: of the data file.
        camera: whose landmarks.
        context: the F frames; nothing of other images than theirs is read out.
        requires: modalities.

    Raises:
        DataError: the camera has no landmarks, or none in these frames.
    """
    wanted = [name for name in LANDMARK_MODALITIES if name in requires]
    if not wanted:
        return {}
    track, image = trial.landmarks(camera), read_image_index(trial, camera)[context]
    size = np.array(track.image_size, dtype=np.float32)
    shown = np.unique(image)
    values = {
        "landmarks": (track.pixels[shown] + np.float32(0.5)) / size,
        "landmark_visibility": track.visibility[shown],
        "landmarks_world": track.world[shown],
    }
    found = track.status[shown] == LandmarkStatus.FOUND
    for array in values.values():
        found &= np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
    if not found.any():
        raise DataError(
            f"{trial.place}/{camera}: no person was found in the images of this split's frames, whose landmarks the "
            f"model takes as input; leave the trial out of the split, or find the person with 'vidzoo landmarks "
            f"--person box'."
        )
    time = trial.camera_array(camera, "video_time")[shown[found]]
    between = {name: _between(time, array[found], trial.array("time", context)) for name, array in values.items()}
    between["landmark_valid"] = found[np.searchsorted(shown, image)]
    return {name: between[name] for name in wanted}


def _between(time: np.ndarray, values: np.ndarray, new_time: np.ndarray) -> np.ndarray:
    """Return values [G, ...] at new times: those [V, ...] at ``time`` linearly interpolated, or the first or last."""
    if len(time) < 2:
        return np.repeat(values, len(new_time), axis=0)
    before, weight = neighbours(time, new_time)
    weight = weight.reshape(-1, *[1] * (values.ndim - 1)).astype(np.float32)
    return (1 - weight) * values[before] + weight * values[before + 1]


def fill_gaps(values: np.ndarray) -> np.ndarray:
    """Return [F, ...] with every NaN or infinity replaced by the nearest number of its series, where there is one.

    Of two that are equally near, the earlier one is taken.
    """
    missing = ~np.isfinite(values)
    if not missing.any():
        return values
    filled = values.copy()
    flat, gaps = filled.reshape(len(values), -1), missing.reshape(len(values), -1)
    for column in np.flatnonzero(gaps.any(axis=0) & ~gaps.all(axis=0)):
        known, holes = np.flatnonzero(~gaps[:, column]), np.flatnonzero(gaps[:, column])
        nearest = interp1d(known, flat[known, column], kind="nearest", fill_value="extrapolate")
        flat[holes, column] = nearest(holes)
    return filled


def pelvis_centre_or_zero(markers: np.ndarray) -> np.ndarray:
    """Return the pelvis centre [F, 1, 3] of markers [F, M, 3]; 0 where a marker of it is missing."""
    return np.nan_to_num(pelvis_centre(markers), nan=0.0)

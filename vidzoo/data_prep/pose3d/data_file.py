"""One subset of a data file's split: its images and the joints that its markers give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from vidzoo import anatomy
from vidzoo.data_prep.pose3d.joints import MARKERS, to_pose_joints
from vidzoo.data_prep.signal import interpolate
from vidzoo.errors import DataError
from vidzoo.geometry import project
from vidzoo.io.data_file import DataFile, TrialReader
from vidzoo.io.pose_file import PoseImage
from vidzoo.io.splits import SUBSETS, Split, SplitEntry


def read_data_file(data: DataFile, split: Split, subset: str, every: int) -> Iterator[PoseImage]:
    """Yield the images that the subset's target frames show, without those that target frames of other subsets show.

    Cameras without a calibration to the ground are left out. The lenses' distortion, which a data file does not
    contain, is neglected: it moves a joint by a few pixels near the picture's edges.

    Args:
        data: the data file.
        split: made for it.
        subset: 'train' or 'test'.
        every: take each n-th image of a recording.

    Raises:
        DataError: no camera is calibrated, or an array does not have the format's shape.
    """
    others: dict[tuple[str, str], list[SplitEntry]] = defaultdict(list)
    for name in SUBSETS:
        for entry in getattr(split, name) if name != subset else ():
            others[entry.subject, entry.trial].append(entry)
    calibrated = False
    for entry in split.entries(subset):
        trial = data.trial(entry.subject, entry.trial)
        for camera in trial.cameras:
            if not _sees(entry, camera) or not is_calibrated(trial, camera) or not trial.has_images(camera):
                continue
            calibrated = True
            index = trial.camera_array(camera, "video_index")
            shown = np.unique(index[_targets(entry, len(index))])
            for opposite in others[entry.subject, entry.trial]:
                if _sees(opposite, camera):
                    shown = np.setdiff1d(shown, index[_targets(opposite, len(index))])
            yield from _images(trial, camera, entry, shown[::every])
    if not calibrated:
        raise DataError(
            f"{data.path}: no camera of its {subset} subset is calibrated to the markers' frame, so that no joint can "
            f"be placed in an image; use a synthetic or rendered file."
        )


def _sees(entry: SplitEntry, camera: str) -> bool:
    return not entry.cameras or camera in entry.cameras


def _targets(entry: SplitEntry, frames: int) -> np.ndarray:
    """Return which of a trial's frames are the entry's targets, bool [F]."""
    mask = np.zeros(frames, dtype=bool)
    for start, stop in entry.targets:
        mask[start:stop] = True
    return mask


def is_calibrated(trial: TrialReader, camera: str) -> bool:
    """Tell whether points in the ground's axes can be placed in a camera's images."""
    shapes = {"intrinsics": (3, 3), "rotation": (3, 3), "translation": (3,)}
    values = {name: np.asarray(trial.camera_attribute(camera, name)) for name in shapes}
    return all(
        values[n].shape == shape and values[n].dtype.kind == "f" and np.isfinite(values[n]).all()
        for n, shape in shapes.items()
    )


def _images(trial: TrialReader, camera: str, entry: SplitEntry, shown: np.ndarray) -> Iterator[PoseImage]:
    if not len(shown):
        return
    context = slice(*entry.context)
    at = trial.camera_array(camera, "video_time")[shown]
    markers = interpolate(trial.array("time", context), trial.array("markers", context).astype(float), at)
    rotation, translation, intrinsics = (
        np.asarray(trial.camera_attribute(camera, name)) for name in ("rotation", "translation", "intrinsics")
    )
    joints = to_pose_joints(markers @ rotation.T + translation, anatomy.MARKERS, MARKERS)
    pixels = project(joints, intrinsics)
    crops = trial.camera_array(camera, "crop")
    offsets = trial.camera_array(camera, "jpeg_offsets")
    for row, image in enumerate(shown):
        jpeg = trial.jpeg(camera, int(offsets[image]), int(offsets[image + 1])).tobytes()
        yield PoseImage(jpeg, crops[image], pixels[row], joints[row], intrinsics)

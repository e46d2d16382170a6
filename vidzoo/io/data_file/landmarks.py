"""Landmarks in a data file: write them with their camera, or add them to a file that is there already."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from vidzoo.errors import DataError
from vidzoo.io.atomic import atomic_path, check_room
from vidzoo.io.data_file.content_hash import seal_all_landmarks, seal_landmarks
from vidzoo.io.data_file.layout import LANDMARK_ARRAYS, LANDMARK_TEXTS, LANDMARKS_GROUP, LandmarkTrack
from vidzoo.io.data_file.reader import DataFile
from vidzoo.io.hdf5 import METADATA_BYTES, set_texts


def write_landmarks(camera: h5py.Group, track: LandmarkTrack, images: int, where: str) -> None:
    """Write the landmarks of a camera's V = ``images`` images into its group.

    Raises:
        DataError: an array's shape does not fit the format.
    """
    arrays = {name: np.asarray(getattr(track, name)) for name in LANDMARK_ARRAYS}
    for name, (shape, _) in LANDMARK_ARRAYS.items():
        if arrays[name].shape != (images, *shape):
            raise DataError(
                f"{where}: landmarks' '{name}' has shape {arrays[name].shape}, expected {(images, *shape)}."
            )
    group = camera.create_group(LANDMARKS_GROUP)
    for name, (_, dtype) in LANDMARK_ARRAYS.items():
        group.create_dataset(name, data=arrays[name].astype(dtype))
    set_texts(group.attrs, {name: getattr(track, name) for name in LANDMARK_TEXTS})
    group.attrs["image_size"] = np.asarray(track.image_size, dtype=np.int64)


def add_landmarks(
    data: DataFile, tracks: Mapping[tuple[str, str, str], LandmarkTrack], output: str | Path | None = None
) -> None:
    """Write a copy of a data file with the landmarks of some cameras; these replace what was there.

    The copy appears under its name when it is complete. Splits of the file fit the copy.

    Args:
        data: the file; it is closed.
        tracks: (subject, trial, camera) -> its landmarks.
        output: where to write; None: in the place of the file.

    Raises:
        DataError: there is no such camera, an array's shape does not fit the format, or it cannot be written.
    """
    data.verify()
    data.close()
    with atomic_path(output or data.path) as temporary:
        check_room(temporary, data.path.stat().st_size + METADATA_BYTES)
        shutil.copyfile(data.path, temporary)
        sizes = [
            value.nbytes for track in tracks.values() for value in vars(track).values() if hasattr(value, "nbytes")
        ]
        check_room(temporary, sum(sizes) + len(tracks) * METADATA_BYTES)
        with h5py.File(temporary, "r+") as file:
            for (subject, trial, camera), track in tracks.items():
                place = f"{subject}/{trial}/cameras/{camera}"
                if place not in file or "video_time" not in file[place]:
                    raise DataError(f"{data.path}: {subject}/{trial} has no camera '{camera}' with images.")
                group = file[place]
                if LANDMARKS_GROUP in group:
                    del group[LANDMARKS_GROUP]
                write_landmarks(group, track, len(group["video_time"]), f"{subject}/{trial}/{camera}")
            for subject, trial in {key[:2] for key in tracks}:
                seal_landmarks(file[f"{subject}/{trial}"])
            seal_all_landmarks(file)

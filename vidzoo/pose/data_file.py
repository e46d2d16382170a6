"""The landmarks of a data file's cameras."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace

import numpy as np

from vidzoo.datasets.images import read_images
from vidzoo.errors import DataError
from vidzoo.io.data_file import DataFile, LandmarkTrack, TrialReader
from vidzoo.pose.detect import Choice
from vidzoo.pose.follow import follow
from vidzoo.pose.networks import PoseNetworks
from vidzoo.pose.repair import repair

Camera = tuple[str, str, str]
"""Subject, trial and camera."""
AT_ONCE = 8
"""Cameras that are followed side by side."""


def cameras_of(data: DataFile, names: Sequence[str] = (), replacing: bool = False) -> list[Camera]:
    """Return the cameras whose landmarks are to be found.

    Args:
        data: the file.
        names: of cameras; empty: all that keep images.
        replacing: whether landmarks that are there may be replaced.

    Raises:
        DataError: there is none, or one has landmarks already and they may not be replaced.
    """
    found = [
        (trial.subject, trial.trial, camera)
        for trial in data
        for camera in trial.cameras
        if camera in names or (not names and trial.has_images(camera))
    ]
    if not found:
        wanted = f"no camera {' or '.join(names)}" if names else "no images"
        raise DataError(f"{data.path}: holds {wanted}; build it with images, or name another camera.")
    have = [key for key in found if data.trial(*key[:2]).has_landmarks(key[2])]
    if have and not replacing:
        raise DataError(
            f"{data.path}: {'/'.join(have[0])} has landmarks already, and so have {len(have) - 1} other cameras of it; "
            f"name cameras without them (--camera), or find them again (--replace)."
        )
    return found


def landmarks_of_cameras(
    data: DataFile,
    cameras: Sequence[Camera],
    networks: PoseNetworks,
    choice: Choice | None = None,
    *,
    at_once: int = AT_ONCE,
    advance: Callable[[int], object] = int,
) -> Iterator[tuple[Camera, LandmarkTrack]]:
    """Yield each camera and the landmarks of one person in its images, left and right put in order.

    Args:
        data: the file.
        cameras: of it.
        networks: that look.
        choice: which person; None: the largest.
        at_once: cameras that are followed side by side.
        advance: told how many images are done.

    Raises:
        DataError: a camera keeps no images, or one cannot be decoded.
    """
    choice = choice or Choice()
    settings = json.dumps(asdict(choice), sort_keys=True)
    readers = [(data.trial(subject, trial), camera) for subject, trial, camera in cameras]
    sequences = (_images(trial, camera) for trial, camera in readers)
    tracks = follow(networks, sequences, choice, at_once=at_once, advance=advance)
    for key, (trial, camera), track in zip(cameras, readers, tracks):
        yield key, replace(repair(track, trial.camera_array(camera, "video_time")), settings=settings)


def _images(trial: TrialReader, camera: str) -> Iterator[np.ndarray]:
    offsets = trial.camera_array(camera, "jpeg_offsets")
    for number in range(len(offsets) - 1):
        yield read_images(trial, camera, offsets, [number], None)[0]

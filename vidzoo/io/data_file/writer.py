"""Write a data file."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vidzoo import __version__
from vidzoo.anatomy import COORDINATES, MARKERS
from vidzoo.errors import DataError
from vidzoo.io.atomic import atomic_path, check_room
from vidzoo.io.data_file.content_hash import seal_file, seal_trial
from vidzoo.io.data_file.landmarks import write_landmarks
from vidzoo.io.data_file.layout import ARRAYS, FORMAT, TRIAL_NUMBERS, TRIAL_TEXTS, UNITS, VERSION, CameraTrack, Trial
from vidzoo.io.data_file.trial_reader import TrialReader
from vidzoo.io.hdf5 import METADATA_BYTES, set_texts

LIBVER = ("v110", "v110")
"""HDF5's form since 1.10: compact, and with checksums in its own tables, so that damage to them is found at once."""

BUILDER = f"vidzoo {__version__}"


def write_root(file: h5py.File, settings: dict[str, Any], builder: str) -> None:
    """Write the root's attributes but its hash; see :func:`content_hash.seal_file`."""
    file.attrs["version"] = VERSION
    texts = {
        "format": FORMAT,
        "builder": builder,
        "settings": json.dumps(settings, sort_keys=True),
        "markers": json.dumps(MARKERS),
        "coordinates": json.dumps(COORDINATES),
        "generalized_forces": json.dumps(COORDINATES),
        "units": json.dumps(UNITS, ensure_ascii=False, sort_keys=True),
    }
    set_texts(file.attrs, texts)


def write_trial_attributes(group: h5py.Group, trial: Trial | TrialReader) -> None:
    """Write a trial's attributes but its hash; see :func:`content_hash.seal_trial`."""
    for name in TRIAL_NUMBERS:
        group.attrs[name] = float(getattr(trial, name))
    set_texts(group.attrs, {name: getattr(trial, name) for name in TRIAL_TEXTS})


class DataFileWriter:
    """Write a data file under a temporary name; the real name appears when all is there.

    >>> with DataFileWriter("subject4.h5", settings={}) as writer:  # doctest: +SKIP
    ...     writer.add(trial)
    """

    def __init__(self, path: str | Path, settings: dict[str, Any]) -> None:
        self.path = Path(path)
        self._settings = settings
        self._copied: list[str] = []
        """Names of the trials that were copied; they get their hash at the end."""

    def __enter__(self) -> DataFileWriter:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            check_room(temporary, METADATA_BYTES)
            self._file = stack.enter_context(h5py.File(temporary, "w", libver=LIBVER))
            stack.push(self._finish)
            write_root(self._file, self._settings, BUILDER)
            self._stack = stack.pop_all()
        return self

    def add(self, trial: Trial) -> None:
        """Write one trial.

        Raises:
            DataError: an array's shape does not fit the format, or the trial is there already.
        """
        where = f"{trial.subject}/{trial.trial}"
        if where in self._file:
            raise DataError(f"{where}: there are two trials of this name; give them different names.")
        images = sum(len(jpeg) for track in trial.cameras.values() for jpeg in track.jpegs)
        arrays = [value for value in vars(trial).values() if isinstance(value, np.ndarray)]
        # HDF5 crashes where it finds a full disk itself.
        check_room(self._file.filename, images + sum(array.size for array in arrays) * 8 + METADATA_BYTES)
        group = self._file.create_group(where)
        write_trial_attributes(group, trial)
        frames = len(trial.time)
        for name, (shape, dtype) in ARRAYS.items():
            value = getattr(trial, name)
            if value is None:
                continue
            value = np.asarray(value, dtype=dtype)
            if value.shape != (frames, *shape):
                raise DataError(f"{where}: '{name}' has shape {value.shape}, expected {(frames, *shape)}.")
            group.create_dataset(name, data=value)
        for name, track in trial.cameras.items():
            self._add_camera(group.create_group(f"cameras/{name}"), track, frames, f"{where}/{name}")
        seal_trial(group)
        self._file.flush()

    def copy(self, trial: h5py.Group, check: Callable[[h5py.Group, h5py.Group], None]) -> None:
        """Copy a trial of another data file, or its cameras where the trial is there already; nothing is decoded.

        Args:
            trial: its group in the open file, compared with its hash before.
            check: raises where the trial that is there and this one do not go together.
        """
        check_room(self._file.filename, trial.id.get_num_objs() * METADATA_BYTES + _size(trial))
        if trial.name in self._file:
            there = self._file[trial.name]
            check(there, trial)
            cameras = there.require_group("cameras")
            for camera in trial.get("cameras", {}).values():
                trial.file.copy(camera, cameras)
        else:
            trial.file.copy(trial, self._file, trial.name)
        self._copied.append(trial.name)

    @staticmethod
    def _add_camera(group: h5py.Group, track: CameraTrack, frames: int, where: str) -> None:
        images = len(track.video_time)
        if not (track.jpegs or track.landmarks) or len(track.jpegs) not in (0, images):
            raise DataError(
                f"{where}: a camera needs one JPEG for each of its {images} images, or landmarks instead of them; it "
                f"has {len(track.jpegs)} JPEGs."
            )
        index = np.asarray(track.video_index)
        if index.shape != (frames,) or images == 0 or index.min() < 0 or index.max() >= images:
            raise DataError(f"{where}: 'video_index' must name one of {images} images for each of {frames} frames.")
        if np.shape(track.crop) != (images, 4) or np.shape(track.video_time) != (images,):
            raise DataError(f"{where}: 'crop' and 'video_time' must have one row for each of {images} images.")
        if track.jpegs:
            group.create_dataset("jpeg_blob", data=np.frombuffer(b"".join(track.jpegs), dtype=np.uint8))
            offsets = np.concatenate([[0], np.cumsum([len(jpeg) for jpeg in track.jpegs])])
            group.create_dataset("jpeg_offsets", data=offsets.astype(np.int64))
        if track.landmarks is not None:
            write_landmarks(group, track.landmarks, images, where)
        group.create_dataset("video_time", data=np.asarray(track.video_time, dtype=np.float64))
        group.create_dataset("video_index", data=index.astype(np.int32))
        group.create_dataset("crop", data=np.asarray(track.crop, dtype=np.float32))
        set_texts(group.attrs, {"kind": track.kind})
        group.attrs["source_size"] = np.asarray(track.source_size, dtype=np.int64)
        for name in ("intrinsics", "rotation", "translation"):
            value = getattr(track, name)
            if value is not None:
                group.attrs[name] = np.asarray(value, dtype=np.float64)

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def _finish(self, exception_type: type[BaseException] | None, *_: object) -> None:
        if exception_type is None:
            for name in dict.fromkeys(self._copied):
                seal_trial(self._file[name])
            # Once more: a builder knows only now what it left out.
            settings = json.dumps(self._settings, sort_keys=True)
            check_room(self._file.filename, len(settings) + METADATA_BYTES)
            set_texts(self._file.attrs, {"settings": settings})
            seal_file(self._file)


def _size(group: h5py.Group) -> int:
    """Return the bytes of all arrays in a group."""
    sizes: list[int] = []
    group.visititems(lambda _, node: sizes.append(node.nbytes) if isinstance(node, h5py.Dataset) else None)
    return sum(sizes)

"""The data file: one HDF5 file of trials that every builder writes and every dataset and scorer reads.

Layout (``format='vid'``, ``version=1``)::

    /                       attributes: format, version, builder, settings (JSON), content_hash,
                            markers, coordinates, generalized_forces, units (JSON)
    /subject4/DJ1/          attributes of the trial (see :class:`Trial`) and content_hash
        time                [F]        s
        markers             [F, M, 3]  m, ground frame (x forward, y up, z right); NaN where missing
        marker_velocities   [F, M, 3]  m/s
        coordinates         [F, C]     rad, m for the three pelvis translations
        coordinate_velocities [F, C]
        torques             [F, C]     N·m, N for the three pelvis translations
        validity            [F, C]     uint8 reason code, 0 = good (see :class:`Reason`)
        inertial_torques    [F, C]     optional
        foot_jacobians      [F, 2, 6, C] optional; right, left; rotation rows first, then translation
        grf                 [F, 2, 9]  optional; right, left; force N, centre of pressure m, free moment N·m
        cameras/Cam2/       attributes: kind, camera_index, intrinsics, rotation, translation, source_size
            jpeg_blob       [bytes]    uint8, the JPEG images one after the other
            jpeg_offsets    [V+1]      int64
            video_time      [V]        s, on the mocap clock
            video_index     [F]        int32, the image that each grid frame shows
            crop            [V, 4]     x, y, width, height in pixels of the source video

V images serve F grid frames: a 60 fps video on a 100 Hz grid is stored, decoded and encoded once per image.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vidzoo import __version__
from vidzoo.anatomy import COORDINATES, MARKERS
from vidzoo.errors import DataError
from vidzoo.io.atomic import atomic_path, check_room
from vidzoo.io.hdf5 import MAX_IMAGE_BYTES, METADATA_BYTES, check_own_bytes, own_child, plain_attribute

FORMAT = "vid"
VERSION = 1
MAX_FRAMES_PER_TRIAL = 1_000_000

M, C = len(MARKERS), len(COORDINATES)
UNITS = {
    "time": "s",
    "markers": "m",
    "marker_velocities": "m/s",
    "coordinates": "rad; pelvis_t[xyz]: m",
    "coordinate_velocities": "rad/s; pelvis_t[xyz]: m/s",
    "torques": "N·m; pelvis_t[xyz]: N",
    "inertial_torques": "N·m; pelvis_t[xyz]: N",
    "foot_jacobians": "1 and m: rotation rows, then translation rows",
    "grf": "force N, centre of pressure m, free moment N·m",
}


class Reason(IntEnum):
    """Why a torque label is not to be trusted; 0 where it is."""

    GOOD = 0
    RESIDUAL = 1
    """The pelvis residual force exceeds 15 % of body weight: forces and motion do not belong together here."""
    COORDINATE_JUMP = 2
    """A coordinate jumps (shoulder gimbal): what lies above it in the chain is spoilt, legs are not."""
    MISSING_MARKERS = 3
    """Too many markers are missing to trust the motion."""
    OFF_PLATE = 4
    """A foot or the seat pushes on something that is no force plate."""
    NOT_FINITE = 5
    """The source holds no number here."""


@dataclass
class CameraTrack:
    """The images of one camera for one trial: V images for F grid frames."""

    jpegs: list[bytes]
    video_time: np.ndarray
    """[V] s on the mocap clock."""
    video_index: np.ndarray
    """[F] int32: the image that each grid frame shows."""
    crop: np.ndarray
    """[V, 4] x, y, width, height in pixels of the source video."""
    kind: str
    """'real', 'rendered' (real motion, drawn figure) or 'synthetic' (made-up motion, drawn figure)."""
    source_size: tuple[int, int]
    """Width, height of the source video in pixels."""
    intrinsics: np.ndarray | None = None
    """[3, 3] of the source video, OpenCV convention, pixel centres at integers."""
    rotation: np.ndarray | None = None
    """[3, 3] with x_camera = rotation @ x_ground + translation; OpenCV axes (x right, y down, z forward)."""
    translation: np.ndarray | None = None
    """[3] m."""


@dataclass
class Trial:
    """One recording of one person, on one time grid: F frames, M markers, C coordinates."""

    subject: str
    trial: str
    action: str
    """One of anatomy.ACTION_FAMILIES."""
    rate_hz: float
    mass_kg: float
    """The mass that torques are divided by."""
    mass_source: str
    """'metadata', 'force_plate' or 'synthetic': where mass_kg comes from."""
    height_m: float
    sex: str
    """'f', 'm' or '' where unknown."""
    motion: str
    """'real' or 'synthetic'."""
    time: np.ndarray
    markers: np.ndarray
    marker_velocities: np.ndarray
    coordinates: np.ndarray
    coordinate_velocities: np.ndarray
    torques: np.ndarray
    validity: np.ndarray
    inertial_torques: np.ndarray | None = None
    foot_jacobians: np.ndarray | None = None
    grf: np.ndarray | None = None
    mass_metadata_kg: float = float("nan")
    mass_force_plate_kg: float = float("nan")
    source_name: str = ""
    """The trial's name in its source, where ``trial`` is another."""
    cameras: dict[str, CameraTrack] = field(default_factory=dict)


_ARRAYS: dict[str, tuple[tuple[int, ...], str]] = {
    "time": ((), "float64"),
    "markers": ((M, 3), "float32"),
    "marker_velocities": ((M, 3), "float32"),
    "coordinates": ((C,), "float32"),
    "coordinate_velocities": ((C,), "float32"),
    "torques": ((C,), "float32"),
    "validity": ((C,), "uint8"),
    "inertial_torques": ((C,), "float32"),
    "foot_jacobians": ((2, 6, C), "float32"),
    "grf": ((2, 9), "float32"),
}
_OPTIONAL = ("inertial_torques", "foot_jacobians", "grf")
_TRIAL_ATTRIBUTES = (
    "action", "rate_hz", "mass_kg", "mass_source", "height_m", "sex", "motion", "mass_metadata_kg",
    "mass_force_plate_kg", "source_name",
)  # fmt: skip
_CAMERA_ARRAYS = {"jpeg_blob": "uint8", "jpeg_offsets": "int64", "video_time": "float64", "video_index": "int32",
                  "crop": "float32"}  # fmt: skip


def _digest(group: h5py.Group) -> str:
    """Return the SHA-256 of a trial group's attributes and arrays, the same whatever the HDF5 library's version."""
    sha = hashlib.sha256()

    def add(name: str, node: h5py.Group | h5py.Dataset) -> None:
        sha.update(name.encode())
        for key in sorted(node.attrs):
            if key != "content_hash":
                value = node.attrs[key]
                sha.update(key.encode() + (value.encode() if isinstance(value, str) else np.asarray(value).tobytes()))
        if isinstance(node, h5py.Dataset):
            sha.update(f"{node.dtype.str}{node.shape}".encode() + np.ascontiguousarray(node[()]).tobytes())

    add(group.name, group)  # a renamed trial is another one
    group.visititems(add)
    return sha.hexdigest()


class DataFileWriter:
    """Write a data file under a temporary name; the real name appears when all is there.

    >>> with DataFileWriter("subject4.h5", settings={}) as writer:  # doctest: +SKIP
    ...     writer.add(trial)
    """

    def __init__(self, path: str | Path, settings: dict[str, Any]) -> None:
        self.path = Path(path)
        self._settings = settings

    def __enter__(self) -> DataFileWriter:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            check_room(temporary, METADATA_BYTES)
            self._file = stack.enter_context(h5py.File(temporary, "w"))
            stack.push(self._finish)
            self._file.attrs.update(
                format=FORMAT,
                version=VERSION,
                builder=f"vidzoo {__version__}",
                settings=json.dumps(self._settings, sort_keys=True),
                markers=json.dumps(MARKERS),
                coordinates=json.dumps(COORDINATES),
                generalized_forces=json.dumps(COORDINATES),
                units=json.dumps(UNITS, ensure_ascii=False, sort_keys=True),
            )
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
        for name in _TRIAL_ATTRIBUTES:
            group.attrs[name] = getattr(trial, name)
        frames = len(trial.time)
        for name, (shape, dtype) in _ARRAYS.items():
            value = getattr(trial, name)
            if value is None:
                continue
            value = np.asarray(value, dtype=dtype)
            if value.shape != (frames, *shape):
                raise DataError(f"{where}: '{name}' has shape {value.shape}, expected {(frames, *shape)}.")
            group.create_dataset(name, data=value)
        for name, track in trial.cameras.items():
            self._add_camera(group.create_group(f"cameras/{name}"), track, frames, f"{where}/{name}")
        group.attrs["content_hash"] = _digest(group)
        self._file.flush()

    @staticmethod
    def _add_camera(group: h5py.Group, track: CameraTrack, frames: int, where: str) -> None:
        images = len(track.jpegs)
        index = np.asarray(track.video_index)
        if index.shape != (frames,) or images == 0 or index.min() < 0 or index.max() >= images:
            raise DataError(f"{where}: 'video_index' must name one of {images} images for each of {frames} frames.")
        if np.shape(track.crop) != (images, 4) or np.shape(track.video_time) != (images,):
            raise DataError(f"{where}: 'crop' and 'video_time' must have one row for each of {images} images.")
        group.create_dataset("jpeg_blob", data=np.frombuffer(b"".join(track.jpegs), dtype=np.uint8))
        offsets = np.concatenate([[0], np.cumsum([len(jpeg) for jpeg in track.jpegs])])
        group.create_dataset("jpeg_offsets", data=offsets.astype(np.int64))
        group.create_dataset("video_time", data=np.asarray(track.video_time, dtype=np.float64))
        group.create_dataset("video_index", data=index.astype(np.int32))
        group.create_dataset("crop", data=np.asarray(track.crop, dtype=np.float32))
        group.attrs["kind"] = track.kind
        group.attrs["source_size"] = np.asarray(track.source_size, dtype=np.int64)
        for name in ("intrinsics", "rotation", "translation"):
            value = getattr(track, name)
            if value is not None:
                group.attrs[name] = np.asarray(value, dtype=np.float64)

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def _finish(self, exception_type: type[BaseException] | None, *_: object) -> None:
        if exception_type is None:
            # Once more: a builder knows only now what it left out.
            settings = json.dumps(self._settings, sort_keys=True)
            check_room(self._file.filename, len(settings) + METADATA_BYTES)
            self._file.attrs["settings"] = settings
            hashes = [t.attrs["content_hash"] for s in self._file.values() for t in s.values()]
            self._file.attrs["content_hash"] = hashlib.sha256("".join(hashes).encode()).hexdigest()


class TrialReader:
    """One trial of an open data file; arrays are read on demand, slice by slice."""

    def __init__(self, group: h5py.Group, path: Path, subject: str, trial: str) -> None:
        self._group, self._path = group, path
        self._datasets: dict[str, h5py.Dataset] = {}
        self.subject, self.trial = subject, trial
        for name in _TRIAL_ATTRIBUTES:
            if name not in group.attrs:
                raise DataError(f"{path}: {subject}/{trial} lacks the attribute '{name}'; build the file again.")
        try:
            self.action: str = str(group.attrs["action"])
            self.rate_hz = float(group.attrs["rate_hz"])
            self.mass_kg = float(group.attrs["mass_kg"])
            self.mass_source: str = str(group.attrs["mass_source"])
            self.height_m = float(group.attrs["height_m"])
            self.sex: str = str(group.attrs["sex"])
            self.motion: str = str(group.attrs["motion"])
            self.mass_metadata_kg = float(group.attrs["mass_metadata_kg"])
            self.mass_force_plate_kg = float(group.attrs["mass_force_plate_kg"])
            self.source_name: str = str(group.attrs["source_name"])
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{path}: {subject}/{trial} has an attribute of the wrong type ({error}); build the file again."
            ) from None
        if not (np.isfinite(self.mass_kg) and self.mass_kg > 0):
            raise DataError(
                f"{path}: {subject}/{trial} has mass {self.mass_kg} kg; torques per kg need a positive one."
            )
        time = self._dataset("time")
        self.num_frames = int(time.shape[0]) if time.ndim == 1 else -1
        if not 0 < self.num_frames <= MAX_FRAMES_PER_TRIAL:
            raise DataError(f"{path}: {subject}/{trial} declares {time.shape} frames; the file is broken.")
        self.cameras: tuple[str, ...] = ()
        if "cameras" in group:
            where = f"{path}: {subject}/{trial}/cameras"
            cameras = own_child(group, "cameras", where)
            if not isinstance(cameras, h5py.Group):
                raise DataError(f"{where} is no group of cameras; build the file again.")
            for name in cameras:
                own_child(cameras, name, f"{where}/{name}")
            self.cameras = tuple(sorted(cameras))

    @property
    def place(self) -> str:
        """Name the trial for a message: ``data/vid.h5: subject4/DJ1``."""
        return f"{self._path}: {self.subject}/{self.trial}"

    def _dataset(self, name: str) -> h5py.Dataset:
        """Return a data set that holds its own bytes, none of another file's; checked once."""
        if name not in self._datasets:
            where = f"{self._path}: {self.subject}/{self.trial}/{name}"
            node: Any = self._group
            for part in name.split("/"):
                node = own_child(node, part, where)
            check_own_bytes(node, where)
            self._datasets[name] = node
        return self._datasets[name]

    def has(self, name: str) -> bool:
        """Tell whether the trial holds an optional array."""
        return name in self._group

    def array(self, name: str, index: slice | np.ndarray | None = None) -> np.ndarray:
        """Read ``name`` ([F, ...]; see the module's layout), all of it, a slice, or sorted-free frame indices.

        Raises:
            DataError: the trial has no such array, or it does not have the format's shape and type.
        """
        if name in _OPTIONAL and not self.has(name):
            raise DataError(
                f"{self._path}: {self.subject}/{self.trial} has no '{name}'; build the file with it "
                f"(--inverse-dynamics opensim) or use a model that does not need it."
            )
        shape, dtype = _ARRAYS[name]
        dataset = self._dataset(name)
        if dataset.shape != (self.num_frames, *shape) or dataset.dtype != np.dtype(dtype):
            raise DataError(
                f"{self._path}: {self.subject}/{self.trial}/{name} is {dataset.dtype} {dataset.shape}, "
                f"expected {dtype} {(self.num_frames, *shape)}."
            )
        if isinstance(index, np.ndarray):  # h5py wants increasing indices: read the span, pick in memory
            start = int(index.min())
            return dataset[start : int(index.max()) + 1][index - start]
        return dataset[()] if index is None else dataset[index]

    def camera_array(self, camera: str, name: str) -> np.ndarray:
        """Read ``jpeg_offsets`` [V+1], ``video_time`` [V], ``video_index`` [F] or ``crop`` [V, 4] of a camera.

        Raises:
            DataError: there is no such camera, or the array does not have the format's shape and type.
        """
        self._check_camera(camera)
        offsets = self._dataset(f"cameras/{camera}/jpeg_offsets")
        images = offsets.shape[0] - 1 if offsets.ndim == 1 else 0
        shape = {"jpeg_offsets": (images + 1,), "video_time": (images,), "video_index": (self.num_frames,),
                 "crop": (images, 4)}[name]  # fmt: skip
        dataset = self._dataset(f"cameras/{camera}/{name}")
        if images < 1 or dataset.shape != shape or dataset.dtype != np.dtype(_CAMERA_ARRAYS[name]):
            raise DataError(
                f"{self._path}: {self.subject}/{self.trial}/{camera}/{name} is {dataset.dtype} {dataset.shape}, "
                f"expected {_CAMERA_ARRAYS[name]} {shape} for {images} images; build the file again."
            )
        return dataset[()]

    def camera_attribute(self, camera: str, name: str) -> Any:
        """Return ``kind``, ``source_size``, ``intrinsics``, ``rotation`` or ``translation``; None where unknown."""
        self._check_camera(camera)
        return self._group[f"cameras/{camera}"].attrs.get(name)

    def jpeg(self, camera: str, start: int, stop: int) -> np.ndarray:
        """Read the bytes ``start`` to ``stop`` of a camera's images (see ``jpeg_offsets``), uint8 [stop - start]."""
        self._check_camera(camera)
        blob = self._dataset(f"cameras/{camera}/jpeg_blob")
        size = blob.shape[0] if blob.ndim == 1 and blob.dtype == np.uint8 else 0
        if not 0 <= start < stop <= size or stop - start > MAX_IMAGE_BYTES:
            raise DataError(
                f"{self._path}: {self.subject}/{self.trial}/{camera} asks for bytes {start}-{stop} of an image blob "
                f"of {size}; the file is broken."
            )
        return blob[start:stop]

    def _check_camera(self, camera: str) -> None:
        if camera not in self.cameras:
            raise DataError(
                f"{self._path}: {self.subject}/{self.trial} has no camera '{camera}'; it has "
                f"{', '.join(self.cameras) or 'none: this file holds no images of it'}."
            )


class DataFile:
    """A data file, opened on first use and once per process (a forked or spawned worker opens its own)."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._handle: h5py.File | None = None
        self._pid = -1
        self._trials: dict[tuple[str, str], TrialReader] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_handle": None, "_pid": -1, "_trials": {}}

    @property
    def _file(self) -> h5py.File:
        if self._handle is None or self._pid != os.getpid():
            self._trials = {}
            if not self.path.is_file():
                raise DataError(
                    f"{self.path}: no such data file; make one with tools/make_synthetic.py or "
                    f"tools/prepare_opencap.py."
                )
            try:
                handle = h5py.File(self.path, "r", locking=False)
            except OSError as error:
                raise DataError(f"{self.path}: cannot be read as HDF5 ({error}); copy or build it again.") from None
            found = tuple(plain_attribute(handle.attrs, key) for key in ("format", "version"))
            if found != (FORMAT, VERSION):
                raise DataError(f"{self.path}: format {found}, expected {(FORMAT, VERSION)}; build it again.")
            for key, names in (("markers", MARKERS), ("coordinates", COORDINATES)):
                if plain_attribute(handle.attrs, key) != json.dumps(names):
                    raise DataError(f"{self.path}: its {key} are not this version's; build it again.")
            self._handle, self._pid = handle, os.getpid()
        return self._handle

    @property
    def content_hash(self) -> str:
        """SHA-256 over all trials' contents, as the builder wrote it."""
        found = plain_attribute(self._file.attrs, "content_hash")
        if not isinstance(found, str):
            raise DataError(f"{self.path}: has no content hash; build it again.")
        return found

    @property
    def settings(self) -> dict[str, Any]:
        """What the builder was told.

        Raises:
            DataError: the file does not tell.
        """
        try:
            found = json.loads(str(plain_attribute(self._file.attrs, "settings")))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise DataError(f"{self.path}: its settings are no JSON object; build it again.")
        return found

    def trial_keys(self) -> list[tuple[str, str]]:
        """Return (subject, trial) of every trial, sorted, subjects by number."""

        def natural(key: tuple[str, str]) -> list:
            return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", "/".join(key))]

        keys = []
        for subject in self._file:
            group = own_child(self._file, subject, f"{self.path}: {subject}")
            if not isinstance(group, h5py.Group):
                raise DataError(f"{self.path}: {subject} is no group of trials; build the file again.")
            keys += [(subject, trial) for trial in group]
        return sorted(keys, key=natural)

    def __iter__(self) -> Iterator[TrialReader]:
        for subject, trial in self.trial_keys():
            yield self.trial(subject, trial)

    def trial(self, subject: str, trial: str) -> TrialReader:
        """Return the reader of one trial.

        Raises:
            DataError: there is no such trial in the file.
        """
        file = self._file
        if (subject, trial) not in self._trials:
            node: Any = file
            for part in (subject, trial):
                if not isinstance(node, h5py.Group) or "/" in part or part == "." or part not in node:
                    raise DataError(f"{self.path}: there is no trial {subject}/{trial} in it.")
                node = own_child(node, part, f"{self.path}: {subject}/{trial}")
            self._trials[subject, trial] = TrialReader(node, self.path, subject, trial)
        return self._trials[subject, trial]

    def verify(self) -> None:
        """Hash every trial again.

        Raises:
            DataError: a trial does not hold what its builder wrote.
        """
        hashes = []
        for reader in self:
            where = f"{self.path}: {reader.subject}/{reader.trial}"

            def check(name: str, node: Any, where: str = where) -> None:
                if isinstance(node, h5py.Dataset):
                    check_own_bytes(node, f"{where}/{name}")

            reader._group.visititems(check)
            found = _digest(reader._group)
            if found != reader._group.attrs.get("content_hash"):
                raise DataError(f"{self.path}: {reader.subject}/{reader.trial} was changed after it was built.")
            hashes.append(found)
        in_file_order = [t.attrs["content_hash"] for s in self._file.values() for t in s.values()]
        if hashlib.sha256("".join(in_file_order).encode()).hexdigest() != self.content_hash:
            raise DataError(f"{self.path}: a trial was added or removed after it was built.")

    def close(self) -> None:
        """Close this process's handle; the next read opens a new one."""
        if self._handle is not None and self._pid == os.getpid():
            self._handle.close()
        self._handle, self._trials = None, {}

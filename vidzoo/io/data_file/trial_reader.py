"""One trial of an open data file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vidzoo.errors import DataError
from vidzoo.io.data_file.layout import (
    ARRAYS,
    CAMERA_ARRAYS,
    LANDMARK_ARRAYS,
    LANDMARK_TEXTS,
    LANDMARKS_GROUP,
    MAX_FRAMES_PER_TRIAL,
    OPTIONAL,
    TRIAL_NUMBERS,
    TRIAL_TEXTS,
    LandmarkTrack,
)
from vidzoo.io.hdf5 import MAX_IMAGE_BYTES, attribute, check_own_bytes, own_child, plain_attribute


class TrialReader:
    """One trial of an open data file; arrays are read on demand, slice by slice."""

    def __init__(self, group: h5py.Group, path: Path, subject: str, trial: str) -> None:
        self._group, self._path = group, path
        self._datasets: dict[str, h5py.Dataset] = {}
        self.subject, self.trial = subject, trial
        for name in (*TRIAL_NUMBERS, *TRIAL_TEXTS):
            if name not in group.attrs:
                raise DataError(f"{path}: {subject}/{trial} lacks the attribute '{name}'; build the file again.")
        try:
            self.rate_hz, self.mass_kg, self.height_m, self.mass_metadata_kg, self.mass_force_plate_kg = (
                float(group.attrs[name]) for name in TRIAL_NUMBERS
            )
            self.action, self.mass_source, self.sex, self.motion, self.source_name = (
                str(attribute(group.attrs, name)) for name in TRIAL_TEXTS
            )
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
        """Read ``name`` ([F, ...]; see the module's layout), all of it, a slice, or frames in any order.

        Raises:
            DataError: the trial has no such array, or it does not have the format's shape and type.
        """
        if name in OPTIONAL and not self.has(name):
            raise DataError(
                f"{self._path}: {self.subject}/{self.trial} has no '{name}'; build the file with it "
                f"(vidzoo prepare-opencap ... --inverse-dynamics opensim) or use a model that does not need it."
            )
        shape, dtype = ARRAYS[name]
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
        if name == "jpeg_offsets" and self.has_landmarks(camera) and not self.has_images(camera):
            raise DataError(
                f"{self.place}/{camera} keeps landmarks and no images; use a model of landmarks, or build the file "
                f"with images."
            )
        images = self.num_images(camera)
        shape = {"jpeg_offsets": (images + 1,), "video_time": (images,), "video_index": (self.num_frames,),
                 "crop": (images, 4)}[name]  # fmt: skip
        dataset = self._dataset(f"cameras/{camera}/{name}")
        if images < 1 or dataset.shape != shape or dataset.dtype != np.dtype(CAMERA_ARRAYS[name]):
            raise DataError(
                f"{self._path}: {self.subject}/{self.trial}/{camera}/{name} is {dataset.dtype} {dataset.shape}, "
                f"expected {CAMERA_ARRAYS[name]} {shape} for {images} images; build the file again."
            )
        return dataset[()]

    def has_images(self, camera: str) -> bool:
        """Tell whether a camera keeps images, and not their landmarks alone."""
        self._check_camera(camera)
        return "jpeg_blob" in self._group[f"cameras/{camera}"]

    def num_images(self, camera: str) -> int:
        """Return V, the number of a camera's images, kept or not."""
        self._check_camera(camera)
        time = self._dataset(f"cameras/{camera}/video_time")
        return int(time.shape[0]) if time.ndim == 1 else 0

    def has_landmarks(self, camera: str) -> bool:
        """Tell whether a camera keeps landmarks."""
        self._check_camera(camera)
        return LANDMARKS_GROUP in self._group[f"cameras/{camera}"]

    def landmarks(self, camera: str) -> LandmarkTrack:
        """Read the landmarks of a camera, as float32.

        Raises:
            DataError: there is no such camera, it has no landmarks, or they do not have the format's shape and type.
        """
        where = f"{self.place}/{camera}"
        if not self.has_landmarks(camera):
            raise DataError(
                f"{where} has no landmarks; write them with 'vidzoo landmarks {self._path}', or use a model that needs "
                f"none."
            )
        images = self.num_images(camera)
        values: dict[str, Any] = {}
        for name, (shape, dtype) in LANDMARK_ARRAYS.items():
            dataset = self._dataset(f"cameras/{camera}/{LANDMARKS_GROUP}/{name}")
            if images < 1 or dataset.shape != (images, *shape) or dataset.dtype != np.dtype(dtype):
                raise DataError(
                    f"{where}: the landmarks' '{name}' is {dataset.dtype} {dataset.shape}, expected {dtype} "
                    f"{(images, *shape)} for {images} images; write them again."
                )
            values[name] = dataset[()].astype(np.float32) if dtype == "float16" else dataset[()]
        attributes = self._group[f"cameras/{camera}/{LANDMARKS_GROUP}"].attrs
        texts: dict[str, Any] = {name: plain_attribute(attributes, name) for name in LANDMARK_TEXTS}
        size = np.asarray(attribute(attributes, "image_size"))
        if not all(isinstance(text, str) for text in texts.values()) or size.shape != (2,) or not (size > 0).all():
            raise DataError(f"{where}: its landmarks do not say which network saw which images; write them again.")
        return LandmarkTrack(**values, **texts, image_size=(int(size[0]), int(size[1])))

    def camera_attribute(self, camera: str, name: str) -> Any:
        """Return ``kind``, ``source_size``, ``intrinsics``, ``rotation`` or ``translation``; None where unknown."""
        self._check_camera(camera)
        return attribute(self._group[f"cameras/{camera}"].attrs, name)

    def jpeg(self, camera: str, start: int, stop: int) -> np.ndarray:
        """Read the bytes ``start`` to ``stop`` of a camera's images (see ``jpeg_offsets``), uint8 [stop - start].

        Raises:
            DataError: there is no such camera, or there are no such bytes.
        """
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

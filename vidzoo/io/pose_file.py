"""The pose file: one HDF5 file of single images with 3D joints, for the pose network's own training (stage 1).

Layout (``format='pose3d'``, ``version=2``)::

    /                 attributes: format, version, builder, kind (the source), subset ('train' or 'test'), joints
                      (JSON), settings (JSON), data_hash and split_hash ('' unless made from a data file),
                      content_hash
        jpeg_blob     [bytes]    uint8, the JPEG images one after the other, each cropped to one person
        jpeg_offsets  [V+1]      int64
        joints        [V, J, 3]  float32 m, the camera's frame (x right, y down, z forward); NaN where unknown
        pixels        [V, J, 2]  float32, pixels of the source image, pixel centres at integers; NaN where unknown
        intrinsics    [V, 3, 3]  float64, of the source image; NaN where unknown
        crop          [V, 4]     float32, x, y, width, height in pixels of the source image

A set without depth (COCO) has pixels and neither joints nor intrinsics.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from vidzoo import __version__
from vidzoo.anatomy import POSE_JOINTS
from vidzoo.errors import DataError
from vidzoo.io.atomic import atomic_path, check_room
from vidzoo.io.hdf5 import MAX_IMAGE_BYTES, METADATA_BYTES, check_own_bytes, own_child, plain_attribute

FORMAT = "pose3d"
VERSION = 2
_NAMES_OF_VERSION_1 = {"subset": "side", "data_hash": "vid_hash"}
"""Attributes that version 1, which is still read, calls otherwise."""
MAX_IMAGES = 5_000_000
SUBSETS = ("train", "test")
J = len(POSE_JOINTS)
_ARRAYS: dict[str, tuple[tuple[int, ...], str]] = {
    "joints": ((J, 3), "float32"),
    "pixels": ((J, 2), "float32"),
    "intrinsics": ((3, 3), "float64"),
    "crop": ((4,), "float32"),
}
_BUFFER_BYTES = 8 << 20
_CHUNK_BYTES = 64 << 10
"""A few images: what one read of the blob costs at least."""


@dataclass(frozen=True)
class PoseImage:
    """One person in one image."""

    jpeg: bytes
    crop: np.ndarray
    """[4] x, y, width, height in pixels of the source image."""
    pixels: np.ndarray
    """[J, 2] pixels of the source image; NaN where unknown."""
    joints: np.ndarray
    """[J, 3] m, the camera's frame; NaN where unknown."""
    intrinsics: np.ndarray
    """[3, 3] of the source image, OpenCV convention; NaN where unknown."""


class PoseWriter:
    """Write a pose file under a temporary name; the real name appears when all is there.

    Args:
        path: of the file.
        kind: the source's name, such as 'muco'.
        subset: what the images may be used for.
        settings: what the builder was told.
        data_hash: of the data file that they come from, if any.
        split_hash: of the split whose ``subset`` they are, if any.

    Raises:
        DataError: it cannot be written, or it would hold no image.
    """

    def __init__(
        self,
        path: str | Path,
        kind: str,
        subset: Literal["train", "test"],
        settings: dict[str, Any],
        data_hash: str = "",
        split_hash: str = "",
    ) -> None:
        self.path = Path(path)
        self._attributes = {
            "format": FORMAT,
            "version": VERSION,
            "builder": f"vidzoo {__version__}",
            "kind": kind,
            "subset": subset,
            "joints": json.dumps(POSE_JOINTS),
            "settings": json.dumps(settings, sort_keys=True),
            "data_hash": data_hash,
            "split_hash": split_hash,
        }
        self._labels: dict[str, list[np.ndarray]] = {name: [] for name in _ARRAYS}
        self._offsets = [0]
        self._buffer: list[bytes] = []

    def __enter__(self) -> PoseWriter:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            check_room(temporary, METADATA_BYTES)
            self._file = stack.enter_context(h5py.File(temporary, "w"))
            stack.push(self._finish)
            self._file.attrs.update(self._attributes)
            self._blob = self._file.create_dataset("jpeg_blob", (0,), "uint8", maxshape=(None,), chunks=(_CHUNK_BYTES,))
            self._stack = stack.pop_all()
        return self

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def add(self, image: PoseImage) -> None:
        """Write one image.

        Raises:
            DataError: an array's shape does not fit the format.
        """
        for name, (shape, dtype) in _ARRAYS.items():
            value = np.asarray(getattr(image, name), dtype=dtype)
            if value.shape != shape:
                raise DataError(f"image {len(self)}: '{name}' has shape {value.shape}, expected {shape}.")
            self._labels[name].append(value)
        self._buffer.append(image.jpeg)
        self._offsets.append(self._offsets[-1] + len(image.jpeg))
        if self._offsets[-1] - self._blob.shape[0] > _BUFFER_BYTES:
            self._flush()

    def _flush(self) -> None:
        data = np.frombuffer(b"".join(self._buffer), dtype=np.uint8)
        check_room(self._file.filename, len(data) + METADATA_BYTES)  # HDF5 crashes where it finds a full disk itself
        start = self._blob.shape[0]
        self._blob.resize((start + len(data),))
        self._blob[start:] = data
        self._buffer = []
        self._file.flush()

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def _finish(self, exception_type: type[BaseException] | None, *_: object) -> None:
        if exception_type is not None:
            return
        if not len(self):
            raise DataError(f"{self.path}: there is no image to write.")
        self._flush()
        arrays = {name: np.stack(values) for name, values in self._labels.items()}
        arrays["jpeg_offsets"] = np.array(self._offsets, dtype=np.int64)
        check_room(self._file.filename, sum(array.nbytes for array in arrays.values()) + METADATA_BYTES)
        for name, array in arrays.items():
            self._file.create_dataset(name, data=array)
        self._file.attrs["content_hash"] = _digest(self._file)


def _digest(file: h5py.File) -> str:
    """Return the SHA-256 of a file's attributes and arrays, the same whatever the HDF5 library's version."""
    sha = hashlib.sha256()
    for key in sorted(set(file.attrs) - {"content_hash"}):
        sha.update(f"{key}={file.attrs[key]}\n".encode())
    for name in ("jpeg_offsets", *_ARRAYS):
        sha.update(name.encode() + file[name][()].tobytes())
    blob = file["jpeg_blob"]
    for start in range(0, blob.shape[0], _BUFFER_BYTES):
        sha.update(blob[start : start + _BUFFER_BYTES].tobytes())
    return sha.hexdigest()


class PoseFile:
    """A pose file, opened on first use and once per process (a forked or spawned worker opens its own).

    Raises:
        DataError: it is missing, of another format, or broken.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._handle: h5py.File | None = None
        self._pid = -1
        self._version: Any = VERSION

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_handle": None, "_pid": -1, "_version": VERSION}

    @property
    def _file(self) -> h5py.File:
        if self._handle is None or self._pid != os.getpid():
            if not self.path.is_file():
                raise DataError(f"{self.path}: no such pose file; make one with 'vidzoo prepare-pose3d'.")
            try:
                handle = h5py.File(self.path, "r", locking=False)
            except OSError as error:
                raise DataError(f"{self.path}: cannot be read as HDF5 ({error}); copy or build it again.") from None
            found = tuple(plain_attribute(handle.attrs, key) for key in ("format", "version"))
            if found not in ((FORMAT, 1), (FORMAT, VERSION)):
                raise DataError(f"{self.path}: format {found}, expected {(FORMAT, VERSION)}; build it again.")
            self._version = found[1]
            if plain_attribute(handle.attrs, "joints") != json.dumps(POSE_JOINTS):
                raise DataError(f"{self.path}: its joints are not this version's; build it again.")
            self._handle, self._pid = handle, os.getpid()
        return self._handle

    def attribute(self, name: str) -> str:
        """Return ``kind``, ``subset``, ``data_hash``, ``split_hash``, ``content_hash`` or ``settings`` (JSON).

        Raises:
            DataError: the file does not have it.
        """
        attributes = self._file.attrs
        stored = _NAMES_OF_VERSION_1.get(name, name) if self._version == 1 else name
        found = plain_attribute(attributes, stored)
        if not isinstance(found, str):
            raise DataError(f"{self.path}: has no '{name}'; build it again.")
        return found

    def _dataset(self, name: str) -> h5py.Dataset:
        where = f"{self.path}: {name}"
        dataset = own_child(self._file, name, where)
        check_own_bytes(dataset, where)
        return dataset

    def offsets(self) -> np.ndarray:
        """Read where each image's JPEG begins and the last one ends, [V+1].

        Raises:
            DataError: they do not divide the bytes of the images.
        """
        offsets, blob = self._dataset("jpeg_offsets"), self._dataset("jpeg_blob")
        plausible = offsets.ndim == 1 and offsets.dtype == np.int64 and 1 < offsets.shape[0] <= MAX_IMAGES + 1
        values = offsets[()] if plausible else np.zeros(1, np.int64)
        sizes = np.diff(values)
        bounds = (int(values[0]), int(values[-1]))
        if not len(sizes) or sizes.min() < 1 or sizes.max() > MAX_IMAGE_BYTES or bounds != (0, blob.size):
            raise DataError(f"{self.path}: jpeg_offsets do not divide the image blob; build it again.")
        return values

    def labels(self, name: str, num_images: int) -> np.ndarray:
        """Read ``joints``, ``pixels``, ``intrinsics`` or ``crop`` of all images, [V, ...]; see the module's layout.

        Raises:
            DataError: the array is missing or does not have the format's shape and type.
        """
        shape, dtype = _ARRAYS[name]
        dataset = self._dataset(name)
        if dataset.shape != (num_images, *shape) or dataset.dtype != np.dtype(dtype):
            raise DataError(
                f"{self.path}: {name} is {dataset.dtype} {dataset.shape}, expected {dtype} {(num_images, *shape)}; "
                f"build it again."
            )
        return dataset[()]

    def jpeg(self, start: int, stop: int) -> np.ndarray:
        """Read the bytes ``start`` to ``stop`` of the images (see :meth:`offsets`), uint8 [stop - start].

        Raises:
            DataError: there are no such bytes.
        """
        blob = self._dataset("jpeg_blob")
        if blob.ndim != 1 or blob.dtype != np.uint8 or not 0 <= start < stop <= blob.shape[0]:
            raise DataError(f"{self.path}: has no image in its bytes {start}-{stop}; build it again.")
        return blob[start:stop]

    def close(self) -> None:
        """Close this process's handle; the next read opens a new one."""
        if self._handle is not None and self._pid == os.getpid():
            self._handle.close()
        self._handle = None

"""The predictions file: a model's torques for every test frame, in a form that is safe to read from a stranger."""

from __future__ import annotations

import json
import math
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.errors import DataError
from vidzoo.io.atomic import atomic_path

FORMAT = "vid-predictions"
VERSION = 1
MAX_BYTES = 2 << 30
MAX_NAME_LENGTH = 200
MAX_PROVENANCE_LENGTH = 4 << 20

_KINDS = {
    "format": "U",
    "version": "i",
    "subject": "U",
    "trial": "U",
    "camera": "U",
    "frame": "i",
    "torques": "f",
    "joint_names": "U",
    "split_hash": "U",
    "provenance": "U",
}
_DIMENSIONS = {"subject": 1, "trial": 1, "camera": 1, "frame": 1, "torques": 2, "joint_names": 1}


@dataclass(frozen=True)
class Predictions:
    """n predictions, one for each frame (and camera); Q joints."""

    subject: np.ndarray
    """[n] str."""
    trial: np.ndarray
    """[n] str."""
    camera: np.ndarray
    """[n] str; '' where the model sees no image."""
    frame: np.ndarray
    """[n] int64: the trial's frame index."""
    torques: np.ndarray
    """[n, Q] float32 N·m."""
    split_hash: str
    """The hash of the split whose test subset this is."""
    joint_names: tuple[str, ...] = BENCHMARK_JOINTS
    provenance: dict[str, Any] = field(default_factory=dict)
    """Where they come from (config, checkpoint, commit, versions, seed, device); JSON-able."""

    def __len__(self) -> int:
        return len(self.frame)

    def where(self, row: int) -> str:
        """Name a row for a message, such as ``subject4/DJ1/Cam2 frame 17``."""
        parts = (self.subject[row], self.trial[row], self.camera[row])
        return f"{'/'.join(str(part) for part in parts if part)} frame {self.frame[row]}"


def sample_groups(predictions: Predictions) -> tuple[list[tuple[str, str, str]], np.ndarray]:
    """Return the distinct (subject, trial, camera), in order of appearance, and each row's index into them, int [n]."""
    index: dict[tuple[str, str, str], int] = {}
    rows = zip(predictions.subject.tolist(), predictions.trial.tolist(), predictions.camera.tolist())
    group = np.fromiter((index.setdefault(key, len(index)) for key in rows), dtype=np.int64, count=len(predictions))
    return list(index), group


def check_predictions(predictions: Predictions, source: str) -> None:
    """Check that every frame is there once and that every number is finite.

    Raises:
        DataError: one sentence that begins with ``source``.
    """
    bad = ~np.isfinite(predictions.torques)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(
            f"{source}: {int(bad.any(axis=1).sum())} frames hold torques that are no finite number, the first is "
            f"{predictions.joint_names[column]} of {predictions.where(row)}; the model has diverged or the file is "
            f"broken."
        )
    _, group = sample_groups(predictions)
    order = np.lexsort((predictions.frame, group))
    g, f = group[order], predictions.frame[order]
    repeated = np.flatnonzero((g[1:] == g[:-1]) & (f[1:] == f[:-1]))
    if len(repeated):
        raise DataError(
            f"{source}: {len(repeated)} frames are predicted more than once, the first is "
            f"{predictions.where(order[repeated[0]])}; give each frame one prediction per camera."
        )


def write_predictions(path: str | Path, predictions: Predictions) -> None:
    """Write an ``.npz`` under a temporary name, then rename it.

    Raises:
        DataError: the folder is missing, ``path`` is a folder or cannot be written, a number is not finite, or a frame
            is there twice.
    """
    check_predictions(predictions, str(path))
    # Through an open file: given a name, NumPy would append .npz to it.
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            format=np.array(FORMAT),
            version=np.array(VERSION),
            subject=predictions.subject.astype(str),
            trial=predictions.trial.astype(str),
            camera=predictions.camera.astype(str),
            frame=predictions.frame.astype(np.int64),
            torques=predictions.torques.astype(np.float32),
            joint_names=np.array(predictions.joint_names),
            split_hash=np.array(predictions.split_hash),
            provenance=np.array(json.dumps(predictions.provenance, sort_keys=True, allow_nan=False)),
        )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"'provenance' holds {name}, which is no JSON")


def _read_member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Read one array after checking that its header promises plain numbers or text of exactly the stored size."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"'{name}' has an array header of version {version}")
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
        if dtype.hasobject or dtype.kind != _KINDS[name] or not dtype.isnative:
            raise ValueError(f"'{name}' is of type {dtype}, expected kind '{_KINDS[name]}'")
        if len(shape) != _DIMENSIONS.get(name, 0):
            raise ValueError(f"'{name}' has shape {shape}, expected {_DIMENSIONS.get(name, 0)} dimensions")
        limit = MAX_PROVENANCE_LENGTH if name == "provenance" else MAX_NAME_LENGTH
        if dtype.kind == "U" and dtype.itemsize > 4 * limit:
            raise ValueError(f"'{name}' has texts of {dtype.itemsize // 4} characters, at most {limit} are read")
        if file.tell() + math.prod(shape) * dtype.itemsize != info.file_size:
            raise ValueError(f"'{name}' declares {shape} numbers of {dtype} in {info.file_size} bytes")
    with archive.open(info) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
    if dtype.kind == "U" and array.size:
        codes = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
        if np.any((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes <= 0xDFFF))):
            raise ValueError(f"'{name}' holds characters that do not exist")
    return array


def read_predictions(path: str | Path, max_bytes: int = MAX_BYTES) -> Predictions:
    """Read a predictions file; nothing is unpickled and nothing large is read before its size is known.

    Args:
        path: of the file.
        max_bytes: unpacked.

    Raises:
        DataError: it is missing, no such file, larger than ``max_bytes``, holds other arrays than the format's,
            numbers that are not finite, or a frame twice.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such predictions file; make one with 'vidzoo test'.")
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            expected = sorted(f"{name}.npy" for name in _KINDS)
            if sorted(info.filename for info in infos) != expected:
                found = ", ".join(sorted(info.filename[:40] for info in infos)[:12])
                raise ValueError(f"it holds {found or 'nothing'} where {', '.join(expected)} were expected")
            size = sum(info.file_size for info in infos)
            if size > max_bytes:
                raise ValueError(f"it unpacks to {size:,} bytes, at most {max_bytes:,} are read")
            if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
                raise ValueError("it is packed in another way than NumPy packs")
            arrays = {name: _read_member(archive, name) for name in _KINDS}
        found_format = str(arrays["format"]), int(arrays["version"])
        if found_format != (FORMAT, VERSION):
            raise ValueError(f"its format is {found_format}, expected {(FORMAT, VERSION)}")
        n, q = arrays["torques"].shape
        for name in ("subject", "trial", "camera", "frame"):
            if arrays[name].shape != (n,):
                raise ValueError(f"'{name}' has {len(arrays[name])} rows, 'torques' has {n}")
        names = tuple(arrays["joint_names"].tolist())
        if len(names) != q or len(set(names)) != q:
            raise ValueError(f"{len(set(names))} different joint names for {q} columns of 'torques'")
        if arrays["torques"].dtype != np.float32 or arrays["frame"].dtype != np.int64:
            found_types = f"'torques' is {arrays['torques'].dtype}, 'frame' {arrays['frame'].dtype}"
            raise ValueError(f"{found_types}, expected float32 and int64")
        provenance = json.loads(str(arrays["provenance"]), parse_constant=_refuse_constant)
        if not isinstance(provenance, dict):
            raise ValueError("'provenance' is no JSON object")
    except Exception as error:  # zipfile, NumPy's header parser and JSON answer a hostile file with nearly anything
        raise DataError(
            f"{path}: is no predictions file ({str(error)[:400] or type(error).__name__}); write it with 'vidzoo test'."
        ) from None
    predictions = Predictions(
        subject=arrays["subject"],
        trial=arrays["trial"],
        camera=arrays["camera"],
        frame=arrays["frame"],
        torques=arrays["torques"],
        split_hash=str(arrays["split_hash"]),
        joint_names=names,
        provenance=provenance,
    )
    check_predictions(predictions, str(path))
    return predictions

"""The predictions file: a model's torques for every test frame, in a form that is safe to read whatever its origin."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.errors import DataError
from vidzoo.io.atomic import atomic_path
from vidzoo.task import TaskSpec

FORMAT = "vid-predictions"
VERSION = 2
MAX_BYTES = 2 << 30
MAX_NAME_LENGTH = 200
MAX_TEXT_LENGTH = {"provenance": 4 << 20, "task": 16 << 10}
"""Characters of the texts that are JSON."""

_KINDS = {
    "format": "U",
    "version": "i",
    "subject": "U",
    "trial": "U",
    "camera": "U",
    "frame": "i",
    "torques": "f",
    "torque_names": "U",
    "split_hash": "U",
    "task": "U",
    "provenance": "U",
}
_DIMENSIONS = {"subject": 1, "trial": 1, "camera": 1, "frame": 1, "torques": 2, "torque_names": 1, "joint_names": 1}
_KINDS_OF_VERSION = {
    1: {name: kind for name, kind in _KINDS.items() if name not in ("torque_names", "task")} | {"joint_names": "U"},
    VERSION: _KINDS,
}
"""Version 1 calls the torques' names ``joint_names`` and holds no task."""


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
    torque_names: tuple[str, ...] = BENCHMARK_JOINTS
    """Of the columns of ``torques``."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Where they come from (config, checkpoint, commit, versions, seed, device); JSON-able."""
    task: TaskSpec | None = None
    """What the model takes and predicts; None where that is not known."""

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


def benchmark_columns(names: Sequence[str], source: str) -> list[int]:
    """Return the column of each of BENCHMARK_JOINTS among torques of these names, in whatever order they are.

    Raises:
        DataError: they are other torques; the sentence begins with ``source``.
    """
    odd = sorted(set(names) ^ set(BENCHMARK_JOINTS))
    if odd or len(set(names)) < len(names):
        raise DataError(
            f"{source} names other torques than the benchmark's {len(BENCHMARK_JOINTS)}; they differ by "
            f"{', '.join(odd)[:300] or 'one that is there twice'}: predict {', '.join(BENCHMARK_JOINTS)}."
        )
    return [list(names).index(name) for name in BENCHMARK_JOINTS]


def check_predictions(predictions: Predictions, source: str) -> None:
    """Check that every frame is there once, that every number is finite and that the task is of these torques.

    Raises:
        DataError: one sentence that begins with ``source``.
    """
    task = predictions.task
    if task is not None and task.torques and tuple(task.torques) != predictions.torque_names:
        raise DataError(f"{source}: the task names other torques than the columns have, or in another order.")
    bad = ~np.isfinite(predictions.torques)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(
            f"{source}: {int(bad.any(axis=1).sum())} frames hold torques that are no finite number, the first is "
            f"{predictions.torque_names[column]} of {predictions.where(row)}; the model has diverged or the file is "
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
            torque_names=np.array(predictions.torque_names),
            split_hash=np.array(predictions.split_hash),
            task=np.array(json.dumps(None if predictions.task is None else predictions.task.to_dict())),
            provenance=np.array(json.dumps(predictions.provenance, sort_keys=True, allow_nan=False)),
        )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"'provenance' holds {name}, which is no JSON")


def _read_member(archive: zipfile.ZipFile, name: str, kind: str) -> np.ndarray:
    """Read one array after checking that its header promises plain numbers or text of exactly the stored size."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"'{name}' has an array header of version {version}")
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
        if dtype.hasobject or dtype.kind != kind or not dtype.isnative:
            raise ValueError(f"'{name}' is of type {dtype}, expected kind '{kind}'")
        if len(shape) != _DIMENSIONS.get(name, 0):
            raise ValueError(f"'{name}' has shape {shape}, expected {_DIMENSIONS.get(name, 0)} dimensions")
        limit = MAX_TEXT_LENGTH.get(name, MAX_NAME_LENGTH)
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


def _read_arrays(path: Path, max_bytes: int) -> dict[str, np.ndarray]:
    """Return a file's arrays by their names in this version of the format.

    Raises:
        ValueError: it holds other arrays than the format's, or more than ``max_bytes``.
    """
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        names = sorted(info.filename for info in infos)
        members = {version: sorted(f"{name}.npy" for name in kinds) for version, kinds in _KINDS_OF_VERSION.items()}
        version = next((version for version, expected in members.items() if names == expected), None)
        if version is None:
            found = ", ".join(name[:40] for name in names[:12])
            raise ValueError(f"it holds {found or 'nothing'} where {', '.join(members[VERSION])} were expected")
        size = sum(info.file_size for info in infos)
        if size > max_bytes:
            raise ValueError(f"it unpacks to {size:,} bytes, at most {max_bytes:,} are read")
        if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
            raise ValueError("it is packed in another way than NumPy packs")
        arrays = {name: _read_member(archive, name, kind) for name, kind in _KINDS_OF_VERSION[version].items()}
    found_format = str(arrays["format"]), int(arrays["version"])
    if found_format != (FORMAT, version):
        raise ValueError(f"its format is {found_format}, expected {(FORMAT, version)}")
    if version == 1:
        arrays |= {"torque_names": arrays.pop("joint_names"), "task": np.array("null")}
    return arrays


def _parse(arrays: dict[str, np.ndarray]) -> Predictions:
    """Return the predictions that a file's arrays hold.

    Raises:
        ValueError: an array does not go with the others, or a text is not what it should be.
    """
    n, q = arrays["torques"].shape
    for name in ("subject", "trial", "camera", "frame"):
        if arrays[name].shape != (n,):
            raise ValueError(f"'{name}' has {len(arrays[name])} rows, 'torques' has {n}")
    names = tuple(arrays["torque_names"].tolist())
    if len(names) != q or len(set(names)) != q:
        raise ValueError(f"{len(set(names))} different torque names for {q} columns of 'torques'")
    if arrays["torques"].dtype != np.float32 or arrays["frame"].dtype != np.int64:
        found_types = f"'torques' is {arrays['torques'].dtype}, 'frame' {arrays['frame'].dtype}"
        raise ValueError(f"{found_types}, expected float32 and int64")
    provenance, task = (
        json.loads(str(arrays[name]), parse_constant=_refuse_constant) for name in ("provenance", "task")
    )
    if not isinstance(provenance, dict):
        raise ValueError("'provenance' is no JSON object")
    return Predictions(
        subject=arrays["subject"],
        trial=arrays["trial"],
        camera=arrays["camera"],
        frame=arrays["frame"],
        torques=arrays["torques"],
        split_hash=str(arrays["split_hash"]),
        torque_names=names,
        provenance=provenance,
        task=None if task is None else TaskSpec.from_dict(task, "'task'"),
    )


def read_predictions(path: str | Path, max_bytes: int = MAX_BYTES) -> Predictions:
    """Read a predictions file; nothing is unpickled and nothing large is read before its size is known.

    Args:
        path: of the file; one of version 1 is read too.
        max_bytes: unpacked.

    Raises:
        DataError: it is missing, no such file, larger than ``max_bytes``, holds other arrays than the format's,
            numbers that are not finite, or a frame twice.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such predictions file; make one with 'vidzoo test'.")
    try:
        predictions = _parse(_read_arrays(path, max_bytes))
    except Exception as error:  # zipfile, NumPy's header parser and JSON answer a hostile file with nearly anything
        raise DataError(
            f"{path}: is no predictions file ({str(error)[:400] or type(error).__name__}); write it with 'vidzoo test'."
        ) from None
    check_predictions(predictions, str(path))
    return predictions

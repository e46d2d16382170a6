"""The content hash: which numbers and texts a data file holds, the same whatever the HDF5 library's version.

Version 2 hashes each trial (its attributes and arrays, its cameras' and their images) and, over these hashes, the
root's attributes and the names of subjects and trials: everything but the hashes themselves and the landmarks. Version
1, which files built before have, leaves out the root's attributes.

A camera's landmarks have a hash over themselves and their trial's hash, so that those of other images do not pass for
them, and the file has one over all of these, so that none is missed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np

from vidzoo.errors import DataError
from vidzoo.io.data_file.layout import LANDMARKS_GROUP, VERSION
from vidzoo.io.hdf5 import check_own_bytes, own_child, plain_attribute, set_texts

HASH = "content_hash"
"""The attribute that holds the hash of a trial, of a camera's landmarks or of the file."""
LANDMARKS_HASH = "landmarks_hash"
"""The root's attribute that holds the hash of all landmarks; missing where there are none."""
_BLOCK_BYTES = 8 << 20
_ROOT_HASHES = {HASH, LANDMARKS_HASH}
_DEPTH = 2
"""Groups inside a trial: cameras, and each camera."""

Advance = Callable[[int], object]
"""Told how many bytes were hashed."""


def trial_hash(trial: h5py.Group, version: int = VERSION, advance: Advance = int) -> str:
    """Return the SHA-256 of a trial group's names, attributes and arrays.

    Raises:
        DataError: it holds a link, a data set whose bytes are elsewhere, or what is no part of a data file.
    """
    sha = hashlib.sha256()
    if version == 1:
        _add_version_1(sha, trial, advance)
    else:
        _add(sha, trial, 0, advance)
    return sha.hexdigest()


def file_hash(file: h5py.File, version: int = VERSION) -> str:
    """Return the SHA-256 of the root's attributes and of the trials' names and stored hashes.

    Raises:
        DataError: a trial has no hash, or there is a link or what is no trial in the place of one.
    """
    sha = hashlib.sha256()
    if version > 1:
        _add_attributes(sha, file)
    for trial in trials(file):
        stored = plain_attribute(trial.attrs, HASH)
        if not isinstance(stored, str):
            raise DataError(f"{file.filename}: {trial.name[1:]} has no content hash; build the file again.")
        sha.update(stored.encode() if version == 1 else _line(trial.name, stored))
    return sha.hexdigest()


def trials(file: h5py.File) -> Iterator[h5py.Group]:
    """Yield the trials' groups in the order of their names.

    Raises:
        DataError: a link, or what is no group, stands in the place of a subject or a trial.
    """
    for subject in file:
        where = f"{file.filename}: {subject}"
        group = own_child(file, subject, where)
        if not isinstance(group, h5py.Group):
            raise DataError(f"{where} is no group of trials; build the file again.")
        for name in group:
            trial = own_child(group, name, f"{where}/{name}")
            if not isinstance(trial, h5py.Group):
                raise DataError(f"{where}/{name} is no trial; build the file again.")
            yield trial


def landmark_groups(trial: h5py.Group) -> Iterator[h5py.Group]:
    """Yield the landmarks of a trial's cameras, in the order of the cameras' names.

    Raises:
        DataError: a link, or what is no group, stands in the place of one.
    """
    cameras = own_child(trial, "cameras", f"{_where(trial)}/cameras") if "cameras" in trial else None
    for name in cameras if isinstance(cameras, h5py.Group) else ():
        camera = own_child(cameras, name, f"{_where(trial)}/cameras/{name}")
        if isinstance(camera, h5py.Group) and LANDMARKS_GROUP in camera:
            where = f"{_where(camera)}/{LANDMARKS_GROUP}"
            group = own_child(camera, LANDMARKS_GROUP, where)
            if not isinstance(group, h5py.Group):
                raise DataError(f"{where} is no group of landmarks; build the file again.")
            yield group


def landmarks_hash(landmarks: h5py.Group, hash_of_trial: str) -> str:
    """Return the SHA-256 of a camera's landmarks (:func:`landmark_groups`) and of the trial that they belong to.

    Raises:
        DataError: it holds a link, a data set whose bytes are elsewhere, or what is no part of a data file.
    """
    sha = hashlib.sha256(_line("landmarks of", hash_of_trial))
    _add(sha, landmarks, _DEPTH, int)
    return sha.hexdigest()


def all_landmarks_hash(file: h5py.File) -> str | None:
    """Return the SHA-256 of the places and stored hashes of all landmarks; None where there are none."""
    lines = [
        _line(group.name, plain_attribute(group.attrs, HASH))
        for trial in trials(file)
        for group in landmark_groups(trial)
    ]
    return hashlib.sha256(b"".join(lines)).hexdigest() if lines else None


def seal_trial(trial: h5py.Group) -> None:
    """Store a trial's hash in it, and in its landmarks theirs."""
    set_texts(trial.attrs, {HASH: trial_hash(trial)})
    seal_landmarks(trial)


def seal_landmarks(trial: h5py.Group) -> None:
    """Store their hash in a trial's landmarks, once the trial has its hash."""
    for group in landmark_groups(trial):
        set_texts(group.attrs, {HASH: landmarks_hash(group, str(plain_attribute(trial.attrs, HASH)))})


def seal_file(file: h5py.File) -> None:
    """Store the file's hash in it, once its trials have theirs, and that of all landmarks."""
    set_texts(file.attrs, {HASH: file_hash(file)})
    seal_all_landmarks(file)


def seal_all_landmarks(file: h5py.File) -> None:
    """Store the hash of all landmarks in the file, once each has its own."""
    found = all_landmarks_hash(file)
    if found is not None:
        set_texts(file.attrs, {LANDMARKS_HASH: found})
    elif LANDMARKS_HASH in file.attrs:
        del file.attrs[LANDMARKS_HASH]


def _line(*parts: Any) -> bytes:
    """Return what cannot be mistaken for other parts: a line of JSON."""
    return json.dumps(parts).encode() + b"\n"


def _where(node: h5py.HLObject) -> str:
    return f"{node.file.filename}: {node.name[1:] or 'its root'}"


def _is_camera(node: h5py.Group) -> bool:
    parts = node.name.split("/")
    return len(parts) == 5 and parts[3] == "cameras"


def _add(sha: Any, node: h5py.Group | h5py.Dataset, depth: int, advance: Advance) -> None:
    if isinstance(node, h5py.Dataset):
        check_own_bytes(node, _where(node))
        if node.dtype.kind not in "biuf":
            raise DataError(f"{_where(node)} holds no numbers; build the file again.")
        sha.update(_line("data set", node.name, node.dtype.str, node.shape))
        _add_attributes(sha, node)
        _add_array(sha, node, advance)
        return
    if not isinstance(node, h5py.Group) or depth > _DEPTH:
        raise DataError(f"{_where(node)} is no part of a data file; build the file again.")
    names = [name for name in node if not (name == LANDMARKS_GROUP and _is_camera(node))]
    sha.update(_line("group", node.name, len(names)))
    _add_attributes(sha, node)
    for name in names:
        _add(sha, own_child(node, name, f"{_where(node)}/{name}"), depth + 1, advance)


def _add_attributes(sha: Any, node: h5py.Group | h5py.Dataset) -> None:
    for key in sorted(set(node.attrs) - (_ROOT_HASHES if node.name == "/" else {HASH})):
        value = node.attrs[key]
        if isinstance(value, str | bytes):
            sha.update(_line(key, "text", value if isinstance(value, str) else value.decode()))
        elif isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "biuf":
            sha.update(_line(key, value.dtype.str, value.shape) + value.tobytes())
        else:
            raise DataError(f"{_where(node)} has the attribute '{key}' of an unknown type; build the file again.")


def _add_array(sha: Any, dataset: h5py.Dataset, advance: Advance) -> None:
    """Hash an array's bytes in C order, a few rows at a time."""
    if dataset.ndim == 0 or not dataset.size:
        sha.update(dataset[()].tobytes())
        return
    rows = max(_BLOCK_BYTES * len(dataset) // dataset.nbytes, 1)
    for start in range(0, len(dataset), rows):
        block = np.ascontiguousarray(dataset[start : start + rows])
        sha.update(block.data)
        advance(block.nbytes)


def _add_version_1(sha: Any, trial: h5py.Group, advance: Advance) -> None:
    def add(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if name.startswith("cameras/") and name.split("/")[2:3] == [LANDMARKS_GROUP]:
            return
        sha.update(name.encode())
        for key in sorted(set(node.attrs) - {HASH}):
            value = node.attrs[key]
            sha.update(key.encode() + (value.encode() if isinstance(value, str) else np.asarray(value).tobytes()))
        if isinstance(node, h5py.Dataset):
            check_own_bytes(node, _where(node))
            sha.update(f"{node.dtype.str}{node.shape}".encode())
            _add_array(sha, node, advance)

    add(trial.name, trial)
    trial.visititems(add)

"""Open a data file: what it holds is compared with its content hash before anything is read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
from natsort import natsorted

from vidzoo.anatomy import COORDINATES, MARKERS
from vidzoo.errors import DataError
from vidzoo.io.data_file import verified
from vidzoo.io.data_file.content_hash import (
    HASH,
    LANDMARKS_HASH,
    all_landmarks_hash,
    file_hash,
    landmark_groups,
    landmarks_hash,
    trial_hash,
    trials,
)
from vidzoo.io.data_file.layout import FORMAT, LABELS_OF, READABLE, VERSION
from vidzoo.io.data_file.trial_reader import TrialReader
from vidzoo.io.hdf5 import own_child, plain_attribute
from vidzoo.io.progress import byte_progress


class DataFile:
    """A data file, opened on first use and once per process (a forked or spawned worker opens its own).

    Opening compares the file with its content hash, once for each content: see :mod:`vidzoo.io.data_file.verified`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._handle: h5py.File | None = None
        self._pid = -1
        self._trials: dict[tuple[str, str], TrialReader] = {}
        self._verified: verified.Stamp | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_handle": None, "_pid": -1, "_trials": {}, "_verified": self._verified}

    @property
    def _file(self) -> h5py.File:
        if self._handle is None or self._pid != os.getpid():
            self._trials = {}
            if not self.path.is_file():
                raise DataError(
                    f"{self.path}: no such data file; make one: 'vidzoo make-synthetic' or 'vidzoo prepare-opencap'."
                )
            self._handle, self._pid = self._open(), os.getpid()
        return self._handle

    def _open(self) -> h5py.File:
        stamp = verified.stamp(self.path)
        try:
            file = h5py.File(self.path, "r", locking=False)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read as HDF5 ({error}); copy or build it again.") from None
        with self._damage():
            self._check_root(file)
        if stamp != self._verified and not verified.is_verified(stamp):
            self._compare(file)
            if verified.stamp(self.path) == stamp:
                verified.remember(stamp)
        self._verified = stamp
        return file

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """Turn what HDF5 says of a damaged file, in as many ways as there are bytes, into one sentence."""
        try:
            yield
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"{self.path}: is damaged ({reason}); copy or build it again.") from None

    def _check_root(self, file: h5py.File) -> None:
        found = tuple(plain_attribute(file.attrs, key) for key in ("format", "version"))
        if found[0] != FORMAT or found[1] not in READABLE:
            raise DataError(f"{self.path}: format {found}, expected {(FORMAT, VERSION)}; build it again.")
        for key, names in (("markers", MARKERS), ("coordinates", COORDINATES)):
            if plain_attribute(file.attrs, key) != json.dumps(names):
                raise DataError(f"{self.path}: its {key} are not this version's; build it again.")

    def verify(self) -> None:
        """Compare the whole file with its hash, compared before or not.

        Raises:
            DataError: it does not hold what its builder wrote.
        """
        self._compare(self._file)

    def _compare(self, file: h5py.File) -> None:
        version = int(plain_attribute(file.attrs, "version") or VERSION)
        if version == 1 and str(plain_attribute(file.attrs, "builder")).endswith("labels alone"):
            return  # it carries the hash of the file that it was made from; a benchmark knows its SHA-256
        size = self.path.stat().st_size
        with self._damage(), byte_progress(f"verifying {self.path.name}", size) as advance:
            for trial in trials(file):
                if trial_hash(trial, version, advance) != plain_attribute(trial.attrs, HASH):
                    raise DataError(
                        f"{self.path}: {trial.name[1:]} was changed after it was built; copy or build the file again."
                    )
                for group in landmark_groups(trial):
                    if landmarks_hash(group, str(plain_attribute(trial.attrs, HASH))) != plain_attribute(
                        group.attrs, HASH
                    ):
                        raise DataError(
                            f"{self.path}: {group.name[1:]} were changed after they were written; copy the file or "
                            f"write them again."
                        )
            stored = plain_attribute(file.attrs, HASH)
            if not isinstance(stored, str):
                raise DataError(f"{self.path}: has no content hash; build it again.")
            if file_hash(file, version) != stored:
                raise DataError(
                    f"{self.path}: its attributes or its list of trials were changed after it was built; copy or build "
                    f"it again."
                )
            if all_landmarks_hash(file) != plain_attribute(file.attrs, LANDMARKS_HASH):
                raise DataError(
                    f"{self.path}: its list of landmarks was changed after they were written; copy the file or write "
                    f"them again."
                )

    @property
    def landmarks_hash(self) -> str | None:
        """SHA-256 of all cameras' landmarks, which ``content_hash`` leaves out; None where there are none.

        Raises:
            DataError: it is no data file, or was changed after it was built.
        """
        found = plain_attribute(self._file.attrs, LANDMARKS_HASH)
        return None if found is None else str(found)

    @property
    def content_hash(self) -> str:
        """SHA-256 of the contents; a file of labels alone answers with that of the data file they were taken from.

        So a split made for the data file also fits its labels.

        Raises:
            DataError: it is no data file, was changed after it was built, or states no hash.
        """
        attributes = self._file.attrs
        found = plain_attribute(attributes, LABELS_OF if LABELS_OF in attributes else HASH)
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
        return natsorted((tuple(trial.name[1:].split("/", 1)) for trial in trials(self._file)), key="/".join)

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

    def close(self) -> None:
        """Close this process's handle; the next read opens a new one."""
        if self._handle is not None and self._pid == os.getpid():
            self._handle.close()
        self._handle, self._trials = None, {}

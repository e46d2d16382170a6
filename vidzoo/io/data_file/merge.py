"""Put the trials of several data files into one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from natsort import natsorted

from vidzoo.errors import DataError
from vidzoo.io.atomic import check_output
from vidzoo.io.data_file.content_hash import HASH, trial_hash, trials
from vidzoo.io.data_file.layout import VERSION
from vidzoo.io.data_file.reader import DataFile
from vidzoo.io.data_file.writer import DataFileWriter
from vidzoo.io.hdf5 import plain_attribute


def merge_data_files(
    paths: Sequence[str | Path], out: str | Path, subjects: Sequence[str] = (), actions: Sequence[str] = ()
) -> dict[str, int]:
    """Write a data file of the trials of several ones; return how many trials each brought.

    A trial that is in two files must be the same motion with the same labels in both; then the cameras of both are
    kept. Nothing is decoded, and no more than one trial is in memory.

    Args:
        paths: the data files, of this version.
        out: the file to write.
        subjects: whose trials are taken; empty: everybody's.
        actions: which are taken; empty: all.

    Raises:
        DataError: a file cannot be read or is of an older version, one of ``subjects`` is in none, two trials or
            cameras of one name are different, or ``out`` cannot be written.
    """
    check_output(out, *paths)
    sources = [DataFile(path) for path in paths]
    counts: dict[str, int] = {}
    keys = {source.path: source.trial_keys() for source in sources}
    there = {subject for found in keys.values() for subject, _ in found}
    if absent := [name for name in subjects if name not in there]:
        raise DataError(f"no file has a subject {absent[0]}; they have {', '.join(natsorted(there))}.")
    wanted = set(subjects) or there
    settings: dict[str, Any] = {
        "generator": "merge", "merged": [source.content_hash for source in sources], "subjects": sorted(subjects),
        "actions": sorted(actions),
    }  # fmt: skip
    with DataFileWriter(out, settings) as writer:
        for source in sources:
            source.close()
            with h5py.File(source.path, "r", locking=False) as file:
                if plain_attribute(file.attrs, "version") != VERSION:
                    raise DataError(f"{source.path}: is of an older version of the format; build it again.")
                chosen = [trial for trial in trials(file) if trial.name.split("/")[1] in wanted]
                chosen = [trial for trial in chosen if not actions or plain_attribute(trial.attrs, "action") in actions]
                for trial in chosen:
                    writer.copy(trial, joins)
                counts[str(source.path)] = len(chosen)
    return counts


def copy_part(writer: DataFileWriter, path: Path) -> tuple[str, dict[str, Any]]:
    """Copy the one trial of a small data file that a builder wrote on the way; return its name and the settings.

    Raises:
        DataError: the file does not hold exactly one trial, or not what was written.
    """
    with h5py.File(path, "r", locking=False) as part:
        found = list(trials(part))
        if len(found) != 1 or trial_hash(found[0]) != plain_attribute(found[0].attrs, HASH):
            raise DataError(f"{path}: is no whole part of one trial; remove it and run the command again.")
        writer.copy(found[0], joins)
        return found[0].name[1:], json.loads(str(plain_attribute(part.attrs, "settings")))


def joins(old: h5py.Group, new: h5py.Group) -> None:
    """Check that two groups of one trial are of the same motion, and that no camera is in both.

    Raises:
        DataError: they are not; the sentence says in what they differ.
    """
    where = f"{new.file.filename}: {new.name[1:]}"
    names = set(old) | set(new) | set(old.attrs) | set(new.attrs)
    for name in sorted(names - {HASH, "cameras"}):
        if not _equal(*(_value(group, name) for group in (old, new))):
            raise DataError(
                f"{where} has another '{name}' than the trial of this name in a file named before it; if these are two "
                f"people, rename one of them, else build both files from the same recording."
            )
    both = sorted(set(old.get("cameras", {})) & set(new.get("cameras", {})))
    if both:
        raise DataError(f"{where}/{both[0]} is in a file named before it too; leave one of the two files out.")


def _value(group: h5py.Group, name: str) -> Any:
    return group[name][()] if name in group else group.attrs.get(name)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray | np.generic) and isinstance(b, np.ndarray | np.generic):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return type(a) is type(b) and a == b

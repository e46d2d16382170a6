"""Read HDF5 files of unknown origin: no link leads out of the file, and every allocation is bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from vidzoo.errors import DataError

MAX_DATASET_BYTES = 64 << 30
MAX_IMAGE_BYTES = 16 << 20
METADATA_BYTES = 256 << 10
"""More than HDF5 needs beside a file's or a group's numbers."""


def attribute(attributes: h5py.AttributeManager, name: str) -> Any:
    """Return an attribute's value, a text as ``str`` in whichever way it is stored; None where it is missing."""
    value = attributes.get(name)
    return value.decode() if isinstance(value, bytes) else value


def plain_attribute(attributes: h5py.AttributeManager, name: str) -> str | int | None:
    """Return an attribute that is a text or a whole number; None where it is neither or missing."""
    try:
        value = attribute(attributes, name)
    except (OSError, RuntimeError, TypeError, ValueError):  # a type that h5py does not know
        return None
    return int(value) if isinstance(value, np.integer) else value if isinstance(value, str) else None


def set_texts(attributes: h5py.AttributeManager, texts: Mapping[str, str]) -> None:
    """Store texts, each in as many bytes as it has.

    h5py's own way puts texts of any length into a heap of the file that has no checksum; where that is damaged, HDF5
    may search it without an end.
    """
    for name, text in texts.items():
        raw = text.encode()
        attributes.create(name, raw, dtype=h5py.string_dtype("utf-8", max(len(raw), 1)))


def own_child(group: Any, name: str, where: str) -> Any:
    """Return a group's own member: no link to another place or file is followed.

    Raises:
        DataError: it is missing or a link.
    """
    if not isinstance(group, h5py.Group) or not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise DataError(f"{where} is missing or a link; build the file again.")
    return group[name]


def check_own_bytes(dataset: Any, where: str) -> None:
    """Refuse a data set whose bytes are another file's or were never written.

    Raises:
        DataError: it is such a data set, or it is none.
    """
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise DataError(f"{where} keeps its data outside this file; such files are not read.")
    if dataset.nbytes > MAX_DATASET_BYTES or dataset.nbytes > 64 * max(dataset.id.get_storage_size(), 1):
        raise DataError(f"{where} declares {dataset.nbytes:,} bytes and stores far fewer; such files are not read.")

"""The features file: what a frozen network says of each image of a data file, so that a training need not run it.

Layout (HDF5, ``format='vidzoo-features'``, ``version=1``)::

    /                            attributes: format, version, builder, settings (JSON), num_features (F), data_hash (of
                                 the data file whose images they are), network_hash (of the frozen network)
        {subject}/{trial}/{camera}    [V, F] float32, one row an image, with a checksum of each chunk
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from vidzoo import __version__
from vidzoo.errors import DataError
from vidzoo.io.atomic import atomic_path
from vidzoo.io.data_file import DataFile
from vidzoo.io.hdf5 import check_own_bytes, own_child, plain_attribute, set_texts

FORMAT = "vidzoo-features"
VERSION = 1
_CHUNK_ROWS = 16


class CameraFeatures(NamedTuple):
    """The features of one camera's images of a trial."""

    subject: str
    trial: str
    camera: str
    values: np.ndarray
    """[V, F]."""


class FeaturesFile:
    """A features file, opened for one look at a time.

    Args:
        path: of the file.

    Raises:
        DataError: it is no features file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise DataError(f"{self.path}: no such features file; make one: 'vidzoo features'.")
        with self._open() as file:
            found = tuple(plain_attribute(file.attrs, key) for key in ("format", "version"))
            if found != (FORMAT, VERSION):
                raise DataError(f"{self.path}: format {found}, expected {(FORMAT, VERSION)}; make it again.")
            self.num_features = int(plain_attribute(file.attrs, "num_features") or 0)
            self.data_hash = str(plain_attribute(file.attrs, "data_hash"))
            self.network_hash = str(plain_attribute(file.attrs, "network_hash"))

    def _open(self) -> h5py.File:
        try:
            return h5py.File(self.path, "r", locking=False)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read as HDF5 ({error}); make it again.") from None

    def check_data(self, data: DataFile) -> None:
        """Check that the features are of a data file's images.

        Raises:
            DataError: they are of another one's.
        """
        if self.data_hash != data.content_hash:
            raise DataError(
                f"{self.path}: its features are of another data file (content {self.data_hash[:12]}) than {data.path} "
                f"(content {data.content_hash[:12]}); make them for it: 'vidzoo features {data.path}'."
            )

    def read(self, subject: str, trial: str, camera: str, images: int) -> np.ndarray:
        """Return the features [V, F] of a camera of a trial that has ``images`` images.

        Raises:
            DataError: there are none, as many as there are not images, or they are damaged.
        """
        where = f"{self.path}: {subject}/{trial}/{camera}"
        with self._open() as file:
            try:
                node = file
                for name in (subject, trial, camera):
                    node = own_child(node, name, where)
                check_own_bytes(node, where)
                if node.shape != (images, self.num_features) or node.dtype != np.float32:
                    raise DataError(
                        f"{where} holds {node.dtype} {list(node.shape)}, expected float32 "
                        f"{[images, self.num_features]}; make the file again."
                    )
                return node[()]
            except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
                reason = " ".join(str(error).split())[:200]
                raise DataError(f"{where} is damaged ({reason}); make the file again.") from None


def write_features(
    path: str | Path,
    parts: Iterable[CameraFeatures],
    *,
    data_hash: str,
    network_hash: str,
    num_features: int,
    settings: dict[str, Any],
) -> None:
    """Write a features file, complete or not at all.

    Args:
        path: of the file.
        parts: each camera of each trial.
        data_hash: of the data file whose images they are.
        network_hash: of the network.
        num_features: F.
        settings: what the builder was told.

    Raises:
        DataError: the file cannot be written.
    """
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        texts = {"format": FORMAT, "builder": f"vidzoo {__version__}", "settings": json.dumps(settings)}
        set_texts(file.attrs, texts | {"data_hash": data_hash, "network_hash": network_hash})
        file.attrs["version"] = VERSION
        file.attrs["num_features"] = num_features
        for part in parts:
            group = file.require_group(f"{part.subject}/{part.trial}")
            group.create_dataset(
                part.camera,
                data=np.asarray(part.values, dtype=np.float32),
                chunks=(min(_CHUNK_ROWS, len(part.values)), num_features),
                fletcher32=True,
            )

"""Variants of the tiny data file."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from vidzoo.io.data_file import CameraTrack, DataFile, DataFileWriter, Trial, TrialReader
from vidzoo.io.split_protocols import make_split

ARRAYS = ("time", "markers", "marker_velocities", "coordinates", "coordinate_velocities", "torques", "validity",
          "inertial_torques", "foot_jacobians", "physics_wrenches", "grf")  # fmt: skip
ATTRIBUTES = ("subject", "trial", "action", "rate_hz", "mass_kg", "mass_source", "height_m", "sex", "motion")


def read_track(reader: TrialReader, camera: str) -> CameraTrack:
    offsets = reader.camera_array(camera, "jpeg_offsets")
    return CameraTrack(
        jpegs=[reader.jpeg(camera, a, b).tobytes() for a, b in itertools.pairwise(offsets)],
        **{name: reader.camera_array(camera, name) for name in ("video_time", "video_index", "crop")},
        landmarks=reader.landmarks(camera),
        **{name: reader.camera_attribute(camera, name) for name in
           ("kind", "source_size", "intrinsics", "rotation", "translation")},
    )  # fmt: skip


def read_trial(reader: TrialReader) -> Trial:
    values = {name: getattr(reader, name) for name in ATTRIBUTES} | {name: reader.array(name) for name in ARRAYS}
    return Trial(**values, cameras={camera: read_track(reader, camera) for camera in reader.cameras})


@pytest.fixture
def variant(tiny_data_file, tmp_path) -> Callable[..., dict[str, Path]]:
    """Build the tiny file's first two trials again after ``change(trial)``, and a split of them.

    Returns ``data_file`` and ``split``, for VIDDataset.
    """

    def build(change: Callable[[Trial], object], protocol: str = "block", **settings) -> dict[str, Path]:
        path = tmp_path / "variant.h5"
        with DataFileWriter(path, {}) as writer:
            for reader in itertools.islice(DataFile(tiny_data_file), 2):
                trial = read_trial(reader)
                change(trial)
                writer.add(trial)
        if protocol == "block":
            settings = {"gap": 5, **settings}
        make_split(DataFile(path), protocol, **settings).save(tmp_path / "split.json")
        return {"data_file": path, "split": tmp_path / "split.json"}

    return build


@pytest.fixture
def resealed(seal) -> Callable[[dict[str, Path]], None]:
    """Give a variant that was changed on the disk its new hash, and a new block split."""

    def build(paths: dict[str, Path]) -> None:
        seal(paths["data_file"])
        make_split(DataFile(paths["data_file"]), "block", gap=5).save(paths["split"])

    return build

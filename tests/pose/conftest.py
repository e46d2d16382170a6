"""A made-up person walking, in drawn pictures of which every joint's place is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from vidzoo.anatomy import MARKERS
from vidzoo.geometry import project
from vidzoo.io.data_file import CameraTrack, DataFile, DataFileWriter, Trial
from vidzoo.pose import PoseNetworks

JOINTS = {"shoulder": "Shoulder", "hip": "HJC", "knee": "knee", "ankle": "ankle", "toe": "toe"}
"""Landmarks and markers that are near each other, without their sides."""


@dataclass(frozen=True)
class Drawn:
    """A walk, its first pictures and where the joints are in them."""

    trial: Trial
    images: list[np.ndarray]
    """V of [192, 192, 3] RGB."""
    pixels: dict[str, np.ndarray]
    """Landmark -> [V, 2] px."""


@pytest.fixture(scope="session")
def drawn() -> Drawn:
    pytest.importorskip("mujoco", reason="needs the extra 'synthetic'")
    from vidzoo.synthetic import make_trial

    trial = make_trial(3, 0, "walking", 1, image_size=192)
    camera = trial.cameras["Cam0"]
    trial.cameras = {"Cam0": _first(camera, 12)}
    images = [cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1] for jpeg in camera.jpegs[:12]]
    frames = np.abs(trial.time[None] - camera.video_time[:12, None]).argmin(axis=1)
    seen = project(trial.markers[frames] @ camera.rotation.T + camera.translation, camera.intrinsics)
    places = {}
    for landmark, marker in JOINTS.items():
        for side in "lr":
            name = next(m for m in MARKERS if m.lower() == f"{side}_{marker}".lower())
            places[f"{landmark}_{side}"] = seen[:, MARKERS.index(name)]
    return Drawn(trial, [np.ascontiguousarray(image) for image in images], places)


def _first(camera: CameraTrack, images: int) -> CameraTrack:
    """Return the camera's first images; later frames show the last of them."""
    return CameraTrack(
        **vars(camera)
        | {name: getattr(camera, name)[:images] for name in ("jpegs", "video_time", "crop")}
        | {"video_index": np.minimum(camera.video_index, images - 1)}
    )


@pytest.fixture(scope="session")
def drawn_file(drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data file of that walk, twice, from one camera."""
    path = tmp_path_factory.mktemp("drawn") / "drawn.h5"
    with DataFileWriter(path, {}) as writer:
        for name in ("walking1", "walking2"):
            writer.add(Trial(**vars(drawn.trial) | {"trial": name}))
    assert DataFile(path).landmarks_hash is None
    return path


@pytest.fixture(scope="session")
def networks() -> PoseNetworks:
    return PoseNetworks("lite")

"""Calibration files are checked, and projection is OpenCV's."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from releases import Release

from vidzoo.data_prep.camera import Camera, read_camera
from vidzoo.errors import DataError

CALIBRATION = {
    "distortion": np.array([[0.1, -0.05, 0.001, 0.002, 0.01]]),
    "intrinsicMat": np.array([[620.0, 0, 179.5], [0, 620.0, 319.5], [0, 0, 1]]),
    "imageSize": np.array([[640.0], [360.0]]),
    "rotation": cv2.Rodrigues(np.array([0.3, 2.0, 0.1]))[0],
    "translation": np.array([[-604.5], [1127.6], [3217.3]]),
    "rotation_EulerAngles": np.array([[0.3], [2.0], [0.1]]),
}


def test_read_camera(tmp_path: Path) -> None:
    path = tmp_path / "camera.pickle"
    path.write_bytes(pickle.dumps(CALIBRATION))
    camera = read_camera(path)
    assert camera.size == (360, 640)
    np.testing.assert_allclose(camera.translation, [-0.6045, 1.1276, 3.2173])
    points = np.random.default_rng(0).uniform(-1, 1, (5, 7, 3))
    expected, _ = cv2.projectPoints(
        points.reshape(-1, 1, 3) * 1000,
        np.array([0.3, 2.0, 0.1]),
        CALIBRATION["translation"],
        CALIBRATION["intrinsicMat"],
        CALIBRATION["distortion"],
    )
    np.testing.assert_allclose(camera.project(points), expected.reshape(5, 7, 2), atol=1e-6)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("rotation", np.ones((3, 3)), "no rotation matrix"),
        ("rotation", np.diag([1.0, 1.0, -1.0]), "no rotation matrix"),
        ("translation", np.array([np.nan, 0, 0]), "'translation'"),
        ("intrinsicMat", np.eye(2), "'intrinsicMat'"),
        ("imageSize", None, "'imageSize'"),
        ("distortion", np.zeros(3), "'distortion' has 3"),
    ],
)
def test_calibrations_that_are_none(tmp_path: Path, key: str, value, message: str) -> None:
    path = tmp_path / "camera.pickle"
    content = {**CALIBRATION, key: value}
    path.write_bytes(pickle.dumps({k: v for k, v in content.items() if v is not None}))
    with pytest.raises(DataError, match=message):
        read_camera(path)


def test_behind_the_camera_and_missing_points_have_no_pixel() -> None:
    camera = Camera(np.diag([100.0, 100, 1]), np.zeros(5), np.eye(3), np.zeros(3), (50, 50))
    points = np.array([[0, 0, 1.0], [0, 0, -1.0], [np.nan, 0, 1], [0.2, 0.1, 2], [0.6, 0, 1]])
    assert np.isnan(camera.project(points)).any(axis=1).tolist() == [False, True, True, False, False]
    np.testing.assert_allclose(camera.project(points)[3], [10, 5])
    assert camera.share_in_picture(points) == 2 / 4  # behind and right of the picture count against it, missing not


def test_a_releases_calibration_sees_its_markers(release: Release) -> None:
    from vidzoo.io.trc import read_trc

    folder = release.root / "subject6"
    camera = read_camera(folder / "VideoData/Session1/CamRender/cameraIntrinsicsExtrinsics.pickle")
    markers = read_trc(folder / "MarkerData/Mocap/walking1.trc").positions
    assert camera.share_in_picture(markers) == 1.0

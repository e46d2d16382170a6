"""Read OpenCap's camera calibration, and project points with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vidzoo.errors import DataError
from vidzoo.geometry import NEAR
from vidzoo.io.number_pickle import read_number_pickle

MIN_SHARE_IN_PICTURE = 0.9
"""A camera that sees less of the body than this is not calibrated to the markers' frame."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with OpenCV's axes (x right, y down, z forward) and lens distortion."""

    intrinsics: np.ndarray
    """[3, 3] pixels, pixel centres at integers."""
    distortion: np.ndarray
    """[5] OpenCV's k1, k2, p1, p2, k3."""
    rotation: np.ndarray
    """[3, 3] with x_camera = rotation @ x_world + translation."""
    translation: np.ndarray
    """[3] m."""
    size: tuple[int, int]
    """Width, height in pixels."""

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return the pixels [..., 2] of points [..., 3] in m; NaN where missing or behind the camera."""
        in_camera = points.reshape(-1, 3) @ self.rotation.T + self.translation
        pixels = np.full((len(in_camera), 2), np.nan)
        ahead = in_camera[:, 2] > NEAR  # False for NaN too
        if ahead.any():
            projected, _ = cv2.projectPoints(
                in_camera[ahead][:, None], np.zeros(3), np.zeros(3), self.intrinsics, self.distortion
            )
            pixels[ahead] = projected[:, 0]
        return pixels.reshape(*points.shape[:-1], 2)

    def share_in_picture(self, points: np.ndarray) -> float:
        """Return the share of the present points [..., 3] that lies inside the picture."""
        present = np.isfinite(points).all(axis=-1)
        pixels = self.project(points[present])
        with np.errstate(invalid="ignore"):
            inside = (pixels >= -0.5).all(axis=-1) & (pixels < np.asarray(self.size) - 0.5).all(axis=-1)
        return float(inside.mean()) if present.any() else 0.0


def read_camera(path: str | Path) -> Camera:
    """Read OpenCap's ``cameraIntrinsicsExtrinsics.pickle``: world to camera, translation in mm, size as rows, columns.

    Raises:
        DataError: a key is missing, a shape is wrong, a number is not finite, or the rotation is no rotation matrix.
    """
    content = read_number_pickle(path)
    shapes = {"intrinsicMat": (3, 3), "rotation": (3, 3), "translation": (3,), "imageSize": (2,)}
    arrays = {}
    for key, shape in shapes.items():
        value = content.get(key)
        if value is None or value.size != np.prod(shape) or not np.isfinite(value).all():
            raise DataError(f"{path}: '{key}' is missing or not {shape} finite numbers; calibrate the camera again.")
        arrays[key] = value.reshape(shape)
    rotation = arrays["rotation"]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3 or np.linalg.det(rotation) < 0:
        raise DataError(f"{path}: 'rotation' is no rotation matrix; calibrate the camera again.")
    distortion = content.get("distortion", np.zeros(5)).ravel()
    if distortion.size not in (4, 5, 8) or not np.isfinite(distortion).all():
        raise DataError(f"{path}: 'distortion' has {distortion.size} numbers, expected 4, 5 or 8 finite ones.")
    rows, columns = arrays["imageSize"]
    return Camera(
        intrinsics=arrays["intrinsicMat"],
        distortion=distortion,
        rotation=rotation,
        translation=arrays["translation"] / 1000.0,
        size=(int(columns), int(rows)),
    )

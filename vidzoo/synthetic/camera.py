"""Pinhole cameras that look at a moving person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vidzoo.geometry import project

AZIMUTHS = (45.0, -45.0, 70.0, -70.0, 0.0)
"""Directions of the cameras, degrees from straight ahead to the person's left: OpenCap's five, the usual one first."""
MARGIN = 0.07
"""Room around what a camera is aimed at, as a share of the image."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: x_camera = rotation @ x_ground + translation; OpenCV axes, pixel centres at integers."""

    intrinsics: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pixels [..., 2] and depth [...] m of points [..., 3] m."""
        seen = points @ self.rotation.T + self.translation
        return project(seen, self.intrinsics), seen[..., 2]


def aim(points: np.ndarray, azimuth: float, height: float, distance: float, size: int) -> Camera:
    """Return the camera at ``azimuth`` degrees whose square image of ``size`` pixels just holds points [n, 3] m."""
    target = (points.min(axis=0) + points.max(axis=0)) / 2
    a = np.radians(azimuth)
    position = target + distance * np.array([np.cos(a), 0, -np.sin(a)])
    position[1] = height
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, [0, 1, 0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    camera = Camera(np.eye(3), rotation, -rotation @ position)
    seen, _ = camera.project(points)
    low, high = seen.min(axis=0), seen.max(axis=0)
    focal = size * (1 - 2 * MARGIN) / (high - low).max()
    centre = (size - 1) / 2 - focal * (low + high) / 2
    return Camera(np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]]), rotation, camera.translation)

"""From points to pixels. Camera frame: OpenCV's (x right, y down, z forward); pixel centres are at integers."""

from __future__ import annotations

import numpy as np

NEAR = 0.05
"""What is not farther before the camera than this has no pixel, m."""


def project(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Return the pixels [..., 2] of points [..., 3] m in the camera's frame; NaN where missing or not before it.

    Args:
        points: NaN where missing.
        intrinsics: [3, 3] in pixels, of a camera without distortion.
    """
    depth = np.where(points[..., 2:] > NEAR, points[..., 2:], np.nan)
    return (points @ intrinsics.T)[..., :2] / depth


def crop_matrix(crop: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the matrix [3, 3] from pixels of an image to those of its crop, resized to ``size`` (width, height).

    Pixel u goes to (u + 0.5 - x) size / width - 0.5.

    Args:
        crop: [4] x, y, width, height in pixels of the image.
        size: of the stored crop in pixels.
    """
    x, y, width, height = (float(value) for value in crop)
    scale = np.array([size[0] / width, size[1] / height])
    shift = (0.5 - np.array([x, y])) * scale - 0.5
    return np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]], [0, 0, 1]])

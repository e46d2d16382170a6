"""Draw projected markers on an image of a data file: the quickest check of a camera's conventions."""

from __future__ import annotations

import cv2
import numpy as np

from vidzoo.geometry import crop_matrix, project

_GREEN = (60, 220, 60)


def project_to_crop(
    markers: np.ndarray,
    intrinsics: np.ndarray,
    rotation: np.ndarray,
    translation: np.ndarray,
    crop: np.ndarray,
    size: tuple[int, int],
) -> np.ndarray:
    """Project ground-frame points into a stored image, [..., 2] pixels, pixel centres at integers; NaN if not seen.

    Lens distortion, which a data file does not keep, is left out.

    Args:
        markers: [..., 3] m; NaN where missing.
        intrinsics: [3, 3] of the source video (OpenCV convention).
        rotation: [3, 3] with x_camera = rotation @ x_ground + translation.
        translation: [3] m.
        crop: [4] x, y, width, height of the stored image in source pixels.
        size: width, height of the stored image.
    """
    return project(markers @ rotation.T + translation, crop_matrix(crop, size) @ intrinsics)


def draw_markers(
    image: np.ndarray,
    markers: np.ndarray,
    intrinsics: np.ndarray,
    rotation: np.ndarray,
    translation: np.ndarray,
    crop: np.ndarray,
    radius: int = 2,
) -> np.ndarray:
    """Return a copy of an image [H, W, 3] uint8 with a disc at each marker [M, 3]; see :func:`project_to_crop`."""
    height, width = image.shape[:2]
    drawn = np.ascontiguousarray(image).copy()
    pixels = project_to_crop(markers, intrinsics, rotation, translation, crop, (width, height))
    for x, y in pixels[np.isfinite(pixels).all(axis=1)]:
        if -radius <= x < width + radius and -radius <= y < height + radius:
            cv2.circle(drawn, (round(float(x)), round(float(y))), radius, _GREEN, -1, cv2.LINE_AA)
    return drawn

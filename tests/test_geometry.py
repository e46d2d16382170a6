"""Projection is OpenCV's; a crop's pixels are where a resampling puts them."""

from __future__ import annotations

import cv2
import numpy as np

from vidzoo.geometry import crop_matrix, project

INTRINSICS = np.array([[900.0, 0, 310], [0, 880, 245], [0, 0, 1]])


def test_projection_equals_opencvs() -> None:
    points = np.random.default_rng(0).normal(size=(20, 7, 3)) + [0, 0, 6]
    expected, _ = cv2.projectPoints(points.reshape(-1, 1, 3), np.zeros(3), np.zeros(3), INTRINSICS, None)
    np.testing.assert_allclose(project(points, INTRINSICS), expected.reshape(20, 7, 2))


def test_what_is_missing_or_not_before_the_camera_has_no_pixel() -> None:
    points = np.array([[0, 0, 1.0], [0, 0, 0.05], [0, 0, 0.0], [0, 0, -1.0], [np.nan, 0, 1], [0, 0, np.nan]])
    pixels = project(points, INTRINSICS)
    assert np.isfinite(pixels[0]).all() and np.isnan(pixels[1:]).all()


def test_a_crops_centre_and_edges_stay_what_they_are() -> None:
    """Its outer edges lie half a pixel before the first and behind the last pixel's centre, in either image."""
    matrix = crop_matrix(np.array([20.0, -10.0, 200.0, 100.0]), (50, 80))
    edges = {(19.5, -10.5): (-0.5, -0.5), (219.5, 89.5): (49.5, 79.5), (119.5, 39.5): (24.5, 39.5)}
    for (x, y), expected in edges.items():
        np.testing.assert_allclose(matrix @ [x, y, 1], [*expected, 1])

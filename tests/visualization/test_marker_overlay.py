"""Projection of markers against OpenCV's own."""

from __future__ import annotations

import cv2
import numpy as np

from vidzoo.visualization.marker_overlay import draw_markers, project_to_crop

INTRINSICS = np.array([[900.0, 0, 359.5], [0, 910.0, 639.5], [0, 0, 1]])
ROTATION = cv2.Rodrigues(np.array([3.0, 0.1, -0.2]))[0]
TRANSLATION = np.array([0.1, 0.9, 3.5])


def test_projection_equals_opencv_on_the_uncut_picture():
    markers = np.random.default_rng(0).normal(0, 0.4, (51, 3))
    expected, _ = cv2.projectPoints(markers, cv2.Rodrigues(ROTATION)[0], TRANSLATION, INTRINSICS, None)
    whole = np.array([0.0, 0.0, 720.0, 1280.0])
    found = project_to_crop(markers, INTRINSICS, ROTATION, TRANSLATION, whole, (720, 1280))
    np.testing.assert_allclose(found, expected[:, 0], atol=1e-6)


def test_a_crop_moves_and_scales_as_opencv_resizes_it():
    # one bright source pixel, cut and shrunk four times: its centre of mass is where the projection says
    picture = np.zeros((1280, 720), np.float32)
    picture[500, 300] = 1
    crop = np.array([200.0, 400.0, 256.0, 256.0])
    cut = cv2.resize(picture[400:656, 200:456], (64, 64), interpolation=cv2.INTER_AREA)
    y, x = np.unravel_index(cut.argmax(), cut.shape)
    ray = np.linalg.inv(INTRINSICS) @ np.array([300.0, 500.0, 1.0])
    marker = ROTATION.T @ (2.0 * ray - TRANSLATION)
    found = project_to_crop(marker, INTRINSICS, ROTATION, TRANSLATION, crop, (64, 64))
    np.testing.assert_allclose(found, [(100 + 0.5) / 4 - 0.5, (100 + 0.5) / 4 - 0.5])
    assert (x, y) == (25, 25) and np.abs(found - [x, y]).max() < 0.5


def test_behind_the_camera_or_missing_is_not_drawn():
    markers = np.array([[0.0, 0, 0], [np.nan, 0, 0], ROTATION.T @ (np.array([0, 0, -1.0]) - TRANSLATION)])
    crop = np.array([0.0, 0.0, 720.0, 1280.0])
    pixels = project_to_crop(markers, INTRINSICS, ROTATION, TRANSLATION, crop, (720, 1280))
    assert np.isfinite(pixels[0]).all() and np.isnan(pixels[1:]).all()
    image = np.zeros((1280, 720, 3), np.uint8)
    drawn = draw_markers(image, markers, INTRINSICS, ROTATION, TRANSLATION, crop, radius=3)
    assert not image.any()
    rows, columns = np.nonzero(drawn.any(axis=2))
    np.testing.assert_allclose([columns.mean(), rows.mean()], pixels[0], atol=0.6)
    assert rows.max() - rows.min() <= 8

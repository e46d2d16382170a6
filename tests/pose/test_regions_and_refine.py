"""Regions of a picture and their crops; landmarks moved by heat maps."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vidzoo.pose.refine import refine
from vidzoo.pose.regions import cut, overlap, region_round, to_picture, turn, upright_box, whole_picture


def spot(x: float, y: float, size: tuple[int, int] = (160, 120)) -> np.ndarray:
    """Draw a smooth bright spot at a pixel."""
    columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    light = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18)
    return np.repeat(light[..., None], 3, axis=2).astype(np.uint8)


def middle(crop: np.ndarray) -> np.ndarray:
    """Return the centre of mass of a crop's light, px."""
    light = crop[..., 0].astype(float)
    return np.array([(light.sum(axis=axis) * np.arange(len(crop))).sum() / light.sum() for axis in (0, 1)])


@pytest.mark.parametrize("angle", [0.0, 0.4, -1.3, np.pi])
@pytest.mark.parametrize("side", [70.0, 130.0])
def test_a_place_in_a_crop_is_that_place_in_the_picture(angle, side):
    region = np.array([80.0, 66.0, side, angle])
    crop = cut(spot(88.3, 59.6), region, 256)
    found = middle(crop) + 0.5  # networks count from the crop's edge, OpenCV from the first pixel's centre
    np.testing.assert_allclose(to_picture(found[None, None], region[None], 256)[0, 0], [88.3, 59.6], atol=0.15)


def test_what_reaches_outside_the_picture_is_black():
    crop = cut(np.full((40, 60, 3), 200, np.uint8), np.array([29.5, 19.5, 120.0, 0.0]), 120)
    assert (crop[45:75, 35:85] == 200).all()
    assert not crop[:35].any()
    assert not crop[:, :25].any()


def test_a_person_stands_upright_in_its_region():
    """By hand: the circle of radius 100 px round a body has a region of 250 px; lying is a quarter turn."""
    centre = np.array([100.0, 200.0])
    for rim, angle in (([100.0, 100.0], 0.0), ([200.0, 200.0], np.pi / 2), ([0.0, 200.0], -np.pi / 2)):
        np.testing.assert_allclose(region_round(centre, np.array(rim)), [100, 200, 250, angle], atol=1e-9)
    lying = region_round(np.array([80.0, 60.0]), np.array([110.0, 60.0]))
    crop = cut(spot(100, 60), lying, 256)  # 20 px from the hips towards the head, of 75 px to the side
    np.testing.assert_allclose(middle(crop), [127.5, 127.5 - 20 * 256 / 75], atol=0.6)
    np.testing.assert_allclose(turn(np.array([[0.0, -1.0]]), lying[None])[0], [1, 0], atol=1e-9)


def test_whole_picture_is_the_letterbox_and_boxes_overlap():
    np.testing.assert_array_equal(whole_picture((120, 160, 3)), [79.5, 59.5, 160, 0])
    np.testing.assert_allclose(upright_box(np.array([50.0, 60, 125, 0.3])), [0, 10, 100, 100])
    found = overlap(np.array([0.0, 0, 10, 10]), np.array([[0.0, 0, 10, 10], [5, 0, 10, 10], [20, 0, 5, 5]]))
    np.testing.assert_allclose(found, [1, 1 / 3, 0])


# --- heat maps ------------------------------------------------------------------------------------------------------
def refine_by_loops(place: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """MediaPipe's calculator for one landmark, cell by cell."""
    n = len(logits)
    column, row = int(np.floor(place[0] * n)), int(np.floor(place[1] * n))
    if not (0 <= column < n and 0 <= row < n):
        return place
    total = x = y = highest = 0.0
    for r in range(max(0, row - 3), min(n, row + 4)):
        for c in range(max(0, column - 3), min(n, column + 4)):
            weight = 1 / (1 + np.exp(-logits[r, c]))
            total, highest = total + weight, max(highest, weight)
            x, y = x + c * weight, y + r * weight
    return np.array([x / total / n, y / total / n]) if highest >= 0.5 else place


def test_landmarks_move_to_the_middle_of_their_hill():
    rng = np.random.default_rng(0)
    places = rng.uniform(-0.1, 1.1, (3, 39, 2))
    logits = rng.normal(-3, 2, (3, 39, 64, 64)).astype(np.float32)
    logits[0] = -9  # nothing is sure in the first image
    expected = np.array([[refine_by_loops(p, h) for p, h in zip(*pair)] for pair in zip(places, logits)])
    found = refine(places, logits)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(found[0], places[0])
    moved = (found != places).any(axis=-1)
    assert moved[1:].mean() > 0.5
    outside = ((places < 0) | (places >= 1)).any(axis=-1)
    assert outside.sum() > 10
    assert not moved[outside].any()


def test_a_warp_is_opencv_s():
    """The crop is the one that three corners of the region give, at the resolution of half a pixel."""
    rng = np.random.default_rng(1)
    image = cv2.GaussianBlur(rng.integers(0, 255, (120, 160, 3), dtype=np.uint8), (0, 0), 5)
    region = np.array([70.0, 55.0, 80.0, 0.7])
    corners = np.array([[[0.0, 0], [256, 0], [0, 256]]])
    picture = to_picture(corners, region[None], 256)[0].astype(np.float32)
    matrix = cv2.getAffineTransform(picture, (corners[0] - 0.5).astype(np.float32))
    expected = cv2.warpAffine(image, matrix, (256, 256), flags=cv2.INTER_LINEAR)
    assert np.abs(cut(image, region, 256).astype(int) - expected).max() <= 2

"""Square regions of a picture round a person, turned so that the person stands upright in them.

A region is x, y of its centre (px of the picture, pixel centres at integers), its side (px) and the angle by which the
person is turned clockwise in the picture (rad). In a crop of n x n pixels, the networks count places from 0 at its left
and upper edge to n at the other one.
"""

from __future__ import annotations

import cv2
import numpy as np

MARGIN = 1.25
"""The side of a region, in diameters of the circle round the body (MediaPipe's pose landmark graph)."""


def region_round(centre: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Return the region [..., 4] of a person from two points of its circle.

    Args:
        centre: [..., 2] px, the middle of the hips.
        rim: [..., 2] px, a point of the circle round the body, above the head of an upright person.
    """
    across, up = rim[..., 0] - centre[..., 0], centre[..., 1] - rim[..., 1]
    side = 2 * MARGIN * np.hypot(across, up)
    return np.stack([centre[..., 0], centre[..., 1], side, np.pi / 2 - np.arctan2(up, across)], axis=-1)


def whole_picture(shape: tuple[int, ...]) -> np.ndarray:
    """Return the smallest region [4] that holds a picture of shape [H, W, ...]."""
    height, width = shape[:2]
    return np.array([(width - 1) / 2, (height - 1) / 2, max(height, width), 0.0])


def cut(image: np.ndarray, region: np.ndarray, size: int) -> np.ndarray:
    """Return a region of a picture [H, W, 3] as a crop [size, size, 3]; black where it reaches outside."""
    x, y, side, angle = region
    cos, sin = np.cos(angle) * side / size, np.sin(angle) * side / size
    middle = (size - 1) / 2
    matrix = np.array([[cos, -sin, x - (cos - sin) * middle], [sin, cos, y - (sin + cos) * middle]])
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def to_picture(places: np.ndarray, regions: np.ndarray, size: int) -> np.ndarray:
    """Return the pixels [N, ..., 2] of the picture that places [N, ..., 2] in crops of the regions [N, 4] are of."""
    offsets = (places / size - 0.5) * _like(regions[:, 2], places)
    return turn(offsets, regions) + _like(regions[:, :2], places)


def turn(vectors: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Return vectors [N, ..., 2] in the axes of crops of the regions [N, 4] in the axes of the picture."""
    cos, sin = (_like(f(regions[:, 3]), vectors)[..., 0] for f in (np.cos, np.sin))
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)


def overlap(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union [N] of upright boxes: [4] and [N, 4], x, y, width, height in px."""
    low = np.maximum(one[:2], others[:, :2])
    high = np.minimum(one[:2] + one[2:], others[:, :2] + others[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=-1)
    return common / (one[2:].prod() + others[:, 2:].prod(axis=-1) - common)


def upright_box(regions: np.ndarray) -> np.ndarray:
    """Return the boxes [..., 4] (x, y, width, height in px) round the circles that regions [..., 4] were made of."""
    side = regions[..., 2:3] / MARGIN
    return np.concatenate([regions[..., :2] - side / 2, side, side], axis=-1)


def _like(values: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Return [N] or [N, 2] with axes of length 1 between, to be broadcast against [N, ..., 2]."""
    last = values.shape[1:] or (1,)
    return values.reshape(len(values), *[1] * (array.ndim - 2), *last)

"""Cut square boxes around a person out of pictures, without distorting them.

A box is x, y, width, height in pixels of the source video; it may reach outside, where black is filled in.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, minimum_filter1d

from vidzoo.anatomy import MARKERS
from vidzoo.data_prep.camera import Camera

MARGIN = 0.1
"""Margin on each side of the body, as a share of the box."""
SMOOTHING = 0.1
"""Standard deviation of the smoothing of a moving box, s."""
JPEG_QUALITY = 95
BODY_REACH = 2.0
"""A marker that is farther from the middle of its frame's markers does not belong to the body, m."""
MAX_SIDE = 4
"""The largest side of a box, in longer sides of the picture."""
_HEAD_LENGTH = 0.6
"""From C7 to the top of the head, as a share of the distance from the pelvis to C7."""


def body_points(markers: np.ndarray) -> np.ndarray:
    """Add a point on top of the head, which has no marker, to the markers: [F, M, 3] m to [F, M + 1, 3]."""
    neck = markers[:, MARKERS.index("C7")]
    back = (markers[:, MARKERS.index("r.PSIS")] + markers[:, MARKERS.index("L.PSIS")]) / 2
    return np.concatenate([markers, (neck + _HEAD_LENGTH * (neck - back))[:, None]], axis=1)


def _body_pixels(camera: Camera, markers: np.ndarray) -> np.ndarray:
    """Return the pixels [F, M + 1, 2] of the body, without markers that lie far from it.

    NaN where a point is missing or out of the body's reach; no pixel is farther from the picture than its longer side.
    """
    points = body_points(markers)
    present = np.isfinite(points).any(axis=(1, 2))
    middle = np.nanmedian(points[present], axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        wild = np.linalg.norm(points[present] - middle, axis=-1) > BODY_REACH
    points[present] = np.where(wild[..., None], np.nan, points[present])
    room = max(camera.size)
    return np.clip(camera.project(points), -room, np.asarray(camera.size) + room)


def _square_around(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the squares [..., 4] with a margin around boxes from ``low`` to ``high`` [..., 2]."""
    side = np.maximum((high - low).max(axis=-1, keepdims=True), 8.0) * (1 + 2 * MARGIN)
    return np.concatenate([(low + high) / 2 - side / 2, side, side], axis=-1)


def trial_box(camera: Camera, markers: np.ndarray) -> np.ndarray:
    """Return the one square [4] that holds the body in all frames of ``markers`` [F, M, 3] m.

    A box that does not move keeps the motion of the body through the room visible.
    """
    pixels = _body_pixels(camera, markers).reshape(-1, 2)
    return _whole_pixels(_square_around(np.nanmin(pixels, axis=0), np.nanmax(pixels, axis=0)))


def frame_boxes(camera: Camera, markers: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Return a square [F, 4] for each frame of ``markers`` [F, M, 3] m, following the body smoothly.

    Each box holds the body: what is smoothed is the extent over all frames that the smoothing reaches.
    """
    pixels = _body_pixels(camera, markers)
    seen = np.isfinite(pixels).all(axis=2).any(axis=1)
    low, high = np.full((2, len(pixels), 2), np.nan)
    low[seen], high[seen] = np.nanmin(pixels[seen], axis=1), np.nanmax(pixels[seen], axis=1)
    for column in (*low.T, *high.T):
        column[~seen] = np.interp(time[~seen], time[seen], column[seen])
    sigma = SMOOTHING * (len(time) - 1) / (time[-1] - time[0])
    reach = round(2 * sigma)
    low = minimum_filter1d(low, 2 * reach + 1, axis=0, mode="nearest")
    high = maximum_filter1d(high, 2 * reach + 1, axis=0, mode="nearest")
    low, high = (gaussian_filter1d(edge, sigma, axis=0, mode="nearest", radius=reach) for edge in (low, high))
    return _whole_pixels(_square_around(low, high))


def letterbox(size: tuple[int, int], box: tuple[float, float, float, float] | None = None) -> np.ndarray:
    """Return the smallest square [4] around a stated box, or around the whole picture of ``size`` (width, height)."""
    x, y, width, height = box or (0, 0, *size)
    side = max(width, height)
    return _whole_pixels(np.array([x - (side - width) / 2, y - (side - height) / 2, side, side], dtype=float))


def _whole_pixels(squares: np.ndarray) -> np.ndarray:
    """Round boxes [..., 4] to whole pixels, still square."""
    squares = np.round(squares)
    squares[..., 3] = squares[..., 2]
    return squares


def crop_image(image: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """Cut a square box [4] out of an image [H, W, 3] and resize it to [size, size, 3]; black outside the picture.

    Pixel u of the source lands on (u + 0.5 - x) * size / width - 0.5.
    """
    x, y, side = (int(value) for value in box[:3])
    height, width = image.shape[:2]
    cut = np.zeros((side, side, 3), dtype=np.uint8)
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + side, width), min(y + side, height)
    if left < right and top < bottom:
        cut[top - y : bottom - y, left - x : right - x] = image[top:bottom, left:right]
    shrinks = side > size
    return cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def encode_jpeg(image: np.ndarray) -> bytes:
    """Encode an RGB image [H, W, 3] as JPEG of quality 95."""
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded.tobytes()

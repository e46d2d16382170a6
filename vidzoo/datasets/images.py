"""JPEG images of data files, decoded at the size that a model sees."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vidzoo.errors import DataError
from vidzoo.io.data_file import TrialReader

MAX_PIXELS = 1 << 26
"""An image that declares more is not decoded."""
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def read_images(
    trial: TrialReader, camera: str, offsets: np.ndarray, numbers: Sequence[int] | np.ndarray, size: int | None
) -> np.ndarray:
    """Return some images of a trial as uint8 [U, H, W, 3] RGB.

    Args:
        trial: of the data file.
        camera: whose images.
        offsets: [V+1] int, where each image's JPEG begins.
        numbers: [U], which of the V images.
        size: side in pixels to which they are resized; None: as stored.

    Raises:
        DataError: one cannot be decoded, or they differ in size and ``size`` is None.
    """
    images: list[np.ndarray] = []
    for number in numbers:
        image = decode_jpeg(trial.jpeg(camera, int(offsets[number]), int(offsets[number + 1])), size)
        if image is None:
            raise DataError(
                f"{trial.place}/{camera}: image {number} is no JPEG that can be decoded; build the file again."
            )
        if images and image.shape != images[0].shape:
            raise DataError(
                f"{trial.place}/{camera}: image {number} is {image.shape[1]} x {image.shape[0]} pixels, the one before "
                f"{images[0].shape[1]} x {images[0].shape[0]}; set image_size, so that all are resized."
            )
        images.append(image)
    return np.stack(images)


def decode_jpeg(data: np.ndarray, size: int | None) -> np.ndarray | None:
    """Return the RGB image of a JPEG's bytes, uint8 [H, W, 3], or [size, size, 3]; None if it is broken or enormous.

    An image at least twice as large as wanted is halved while it is decoded, which is faster than afterwards.
    """
    stored = jpeg_size(data)
    if stored is None or stored[0] * stored[1] > MAX_PIXELS:
        return None
    fraction = 1
    while size is not None and fraction < 8 and min(stored) >= 2 * fraction * size:
        fraction *= 2
    image = cv2.imdecode(data, _REDUCED[fraction])
    if image is None:
        return None
    if size is not None and image.shape[:2] != (size, size):
        shrinks = size < max(image.shape[:2])
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def jpeg_size(data: np.ndarray) -> tuple[int, int] | None:
    """Return (height, width) from a JPEG's frame header; None where it has none, no beginning or no end."""
    raw = data.tobytes()
    if not (raw.startswith(b"\xff\xd8") and raw.endswith(b"\xff\xd9")):
        return None
    at = 2
    while at + 9 <= len(raw) and raw[at] == 0xFF:
        if 0xC0 <= raw[at + 1] <= 0xCF and raw[at + 1] not in (0xC4, 0xC8, 0xCC):  # a frame header, no table
            return int.from_bytes(raw[at + 5 : at + 7], "big"), int.from_bytes(raw[at + 7 : at + 9], "big")
        at += 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
    return None

"""What the readers of annotation files have in common: people in images, JSON, cameras."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidzoo.errors import DataError
from vidzoo.geometry import project

MM = 1e-3
"""m; the sets' lengths are in mm."""
MAX_OFFSET = 0.25
"""A person's joints may lie so far from their box's centre, in longer sides of it."""


@dataclass(frozen=True)
class Person:
    """One annotated person."""

    image: Path
    size: tuple[int, int]
    """Width, height of the image in pixels, as annotated."""
    box: tuple[float, float, float, float]
    """x, y, width, height in pixels."""
    pixels: np.ndarray
    """[J, 2]; NaN where unknown."""
    joints: np.ndarray
    """[J, 3] m in the camera's frame; NaN where unknown."""
    intrinsics: np.ndarray
    """[3, 3]; NaN where unknown."""


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: it is missing or no JSON.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such annotation file; see 'vidzoo prepare-pose3d --help' for what is expected.")
    try:
        with path.open(encoding="utf-8") as file:
            return json.load(file)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is no JSON ({str(error)[:200]}); download it again.") from None


@contextmanager
def expecting(path: Path, layout: str) -> Iterator[None]:
    """Turn a key that is missing, or a value of the wrong kind, into one sentence.

    Raises:
        DataError: the annotation file ``path`` is not laid out as ``layout`` says.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)[:200]
        raise DataError(f"{path}: is not laid out as expected ({reason}); expected {layout}.") from None


def numbers(value: Any, *shape: int) -> np.ndarray:
    """Return finite numbers of a shape.

    Raises:
        ValueError: the value has another shape or holds something else.
    """
    array = np.asarray(value, dtype=float)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{array.shape} where {shape} finite numbers should be")
    return array


def image_size(image: dict[str, Any]) -> tuple[int, int]:
    """Return width and height of an annotated image."""
    return int(image["width"]), int(image["height"])


def box_of(annotation: dict[str, Any]) -> tuple[float, float, float, float]:
    """Return an annotation's box: x, y, width, height."""
    x, y, width, height = numbers(annotation["bbox"], 4).tolist()
    return x, y, width, height


def pinhole(focal: Any, centre: Any) -> np.ndarray:
    """Return the matrix [3, 3] of focal lengths [2] and principal point [2] in pixels."""
    (fx, fy), (cx, cy) = numbers(focal, 2), numbers(centre, 2)
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


class WorldCamera:
    """A camera of a set that keeps its joints in the world's frame.

    Two readings of the translation are about: x_camera = R x + t, and the camera's place, x_camera = R (x - t), which
    earlier files of the same names hold. Which one a file means shows on its first person, whose joints must fall into
    their box.

    Args:
        rotation: [3, 3].
        translation: [3] mm.
        intrinsics: [3, 3].
        joints: [S, 3] mm of one person in the world's frame.
        box: x, y, width, height of that person in pixels.

    Raises:
        ValueError: in neither reading do the joints fall into the box.
    """

    def __init__(
        self,
        rotation: np.ndarray,
        translation: np.ndarray,
        intrinsics: np.ndarray,
        joints: np.ndarray,
        box: tuple[float, float, float, float],
    ) -> None:
        self.intrinsics = intrinsics
        self._rotation = rotation
        shifts = (translation, -rotation @ translation)
        offsets = []
        for shift in shifts:
            pixels = project(joints @ rotation.T + shift, intrinsics)
            centre = (pixels.min(axis=0) + pixels.max(axis=0)) / 2
            offsets.append(np.linalg.norm(centre - (box[0] + box[2] / 2, box[1] + box[3] / 2)) / max(*box[2:], 1.0))
        best = int(np.argmin(np.nan_to_num(offsets, nan=np.inf)))
        if not offsets[best] < MAX_OFFSET:
            raise ValueError("the camera's R and t bring the joints into their box neither as R x + t nor as R (x - t)")
        self._shift = shifts[best]

    def to_camera(self, joints: np.ndarray) -> np.ndarray:
        """Return joints [..., 3], mm in the world's frame, as m in the camera's."""
        return (joints @ self._rotation.T + self._shift) * MM

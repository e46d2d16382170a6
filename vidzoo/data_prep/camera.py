"""Read OpenCap's camera calibration without trusting it, and project points with it.

A pickle can run any code. This reader never touches NumPy's own unpickling: the few names that a pickled array needs
are answered by inert stand-ins, every other name is refused. Nor can a small pickle ask for much memory or time: its
size and its arrays' are bounded, and what makes a few bytes grow without end is refused.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from vidzoo.errors import DataError

MAX_BYTES = 64 << 10
MAX_NUMBERS = 1024
"""Of one array; a calibration's largest has nine."""
MIN_SHARE_IN_PICTURE = 0.9
"""A camera that sees less of the body than this is not calibrated to the markers' frame."""


class _PickledDtype:
    """What is known of a pickled dtype: a plain number type, or nothing."""

    def __init__(self, code: str, *_: object) -> None:
        if not isinstance(code, str) or not re.fullmatch(r"[biuf]\d{1,2}", code):
            raise pickle.UnpicklingError("an array of another type; only plain numbers are read")
        self.code = code
        self.order = "="

    def __setstate__(self, state: tuple) -> None:
        if state[1] not in ("<", ">", "=", "|") or any(part is not None for part in state[2:5]):
            raise pickle.UnpicklingError("an array of structured type; only plain numbers are read")
        self.order = state[1]


class _PickledArray:
    """A pickled array, rebuilt from its bytes."""

    value: np.ndarray

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, is_fortran, raw = state
        self.value = _array(raw, dtype, shape, "F" if is_fortran else "C")


def _array(raw: object, dtype: object, shape: tuple[int, ...], order: str) -> np.ndarray:
    if not isinstance(dtype, _PickledDtype) or not isinstance(raw, (bytes, bytearray)):
        raise pickle.UnpicklingError("an array of objects; only plain numbers are read")
    if len(raw) > 8 * MAX_NUMBERS:
        raise pickle.UnpicklingError(f"an array of {len(raw):,} bytes; a camera has no such")
    numbers = np.frombuffer(bytes(raw), dtype=np.dtype(dtype.order + dtype.code))
    return numbers.reshape(shape, order="F" if order == "F" else "C").astype(float)


def _reconstruct(*_: object) -> _PickledArray:
    return _PickledArray()


def _scalar(dtype: object, raw: object) -> _PickledArray:
    return _from_buffer(raw, dtype, (), "C")


def _from_buffer(raw: object, dtype: object, shape: tuple[int, ...], order: str) -> _PickledArray:
    array = _PickledArray()
    array.value = _array(raw, dtype, shape, order)
    return array


def _latin1_bytes(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError("text in another encoding than latin1")
    return text.encode("latin1")


class _Memo(dict):
    """A pickle's memo without containers: doubled n times, a few bytes take 2^n steps to hash, print or convert."""

    def __getitem__(self, index: int) -> Any:
        value = super().__getitem__(index)
        if isinstance(value, (tuple, list, dict)) and value:
            raise pickle.UnpicklingError("a container that is used twice")
        return value


class _NumbersOnlyUnpickler(pickle._Unpickler):
    """Admit NumPy arrays of plain numbers and builtin containers, and nothing else.

    The base is Python's own reference implementation: the one in C takes the largest index of its memo for the memo's
    size, so that nine bytes allocate gigabytes.
    """

    memo: dict[int, Any]
    stack: list[Any]
    read: Callable[[int], bytes]

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        opcode: load for opcode, load in pickle._Unpickler.dispatch.items() if opcode != pickle.DUP[0]
    }

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.memo = _Memo()

    def _load_bytearray8(self) -> None:
        # The base allocates what it is told before it reads.
        self.stack.append(bytearray(self.read(int.from_bytes(self.read(8), "little"))))

    def _load_build(self) -> None:
        if not isinstance(self.stack[-2], (_PickledArray, _PickledDtype)):
            raise pickle.UnpicklingError("a state for what is no array")
        pickle._Unpickler.dispatch[pickle.BUILD[0]](self)  # type: ignore[arg-type]

    dispatch[pickle.BYTEARRAY8[0]] = _load_bytearray8
    dispatch[pickle.BUILD[0]] = _load_build

    def find_class(self, module: str, name: str) -> Any:
        numpy_module = module.replace("numpy._core", "numpy.core")  # NumPy 2 renamed it
        stand_ins: dict[tuple[str, str], Callable | str] = {
            ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
            ("numpy.core.multiarray", "scalar"): _scalar,
            ("numpy.core.numeric", "_frombuffer"): _from_buffer,
            ("numpy", "ndarray"): "ndarray",  # only ever an argument of _reconstruct
            ("numpy", "dtype"): _PickledDtype,
            ("_codecs", "encode"): _latin1_bytes,  # how protocols 0 to 2 spell bytes
        }
        if (numpy_module, name) not in stand_ins:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no array of numbers")
        return stand_ins[numpy_module, name]


def read_number_pickle(path: str | Path) -> dict[str, np.ndarray]:
    """Read a pickled dictionary of numeric arrays; run none of its code.

    Raises:
        DataError: it is missing, larger than 64 KiB, holds anything but numbers, or is broken.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file.")
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path}: {path.stat().st_size:,} bytes; a camera's calibration has a few hundred.")
    try:
        content = _NumbersOnlyUnpickler(io.BytesIO(path.read_bytes())).load()
        if not isinstance(content, dict):
            raise pickle.UnpicklingError(f"a {type(content).__name__} and not a dictionary")
        if not all(isinstance(key, str) for key in content):
            raise pickle.UnpicklingError("a key that is no text")
        return {
            key: value.value if isinstance(value, _PickledArray) else np.asarray(value, dtype=float)
            for key, value in content.items()
        }
    except Exception as error:  # a hostile or cut pickle raises nearly anything
        raise DataError(
            f"{path}: refused or broken ({type(error).__name__}: {error}); expected a pickled dictionary of plain "
            f"NumPy arrays, as OpenCap writes it."
        ) from None


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with OpenCV's axes (x right, y down, z forward) and lens distortion."""

    intrinsics: np.ndarray
    """[3, 3] pixels, pixel centres at integers."""
    distortion: np.ndarray
    """[5] OpenCV's k1, k2, p1, p2, k3."""
    rotation: np.ndarray
    """[3, 3] with x_camera = rotation @ x_world + translation."""
    translation: np.ndarray
    """[3] m."""
    size: tuple[int, int]
    """Width, height in pixels."""

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return the pixels [..., 2] of points [..., 3] in m; NaN where missing or behind the camera."""
        in_camera = points.reshape(-1, 3) @ self.rotation.T + self.translation
        pixels = np.full((len(in_camera), 2), np.nan)
        ahead = in_camera[:, 2] > 0.05  # False for NaN too
        if ahead.any():
            projected, _ = cv2.projectPoints(
                in_camera[ahead][:, None], np.zeros(3), np.zeros(3), self.intrinsics, self.distortion
            )
            pixels[ahead] = projected[:, 0]
        return pixels.reshape(*points.shape[:-1], 2)

    def share_in_picture(self, points: np.ndarray) -> float:
        """Return which share of the present points [..., 3] falls inside the picture."""
        present = np.isfinite(points).all(axis=-1)
        pixels = self.project(points[present])
        with np.errstate(invalid="ignore"):
            inside = (pixels >= -0.5).all(axis=-1) & (pixels < np.asarray(self.size) - 0.5).all(axis=-1)
        return float(inside.mean()) if present.any() else 0.0


def read_camera(path: str | Path) -> Camera:
    """Read OpenCap's ``cameraIntrinsicsExtrinsics.pickle``: world to camera, translation in mm, size as rows, columns.

    Raises:
        DataError: a key is missing, a shape is wrong, a number is not finite, or the rotation is none.
    """
    content = read_number_pickle(path)
    shapes = {"intrinsicMat": (3, 3), "rotation": (3, 3), "translation": (3,), "imageSize": (2,)}
    arrays = {}
    for key, shape in shapes.items():
        value = content.get(key)
        if value is None or value.size != np.prod(shape) or not np.isfinite(value).all():
            raise DataError(f"{path}: '{key}' is missing or not {shape} finite numbers; calibrate the camera again.")
        arrays[key] = value.reshape(shape)
    rotation = arrays["rotation"]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3 or np.linalg.det(rotation) < 0:
        raise DataError(f"{path}: 'rotation' is no rotation matrix; calibrate the camera again.")
    distortion = content.get("distortion", np.zeros(5)).ravel()
    if distortion.size not in (4, 5, 8) or not np.isfinite(distortion).all():
        raise DataError(f"{path}: 'distortion' has {distortion.size} numbers, expected 4, 5 or 8 finite ones.")
    rows, columns = arrays["imageSize"]
    return Camera(
        intrinsics=arrays["intrinsicMat"],
        distortion=distortion,
        rotation=rotation,
        translation=arrays["translation"] / 1000.0,
        size=(int(columns), int(rows)),
    )

"""Read pickled NumPy arrays of plain numbers without running any code of the pickle.

A pickle can call any function. Here NumPy's own unpickling is never used: the few names that a pickled array needs are
answered by stand-ins that only keep what they are given, and every other name is refused. Nor can a small pickle ask
for much memory or time: its size and its arrays' are bounded, and what makes a few bytes grow without end is refused.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from vidzoo.errors import DataError

MAX_BYTES = 64 << 10
MAX_NUMBERS = 1024
"""Of one array that :func:`read_number_pickle` returns."""


class PickledDtype:
    """Stand in for ``numpy.dtype``: a plain number type, or nothing.

    The real one makes arrays of objects, whose bytes NumPy takes for addresses in memory.
    """

    def __init__(self, code: str, *_: object) -> None:
        if not isinstance(code, str) or not re.fullmatch(r"[biuf]\d{1,2}", code):
            raise pickle.UnpicklingError(f"it asks for numpy.dtype({code!r}), which is no plain number type")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        _, order, *structure = state
        if order not in ("<", ">", "=", "|") or any(part is not None for part in structure[:3]):
            raise pickle.UnpicklingError("it asks for a numpy.dtype of several fields, which is no plain number type")
        self.dtype = self.dtype.newbyteorder(order)


class PickledArray:
    """Stand in for ``numpy.ndarray``: bytes, and what they mean."""

    __hash__ = None  # type: ignore[assignment]
    raw: bytes | bytearray

    def __setstate__(self, state: tuple) -> None:
        _, self._shape, dtype, self._is_fortran, raw = state
        if type(dtype) is not PickledDtype or not isinstance(raw, (bytes, bytearray)):
            raise pickle.UnpicklingError("it asks for a numpy.ndarray of objects, which is no array of plain numbers")
        self._dtype, self.raw = dtype.dtype, raw

    @cached_property
    def value(self) -> np.ndarray:
        """The array, rebuilt from a copy of its bytes."""
        return np.frombuffer(self.raw, self._dtype).copy().reshape(self._shape, order="F" if self._is_fortran else "C")


def _reconstruct(*_: object) -> PickledArray:
    return PickledArray()


def _scalar(dtype: object, raw: object) -> Any:
    return _from_buffer(raw, dtype, (), "C").value[()]


def _from_buffer(raw: object, dtype: object, shape: tuple[int, ...], order: str) -> PickledArray:
    array = PickledArray()
    array.__setstate__((1, shape, dtype, order == "F", raw))
    return array


STAND_INS: dict[str, Callable[..., Any]] = {
    "numpy.ndarray": PickledArray,
    "numpy.dtype": PickledDtype,
    **{
        f"{module}.multiarray.{name}": function
        for module in ("numpy.core", "numpy._core")  # NumPy 1 and NumPy 2
        for name, function in (("_reconstruct", _reconstruct), ("scalar", _scalar))
    },
}
"""What answers the names that a pickled array or number of protocol 2 needs."""


def _latin1_bytes(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError("text in another encoding than latin1")
    return text.encode("latin1")


_OF_OTHER_PROTOCOLS: dict[str, Callable[..., Any]] = {
    "_codecs.encode": _latin1_bytes,  # how protocols 0 to 2 spell bytes
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy._core.numeric._frombuffer": _from_buffer,
}


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
        if not isinstance(self.stack[-2], (PickledArray, PickledDtype)):
            raise pickle.UnpicklingError("a state for what is no array")
        pickle._Unpickler.dispatch[pickle.BUILD[0]](self)  # type: ignore[arg-type]

    dispatch[pickle.BYTEARRAY8[0]] = _load_bytearray8
    dispatch[pickle.BUILD[0]] = _load_build

    def find_class(self, module: str, name: str) -> Any:
        found = STAND_INS.get(f"{module}.{name}") or _OF_OTHER_PROTOCOLS.get(f"{module}.{name}")
        if found is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no array of numbers")
        return found


def read_number_pickle(path: str | Path) -> dict[str, np.ndarray]:
    """Read a pickled dictionary of numeric arrays, as float64; run none of its code.

    Raises:
        DataError: it is missing, larger than 64 KiB, holds anything but numbers, or is broken.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file.")
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path}: {path.stat().st_size:,} bytes; a pickle of numbers has at most {MAX_BYTES:,}.")
    try:
        content = _NumbersOnlyUnpickler(io.BytesIO(path.read_bytes())).load()
        if not isinstance(content, dict):
            raise pickle.UnpicklingError(f"a {type(content).__name__} and not a dictionary")
        if not all(isinstance(key, str) for key in content):
            raise pickle.UnpicklingError("a key that is no text")
        return {key: _as_float(value) for key, value in content.items()}
    except Exception as error:  # a hostile or cut pickle raises nearly anything
        raise DataError(
            f"{path}: refused or broken ({type(error).__name__}: {error}); expected a pickled dictionary of plain "
            f"NumPy arrays, as OpenCap writes it."
        ) from None


def _as_float(value: Any) -> np.ndarray:
    if not isinstance(value, PickledArray):
        return np.asarray(value, dtype=float)
    if len(value.raw) > 8 * MAX_NUMBERS:
        raise pickle.UnpicklingError(f"an array of {len(value.raw):,} bytes; at most {8 * MAX_NUMBERS:,} are read")
    return value.value.astype(float)

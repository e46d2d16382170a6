"""Pickled arrays are read without running the pickle."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from vidzoo.errors import DataError
from vidzoo.io.number_pickle import read_number_pickle

ARRAYS = {
    "distortion": np.array([[0.1, -0.05, 0.001, 0.002, 0.01]]),
    "rotation": np.arange(9.0).reshape(3, 3),
    "imageSize": np.array([[640.0], [360.0]]),
}


def numpy_1_names(pickled: bytes) -> bytes:
    """Rename NumPy 2's modules to NumPy 1's in a pickle of protocol 2 or 3, whose names are lines of text."""
    return pickled.replace(b"numpy._core.", b"numpy.core.")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_come_back_whatever_the_protocol(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "a.pickle"
    path.write_bytes(pickle.dumps(ARRAYS, protocol))
    found = read_number_pickle(path)
    for key, value in ARRAYS.items():
        np.testing.assert_array_equal(found[key], value)


def test_numpy_1_and_fortran_order_and_scalars(tmp_path: Path) -> None:
    path = tmp_path / "a.pickle"
    content = {
        "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.arange(3, dtype=">f4"),
        "integer": np.array([1, 2], dtype=np.int32),
        "scalar": np.float64(1.5),
        "list": [1, 2.5],
    }
    for protocol in (2, 3):
        path.write_bytes(numpy_1_names(pickle.dumps(content, protocol)))
        found = read_number_pickle(path)
        for key, value in content.items():
            np.testing.assert_array_equal(found[key], np.asarray(value, dtype=float))


class _Calls:
    """Pickle as a call of a function."""

    def __init__(self, function, *args) -> None:
        self.call = function, args

    def __reduce__(self):
        return self.call


def hostile(tmp_path: Path) -> dict[str, bytes]:
    mark = str(tmp_path / "ran")
    doubled = b"K\x01q\x00" + b"h\x00\x86q\x00" * 24
    return {
        "os.system": pickle.dumps({"rotation": _Calls(os.system, f"touch {mark}")}),
        "builtins.eval": pickle.dumps(_Calls(builtins.eval, f"open({mark!r}, 'w')")),
        "builtins.exec": pickle.dumps([_Calls(builtins.exec, f"open({mark!r}, 'w')")]),
        "getattr": pickle.dumps(_Calls(getattr, np.ndarray, "__class__")),
        "getattr of a bound method": pickle.dumps({"x": Path("a").exists}),
        "state of a stand-in": b"\x80\x04cnumpy\nndarray\n}X\x01\x00\x00\x00aK\x01sb.",
        "call of ndarray": b"\x80\x04cnumpy\nndarray\nK\x01\x85R.",
        "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x12ndarray.__class__.x\x93.",
        "numpy.load": b"\x80\x04\x8c\x05numpy\x8c\x04load\x93.",
        "numpy's runner": b"\x80\x04\x8c\x12numpy.testing._utils\x8c\x09runstring\x93.",
        "object array": pickle.dumps({"rotation": np.array([{}, []], dtype=object)}),
        "object array of calls": pickle.dumps({"x": np.array([_Calls(os.system, f"touch {mark}")], dtype=object)}),
        "structured array": pickle.dumps({"x": np.zeros(2, dtype=[("a", "f8")])}),
        "text array": pickle.dumps({"x": np.array(["a"])}),
        "codec": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.",
        "no dictionary": pickle.dumps([1, 2]),
        "cut": pickle.dumps(ARRAYS)[:-100],
        "lies about its shape": pickle.dumps({"x": np.zeros(8)}).replace(b"K\x08\x85", b"K\x09\x85"),
        "empty": b"",
        "no pickle": b"hello world",
        "text among numbers": pickle.dumps({"rotation": "abc"}),
        "bytearray of 64 GiB": b"\x80\x05\x96" + (64 << 30).to_bytes(8, "little") + b".",
        "bytes of 64 GiB": b"\x80\x04\x8e" + (64 << 30).to_bytes(8, "little") + b".",
        "frame of 64 GiB": b"\x80\x04\x95" + (64 << 30).to_bytes(8, "little") + b".",
        "key of 2^24 numbers": b"\x80\x04}" + doubled + b"K\x01s.",
        "value of 2^24 numbers": b"\x80\x04}X\x01\x00\x00\x00a" + doubled + b"s.",
        "doubled by DUP": b"\x80\x04}X\x01\x00\x00\x00aK\x01" + b"2\x86" * 24 + b"s.",
        "number for a key": pickle.dumps({1: np.zeros(2)}),
        "large array": pickle.dumps({"x": np.zeros(1025)}),
        "state of a function": b"\x80\x04cnumpy.core.multiarray\n_reconstruct\n}X\x01\x00\x00\x00aK\x01sb.",
    }


HOSTILE = tuple(hostile(Path("/nowhere")))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_and_broken_pickles_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.pickle"
    path.write_bytes(hostile(tmp_path)[name])
    with pytest.raises(DataError, match="refused or broken"):
        read_number_pickle(path)
    assert not (tmp_path / "ran").exists()


def test_the_hostile_pickles_would_have_run(tmp_path: Path) -> None:
    pickle.load(io.BytesIO(hostile(tmp_path)["builtins.eval"]))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04}r" + (1 << 24).to_bytes(4, "little") + b".",
        b"\x80\x05\x96" + (1 << 28).to_bytes(8, "little") + b".",
        b"\x80\x04\x8e" + (1 << 28).to_bytes(8, "little") + b".",
        b"\x80\x04\x95" + (1 << 28).to_bytes(8, "little") + b".",
    ],
    ids=["memo", "bytearray", "bytes", "frame"],
)
def test_a_few_bytes_take_little_memory(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pickle"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with suppress(DataError):
            assert read_number_pickle(path) == {}
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


def test_size_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.pickle"
    path.write_bytes(pickle.dumps({"x": np.zeros(1 << 18)}))
    with pytest.raises(DataError, match="a pickle of numbers has at most 65,536"):
        read_number_pickle(path)

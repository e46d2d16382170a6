"""The predictions file: round trip, and what a hostile file cannot do."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from vidzoo.errors import DataError
from vidzoo.io.predictions import read_predictions, write_predictions
from vidzoo.task import TaskSpec


@pytest.fixture
def good_file(predictions, tmp_path):
    path = tmp_path / "predictions.npz"
    write_predictions(path, predictions)
    return path


@pytest.fixture
def arrays(good_file):
    with np.load(good_file) as content:
        return dict(content)


def test_round_trip(predictions, good_file):
    read = read_predictions(good_file)
    for name in ("subject", "trial", "camera", "frame", "torques"):
        np.testing.assert_array_equal(getattr(read, name), getattr(predictions, name))
    assert (read.split_hash, read.torque_names) == (predictions.split_hash, predictions.torque_names)
    assert read.provenance == predictions.provenance
    assert [path.name for path in good_file.parent.iterdir()] == ["predictions.npz"]


def test_the_task_is_kept(predictions, tmp_path):
    task = TaskSpec(requires=("markers",), window=13, target_index=6, torques=predictions.torque_names, rate_hz=100.0)
    write_predictions(tmp_path / "p.npz", replace(predictions, task=task))
    assert read_predictions(tmp_path / "p.npz").task == task
    assert predictions.task is None


def test_a_file_of_version_1_is_read(arrays, predictions, tmp_path):
    old = {name: value for name, value in arrays.items() if name not in ("torque_names", "task")}
    old |= {"version": np.array(1), "joint_names": arrays["torque_names"][::-1]}
    np.savez_compressed(tmp_path / "old.npz", **old)
    read = read_predictions(tmp_path / "old.npz")
    assert (read.torque_names, read.task) == (predictions.torque_names[::-1], None)
    np.testing.assert_array_equal(read.torques, predictions.torques)
    np.savez_compressed(tmp_path / "mixed.npz", **(old | {"version": np.array(2)}))
    with pytest.raises(DataError, match=r"its format is \('vid-predictions', 2\), expected \('vid-predictions', 1\)"):
        read_predictions(tmp_path / "mixed.npz")


def test_it_opens_with_plain_numpy(good_file, predictions):
    with np.load(good_file, allow_pickle=False) as content:
        np.testing.assert_array_equal(content["torques"], predictions.torques)
        assert json.loads(str(content["provenance"]))["seed"] == 3


def test_a_writer_refuses_nan_duplicates_and_a_missing_folder_and_leaves_nothing(predictions, tmp_path):
    spoilt = predictions.torques.copy()
    spoilt[4, 2] = np.nan
    twice = predictions.frame.copy()
    twice[:] = twice[0]
    for bad, match in (
        (replace(predictions, torques=spoilt), "no finite number, the first is lumbar_extension"),
        (replace(predictions, frame=twice), "more than once"),
        (replace(predictions, task=TaskSpec(torques=predictions.torque_names[::-1])), "in another order"),
    ):
        with pytest.raises(DataError, match=match):
            write_predictions(tmp_path / "p.npz", bad)
    with pytest.raises(DataError, match="does not exist"):
        write_predictions(tmp_path / "no" / "p.npz", predictions)
    assert not list(tmp_path.iterdir())


def _with(name, index, value):
    def change(arrays):
        array = arrays[name].copy()
        array[index] = value
        return {name: array}

    return change


def _as(name, dtype):
    return lambda arrays: {name: arrays[name].astype(dtype)}


def _instead(name, value):
    return lambda _: {name: value}


def _characters(code):
    return lambda arrays: {"subject": np.full(len(arrays["frame"]), code, np.uint32).view("U1")}


HOSTILE = {
    "pickled array": (_as("subject", object), "type object"),
    "pickled provenance": (_instead("provenance", np.array({"a": 1}, dtype=object)), "type object"),
    "NaN": (_with("torques", (3, 1), np.nan), "no finite number"),
    "infinity": (_with("torques", (3, 1), -np.inf), "no finite number"),
    "float64": (_as("torques", np.float64), "float64"),
    "integers": (_as("torques", np.int32), "type int32"),
    "float frames": (_as("frame", np.float64), "type float64"),
    "foreign byte order": (lambda a: {"subject": a["subject"].astype(a["subject"].dtype.newbyteorder())}, "type"),
    "bytes for text": (_as("subject", "S"), "type"),
    "short column": (lambda a: {"frame": a["frame"][:-1]}, "rows"),
    "flat torques": (lambda a: {"torques": a["torques"].ravel()}, "shape"),
    "too few names": (lambda a: {"torque_names": a["torque_names"][:-1]}, "10 different torque names for 11"),
    "a torque twice": (_instead("torque_names", np.array(["hip_flexion_r"] * 11)), "1 different torque names"),
    "a task of other torques": (
        _instead("task", np.array('{"torques": ["knee_angle_r"]}')),
        "the task names other torques than the columns have",
    ),
    "no task": (_instead("task", np.array('{"window": "x"}')), "'task': window='x' must be a whole number"),
    "a task that is too long": (_instead("task", np.array(" " * 20_000)), "20000 characters"),
    "a frame twice": (_with("frame", slice(None), 41), "more than once"),
    "long names": (lambda a: {"subject": np.full(len(a["frame"]), "s" * 100_000)}, "100000 characters"),
    "impossible characters": (_characters(0x110000), "characters that do not exist"),
    "surrogates": (_characters(0xD800), "characters that do not exist"),
    "provenance no JSON": (_instead("provenance", np.array("import os")), "is no predictions file"),
    "provenance with NaN": (_instead("provenance", np.array('{"a": NaN}')), "NaN, which is no JSON"),
    "provenance a list": (_instead("provenance", np.array("[1]")), "no JSON object"),
    "provenance too deep": (_instead("provenance", np.array("[" * 200_000)), "is no predictions file"),
    "provenance too long": (_instead("provenance", np.array(" " * (5 << 20))), "5242880 characters"),
    "other format": (_instead("format", np.array("vid-results")), "vid-results"),
    "other version": (_instead("version", np.array(99)), "99"),
    "extra member": (_instead("payload", np.zeros(3)), "payload"),
    "path out of the archive": (_instead("../../evil", np.zeros(3)), "evil"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_in_one_sentence(case, arrays, tmp_path):
    change, match = HOSTILE[case]
    path = tmp_path / "hostile.npz"
    np.savez_compressed(path, **(arrays | change(arrays)))
    with pytest.raises(DataError, match=match) as refused:
        read_predictions(path)
    message = str(refused.value)
    assert message.startswith(str(path)) and "\n" not in message and len(message) < 1000


def _rewrite(source, target, replaced: dict[str, bytes]):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, replaced.get(info.filename, old.read(info.filename)))


def _header(shape: tuple[int, ...], dtype: str = "<f4") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def test_an_array_that_declares_more_than_it_holds_is_refused_unread(good_file, tmp_path):
    path = tmp_path / "bomb.npz"
    _rewrite(good_file, path, {"torques.npy": _header((250_000_000, 11)) + b"\0" * 100})
    with pytest.raises(DataError, match="declares"):
        read_predictions(path)


def test_a_header_that_cannot_be_parsed_is_refused(good_file, tmp_path):
    path = tmp_path / "header.npz"
    for broken in (b"(240, (1,", b"'unclosed", b"__import__('os')"):
        header = _header((240, 11)).replace(b"(240, 11)", broken.ljust(9))
        _rewrite(good_file, path, {"torques.npy": header + bytes(44 * 240)})
        with pytest.raises(DataError, match="is no predictions file"):
            read_predictions(path)


@pytest.mark.parametrize("seed", range(8))
def test_flipped_bytes_never_get_past_as_anything_but_a_sentence(seed, good_file, tmp_path):
    rng, whole = np.random.default_rng(seed), np.frombuffer(good_file.read_bytes(), np.uint8)
    path = tmp_path / "flipped.npz"
    for _ in range(20):
        content = whole.copy()
        content[rng.integers(0, len(content), 5)] = rng.integers(0, 256, 5)
        path.write_bytes(content.tobytes())
        with contextlib.suppress(DataError):
            assert len(read_predictions(path)) == 240


def test_a_zip_bomb_is_refused_before_it_is_unpacked(good_file, tmp_path, monkeypatch):
    path = tmp_path / "bomb.npz"
    n = 500_000
    _rewrite(good_file, path, {"torques.npy": _header((n, 11)) + bytes(44 * n)})
    assert path.stat().st_size < 1_000_000
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("a member was opened"))
    with pytest.raises(DataError, match="unpacks to 22"):
        read_predictions(path, 10 << 20)


def test_a_member_that_is_named_twice_is_refused(good_file, tmp_path):
    path = tmp_path / "twice.npz"
    path.write_bytes(good_file.read_bytes())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("torques.npy", _header((0, 11)))
    with pytest.raises(DataError, match="it holds"):
        read_predictions(path)


def test_a_broken_file_is_refused(good_file, tmp_path):
    whole = good_file.read_bytes()
    path = tmp_path / "broken.npz"
    for content in (b"", b"no zip", whole[: len(whole) // 2], whole[:500] + bytes(200) + whole[700:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match="is no predictions file"):
            read_predictions(path)
    with pytest.raises(DataError, match="no such predictions file"):
        read_predictions(tmp_path / "absent.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(DataError, match="is no predictions file"):
        read_predictions(tmp_path / "one.npy")

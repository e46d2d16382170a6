"""The content hash covers all that a reader sees, is compared on opening, and once for each content."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import vidzoo.io.data_file.reader as reader_module
from vidzoo.errors import DataError
from vidzoo.io.data_file import DataFile, verified
from vidzoo.io.data_file.content_hash import trial_hash
from vidzoo.io.hdf5 import set_texts

VERSION_1 = Path(__file__).with_name("version1.h5.gz")
"""A file that vidzoo 0.1.0 wrote: subject2/walking1, subject10/walking1, subject2/walking2; 5 frames, one camera."""
ITS_HASH = "ba61b470552ceadd3851572fc1287aa95993e75008c95e7c5b248dbe310e6d0d"


@pytest.fixture
def copied(tiny_data_file, tmp_path) -> Path:
    path = Path(shutil.copy(tiny_data_file, tmp_path / "copy.h5"))
    grow_old(path)
    return path


def grow_old(path: Path, seconds: float = 10) -> None:
    """Let a file have been changed some time ago, so that it is remembered once it is verified."""
    changed = path.stat().st_mtime_ns - int(seconds * 1e9)
    os.utime(path, ns=(changed, changed))


@pytest.fixture
def hashed(monkeypatch, tmp_path) -> list[str]:
    """Count the trials that are hashed, from an empty cache and memory."""
    names: list[str] = []

    def count(trial, *arguments):
        names.append(trial.name)
        return trial_hash(trial, *arguments)

    monkeypatch.setattr(reader_module, "trial_hash", count)
    monkeypatch.setattr(verified, "_verified", set())
    monkeypatch.setattr(verified, "_CLOCK_NS", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return names


# --- what the hash covers -------------------------------------------------------------------------------------------
def _double_a_torque(file):
    file["subject1/DJ1/torques"][3, 4] *= 2


def _change_mass(file):
    file["subject1/DJ1"].attrs["mass_kg"] = 6260.0


def _change_text(file):
    set_texts(file["subject1/DJ1"].attrs, {"motion": "real"})


def _change_camera(file):
    file["subject1/DJ1/cameras/Cam0"].attrs["translation"] = np.array([0.0, 1.0, 5.0])


def _change_image(file):
    file["subject1/DJ1/cameras/Cam0/jpeg_blob"][40] ^= 1


def _add_array(file):
    file["subject1/DJ1/notes"] = np.arange(3)


def _add_attribute(file):
    file["subject1/DJ1"].attrs["note"] = 1


def _rename_trial(file):
    file.move("subject1/DJ1", "subject1/DJ3")


def _remove_trial(file):
    del file["subject1/DJ1"]


def _remove_subject(file):
    del file["subject1"]


def _root_number(file):
    file.attrs["note"] = 3


def _root_text(name):
    def change(file):
        set_texts(file.attrs, {name: json.dumps({"changed": name})})

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *((c, "subject1/DJ1 was changed") for c in (_double_a_torque, _change_mass, _change_text, _change_camera)),
        *((c, "subject1/DJ1 was changed") for c in (_change_image, _add_array, _add_attribute)),
        (_rename_trial, "subject1/DJ3 was changed"),
        *((c, "list of trials were changed") for c in (_remove_trial, _remove_subject, _root_number)),
        *((_root_text(name), "attributes or") for name in ("builder", "settings", "generalized_forces", "units")),
        *((_root_text(name), f"its {name} are not this version's") for name in ("markers", "coordinates")),
        (_root_text("format"), "expected"),
    ],
)
def test_a_changed_file_is_not_opened(copied, change, message):
    with h5py.File(copied, "r+") as file:
        change(file)
    with pytest.raises(DataError, match=message):
        DataFile(copied).trial_keys()


def test_the_hash_is_of_contents_and_not_of_how_they_are_stored(tiny_data_file, tmp_path):
    other = tmp_path / "other.h5"
    with (
        h5py.File(tiny_data_file, locking=False) as source,
        h5py.File(other, "w") as file,
    ):  # HDF5's oldest form, in pieces
        for name, value in source.attrs.items():
            file.attrs[name] = value.decode() if isinstance(value, bytes) else value

        def copy(name, node):
            if isinstance(node, h5py.Dataset):
                new = file.create_dataset(name, data=node[()], chunks=True, shuffle=True)
            else:
                new = file.require_group(name)
            for key, value in node.attrs.items():
                new.attrs[key] = value.decode() if isinstance(value, bytes) else value

        source.visititems(copy)
    assert other.stat().st_size != tiny_data_file.stat().st_size
    assert DataFile(other).content_hash == DataFile(tiny_data_file).content_hash
    DataFile(other).verify()


# --- version 1 ------------------------------------------------------------------------------------------------------
@pytest.fixture
def version_1(tmp_path) -> Path:
    path = tmp_path / "version1.h5"
    path.write_bytes(gzip.decompress(VERSION_1.read_bytes()))
    return path


def test_version_1_is_read_with_its_own_hash(version_1):
    data = DataFile(version_1)
    assert data.content_hash == ITS_HASH
    assert data.trial_keys() == [("subject2", "walking1"), ("subject2", "walking2"), ("subject10", "walking1")]
    trial = data.trial("subject10", "walking1")
    assert (trial.mass_kg, trial.action, trial.sex, trial.cameras) == (62.0, "walking", "f", ("Cam0",))
    np.testing.assert_array_equal(trial.array("torques")[:, 3], 2 * (np.arange(5) + 2))
    assert trial.camera_attribute("Cam0", "kind") == "real"


@pytest.mark.parametrize("change", [("torques", 1), ("mass", 1)])
def test_a_changed_version_1_is_not_opened(version_1, change):
    with h5py.File(version_1, "r+") as file:
        if change[0] == "torques":
            file["subject2/walking2/torques"][2, 3] = 7
        else:
            file["subject2/walking2"].attrs["mass_kg"] = 50.0
    with pytest.raises(DataError, match="subject2/walking2 was changed after it was built"):
        DataFile(version_1).trial_keys()


# --- once for each content ------------------------------------------------------------------------------------------
def test_a_content_is_hashed_once(copied, hashed, tmp_path, monkeypatch):
    DataFile(copied).trial_keys()
    assert len(hashed) == 6
    for _ in range(3):
        DataFile(copied).trial_keys()
    monkeypatch.setattr(verified, "_verified", set())  # another process
    DataFile(copied).trial_keys()
    link = tmp_path / "link.h5"
    link.symlink_to(copied)
    DataFile(link).trial_keys()
    assert len(hashed) == 6
    DataFile(copied).verify()
    assert len(hashed) == 12


def test_a_changed_file_is_hashed_again_whatever_its_time_says(copied, hashed):
    DataFile(copied).trial_keys()
    before = copied.stat()
    time.sleep(0.02)
    content = bytearray(copied.read_bytes())
    with h5py.File(copied) as file:
        content[file["subject1/DJ1/torques"].id.get_offset()] ^= 1
    copied.write_bytes(content)
    os.utime(copied, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (copied.stat().st_size, copied.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    with pytest.raises(DataError, match="subject1/DJ1 was changed"):
        DataFile(copied).trial_keys()


def test_a_file_that_was_refused_is_refused_again(copied, hashed):
    with h5py.File(copied, "r+") as file:
        _change_mass(file)
    for _ in range(2):
        with pytest.raises(DataError, match="subject1/DJ1 was changed"):
            DataFile(copied).trial_keys()


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"null", b'["x", 1, 2, 3]'])
def test_a_broken_cache_is_no_error(copied, hashed, content, monkeypatch):
    DataFile(copied).trial_keys()
    (entry,) = (Path(os.environ["XDG_CACHE_HOME"]) / "vidzoo" / "verified").iterdir()
    entry.write_bytes(content)
    monkeypatch.setattr(verified, "_verified", set())
    DataFile(copied).trial_keys()
    assert len(hashed) == 12


def test_a_cache_that_cannot_be_written_is_no_error(copied, hashed, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for _ in range(2):
        DataFile(copied).trial_keys()
    assert len(hashed) == 6  # this process remembers


def test_a_file_of_this_moment_is_not_remembered(copied, hashed, monkeypatch):
    monkeypatch.setattr(verified, "_CLOCK_NS", int(1e12))
    for _ in range(2):
        DataFile(copied).trial_keys()
    assert len(hashed) == 12

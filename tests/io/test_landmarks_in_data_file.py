"""Landmarks in a data file: kept beside images or instead of them, guarded, and no reason for a split to be refused."""

from __future__ import annotations

import gzip
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from vidzoo.errors import DataError
from vidzoo.io.data_file import DataFile, DataFileWriter, add_landmarks

PLACE = "subject1/DJ1/cameras/Cam0/landmarks"


def write(path: Path, *trials) -> Path:
    with DataFileWriter(path, {}) as writer:
        for trial in trials:
            writer.add(trial)
    return path


@pytest.fixture
def copied(tiny_data_file, tmp_path) -> Path:
    return Path(shutil.copy(tiny_data_file, tmp_path / "copy.h5"))


def test_what_is_written_is_read_in_half_precision(small_trial, tmp_path):
    trial = small_trial("subject1", "DJ1")
    written = trial.cameras["Cam0"].landmarks
    reader = DataFile(write(tmp_path / "one.h5", trial)).trial("subject1", "DJ1")
    read = reader.landmarks("Cam0")
    for name, tolerance in (("pixels", 0.02), ("visibility", 3e-4), ("world", 5e-4)):
        values = getattr(read, name)
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, getattr(written, name), atol=tolerance, err_msg=name)
    np.testing.assert_array_equal(read.status, written.status)
    assert (read.image_size, read.network, read.weights_hash) == ((64, 64), "made-up", "0" * 64)
    with h5py.File(tmp_path / "one.h5", locking=False) as file:
        size = sum(file[PLACE][name].nbytes for name in file[PLACE])
    assert size / len(written.status) < 500


def test_a_camera_may_keep_landmarks_and_no_images(small_trial, tmp_path):
    trial = small_trial("subject1", "DJ1")
    camera = trial.cameras["Cam0"]
    trial.cameras = {"Cam0": replace(camera, jpegs=[]), "Cam1": camera, "Cam2": replace(camera, landmarks=None)}
    path = write(tmp_path / "no_images.h5", trial)
    reader = DataFile(path).trial("subject1", "DJ1")
    assert [reader.has_images(name) for name in reader.cameras] == [False, True, True]
    assert [reader.has_landmarks(name) for name in reader.cameras] == [True, True, False]
    assert reader.num_images("Cam0") == len(reader.camera_array("Cam0", "video_time")) == len(camera.jpegs)
    with pytest.raises(DataError, match="Cam0 keeps landmarks and no images; use a model of landmarks"):
        reader.camera_array("Cam0", "jpeg_offsets")
    with pytest.raises(DataError, match=r"Cam2 has no landmarks; write them with 'vidzoo landmarks .*no_images.h5'"):
        reader.landmarks("Cam2")
    trial.cameras = {"Cam0": replace(camera, jpegs=[], landmarks=None)}
    with pytest.raises(DataError, match="subject1/DJ1/Cam0: a camera needs one JPEG for each of its 24 images"):
        write(tmp_path / "nothing.h5", trial)


def test_landmarks_of_another_number_of_images_are_refused(small_trial, tmp_path):
    trial = small_trial("subject1", "DJ1")
    trial.cameras["Cam0"].landmarks = replace(trial.cameras["Cam0"].landmarks, status=np.zeros(7))
    with pytest.raises(DataError, match=r"Cam0: landmarks' 'status' has shape \(7,\), expected \(24,\)"):
        write(tmp_path / "wrong.h5", trial)


# --- what the hashes cover ------------------------------------------------------------------------------------------
def test_adding_landmarks_changes_nothing_that_a_split_names(small_trial, tmp_path):
    trials = [small_trial("subject1", name) for name in ("DJ1", "walking1")]
    tracks = [trial.cameras["Cam0"].landmarks for trial in trials]
    for trial in trials:
        trial.cameras["Cam0"].landmarks = None
    path = write(tmp_path / "plain.h5", *trials)
    plain = DataFile(path)
    before, bytes_before = plain.content_hash, path.read_bytes()
    assert plain.landmarks_hash is None
    add_landmarks(plain, {("subject1", "DJ1", "Cam0"): tracks[0]}, tmp_path / "one.h5")
    assert path.read_bytes() == bytes_before
    one = DataFile(tmp_path / "one.h5")
    one.verify()
    assert one.content_hash == before
    assert [one.trial("subject1", name).has_landmarks("Cam0") for name in ("DJ1", "walking1")] == [True, False]
    first = one.landmarks_hash
    add_landmarks(one, {("subject1", "walking1", "Cam0"): tracks[1]})  # in the place of the file
    one.verify()
    assert one.content_hash == before
    assert one.landmarks_hash not in (None, first)
    np.testing.assert_array_equal(one.trial("subject1", "DJ1").landmarks("Cam0").status, tracks[0].status)
    # Written with the trial or added later: the same content.
    for trial, track in zip(trials, tracks):
        trial.cameras["Cam0"].landmarks = track
    together = DataFile(write(tmp_path / "together.h5", *trials))
    assert (together.content_hash, together.landmarks_hash) == (before, one.landmarks_hash)
    with pytest.raises(DataError, match="subject1/DJ1 has no camera 'Cam7' with images"):
        add_landmarks(one, {("subject1", "DJ1", "Cam7"): tracks[0]})
    assert one.landmarks_hash == together.landmarks_hash


def test_landmarks_replace_those_that_are_there(copied, small_trial):
    data = DataFile(copied)
    new = replace(data.trial("subject1", "DJ1").landmarks("Cam0"), network="another")
    before = data.landmarks_hash
    add_landmarks(data, {("subject1", "DJ1", "Cam0"): new})
    data.verify()
    assert data.trial("subject1", "DJ1").landmarks("Cam0").network == "another"
    assert data.landmarks_hash != before


def test_a_file_of_version_1_takes_landmarks_and_keeps_its_hash(tmp_path, small_trial):
    path = tmp_path / "version1.h5"
    path.write_bytes(gzip.decompress(Path(__file__).with_name("version1.h5.gz").read_bytes()))
    data = DataFile(path)
    before, images = data.content_hash, data.trial("subject2", "walking2").num_images("Cam0")
    whole = small_trial("subject1", "DJ1").cameras["Cam0"].landmarks
    part = {name: getattr(whole, name)[:images] for name in ("pixels", "visibility", "world", "status", "exchanged")}
    add_landmarks(data, {("subject2", "walking2", "Cam0"): replace(whole, **part)})
    data.verify()
    assert data.content_hash == before
    assert data.trial("subject2", "walking2").has_landmarks("Cam0")


def _change_one(file):
    file[PLACE]["world"][4, 5, 0] += 0.1


def _change_network(file):
    file[PLACE].attrs["network"] = "other"


def _remove(file):
    del file[PLACE]


def _remove_all(file):
    for subject in ("subject1", "subject2"):
        for trial in file[subject].values():
            del trial["cameras/Cam0/landmarks"]


def _of_another_trial(file):
    del file[PLACE]
    file.copy(file["subject2/squats1/cameras/Cam0/landmarks"], file["subject1/DJ1/cameras/Cam0"], "landmarks")


def _link(file):
    del file[PLACE]
    file[PLACE] = h5py.SoftLink("/subject2/DJ1/cameras/Cam0/landmarks")


def _data_set(file):
    del file[PLACE]
    file[PLACE] = np.arange(3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        *((change, f"{PLACE} were changed after they were written") for change in (_change_one, _change_network)),
        (_of_another_trial, f"{PLACE} were changed"),
        (_remove, "its list of landmarks was changed"),
        (_remove_all, "its list of landmarks was changed"),
        (_link, "landmarks is missing or a link"),
        (_data_set, "landmarks is no group of landmarks"),
    ],
)
def test_changed_landmarks_are_not_read(copied, change, said):
    with h5py.File(copied, "r+") as file:
        change(file)
    with pytest.raises(DataError, match=said):
        DataFile(copied).trial_keys()


def _cut(name):
    def change(file):
        values = file[PLACE][name][1:]
        del file[PLACE][name]
        file[PLACE][name] = values

    return change


def _size(file):
    file[PLACE].attrs["image_size"] = np.array([0, 64])


@pytest.mark.parametrize(
    ("change", "said"), [(_cut("world"), "'world' is float16"), (_size, "do not say which network saw which images")]
)
def test_wrong_landmarks_are_one_sentence(copied, seal, change, said):
    with h5py.File(copied, "r+") as file:
        change(file)
    seal(copied)
    with pytest.raises(DataError, match=said):
        DataFile(copied).trial("subject1", "DJ1").landmarks("Cam0")

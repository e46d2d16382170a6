"""The data file contract: what is written is read, and nothing hostile or broken is."""

from __future__ import annotations

import itertools
import multiprocessing
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from vidzoo.anatomy import COORDINATES, MARKERS
from vidzoo.errors import DataError
from vidzoo.io.data_file import CameraTrack, DataFile, DataFileWriter, Trial

M, C, F = len(MARKERS), len(COORDINATES), 12


def simple_trial(subject: str = "subject2", name: str = "DJ1", **changes) -> Trial:
    rng = np.random.default_rng(0)
    jpegs = [cv2.imencode(".jpg", np.full((16, 16, 3), 20 * v, np.uint8))[1].tobytes() for v in range(4)]
    trial = Trial(
        subject=subject, trial=name, action="DJ", rate_hz=100.0, mass_kg=70.0, mass_source="force_plate", height_m=1.8,
        sex="m", motion="real", time=np.arange(F) / 100, markers=rng.normal(size=(F, M, 3)),
        marker_velocities=rng.normal(size=(F, M, 3)), coordinates=rng.normal(size=(F, C)),
        coordinate_velocities=rng.normal(size=(F, C)), torques=rng.normal(size=(F, C)),
        validity=rng.integers(0, 3, (F, C)), grf=rng.normal(size=(F, 2, 9)), mass_metadata_kg=72.0,
        source_name="DownJump1",
        cameras={"Cam2": CameraTrack(jpegs, np.arange(4) / 60, np.arange(F) // 3, np.ones((4, 4)), "real", (720, 1280),
                                     rotation=np.eye(3), translation=np.arange(3.0))},
    )  # fmt: skip
    return replace(trial, **changes)


def write(path: Path, *trials: Trial) -> Path:
    with DataFileWriter(path, {"window": 11}) as writer:
        for trial in trials:
            writer.add(trial)
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("built") / "vid.h5"
    return write(path, simple_trial(), simple_trial(name="walking1"), simple_trial("subject10"))


@pytest.fixture
def copied(built, tmp_path) -> Path:
    return Path(shutil.copy(built, tmp_path / "copy.h5"))


def test_what_is_written_is_read(built):
    data = DataFile(built)
    assert data.trial_keys() == [("subject2", "DJ1"), ("subject2", "walking1"), ("subject10", "DJ1")]
    assert data.settings == {"window": 11}
    reader, trial = data.trial("subject2", "DJ1"), simple_trial()
    for name in ("time", "markers", "marker_velocities", "coordinates", "coordinate_velocities", "torques", "validity",
                 "grf"):  # fmt: skip
        expected = getattr(trial, name)
        np.testing.assert_allclose(reader.array(name), expected, rtol=1e-6)
        np.testing.assert_array_equal(reader.array(name, slice(3, 7)), reader.array(name)[3:7])
        np.testing.assert_array_equal(reader.array(name, np.array([7, 2, 2])), reader.array(name)[[7, 2, 2]])
    attributes = ("action", "rate_hz", "mass_kg", "mass_source", "height_m", "sex", "motion", "mass_metadata_kg")
    assert all(getattr(reader, name) == getattr(trial, name) for name in attributes)
    assert np.isnan(reader.mass_force_plate_kg)
    assert (reader.num_frames, reader.source_name, reader.cameras) == (F, "DownJump1", ("Cam2",))
    assert reader.has("grf")
    assert not reader.has("foot_jacobians")


def test_images_are_read_byte_for_byte(built):
    reader, track = DataFile(built).trial("subject2", "DJ1"), simple_trial().cameras["Cam2"]
    offsets = reader.camera_array("Cam2", "jpeg_offsets")
    assert [reader.jpeg("Cam2", a, b).tobytes() for a, b in itertools.pairwise(offsets)] == track.jpegs
    np.testing.assert_array_equal(reader.camera_array("Cam2", "video_index"), np.arange(F) // 3)
    assert reader.camera_attribute("Cam2", "kind") == "real"
    np.testing.assert_array_equal(reader.camera_attribute("Cam2", "translation"), [0, 1, 2])
    assert reader.camera_attribute("Cam2", "intrinsics") is None


def test_what_is_absent_is_named(built):
    data = DataFile(built)
    reader = data.trial("subject2", "DJ1")
    with pytest.raises(DataError, match="no 'foot_jacobians'; build the file with it"):
        reader.array("foot_jacobians")
    with pytest.raises(DataError, match="no camera 'Cam9'; it has Cam2"):
        reader.camera_array("Cam9", "crop")
    for key in (("subject2", "DJ9"), ("subject99", "DJ1"), ("subject2/DJ1", "time"), (".", "DJ1"), ("subject2", ".")):
        with pytest.raises(DataError, match="there is no trial"):
            data.trial(*key)
    with pytest.raises(DataError, match="no such data file"):
        DataFile(built.with_name("other.h5")).trial_keys()


# --- writing --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"markers": np.zeros((F, 50, 3))}, r"'markers' has shape \(12, 50, 3\), expected \(12, 51, 3\)"),
        ({"torques": np.zeros((F - 1, C))}, r"'torques' has shape \(11, 35\)"),
        ({"cameras": {"Cam2": replace(simple_trial().cameras["Cam2"], video_index=np.full(F, 4))}}, "one of 4 images"),
        ({"cameras": {"Cam2": replace(simple_trial().cameras["Cam2"], crop=np.ones((3, 4)))}}, "'crop'"),
    ],
)
def test_a_wrong_array_is_refused_and_nothing_is_left(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        write(tmp_path / "vid.h5", simple_trial(name="DJ2"), simple_trial(**changes))
    assert not list(tmp_path.iterdir())


def test_an_interrupted_build_leaves_the_old_file(tmp_path):
    path = write(tmp_path / "vid.h5", simple_trial())
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), DataFileWriter(path, {}) as writer:
        writer.add(simple_trial(name="DJ2"))
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_closed_leaves_nothing(tmp_path, monkeypatch):
    close = h5py.File.close

    def fail(file):
        close(file)
        raise RuntimeError("can't write the last block")

    monkeypatch.setattr(h5py.File, "close", fail)
    with pytest.raises(RuntimeError, match="last block"):
        write(tmp_path / "vid.h5", simple_trial())
    assert not list(tmp_path.iterdir())


def test_two_trials_of_one_name_and_a_missing_folder(tmp_path):
    with pytest.raises(DataError, match="two trials of this name"):
        write(tmp_path / "vid.h5", simple_trial(), simple_trial())
    with pytest.raises(DataError, match="nowhere does not exist"):
        write(tmp_path / "nowhere" / "vid.h5", simple_trial())


# --- content hash ---------------------------------------------------------------------------------------------------
def test_the_hash_tells_contents_apart(built, tmp_path):
    first = write(tmp_path / "1.h5", simple_trial(), simple_trial(name="walking1"), simple_trial("subject10"))
    assert DataFile(first).content_hash == DataFile(built).content_hash
    torques = simple_trial().torques.copy()
    torques[3, 5] += 1e-3
    jpeg = replace(simple_trial().cameras["Cam2"], jpegs=simple_trial().cameras["Cam2"].jpegs[::-1])
    variants = [simple_trial(), simple_trial(torques=torques), simple_trial(mass_kg=70.5), simple_trial(name="DJ2"),
                simple_trial("subject3"), simple_trial(cameras={"Cam2": jpeg}), simple_trial(grf=None)]  # fmt: skip
    hashes = {DataFile(write(tmp_path / f"v{i}.h5", trial)).content_hash for i, trial in enumerate(variants)}
    assert len(hashes) == len(variants)


def _change_torque(file):
    file["subject2/DJ1/torques"][2, 3] = 7


def _change_mass(file):
    file["subject2/DJ1"].attrs["mass_kg"] = 50.0


def _remove_trial(file):
    del file["subject10/DJ1"]


def _rename_trial(file):
    file.move("subject2/DJ1", "subject2/DJ3")


def _replace_image(file):
    file["subject2/DJ1/cameras/Cam2/jpeg_blob"][40] ^= 1


@pytest.mark.parametrize("change", [_change_torque, _change_mass, _remove_trial, _rename_trial, _replace_image])
def test_verify_finds_a_change(copied, change):
    DataFile(copied).verify()
    with h5py.File(copied, "r+") as file:
        change(file)
    with pytest.raises(DataError, match="after it was built"):
        DataFile(copied).verify()


# --- broken and hostile files ---------------------------------------------------------------------------------------
def test_a_file_cut_in_half(copied):
    data = copied.read_bytes()
    copied.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="cannot be read as HDF5"):
        DataFile(copied).trial_keys()


def test_a_file_of_another_kind(tmp_path, copied):
    (tmp_path / "text.h5").write_text("time\tknee_angle_r\n")
    with pytest.raises(DataError, match="cannot be read as HDF5"):
        DataFile(tmp_path / "text.h5").trial_keys()
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(DataError, match=r"format \(None, None\), expected"):
        DataFile(tmp_path / "other.h5").trial_keys()
    with h5py.File(copied, "r+") as file:
        file.attrs["markers"] = file.attrs["markers"].replace(b"r_knee", b"r_nee")
    with pytest.raises(DataError, match="its markers are not this version's"):
        DataFile(copied).trial_keys()


def _no_attribute(file):
    del file["subject2/DJ1"].attrs["height_m"]


def _wrong_attribute(file):
    file["subject2/DJ1"].attrs["rate_hz"] = "fast"


def _no_mass(file):
    file["subject2/DJ1"].attrs["mass_kg"] = 0.0


def _no_hash(file):
    del file.attrs["content_hash"]


def _dataset_for_subject(file):
    file["notes"] = np.arange(3)


def _dataset_for_trial(file):
    file["subject2/notes"] = np.arange(3)


def _dataset_for_cameras(file):
    del file["subject2/DJ1/cameras"]
    file["subject2/DJ1/cameras"] = np.arange(3)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_no_attribute, "lacks the attribute 'height_m'"),
        (_wrong_attribute, "attribute of the wrong type"),
        (_no_mass, "has mass 0.0 kg"),
        (_no_hash, "no content hash"),
        (_dataset_for_subject, "notes is no group"),
        (_dataset_for_trial, "subject2/notes"),
        (_dataset_for_cameras, "no group of cameras"),
    ],
)
def test_a_damaged_layout(copied, seal, damage, message):
    with h5py.File(copied, "r+") as file:
        damage(file)
    if damage not in (_no_hash, _dataset_for_subject, _dataset_for_trial):
        seal(copied)
    with pytest.raises(DataError, match=message):
        list(DataFile(copied))


@pytest.fixture
def secret(tmp_path) -> Path:
    path = tmp_path / "secret.bin"
    path.write_bytes(np.full(F * C, 1.0, "<f4").tobytes())
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file.create_dataset("torques", data=np.ones((F, C), "f4"))
        file.create_group("subject77/DJ1")
    return path


def _external_storage(file, secret):
    file["subject2/DJ1"].create_dataset("torques", (F, C), "f4", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def _virtual(file, secret):
    layout = h5py.VirtualLayout((F, C), "f4")
    layout[:] = h5py.VirtualSource(str(secret.with_suffix(".h5")), "torques", (F, C))
    file["subject2/DJ1"].create_virtual_dataset("torques", layout)


def _external_link(file, secret):
    file["subject2/DJ1/torques"] = h5py.ExternalLink(str(secret.with_suffix(".h5")), "torques")


def _soft_link(file, secret):
    file["subject2/DJ1/torques"] = h5py.SoftLink("/subject10/DJ1/torques")


def _declares_much(file, secret):
    file["subject2/DJ1"].create_dataset("torques", (F, 10**10), "f4", chunks=(1, 1 << 16))


def _other_shape(file, secret):
    file["subject2/DJ1/torques"] = np.zeros((F, C + 1), "f4")


def _other_type(file, secret):
    file["subject2/DJ1/torques"] = np.zeros((F, C), "f8")


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (_external_storage, "outside this file"),
        (_virtual, "outside this file"),
        (_external_link, "missing or a link"),
        (_soft_link, "missing or a link"),
        (_declares_much, "stores far fewer"),
        (_other_shape, r"is float32 \(12, 36\), expected"),
        (_other_type, "is float64"),
    ],
)
def test_a_hostile_data_set_is_not_read(copied, secret, attack, message):
    with h5py.File(copied, "r+") as file:
        del file["subject2/DJ1/torques"]
        attack(file, secret)
    with pytest.raises(
        DataError, match=r"outside this file|far fewer|missing or a link|was changed after it was built"
    ):
        DataFile(copied).trial_keys()
    with h5py.File(copied, "r+") as file:  # the one kind of file that does not carry its hash
        file.attrs.update(version=1, builder="vidzoo 0.1.0: labels alone")
    data = DataFile(copied)
    with pytest.raises(DataError, match=message):
        data.trial("subject2", "DJ1").array("torques")
    assert data.trial("subject10", "DJ1").array("torques").shape == (F, C)


@pytest.mark.parametrize("place", ["subject77", "subject2/DJ7", "subject2/DJ1/cameras/Cam7"])
@pytest.mark.parametrize("kind", ["external", "soft"])
def test_a_linked_group_is_not_followed(copied, secret, place, kind):
    target = "/subject77/DJ1" if "/" in place else "/subject77"
    link = (
        h5py.ExternalLink(str(secret.with_suffix(".h5")), target) if kind == "external" else h5py.SoftLink("/subject2")
    )
    with h5py.File(copied, "r+") as file:
        file[place] = link
    with pytest.raises(DataError, match=f"{place} is missing or a link"):
        list(DataFile(copied))


@pytest.mark.parametrize("name", ["format", "version", "markers", "coordinates", "content_hash", "settings"])
@pytest.mark.parametrize("value", [np.arange(3), np.array(["a", "b"], dtype="S1"), 2.5, h5py.Empty("f4")])
def test_root_attributes_of_another_type(copied, name, value):
    with h5py.File(copied, "r+") as file:
        file.attrs[name] = value
    data = DataFile(copied)
    with pytest.raises(DataError, match=r"build (it|the file) again\."):
        data.settings, data.content_hash  # noqa: B018


@pytest.mark.parametrize("name", ["jpeg_offsets", "video_time", "video_index", "crop"])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (0,), (F, 1), (5, 5), (4, 4, 1)])
def test_camera_arrays_of_another_shape(copied, seal, name, shape):
    place = f"subject2/DJ1/cameras/Cam2/{name}"
    with h5py.File(copied, "r+") as file:
        dtype = file[place].dtype
        del file[place]
        file[place] = np.zeros(shape, dtype)
    seal(copied)
    reader = DataFile(copied).trial("subject2", "DJ1")
    with pytest.raises(DataError, match=r"/Cam2/\w+ is \w+ \(.*\), expected"):
        for other in ("crop", name):  # whatever disagrees with the number of images
            reader.camera_array("Cam2", other)


@pytest.mark.parametrize("blob", [np.zeros((), np.uint8), np.zeros((40, 40), np.uint8), np.zeros(2000, np.float32)])
def test_an_image_blob_of_another_shape(copied, seal, blob):
    with h5py.File(copied, "r+") as file:
        del file["subject2/DJ1/cameras/Cam2/jpeg_blob"]
        file["subject2/DJ1/cameras/Cam2/jpeg_blob"] = blob
    seal(copied)
    with pytest.raises(DataError, match="the file is broken"):
        DataFile(copied).trial("subject2", "DJ1").jpeg("Cam2", 0, 10)


def test_image_reads_are_bounded(copied, seal):
    with h5py.File(copied, "r+") as file:
        del file["subject2/DJ1/cameras/Cam2/jpeg_blob"]
        file["subject2/DJ1/cameras/Cam2/jpeg_blob"] = np.zeros(20 << 20, np.uint8)
    seal(copied)
    reader = DataFile(copied).trial("subject2", "DJ1")
    for start, stop in ((0, 17 << 20), (-5, 10), (10, 10), (20, 10), ((20 << 20) - 4, (20 << 20) + 1)):
        with pytest.raises(DataError, match="the file is broken"):
            reader.jpeg("Cam2", start, stop)


# --- processes ------------------------------------------------------------------------------------------------------
def _sum_of_torques(data: DataFile) -> float:
    return float(sum(float(reader.array("torques").sum()) for reader in data))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_open_file_goes_to_other_processes(built, method):
    data = DataFile(built)
    expected = _sum_of_torques(data)
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        assert pool.map(_sum_of_torques, [data] * 6) == [expected] * 6
    assert _sum_of_torques(data) == expected


def test_pickling_drops_the_handle_and_close_reopens(built):
    data = DataFile(built)
    expected = _sum_of_torques(data)
    again = pickle.loads(pickle.dumps(data))
    assert again._handle is None
    assert _sum_of_torques(again) == expected
    data.close()
    assert data._handle is None
    assert _sum_of_torques(data) == expected

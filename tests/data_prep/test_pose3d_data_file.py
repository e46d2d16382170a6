"""A data file's split to a pose file: the right images, and joints where the markers are."""

import itertools
import shutil

import h5py
import numpy as np
import pytest

from vidzoo.anatomy import MARKERS, POSE_JOINTS
from vidzoo.data_prep.pose3d import prepare_pose3d
from vidzoo.errors import DataError
from vidzoo.io.data_file import DataFile
from vidzoo.io.pose_file import PoseFile
from vidzoo.io.split_protocols import make_split


@pytest.fixture(scope="module")
def numbered_data_file(tiny_data_file, seal, tmp_path_factory):
    """The tiny file, each of its images stamped with a number of its own (and no JPEG any more)."""
    path = shutil.copy(tiny_data_file, tmp_path_factory.mktemp("numbered") / "vid.h5")
    number = itertools.count()
    with h5py.File(path, "r+") as file:
        for trial in (t for subject in file.values() for t in subject.values()):
            camera = trial["cameras/Cam0"]
            for start in camera["jpeg_offsets"][:-1]:
                camera["jpeg_blob"][start : start + 4] = np.array([next(number)], "<u4").view("u1")
    seal(path)
    return path


def stored(path):
    """Return a pose file's JPEGs and labels."""
    file = PoseFile(path)
    offsets = file.offsets()
    jpegs = [file.jpeg(int(a), int(b)).tobytes() for a, b in itertools.pairwise(offsets)]
    return jpegs, {name: file.labels(name, len(jpegs)) for name in ("joints", "pixels", "intrinsics", "crop")}


def shown(data_file, split, subset):
    """Return the JPEGs that a subset's target frames show, frame by frame, by plain loops."""
    found = set()
    for entry in getattr(split, subset):
        trial = DataFile(data_file).trial(entry.subject, entry.trial)
        index = trial.camera_array("Cam0", "video_index")
        offsets = trial.camera_array("Cam0", "jpeg_offsets")
        for start, stop in entry.targets:
            for frame in range(start, stop):
                image = index[frame]
                found.add(trial.jpeg("Cam0", int(offsets[image]), int(offsets[image + 1])).tobytes())
    return found


@pytest.mark.parametrize(
    ("protocol", "settings"),
    [
        ("block", {"gap": 0}),
        ("trial", {}),
        ("random_frame", {}),
        ("random_frame", {"val_share": 0.2}),
        ("loso", {"held_out": ["subject2"]}),
    ],
)
def test_no_image_of_one_subset_is_in_another(protocol, settings, numbered_data_file, tmp_path):
    split = make_split(DataFile(numbered_data_file), protocol, **settings)
    split.save(tmp_path / "split.json")
    found = {}
    for subset in ("train", "test"):
        prepare_pose3d(
            "vid", numbered_data_file, None, tmp_path / f"{subset}.h5", subset=subset, split=tmp_path / "split.json"
        )
        found[subset] = stored(tmp_path / f"{subset}.h5")[0]
    own = {subset: shown(numbered_data_file, split, subset) for subset in ("train", "val", "test")}
    assert bool(own["val"]) == ("val_share" in settings)
    both = own["train"] & own["test"]
    for subset, jpegs in found.items():
        assert set(jpegs) == own[subset] - set().union(*(own[other] for other in own if other != subset))
        assert len(jpegs) == len(set(jpegs)) > 0
    if protocol == "random_frame":
        assert both, "a video slower than the grid shows a train and a test frame the same image"
    assert not both or protocol in ("random_frame", "block")


def test_joints_are_means_of_markers_seen_by_the_camera(tiny_data_file, tiny_split, tmp_path):
    prepare_pose3d("vid", tiny_data_file, None, tmp_path / "p.h5", split=tiny_split)
    jpegs, labels = stored(tmp_path / "p.h5")
    trial = DataFile(tiny_data_file).trial("subject1", "DJ1")
    time, markers = trial.array("time"), trial.array("markers").astype(float)
    for number in (0, 5, 13):
        at = trial.camera_array("Cam0", "video_time")[number]
        now = {
            name: [np.interp(at, time[:24], markers[:24, m, axis]) for axis in range(3)]
            for m, name in enumerate(MARKERS)
        }
        expected = {
            "L_Hip": now["L_HJC"], "R_Toe": now["r_toe"], "R_Knee": now["r_knee"],
            "R_Elbow": np.mean([now["R_elbow_med"], now["R_elbow_lat"]], axis=0),
            "L_Wrist": np.mean([now["L_wrist_ulna"], now["L_wrist_radius"]], axis=0),
            "Pelvis": np.mean([now["R_HJC"], now["L_HJC"]], axis=0),
            "Thorax": np.mean([now["R_Shoulder"], now["L_Shoulder"]], axis=0),
        }  # fmt: skip
        joints = dict(zip(POSE_JOINTS, labels["joints"][number]))
        pixels = dict(zip(POSE_JOINTS, labels["pixels"][number]))
        for name, (x, y, z) in expected.items():
            # The camera of the tiny file: x right, y down, z forward from ground axes x, -y, -z; 60 px, centre 31.5.
            seen = np.array([x, 1 - y, 4 - z])
            np.testing.assert_allclose(joints[name], seen, atol=1e-5, err_msg=name)
            np.testing.assert_allclose(pixels[name], 60 * seen[:2] / seen[2] + 31.5, atol=1e-3)
        for name in ("Head", "Head_top", "Spine", "R_Hand", "L_Hand"):
            assert np.isnan(joints[name]).all() and np.isnan(pixels[name]).all()
    offsets = trial.camera_array("Cam0", "jpeg_offsets")
    assert jpegs[5] == trial.jpeg("Cam0", int(offsets[5]), int(offsets[6])).tobytes()


def test_the_file_names_its_data_file_split_and_subset(tiny_data_file, tiny_split, tmp_path):
    prepare_pose3d("vid", tiny_data_file, None, tmp_path / "p.h5", subset="test", split=tiny_split, every=4)
    file = PoseFile(tmp_path / "p.h5")
    assert file.attribute("data_hash") == DataFile(tiny_data_file).content_hash
    assert file.attribute("subset") == "test" and file.attribute("kind") == "vid"
    prepare_pose3d("vid", tiny_data_file, None, tmp_path / "all.h5", subset="test", split=tiny_split)
    # 11 test frames of each of 6 trials show 7 images; of a recording's, the first and the fifth.
    assert len(stored(tmp_path / "all.h5")[0]) == 6 * 7
    assert stored(tmp_path / "p.h5")[0] == [
        jpeg for i, jpeg in enumerate(stored(tmp_path / "all.h5")[0]) if i % 7 in (0, 4)
    ]


def test_cameras_without_a_calibration_are_passed_over(tiny_data_file, tiny_split, tmp_path, monkeypatch):
    from vidzoo.io.data_file import TrialReader

    monkeypatch.setattr(TrialReader, "camera_attribute", lambda *_: None)
    with pytest.raises(DataError, match="no camera of its train subset is calibrated to the markers' frame"):
        prepare_pose3d("vid", tiny_data_file, None, tmp_path / "p.h5", split=tiny_split)

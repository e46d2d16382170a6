"""Clips: the right frames, labels and images, each target once, nothing of the other side."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import cv2
import h5py
import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES, MARKERS
from vidzoo.datasets import VIDDataset
from vidzoo.datasets.images import decode_jpeg
from vidzoo.datasets.recording import fill_gaps
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.data_file import DataFile, Reason
from vidzoo.io.split_protocols import make_split
from vidzoo.io.splits import Split, SplitEntry
from vidzoo.registry import DATASETS
from vidzoo.task import LANDMARK_MODALITIES, MODALITIES

COLUMNS = [COORDINATES.index(name) for name in BENCHMARK_JOINTS]
PELVIS = [MARKERS.index(name) for name in ("r.ASIS", "L.ASIS", "r.PSIS", "L.PSIS")]
NUMERIC = tuple(name for name in MODALITIES if name not in ("frames", "marker_valid", *LANDMARK_MODALITIES))


@pytest.fixture
def tiny(tiny_data_file, tiny_split):
    return {"data_file": tiny_data_file, "split": tiny_split}


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What MMEngine's logger says."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


def unchanged(trial):
    return None


def centres_of(dataset: VIDDataset) -> Counter:
    """Count how often each (subject, trial, camera, frame) is a prediction's frame."""
    return Counter(
        (s.subject, s.trial, s.camera, int(frame))
        for s in (dataset[i]["data_samples"] for i in range(len(dataset)))
        for frame in s.frame_indices
        if frame >= 0
    )


# --- shapes ---------------------------------------------------------------------------------------------------------
def test_a_sample_is_as_the_structures_say(tiny):
    dataset = VIDDataset(**tiny, requires=MODALITIES, window=5, predictions=4, marker_frame="camera", grf=True)
    sample = dataset[0]
    length = 5 + 4 - 1
    expected = {
        "frames": ((length, 3, 64, 64), torch.uint8),
        "frame_is_new": ((length,), torch.bool),
        "markers": ((length, 51, 3), torch.float32),
        "marker_valid": ((length, 51), torch.bool),
        "marker_velocities": ((length, 51, 3), torch.float32),
        "coordinates": ((length, 35), torch.float32),
        "coordinate_velocities": ((length, 35), torch.float32),
        "inertial_torques": ((length, 35), torch.float32),
        "foot_jacobians": ((length, 2, 6, 35), torch.float32),
        "physics_wrenches": ((length, 2, 6), torch.float32),
        "landmarks": ((length, 33, 2), torch.float32),
        "landmark_visibility": ((length, 33), torch.float32),
        "landmarks_world": ((length, 33, 3), torch.float32),
        "landmark_valid": ((length,), torch.bool),
        "mass": ((), torch.float32),
        "height": ((), torch.float32),
    }
    assert {k: (tuple(v.shape), v.dtype) for k, v in sample["inputs"].items()} == expected
    labels = sample["data_samples"]
    assert {k: (tuple(v.shape), v.dtype) for k, v in labels.items()} == {
        "gt_torques": ((4, 11), torch.float32),
        "valid": ((4, 11), torch.bool),
        "gt_markers": ((length, 51, 3), torch.float32),
        "gt_marker_valid": ((length, 51), torch.bool),
        "gt_grf": ((length, 2, 3), torch.float32),
        "gt_contact": ((length, 2), torch.float32),
        "gt_grf_valid": ((length,), torch.bool),
    }
    assert set(labels.metainfo_keys()) == {
        "subject", "trial", "action", "camera", "mass", "height", "sex", "frame_indices"
    }  # fmt: skip
    assert (labels.frame_indices.dtype, labels.frame_indices.shape) == (np.int64, (4,))
    assert (labels.subject, labels.trial, labels.action, labels.camera) == ("subject1", "DJ1", "DJ", "Cam0")
    assert (labels.mass, labels.sex) == (60.0, "f")


def test_only_what_is_required_is_there_and_no_image_is_touched(tiny, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("an image was decoded"))
    dataset = VIDDataset(**tiny, requires=["coordinates"], window=5)
    sample = dataset[3]
    assert set(sample["inputs"]) == {"coordinates"}
    assert set(sample["data_samples"].keys()) == {"gt_torques", "valid"}
    assert sample["data_samples"].camera == ""


def test_it_is_found_by_its_name(tiny):
    assert len(DATASETS.build({"type": "VIDDataset", "window": 5, **tiny})) == 6 * 20


# --- which frames ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("predictions", [1, 3, 7, 20, 50])
def test_training_uses_each_full_window_once_per_epoch(tiny, predictions):
    dataset = VIDDataset(**tiny, requires=["markers"], window=5, predictions=predictions)
    expected = {(s, t, "", f) for s, t in DataFile(tiny["data_file"]).trial_keys() for f in range(2, 22)}
    assert len(dataset) == 6 * -(-20 // predictions)
    for epoch in range(4):
        dataset.set_epoch(epoch)
        assert centres_of(dataset) == Counter(expected)


@pytest.mark.parametrize("predictions", [1, 4, 11, 30])
@pytest.mark.parametrize("window", [1, 5, 13])
def test_testing_predicts_each_target_once(tiny, predictions, window):
    dataset = VIDDataset(**tiny, subset="test", requires=["markers"], window=window, predictions=predictions)
    expected = {(s, t, "", f) for s, t in DataFile(tiny["data_file"]).trial_keys() for f in range(29, 40)}
    assert centres_of(dataset) == Counter(expected)
    dataset.set_epoch(3)
    assert centres_of(dataset) == Counter(expected)


@pytest.mark.parametrize("subset", ["train", "test"])
@pytest.mark.parametrize("predictions", [1, 6])
def test_every_array_shows_the_frames_of_its_window(tiny, subset, predictions):
    window, data = 5, DataFile(tiny["data_file"])
    dataset = VIDDataset(
        **tiny, subset=subset, requires=NUMERIC, window=window, predictions=predictions, marker_frame="ground"
    )
    first, stop = (0, 24) if subset == "train" else (29, 40)
    checked = 0
    for item in (dataset[i] for i in range(len(dataset))):
        labels, inputs = item["data_samples"], item["inputs"]
        reader = data.trial(labels.subject, labels.trial)
        assert float(inputs["mass"]) == reader.mass_kg
        for k in np.flatnonzero(labels.frame_indices >= 0):
            centre = labels.frame_indices[k]
            frames = np.clip(np.arange(centre - 2, centre + 3), first, stop - 1)
            for name in NUMERIC[:-2]:
                np.testing.assert_array_equal(inputs[name][k : k + window], reader.array(name)[frames], err_msg=name)
            torques = reader.array("torques")[centre, COLUMNS]
            np.testing.assert_array_equal(labels.gt_torques[k], torques)
            markers = reader.array("markers")[frames].astype(np.float64)
            np.testing.assert_allclose(
                np.where(labels.gt_marker_valid[k : k + window, :, None], labels.gt_markers[k : k + window], np.nan),
                np.where(
                    (frames == np.arange(centre - 2, centre + 3))[:, None, None],
                    markers - markers[:, PELVIS].mean(axis=1, keepdims=True),
                    np.nan,
                ),
                atol=1e-6,
            )
            checked += 1
    assert checked == 6 * (20 if subset == "train" else 11)


def test_a_clip_shows_nothing_of_the_other_side(variant):
    """Spoil every frame that is not of the training subset: the training clips stay the same."""
    paths = variant(unchanged)
    build = {"requires": MODALITIES, "window": 5, "predictions": 4, "marker_frame": "camera"}
    before = [VIDDataset(**paths, **build)[i] for i in range(12)]

    def spoil(trial):
        other = slice(27, None)  # 40 frames: 32 - 5 train
        for name in ("markers", "marker_velocities", "coordinates", "coordinate_velocities", "torques",
                     "inertial_torques", "foot_jacobians", "physics_wrenches"):  # fmt: skip
            getattr(trial, name)[other] = 1e3
        # a NaN on the training subset must be filled from the training subset
        trial.markers[26, 0] = np.nan

    after = VIDDataset(**variant(spoil), **build)
    seen = 0
    for i, old in enumerate(before):
        new = after[i]
        assert all(torch.equal(v, new["inputs"][k]) for k, v in old["inputs"].items() if "marker" not in k)
        assert torch.equal(old["inputs"]["marker_velocities"], new["inputs"]["marker_velocities"])
        seen_before, seen_after = (clip["inputs"]["marker_valid"] for clip in (old, new))
        assert torch.equal(seen_after[:, 1:], seen_before[:, 1:])
        assert new["inputs"]["markers"].abs().max() < 100
        assert torch.equal(old["data_samples"].gt_torques, new["data_samples"].gt_torques)
        seen += int((~new["data_samples"].gt_marker_valid).sum() > (~old["data_samples"].gt_marker_valid).sum())
    assert seen


def test_random_frames_are_scattered_targets(variant):
    paths = variant(unchanged, protocol="random_frame", seed=2)
    split = Split.load(paths["split"])

    def targets(subset, first, stop):
        return Counter((e.subject, e.trial, "", f) for e in subset for a, b in e.targets for f in range(a, b)
                       if first <= f < stop)  # fmt: skip

    build = {"requires": ["markers"], "window": 5, "predictions": 6, "marker_frame": "ground"}
    train, test = VIDDataset(**paths, **build), VIDDataset(**paths, subset="test", **build)
    assert centres_of(train) == targets(split.train, 2, 38)
    assert centres_of(test) == targets(split.test, 0, 40)
    for dataset in (train, test):
        for item in (dataset[i]["data_samples"] for i in range(len(dataset))):
            assert not item.valid[item.frame_indices < 0].any()
            assert item.valid[item.frame_indices >= 0].all()
    marked = sum(int(r.marker_valid[:, 0].sum()) for r in {id(t.recording): t.recording for t in train.tracks}.values())
    assert marked == sum(e.num_targets for e in split.train)


def test_a_short_context_gives_no_training_clip_and_still_test_clips(tiny):
    with pytest.raises(DataError, match="none is 25 frames long"):
        VIDDataset(**tiny, requires=["markers"], window=25)
    assert len(centres_of(VIDDataset(**tiny, subset="test", requires=["markers"], window=25))) == 6 * 11


# --- windows that predict another frame than their centre ------------------------------------------------------------
WINDOWS = [(6, 2), (5, 4), (5, 0), (4, 3), (1, 0)]


@pytest.mark.parametrize(("window", "target"), WINDOWS)
@pytest.mark.parametrize("predictions", [1, 3, 50])
def test_training_predicts_each_frame_whose_window_is_there_once_per_epoch(tiny, window, target, predictions):
    build = {"requires": ["markers"], "window": window, "target_index": target, "predictions": predictions}
    dataset = VIDDataset(**tiny, **build)
    frames = [f for f in range(24) if f - target >= 0 and f - target + window <= 24]
    expected = Counter((s, t, "", f) for s, t in DataFile(tiny["data_file"]).trial_keys() for f in frames)
    for epoch in range(3):
        dataset.set_epoch(epoch)
        assert centres_of(dataset) == expected
    test = centres_of(VIDDataset(**tiny, subset="test", **build))
    assert test == Counter((s, t, "", f) for s, t in DataFile(tiny["data_file"]).trial_keys() for f in range(29, 40))


@pytest.mark.parametrize("subset", ["train", "test"])
@pytest.mark.parametrize(("window", "target"), WINDOWS)
def test_a_window_shows_the_frames_about_its_target(tiny, subset, window, target):
    data = DataFile(tiny["data_file"])
    dataset = VIDDataset(
        **tiny, subset=subset, requires=["markers"], window=window, target_index=target, predictions=4, grf=True
    )
    first, stop = (0, 24) if subset == "train" else (29, 40)
    checked = 0
    for item in (dataset[i] for i in range(len(dataset))):
        labels = item["data_samples"]
        reader = data.trial(labels.subject, labels.trial)
        assert item["inputs"]["markers"].shape[0] == window + 3
        for k in np.flatnonzero(labels.frame_indices >= 0):
            wanted = labels.frame_indices[k] - target + np.arange(window)
            frames = np.clip(wanted, first, stop - 1)
            if subset == "train":
                np.testing.assert_array_equal(frames, wanted)  # training repeats no edge
            np.testing.assert_array_equal(item["inputs"]["markers"][k : k + window], reader.array("markers")[frames])
            np.testing.assert_array_equal(
                labels.gt_torques[k], reader.array("torques")[labels.frame_indices[k], COLUMNS]
            )
            valid = labels.gt_grf_valid[k : k + window].numpy()
            np.testing.assert_array_equal(valid, frames == wanted)
            force = reader.array("grf")[frames][:, :, :3] * valid[:, None, None]
            np.testing.assert_array_equal(labels.gt_grf[k : k + window], force)
            checked += 1
    assert checked == 6 * (11 if subset == "test" else 24 - window + 1)


def test_training_repeats_the_ends_where_it_is_told_to(tiny):
    """Then each frame that trains is predicted as a test of the same frames would predict it."""
    build = {"requires": ["markers"], "window": 31, "predictions": 6, "repeat_ends": True}
    dataset, data = VIDDataset(**tiny, **build), DataFile(tiny["data_file"])
    assert centres_of(dataset) == Counter((s, t, "", f) for s, t in data.trial_keys() for f in range(24))
    for sample in (dataset[i] for i in range(len(dataset))):
        labels = sample["data_samples"]
        markers = data.trial(labels.subject, labels.trial).array("markers")
        for k in np.flatnonzero(labels.frame_indices >= 0):
            frames = np.clip(labels.frame_indices[k] + np.arange(-15, 16), 0, 23)
            np.testing.assert_array_equal(sample["inputs"]["markers"][k : k + 31], markers[frames])


def test_a_window_of_even_length_fits_exactly_into_a_context_of_its_length(tiny):
    for target in (0, 11, 23):
        dataset = VIDDataset(**tiny, requires=["markers"], window=24, target_index=target)
        assert {frame for *_, frame in centres_of(dataset)} == {target}
        with pytest.raises(DataError, match="none is 25 frames long"):
            VIDDataset(**tiny, requires=["markers"], window=25, target_index=target)


# --- forces ---------------------------------------------------------------------------------------------------------
def test_forces_are_the_feet_s_and_say_where_they_were_measured(variant):
    def spoil(trial):
        trial.grf[:] = np.arange(40)[:, None, None] + np.arange(18).reshape(2, 9) * 100
        if trial.trial == "squats1":
            trial.grf = None
            return
        trial.grf[:, 0, 1] = np.where(np.arange(40) < 9, 19.99, 20.0)
        trial.grf[:, 1, 1] = -500.0
        trial.grf[3, 1, 2] = np.nan
        trial.grf[4, 0, 8] = np.nan  # a free moment is no force
        trial.validity[5, COORDINATES.index("ankle_angle_l")] = Reason.OFF_PLATE
        trial.validity[6, COORDINATES.index("hip_flexion_r")] = Reason.OFF_PLATE  # the seat's force, not a foot's
        trial.validity[7, COORDINATES.index("ankle_angle_l")] = Reason.RESIDUAL

    paths = variant(spoil)
    dataset = VIDDataset(**paths, requires=["mass"], window=1, predictions=27, grf=True)
    plain, without = (dataset[i]["data_samples"] for i in (0, 1))
    assert np.flatnonzero(~plain.gt_grf_valid).tolist() == [3, 5]
    force = np.zeros((27, 2, 3), np.float32)
    force[:, 0], force[:, 1] = [0, 0, 200], [900, 0, 1100]
    force += np.arange(27)[:, None, None]
    force[:, 0, 1] = np.where(np.arange(27) < 9, 19.99, 20)
    force[:, 1, 1] = -500
    force[[3, 5]] = 0
    np.testing.assert_array_equal(plain.gt_grf, force)
    np.testing.assert_array_equal(plain.gt_contact[:, 0], np.arange(27) >= 9)
    assert not plain.gt_contact[:, 1].any()
    assert not without.gt_grf_valid.any() and not without.gt_grf.any() and not without.gt_contact.any()
    mean, std = dataset.target_statistics()["grf_per_kg"]
    known = force[~np.isin(np.arange(27), [3, 5])] / 60.0
    np.testing.assert_allclose(mean, known.mean(0), rtol=1e-5)
    np.testing.assert_allclose(std, np.maximum(known.std(0), 1e-2), rtol=1e-4)


def test_forces_of_frames_that_test_are_no_labels(variant):
    paths = variant(unchanged, protocol="random_frame", seed=2)
    train = VIDDataset(**paths, requires=["mass"], window=5, predictions=6, grf=True)
    marked = {id(t.recording): t.recording for t in train.tracks}.values()
    assert all(np.array_equal(r.grf_valid, r.target) for r in marked)
    assert 0 < sum(r.grf_valid.sum() for r in marked) < 80


def test_which_markers_were_seen(variant):
    def spoil(trial):
        trial.markers[12, 5] = np.nan
        trial.markers[:, 7, 1] = np.nan

    paths = variant(spoil)
    dataset = VIDDataset(**paths, requires=["markers", "marker_valid"], window=1, predictions=27)
    assert "input_marker_valid" not in dataset.target_statistics()
    expected = np.ones((27, 51), bool)
    expected[12, 5] = expected[:, 7] = False
    np.testing.assert_array_equal(dataset[0]["inputs"]["marker_valid"], expected)


# --- randomness -----------------------------------------------------------------------------------------------------
def test_clips_follow_from_seed_epoch_and_index(tiny):
    pipeline = [{"type": "ColourJitter"}, {"type": "HorizontalFlip"}]

    def build(seed):
        dataset = VIDDataset(**tiny, window=5, predictions=6, pipeline=pipeline)
        dataset.seed = seed
        return dataset

    first, again, other = build(0), build(0), build(1)
    for dataset in (first, again, other):
        dataset.set_epoch(4)
    order = np.random.default_rng(0).permutation(len(first))
    jumbled = {int(i): again[int(i)] for i in order}
    for i in range(len(first)):
        assert torch.equal(first[i]["inputs"]["frames"], jumbled[i]["inputs"]["frames"])
        np.testing.assert_array_equal(first[i]["data_samples"].frame_indices, jumbled[i]["data_samples"].frame_indices)
    blind = VIDDataset(**tiny, requires=["mass"], window=5, predictions=6)
    starts = set()
    for epoch in range(10):
        blind.set_epoch(epoch)
        starts.add(tuple(blind[i]["data_samples"].frame_indices.max() for i in range(0, len(blind), 4)))
    assert len(starts) > 5
    assert not all(torch.equal(first[i]["inputs"]["frames"], other[i]["inputs"]["frames"]) for i in range(len(first)))


# --- labels ---------------------------------------------------------------------------------------------------------
def test_bad_labels_are_zero_and_invalid_and_nan_never_leaves(variant):
    def spoil(trial):
        trial.torques[10, COLUMNS[3]] = np.nan
        trial.torques[11, COLUMNS[4]] = 1e9
        trial.validity[11, COLUMNS[4]] = 1
        trial.markers[12, 5] = np.nan  # one marker
        trial.markers[13, PELVIS[0], 1] = np.nan  # the pelvis centre
        trial.markers[:, 7] = np.nan  # never seen
        trial.marker_velocities[12, 5] = np.nan
        trial.coordinates[9] = np.inf
        trial.inertial_torques[:, 2] = np.nan
        trial.foot_jacobians[9, 0] = np.nan

    paths = variant(spoil)
    dataset = VIDDataset(**paths, requires=NUMERIC, window=5, predictions=5, marker_frame="ground")
    raw = DataFile(paths["data_file"]).trial("subject1", "DJ1").array("markers")
    seen = set()
    for item in (dataset[i] for i in range(len(dataset))):
        labels, inputs = item["data_samples"], item["inputs"]
        assert all(torch.isfinite(value).all() for value in [*inputs.values(), labels.gt_torques, labels.gt_markers])
        assert (labels.gt_torques[~labels.valid] == 0).all()
        assert (labels.gt_markers[~labels.gt_marker_valid] == 0).all()
        assert not labels.gt_marker_valid[:, 7].any()
        for k, frame in enumerate(labels.frame_indices):
            bad = {10: 3, 11: 4}.get(int(frame))
            assert [q for q in range(11) if not labels.valid[k, q]] == (
                list(range(11)) if frame < 0 else [] if bad is None else [bad]
            )
            if labels.trial == "DJ1" and frame == 12:
                row = k + 2
                assert not labels.gt_marker_valid[row, 5]
                np.testing.assert_array_equal(inputs["markers"][row, 5], raw[11, 5])  # the nearest in time
                assert not inputs["marker_velocities"][row, 5].any()
                np.testing.assert_allclose(inputs["markers"][row, 7], raw[12, PELVIS].mean(0), atol=1e-6)
            if frame == 13:
                assert not labels.gt_marker_valid[k + 2].any()
            seen.add(int(frame))
    assert {10, 11, 12, 13} <= seen


def test_marker_targets_in_the_camera_axes(variant):
    rotation = cv2.Rodrigues(np.array([2.0, 0.7, -1.1]))[0]

    def turn(trial):
        trial.cameras["Cam0"].rotation = rotation

    paths = variant(turn)
    dataset = VIDDataset(**paths, requires=["markers"], window=5, predictions=4, marker_frame="camera")
    labels = dataset[1]["data_samples"]
    assert labels.camera == "Cam0"
    rows = slice(int(labels.frame_indices[0]) - 2, int(labels.frame_indices[0]) + 6)
    markers = DataFile(paths["data_file"]).trial(labels.subject, labels.trial).array("markers")[rows].astype(float)
    translation = np.array([0.1, 0.2, 4.0])
    in_camera = np.einsum("ij,lmj->lmi", rotation, markers) + translation
    expected = in_camera - in_camera[:, PELVIS].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(labels.gt_markers, expected, atol=1e-5)
    training = np.concatenate([reader.array("markers")[:27] for reader in DataFile(paths["data_file"])]).astype(float)
    centred = training - training[:, PELVIS].mean(axis=1, keepdims=True)
    mean = np.einsum("ij,mj->mi", rotation, centred.mean(axis=0))
    np.testing.assert_allclose(dataset.target_statistics()["markers"][0], mean, atol=1e-5)


def test_other_torques_can_be_asked_for(tiny):
    names = ["pelvis_ty", "knee_angle_l"]
    dataset = VIDDataset(**tiny, requires=["markers"], window=5, torques=names)
    labels = dataset[0]["data_samples"]
    torques = DataFile(tiny["data_file"]).trial("subject1", "DJ1").array("torques")
    columns = [COORDINATES.index(name) for name in names]
    np.testing.assert_array_equal(labels.gt_torques[0], torques[labels.frame_indices[0], columns])


# --- images ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("subset", ["train", "test"])
def test_each_frame_shows_its_image_in_rgb(tiny, subset):
    data = DataFile(tiny["data_file"])
    dataset = VIDDataset(**tiny, subset=subset, window=5, predictions=7)
    first, stop = (0, 24) if subset == "train" else (29, 40)
    for item in (dataset[i] for i in range(0, len(dataset), 2)):
        labels, inputs = item["data_samples"], item["inputs"]
        reader = data.trial(labels.subject, labels.trial)
        offsets, index = (reader.camera_array("Cam0", n) for n in ("jpeg_offsets", "video_index"))
        k = int(np.flatnonzero(labels.frame_indices >= 0)[0])
        frames = np.clip(labels.frame_indices[k] - k - 2 + np.arange(11), first, stop - 1)
        shown = index[frames]
        for row, number in enumerate(shown):
            bgr = cv2.imdecode(reader.jpeg("Cam0", offsets[number], offsets[number + 1]), cv2.IMREAD_COLOR)
            np.testing.assert_array_equal(inputs["frames"][row].permute(1, 2, 0), bgr[:, :, ::-1])
        assert inputs["frame_is_new"].tolist() == [True, *(a != b for a, b in itertools.pairwise(shown))]
        assert not inputs["frame_is_new"].all()
    pixels = dataset[0]["inputs"]["frames"].permute(0, 2, 3, 1).reshape(-1, 3).float()
    disc = pixels[(pixels[:, 0] - pixels[:, 2]) > 180]  # the disc is orange: red 240, green 160, blue 30
    assert disc.mean(0).tolist() == pytest.approx([240, 160, 30], abs=12)


def test_each_image_of_a_clip_is_decoded_once(tiny, monkeypatch):
    dataset = VIDDataset(**tiny, window=5, predictions=8)
    calls = []
    decode = cv2.imdecode
    monkeypatch.setattr(cv2, "imdecode", lambda *a: (calls.append(1), decode(*a))[1])
    item = dataset[0]
    assert len(calls) == int(item["inputs"]["frame_is_new"].sum()) < 12


@pytest.mark.parametrize(("size", "stored"), [(64, 256), (128, 256), (100, 256), (256, 256), (300, 256), (32, 256)])
def test_decoding_at_another_size_is_close_to_area_averaging(size, stored):
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.normal(size=(stored, stored, 3)), (0, 0), 6)
    image = cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].ravel()
    found = decode_jpeg(jpeg, size)
    interpolation = cv2.INTER_AREA if size < stored else cv2.INTER_LINEAR
    expected = cv2.resize(image, (size, size), interpolation=interpolation)[:, :, ::-1]
    assert found.shape == (size, size, 3)
    assert np.abs(found.astype(float) - expected).mean() < 2


def test_image_size_of_a_dataset(tiny):
    frames = VIDDataset(**tiny, window=5, image_size=32)[0]["inputs"]["frames"]
    assert frames.shape == (5, 3, 32, 32)


def _set_image(number, jpeg):
    def change(trial):
        trial.cameras["Cam0"].jpegs[number] = jpeg

    return change


@pytest.mark.parametrize(
    "jpeg",
    [
        b"no image",
        b"\xff\xd8\xff\xd9",
        cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()[:300],
        cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes().replace(
            b"\xff\xc0\x00\x11\x08\x00\x40\x00\x40", b"\xff\xc0\x00\x11\x08\xff\xff\xff\xff"
        ),
    ],
    ids=["text", "empty", "cut", "enormous"],
)  # fmt: skip
def test_a_broken_image_is_named(variant, jpeg):
    dataset = VIDDataset(**variant(_set_image(3, jpeg)), window=5, predictions=8)
    with pytest.raises(DataError, match=r"subject1/DJ1/Cam0: image 3 is no JPEG"):
        [dataset[i] for i in range(len(dataset))]


def test_images_of_two_sizes_need_an_image_size(variant):
    jpeg = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    paths = variant(_set_image(3, jpeg))
    dataset = VIDDataset(**paths, window=5, predictions=8)
    with pytest.raises(DataError, match=r"64 x 48 pixels, the one before 64 x 64; set image_size"):
        [dataset[i] for i in range(len(dataset))]
    resized = VIDDataset(**paths, window=5, predictions=8, image_size=64)
    assert {tuple(resized[i]["inputs"]["frames"].shape[1:]) for i in range(len(resized))} == {(3, 64, 64)}


def test_a_broken_image_index_is_named(variant, resealed):
    paths = variant(unchanged)
    with h5py.File(paths["data_file"], "r+") as file:
        file["subject1/DJ1/cameras/Cam0/video_index"][5] = 99
    resealed(paths)
    with pytest.raises(DataError, match="video_index must name one of 24 images"):
        VIDDataset(**paths, window=5)


# --- cameras --------------------------------------------------------------------------------------------------------
def _second_camera(trial):
    trial.cameras["Cam1"] = replace(trial.cameras["Cam0"], rotation=np.diag([-1.0, -1.0, 1.0]))
    if trial.trial == "DJ1":
        trial.cameras["Cam2"] = replace(trial.cameras["Cam0"], rotation=None)


def test_every_camera_or_one(variant, said):
    paths = variant(_second_camera)
    build = {"window": 5, "predictions": 6}
    centres = centres_of(VIDDataset(**paths, **build))
    assert set(centres.values()) == {1}
    cameras = Counter((trial, camera) for _, trial, camera, _ in centres)
    assert cameras == Counter(
        {("DJ1", c): 23 for c in ("Cam0", "Cam1", "Cam2")} | {("squats1", c): 23 for c in ("Cam0", "Cam1")}
    )
    one = centres_of(VIDDataset(**paths, camera="Cam1", **build))
    assert {camera for _, _, camera, _ in one} == {"Cam1"}
    assert {trial for _, trial, _, _ in centres_of(VIDDataset(**paths, camera="Cam2", **build))} == {"DJ1"}
    assert "1 train trials lack the camera Cam2: subject1/squats1; they are left out" in said[-1]
    with pytest.raises(DataError, match=r"1 test trials lack the camera Cam2: subject1/squats1; a test needs all"):
        VIDDataset(**paths, camera="Cam2", subset="test", **build)
    with pytest.raises(DataError, match=r"no train entry .* gives a clip: .*Cam9"):
        VIDDataset(**paths, camera="Cam9", **build)


def test_a_split_of_cameras(variant):
    paths = variant(_second_camera, protocol="cross_camera", held_out=["Cam1"])
    build = {"window": 5, "predictions": 6, "marker_frame": "ground"}
    assert {c for _, _, c, _ in centres_of(VIDDataset(**paths, **build))} == {"Cam0", "Cam2"}
    assert {c for _, _, c, _ in centres_of(VIDDataset(**paths, subset="test", **build))} == {"Cam1"}
    with pytest.raises(ConfigError, match="divides cameras, not frames"):
        VIDDataset(**paths, requires=["markers"], window=5)


def test_a_split_of_cameras_and_trials(variant):
    """What Cam0 saw of DJ1 trains, what Cam1 saw of squats1 tests; a model of markers reads each trial once."""
    settings = {"held_out": ["squats1"], "train_cameras": ["Cam0", "Cam2"], "test_cameras": ["Cam1"]}
    paths = variant(_second_camera, protocol="transfer", **settings)
    build = {"window": 5, "predictions": 6}
    for requires, cameras in (("frames", {"Cam0", "Cam2"}), ("markers", {""})):
        train = centres_of(VIDDataset(**paths, requires=[requires], **build))
        test = centres_of(VIDDataset(**paths, requires=[requires], subset="test", **build))
        assert {(trial, camera) for _, trial, camera, _ in train} == {("DJ1", camera) for camera in cameras}
        assert {(trial, camera) for _, trial, camera, _ in test} == {("squats1", "Cam1")}
        assert set(test.values()) == {1}


def test_camera_axes_need_a_calibrated_camera(variant, resealed):
    paths = variant(_second_camera)
    with pytest.raises(DataError, match=r"DJ1/Cam2 is not calibrated.*marker_frame='ground'"):
        VIDDataset(**paths, window=5, marker_frame="camera")
    for rotation in (np.full((3, 3), np.nan), np.full((3, 3), np.inf), np.ones((2, 3)), np.ones((3, 3), int)):
        with h5py.File(paths["data_file"], "r+") as file:
            file["subject1/DJ1/cameras/Cam2"].attrs["rotation"] = rotation
        resealed(paths)
        with pytest.raises(DataError, match=r"DJ1/Cam2 is not calibrated"):
            VIDDataset(**paths, window=5, marker_frame="camera")


# --- statistics -----------------------------------------------------------------------------------------------------
def test_statistics_are_those_of_the_training_side(tiny):
    data = DataFile(tiny["data_file"])
    dataset = VIDDataset(**tiny, requires=("coordinates", "mass"), window=5, predictions=7, marker_frame="camera")
    found = dataset.target_statistics()
    assert set(found) == {"torques_per_kg", "markers", "input_coordinates", "input_mass"}
    torques = np.concatenate([r.array("torques")[2:22, COLUMNS].astype(float) / r.mass_kg for r in data])
    np.testing.assert_allclose(found["torques_per_kg"], [torques.mean(0), torques.std(0)], rtol=1e-5, atol=1e-7)
    markers = np.concatenate([r.array("markers")[:24].astype(float) for r in data])
    markers = (markers - markers[:, PELVIS].mean(1, keepdims=True)) @ np.diag([1.0, -1, -1]).T
    np.testing.assert_allclose(found["markers"][0], markers.mean(0), atol=1e-5)
    np.testing.assert_allclose(found["markers"][1], np.maximum(markers.std(0), 1e-3), atol=1e-5)
    coordinates = np.concatenate([r.array("coordinates")[:24] for r in data])
    np.testing.assert_allclose(found["input_coordinates"], [coordinates.mean(0), coordinates.std(0)], atol=1e-5)
    np.testing.assert_allclose(found["input_mass"], [60.5, 0.5], rtol=1e-6)
    assert all(np.isfinite(v).all() for pair in found.values() for v in pair)


def test_statistics_leave_out_bad_labels_and_count_a_frame_once_for_all_cameras(variant):
    def spoil(trial):
        _second_camera(trial)
        trial.torques[5:9, COLUMNS[0]] = 1e6
        trial.validity[5:9, COLUMNS[0]] = 2
        trial.markers[4, 9] = np.nan

    paths = variant(spoil)
    found = VIDDataset(**paths, window=5, predictions=4, marker_frame="ground").target_statistics()
    data, kept = DataFile(paths["data_file"]), [f for f in range(2, 25) if f not in range(5, 9)]
    torques = np.concatenate([r.array("torques")[kept, COLUMNS[0]].astype(float) / r.mass_kg for r in data])
    assert found["torques_per_kg"][0][0] == pytest.approx(torques.mean(), rel=1e-5)
    assert found["torques_per_kg"][1][0] == pytest.approx(torques.std(), rel=1e-5)
    assert np.isfinite(found["markers"][0]).all()


def test_statistics_are_of_the_target_frames_and_not_of_their_context(variant):
    """A context may hold frames of the test subset, as those of protocol random_frame do."""
    targets = (8, 12), (20, 25)
    outside = np.delete(np.arange(40), [frame for bounds in targets for frame in range(*bounds)])

    def spoil(trial):
        for name in ("markers", "marker_velocities", "coordinates", "coordinate_velocities", "torques", "grf"):
            values = getattr(trial, name)
            values[outside] += 3.0 + outside.reshape(-1, *[1] * (values.ndim - 1))
        trial.markers[outside, 9] -= 1.0

    found = []
    for change in (unchanged, spoil):
        paths = variant(change)
        data = DataFile(paths["data_file"])
        train, test = (
            tuple(SplitEntry(s, t, (0, 40), bounds) for s, t in data.trial_keys()) for bounds in (targets, ((28, 32),))
        )
        Split("random_frame", 0, data.content_hash, {}, train, test).save(paths["split"])
        requires = ("markers", "marker_velocities", "coordinates", "coordinate_velocities", "mass")
        dataset = VIDDataset(**paths, requires=requires, window=5, marker_frame="ground", grf=True)
        found.append(dataset.target_statistics())
    inputs = {f"input_{name}" for name in (*requires, "markers_centred")}
    others = {"torques_per_kg", "markers", "grf_per_kg", "example_motions"}
    assert found[0].keys() == found[1].keys() == others | inputs
    for name, statistics in found[0].items():
        np.testing.assert_array_equal(found[1][name], statistics, err_msg=name)


def test_a_torque_without_a_good_label_is_named(variant):
    def spoil(trial):
        trial.validity[:, COLUMNS[2]] = 1

    with pytest.raises(DataError, match="no good label of 'lumbar_extension'"):
        VIDDataset(**variant(spoil), window=5).target_statistics()


def test_metainfo(tiny):
    dataset = VIDDataset(**tiny, subset="train", window=5, predictions=7)
    assert len(dataset) == 18
    assert dataset.metainfo["split_hash"] == Split.load(tiny["split"]).hash
    assert (dataset.metainfo["window"], dataset.metainfo["target_index"]) == (5, 2)
    causal = VIDDataset(**tiny, requires=["markers"], window=4, target_index=3)
    assert (causal.metainfo["window"], causal.metainfo["target_index"]) == (4, 3)


# --- mistakes -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"subset": "all"}, "subset='all'"),
        ({"requires": ["images"]}, "requires=.*must be some of frames"),
        ({"requires": "frames"}, "requires='frames'"),
        ({"window": 4}, "window=4 must be odd"),
        ({"window": 0, "target_index": 0}, "window=0"),
        ({"window": 4, "target_index": 4}, "target_index=4 must be one of the 4 frames"),
        ({"window": 4, "target_index": -1}, "target_index=-1 must be one of the 4 frames"),
        ({"predictions": 0}, "predictions=0"),
        ({"predictions": 2.5}, "predictions=2.5 must be a whole number"),
        ({"marker_frame": "world"}, "marker_frame='world'"),
        ({"torques": ["knee_angle"]}, "torques="),
        ({"torques": []}, r"torques=\[\] names none"),
        ({"image_size": 0}, "image_size=0"),
        (
            {"pipeline": [{"type": "CropJiter"}]},
            r"'CropJiter' is not registered .*did you mean CropJitter",
        ),
    ],
)
def test_a_wrong_argument_is_named(tiny, arguments, message):
    with pytest.raises(ConfigError, match=message):
        VIDDataset(**tiny, **arguments)


def test_a_split_of_another_file_is_refused(tiny, variant):
    paths = variant(unchanged)
    with pytest.raises(DataError, match="made for another data file"):
        VIDDataset(data_file=paths["data_file"], split=tiny["split"], window=5)


def test_a_gap_shorter_than_the_window_is_said(tiny, said):
    VIDDataset(**tiny, window=7)
    assert "its gap of 5 frames is shorter than the window of 7" in said[-1]
    VIDDataset(**tiny, window=5)
    assert len(said) == 1
    VIDDataset(**tiny, window=6, target_index=2)
    assert "its gap of 5 frames is shorter than the window of 6" in said[-1]
    VIDDataset(**tiny, window=4, target_index=3)
    assert len(said) == 2


def test_an_unknown_height_is_refused_where_it_is_needed(variant):
    def spoil(trial):
        trial.height_m = float("nan")

    paths = variant(spoil)
    VIDDataset(**paths, window=5, requires=["markers"])
    with pytest.raises(DataError, match="has height nan m"):
        VIDDataset(**paths, window=5, requires=["markers", "height"])


def test_a_trial_without_what_the_model_sees_is_refused(variant):
    """A trial that was filmed and not captured holds markers of NaN: nothing there could be filled in."""

    def spoil(trial):
        if trial.trial == "DJ1":
            trial.markers[:] = np.nan

    paths = variant(spoil)
    VIDDataset(**paths, window=5, requires=["frames"])
    with pytest.raises(DataError, match="subject1/DJ1 has no 'markers' in the frames of this split"):
        VIDDataset(**paths, window=5, requires=["markers"])


def test_fill_gaps_takes_the_nearest():
    values = np.array([np.nan, 1, np.nan, np.nan, np.inf, 5, np.nan])[:, None].astype(np.float32)
    np.testing.assert_array_equal(fill_gaps(values)[:, 0], [1, 1, 1, 1, 5, 5, 5])
    assert np.isnan(fill_gaps(np.full((3, 1), np.nan))).all()


def test_loso_trains_on_nothing_of_the_subject(tiny_data_file, tmp_path):
    make_split(DataFile(tiny_data_file), "loso", held_out=["subject2"]).save(tmp_path / "split.json")
    paths = {"data_file": tiny_data_file, "split": tmp_path / "split.json"}
    train = centres_of(VIDDataset(**paths, requires=["markers"], window=5, predictions=8))
    test = centres_of(VIDDataset(**paths, subset="test", requires=["markers"], window=5, predictions=8))
    assert {subject for subject, *_ in train} == {"subject1"}
    assert Counter(subject for subject, *_ in test) == {"subject2": 120}

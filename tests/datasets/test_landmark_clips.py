"""Landmarks as inputs: what lies between those of the images, without gaps, of each camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vidzoo.anatomy import BODY_LANDMARKS, LANDMARKS
from vidzoo.datasets import VIDDataset
from vidzoo.datasets.transforms import mirror_sample
from vidzoo.errors import DataError
from vidzoo.geometry import project
from vidzoo.io.data_file import DataFile, LandmarkStatus
from vidzoo.registry import TRANSFORMS
from vidzoo.task import LANDMARK_MODALITIES

BUILD = {"requires": LANDMARK_MODALITIES, "window": 5, "predictions": 6}


def _second_camera(trial):
    track = trial.cameras["Cam0"]
    moved = replace(track.landmarks, world=track.landmarks.world + 1)
    trial.cameras["Cam1"] = replace(track, jpegs=[], landmarks=moved)


def between(reader, camera: str, values: np.ndarray, context: tuple[int, int]) -> np.ndarray:
    """Interpolate [V, ...] between the images of some frames in which the person was found, one column at a time."""
    images = np.unique(reader.camera_array(camera, "video_index")[slice(*context)])
    images = images[reader.landmarks(camera).status[images] == LandmarkStatus.FOUND]
    time, video_time = reader.array("time", slice(*context)), reader.camera_array(camera, "video_time")
    flat = values.reshape(len(values), -1)[images]
    columns = [np.interp(time, video_time[images], column) for column in flat.T]
    return np.stack(columns, axis=1).reshape(len(time), *values.shape[1:])


@pytest.mark.parametrize(("subset", "context"), [("train", (0, 27)), ("test", (32, 40))])
def test_each_frame_has_what_lies_between_its_images(variant, subset, context):
    """Frames are 10 ms apart, images 17 ms; of the third image no landmarks are known."""
    paths = variant(_second_camera)
    dataset, data = VIDDataset(**paths, **BUILD, subset=subset), DataFile(paths["data_file"])
    seen, stand_ins = set(), 0
    for index in range(len(dataset)):
        sample = dataset[index]
        labels, inputs = sample["data_samples"], sample["inputs"]
        assert set(inputs) == set(LANDMARK_MODALITIES)
        assert inputs["landmarks"].shape == (10, 33, 2)
        assert all(value.isfinite().all() for value in inputs.values())
        reader, camera = data.trial(labels.subject, labels.trial), labels.camera
        track, shown = reader.landmarks(camera), reader.camera_array(camera, "video_index")
        pixels, visibility, world = (
            between(reader, camera, v, context) for v in (track.pixels, track.visibility, track.world)
        )
        for k, frame in enumerate(labels.frame_indices):
            if frame < 0:
                continue
            here, row = {name: value[k + 2].numpy() for name, value in inputs.items()}, frame - context[0]
            assert here["landmark_valid"] == (track.status[shown[frame]] == LandmarkStatus.FOUND)
            np.testing.assert_allclose(here["landmarks_world"], world[row], atol=1e-5)
            np.testing.assert_allclose(here["landmark_visibility"], visibility[row], atol=1e-5)
            np.testing.assert_allclose(here["landmarks"], (pixels[row] + 0.5) / 64, atol=1e-5)
            stand_ins += not here["landmark_valid"]
            seen.add((labels.trial, camera))
    assert len(seen) == 4
    assert bool(stand_ins) == (subset == "train")


def test_a_gap_is_filled_from_the_split_s_own_frames(variant):
    """The training subset ends in images without a person; the ones after them belong to the test."""

    def spoil(trial):
        track = trial.cameras["Cam0"].landmarks
        track.status[14:17] = LandmarkStatus.LOST  # frames 23-27 of 0-26 show these images
        track.world[14:17], track.world[17:] = np.nan, 1e3

    dataset = VIDDataset(**variant(spoil), **BUILD)
    worlds = torch.cat([dataset[i]["inputs"]["landmarks_world"] for i in range(len(dataset))])
    assert worlds.abs().max() < 10


def test_what_has_no_landmarks_is_one_sentence(variant):
    def without(trial):
        trial.cameras["Cam0"].landmarks = None

    def no_person(trial):
        trial.cameras["Cam0"].landmarks.status[:] = LandmarkStatus.NO_PERSON

    with pytest.raises(DataError, match=r"subject1/DJ1/Cam0 has no landmarks; write them with 'vidzoo landmarks"):
        VIDDataset(**variant(without), **BUILD)
    with pytest.raises(DataError, match="Cam0: no person was found in the images of this split's frames"):
        VIDDataset(**variant(no_person), **BUILD)


def test_statistics_are_over_all_cameras(variant):
    paths = variant(_second_camera)
    found = VIDDataset(**paths, **BUILD).target_statistics()
    inputs = {name for name in found if name.startswith("input_")}
    assert inputs == {f"input_{name}" for name in ("landmarks", "landmark_visibility", "landmarks_world")} | {
        "input_landmarks_turned"
    }
    worlds, turned = [], []
    for reader in DataFile(paths["data_file"]):
        for camera in ("Cam0", "Cam1"):
            world = between(reader, camera, reader.landmarks(camera).world, (0, 27))  # 40 frames: 32 - 5 train
            worlds.append(world)
            hips = world[:, LANDMARKS.index("hip_l")] - world[:, LANDMARKS.index("hip_r")]
            back = Rotation.from_euler("y", np.arctan2(hips[:, 2], hips[:, 0])[:, None])
            body = [back.apply(world[:, LANDMARKS.index(name)]) for name in BODY_LANDMARKS]
            turned.append(np.stack(body, axis=1) / reader.height_m)
    for name, values in (("world", worlds), ("turned", turned)):
        mean, std = found[f"input_landmarks_{name}"]
        np.testing.assert_allclose(mean, np.concatenate(values).mean(0), atol=1e-5)
        np.testing.assert_allclose(std, np.maximum(np.concatenate(values).std(0), 0.005), atol=1e-5)
    left, right = (np.concatenate(turned)[:, BODY_LANDMARKS.index(f"hip_{side}")] for side in "lr")
    assert (left[:, 0] > right[:, 0]).all()
    np.testing.assert_allclose(left[:, 2], right[:, 2], atol=1e-6)


# --- the mirror and the crop ----------------------------------------------------------------------------------------
def test_the_mirrored_landmarks_are_those_of_the_mirrored_person():
    """Points of a body, seen by a pinhole camera in the middle of the mirror plane, before and after the mirror."""
    rng = np.random.default_rng(0)
    size = np.array([64, 48])
    intrinsics = np.array([[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]])
    body = rng.normal(size=(7, 33, 3)) * 0.3
    right = [LANDMARKS.index(name) for name in LANDMARKS if name.endswith("_r")]
    left = [LANDMARKS.index(f"{LANDMARKS[i][:-2]}_l") for i in right]
    assert len(right) == 16
    opposite = body * [-1, 1, 1]  # the person in the mirror: what was right is left
    opposite[:, right], opposite[:, left] = opposite[:, left], opposite[:, right]

    def seen(points):
        pixels = project(points + [0, 0, 4], intrinsics)
        return {"landmarks": (pixels + 0.5) / size, "landmarks_world": points}

    mirrored, expected = mirror_sample(seen(body)), seen(opposite)
    for name in expected:
        np.testing.assert_allclose(mirrored[name], expected[name], atol=1e-12)
    visibility = rng.random((7, 33))
    swapped = mirror_sample({"landmark_visibility": visibility})["landmark_visibility"]
    np.testing.assert_array_equal(swapped[:, right], visibility[:, left])
    np.testing.assert_array_equal(swapped[:, 0], visibility[:, 0])


def test_crop_jitter_moves_landmarks_with_the_picture():
    image = np.zeros((1, 64, 64, 3), np.uint8)
    image[0, 38:43, 18:23] = 255  # about pixel (20, 40)
    sample = {
        "images": image,
        "landmarks": np.full((2, 33, 2), (np.array([20, 40]) + 0.5) / 64, np.float32),
        "rng": np.random.default_rng(5),
    }
    out = TRANSFORMS.build({"type": "CropJitter", "scale": 0.3, "shift": 0.1})(sample)
    weight = out["images"][0, ..., 0].astype(float)
    middle = np.array([(weight.sum(axis) * np.arange(64)).sum() / weight.sum() for axis in (0, 1)])
    assert np.abs(middle - [20, 40]).max() > 1
    assert out["landmarks"].dtype == np.float32
    np.testing.assert_allclose(out["landmarks"][1, 7] * 64 - 0.5, middle, atol=0.2)

"""Landmarks as inputs: those of the image that each frame shows, without gaps, of each camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from vidzoo.anatomy import LANDMARKS
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


@pytest.mark.parametrize("subset", ["train", "test"])
def test_each_frame_has_the_landmarks_of_the_image_that_it_shows(variant, subset):
    paths = variant(_second_camera)
    dataset, data = VIDDataset(**paths, **BUILD, subset=subset), DataFile(paths["data_file"])
    seen, stand_ins = set(), 0
    for index in range(len(dataset)):
        sample = dataset[index]
        labels, inputs = sample["data_samples"], sample["inputs"]
        assert set(inputs) == set(LANDMARK_MODALITIES)
        assert inputs["landmarks"].shape == (10, 33, 2)
        assert all(value.isfinite().all() for value in inputs.values())
        reader = data.trial(labels.subject, labels.trial)
        track = reader.landmarks(labels.camera)
        for k, frame in enumerate(labels.frame_indices):
            if frame < 0:
                continue
            shown = reader.camera_array(labels.camera, "video_index")[frame]
            here = {name: value[k + 2].numpy() for name, value in inputs.items()}
            assert here["landmark_valid"] == (track.status[shown] == LandmarkStatus.FOUND)
            if not here["landmark_valid"]:
                assert shown == 2
                world = [track.world[image] for image in (1, 3)]
                assert any(np.array_equal(here["landmarks_world"], value) for value in world)
                stand_ins += 1
                continue
            np.testing.assert_array_equal(here["landmarks_world"], track.world[shown])
            np.testing.assert_array_equal(here["landmark_visibility"], track.visibility[shown])
            np.testing.assert_allclose(here["landmarks"], (track.pixels[shown] + 0.5) / 64, rtol=1e-6)
            seen.add((labels.trial, labels.camera))
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
    assert inputs == {"input_landmarks", "input_landmark_visibility", "input_landmarks_world"}
    worlds = []
    for reader in DataFile(paths["data_file"]):
        for camera in ("Cam0", "Cam1"):
            shown = reader.camera_array(camera, "video_index")[:27]  # 40 frames: 32 - 5 train
            world = reader.landmarks(camera).world
            world[2] = np.nan
            worlds.append(world[shown])
    expected = np.nanmean(np.concatenate(worlds).astype(float), axis=0)
    np.testing.assert_allclose(found["input_landmarks_world"][0], expected, atol=0.06)  # a stand-in for 1 or 2 of 27


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

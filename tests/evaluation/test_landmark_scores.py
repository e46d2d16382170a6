"""Landmarks against motion capture: made-up landmarks whose error is known."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vidzoo.anatomy import COORDINATES, LANDMARK_LIMBS, LANDMARKS, MARKERS
from vidzoo.cli.main import main
from vidzoo.errors import DataError
from vidzoo.evaluation.landmarks import score_landmarks
from vidzoo.geometry import project
from vidzoo.io.data_file import DataFile, DataFileWriter, LandmarkTrack

BODY = {"shoulder": (0.0, 0.5, 0.2), "elbow": (0, 0.2, 0.25), "wrist": (0.1, 0, 0.3), "hip": (0, 0, 0.1),
        "knee": (0.1, -0.4, 0.1), "ankle": (0, -0.8, 0.1), "heel": (-0.05, -0.85, 0.1),
        "toe": (0.15, -0.85, 0.1)}  # fmt: skip
"""Right joints of a made-up body, m: x forward, y up, z to the right, from the middle of the hips."""
NEAR = {"shoulder": ["shoulder"], "elbow": ["elbow_med", "elbow_lat"], "wrist": ["wrist_radius", "wrist_ulna"],
        "hip": ["hjc"], "knee": ["knee"], "ankle": ["ankle"], "heel": ["calc"], "toe": ["toe"]}  # fmt: skip
TURN = Rotation.from_euler("xyz", [6, -3, 2], degrees=True)
"""Of the landmarks' axes from the camera's."""


@pytest.fixture
def trial(small_trial):
    """A trial whose markers stand on that body, and landmarks that see it without error, in axes turned by ``TURN``."""
    trial = small_trial("subject1", "walking1")
    camera = trial.cameras["Cam0"]  # before the person, who walks towards it
    camera.rotation = np.array([[0.0, 0, -1], [0, -1, 0], [-1, 0, 0]])
    sway = 0.3 * np.sin(2 * np.pi * trial.time)[:, None] * [1.0, 0, 0]

    def place(joint, side, at):
        sign = {"r": 1, "l": -1}[side]
        bend = 0.15 * np.sin(2 * np.pi * at)[:, None] * [1.0, 0, 0] if joint == "ankle" else 0
        return np.array(BODY[joint]) * [1, 1, sign] + [0, 1, 0] + bend

    for joint, names in NEAR.items():
        for side in "rl":
            for name in names:
                column = [marker.lower() for marker in MARKERS].index(f"{side}_{name}")
                trial.markers[:, column] = place(joint, side, trial.time) + sway
    thigh, shank = np.array(BODY["hip"]) - BODY["knee"], np.array(BODY["knee"]) - BODY["ankle"]
    bends = place("knee", "r", trial.time) - place("ankle", "r", trial.time)
    cosine = (thigh * bends).sum(axis=-1) / np.linalg.norm(thigh) / np.linalg.norm(bends, axis=-1)
    for side in "rl":
        trial.coordinates[:, COORDINATES.index(f"knee_angle_{side}")] = np.arccos(cosine)
    assert np.linalg.norm(shank) > 0.4
    video = camera.video_time
    points = np.zeros((len(video), len(LANDMARKS), 3))
    for joint in BODY:
        for side in "rl":
            now = np.stack([np.interp(video, trial.time, column) for column in sway.T], axis=1)
            points[:, LANDMARKS.index(f"{joint}_{side}")] = place(joint, side, video) + now
    hips = [LANDMARKS.index(f"hip_{side}") for side in "lr"]
    centred = points - points[:, hips].mean(axis=1, keepdims=True)
    camera.landmarks = LandmarkTrack(
        pixels=project(points @ camera.rotation.T + camera.translation, camera.intrinsics),
        visibility=np.ones(points.shape[:2]),
        world=TURN.apply((centred @ camera.rotation.T).reshape(-1, 3)).reshape(points.shape),
        status=np.zeros(len(video), np.uint8),
        exchanged=np.zeros((len(video), len(LANDMARK_LIMBS)), np.uint8),
        image_size=(64, 64),
        network="made-up",
        weights_hash="",
    )
    return trial


def score(trial, path) -> dict:
    with DataFileWriter(path, {}) as writer:
        writer.add(trial)
    return score_landmarks(DataFile(path))["cameras"][0]


def test_landmarks_without_error(trial, tmp_path):
    row = score(trial, tmp_path / "vid.h5")
    assert (row["images"], row["found"], row["compared"]) == (24, 24, 24)
    assert row["world_mm"] < 1  # half precision
    assert row["axes_deg"] == pytest.approx(np.rad2deg(TURN.magnitude()), abs=0.1)
    assert max(row["pixels"].values()) < 0.1
    assert all(knee["r"] > 0.99 and knee["mean_difference_deg"] < 0.5 for knee in row["knee"].values())
    assert all(counts == {"sure": 24, "before": 0, "after": 0} for counts in row["exchanged"].values())


def test_known_errors_are_found(trial, tmp_path):
    track = trial.cameras["Cam0"].landmarks
    track.status[3] = 1
    for values in (track.pixels, track.visibility, track.world):
        values[3] = np.nan
    left, right = (np.array([LANDMARKS.index(f"{n}_{s}") for n in LANDMARK_LIMBS["legs"]]) for s in "lr")
    wrong = track.pixels.copy()
    wrong[10:14, left], wrong[10:14, right] = track.pixels[10:14][:, right], track.pixels[10:14][:, left]
    exchanged = track.exchanged.copy()
    exchanged[10:12, list(LANDMARK_LIMBS).index("legs")] = 1  # two of them by a repair that did harm
    exchanged[20:23, list(LANDMARK_LIMBS).index("legs")] = 1  # and three that a repair put right
    world = track.world.copy()
    world[:, LANDMARKS.index("knee_r"), 2] += 0.16
    trial.cameras["Cam0"].landmarks = replace(track, pixels=wrong, exchanged=exchanged, world=world)
    row = score(trial, tmp_path / "vid.h5")
    assert (row["found"], row["compared"]) == (23, 23)
    assert row["exchanged"]["legs"] == {"sure": 23, "before": 2 + 3, "after": 4}
    assert row["exchanged"]["hips"] == {"sure": 23, "before": 0, "after": 0}
    # One of two knees, one of sixteen joints; the rotation that fits best takes up a part and gives it to the others.
    assert 65 < row["world_mm_joints"]["knee"] < 80
    assert 160 / 16 < row["world_mm"] < 20


def test_without_calibration_what_needs_none_is_there(trial, tmp_path):
    trial.cameras["Cam0"] = replace(trial.cameras["Cam0"], intrinsics=None, rotation=None, translation=None)
    row = score(trial, tmp_path / "vid.h5")
    assert row["world_mm"] < 1
    assert not {"pixels", "exchanged", "axes_deg"} & set(row)


def test_the_command_writes_the_figures(trial, tmp_path, monkeypatch, capsys):
    score(trial, tmp_path / "vid.h5")
    monkeypatch.setattr(
        sys, "argv", ["vidzoo", "score-landmarks", str(tmp_path / "vid.h5"), "--out", str(tmp_path / "found.json")]
    )
    main()
    assert "subject1/walking1/Cam0" in capsys.readouterr().out
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["landmarks_hash"] == DataFile(tmp_path / "vid.h5").landmarks_hash


def test_no_landmarks_is_one_sentence(trial, tmp_path):
    trial.cameras["Cam0"].landmarks = None
    with pytest.raises(DataError, match="holds no landmarks; find them with 'vidzoo landmarks"):
        score(trial, tmp_path / "vid.h5")

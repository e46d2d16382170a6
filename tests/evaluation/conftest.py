"""A small file with bad and missing labels, two subjects of different mass, and predictions for its test subset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES, MARKERS, action_family
from vidzoo.evaluation.labels import load_labels
from vidzoo.io.data_file import CameraTrack, DataFile, DataFileWriter, Reason, Trial
from vidzoo.io.predictions import Predictions
from vidzoo.io.splits import Split, SplitEntry

FRAMES = 60
TRIALS = ("DJ1", "DJ2", "squats1", "STS1", "walking1", "walking2")
COLUMNS = [COORDINATES.index(name) for name in BENCHMARK_JOINTS]


def _camera(kind: str) -> CameraTrack:
    images = [b"not decoded here"] * FRAMES
    return CameraTrack(
        jpegs=images,
        video_time=np.arange(FRAMES) / 100,
        video_index=np.arange(FRAMES),
        crop=np.tile([0, 0, 64, 64], (FRAMES, 1)),
        kind=kind,
        source_size=(64, 64),
    )


def _trial(subject: str, name: str, mass: float, height: float, seed: int) -> Trial:
    rng = np.random.default_rng([seed, *name.encode()])
    c = len(COORDINATES)
    torques = rng.normal(20 * rng.normal(size=c), 30, (FRAMES, c))
    validity = np.where(rng.random((FRAMES, c)) < 0.1, Reason.RESIDUAL, Reason.GOOD)
    torques[5, COLUMNS[0]] = torques[40, COLUMNS[3]] = np.nan  # a label that says good and is no number
    if name == "squats1":
        validity[:, COLUMNS[5]] = Reason.COORDINATE_JUMP  # a joint without any good label in this trial
    zeros = np.zeros((FRAMES, c))
    return Trial(
        subject=subject,
        trial=name,
        action=action_family(name) or name,
        rate_hz=100.0,
        mass_kg=mass,
        mass_source="metadata",
        height_m=height,
        sex="m",
        motion="real",
        time=np.arange(FRAMES) / 100,
        markers=np.zeros((FRAMES, len(MARKERS), 3)),
        marker_velocities=np.zeros((FRAMES, len(MARKERS), 3)),
        coordinates=zeros,
        coordinate_velocities=zeros,
        torques=torques,
        validity=validity,
        cameras={"Cam0": _camera("rendered"), "Cam1": _camera("rendered")},
    )


@pytest.fixture(scope="session")
def faulty_data(tmp_path_factory: pytest.TempPathFactory) -> DataFile:
    """Two subjects (50 and 90 kg), six trials each, 10 % bad labels, some that are no number."""
    path = tmp_path_factory.mktemp("faulty") / "faulty.h5"
    with DataFileWriter(path, {}) as writer:
        for seed, (subject, mass, height) in enumerate((("subject2", 50.0, 1.6), ("subject10", 90.0, 1.9))):
            for name in TRIALS:
                writer.add(_trial(subject, name, mass, height, seed))
    return DataFile(path)


@pytest.fixture(scope="session")
def block_split(faulty_data: DataFile) -> Split:
    """The first 35 frames train, the frames 40-59 test; no STS trains."""
    train = tuple(SplitEntry(s, t, (0, 35), ((0, 35),)) for s, t in faulty_data.trial_keys() if t != "STS1")
    test = tuple(SplitEntry(s, t, (40, FRAMES), ((40, 50), (50, FRAMES))) for s, t in faulty_data.trial_keys())
    return Split("block", 0, faulty_data.content_hash, {"gap": 5}, train, test)


@pytest.fixture(scope="session")
def predict(faulty_data: DataFile) -> Callable[..., Predictions]:
    """Make noisy predictions of a split's test subset, in shuffled order."""

    def make(split: Split, cameras: tuple[str, ...] = ("Cam0",), noise: float = 15.0, seed: int = 0) -> Predictions:
        labels = load_labels(faulty_data, split.test)
        rng = np.random.default_rng(seed)
        parts = []
        for camera in cameras:
            torques = np.nan_to_num(labels.torques) + rng.normal(0, noise, labels.torques.shape)
            n = len(labels)
            parts.append((labels.subject, labels.trial, np.full(n, camera), labels.frame, torques))
        columns = [np.concatenate(column) for column in zip(*parts)]
        order = rng.permutation(len(columns[0]))
        subject, trial, camera, frame, torques = (column[order] for column in columns)
        return Predictions(subject, trial, camera, frame, torques.astype(np.float32), split.hash)

    return make


@pytest.fixture(scope="session")
def predictions(block_split: Split, predict: Callable[..., Predictions]) -> Predictions:
    """Predictions of the block split from one camera, with a provenance."""
    return replace(predict(block_split), provenance={"config": "model = dict()", "seed": 3})

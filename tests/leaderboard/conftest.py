"""A small benchmark of two people and 66 test frames, and runs to submit to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vidzoo.evaluation.labels import load_labels
from vidzoo.evaluation.score import score
from vidzoo.io.data_file import DataFile
from vidzoo.io.predictions import Predictions, write_predictions
from vidzoo.io.splits import Split
from vidzoo.leaderboard.benchmark import define
from vidzoo.leaderboard.page import render
from vidzoo.leaderboard.store import Store
from vidzoo.leaderboard.submit import Receipt, make_submission, submit_to_folder

TINY = "tiny@1/block"
PROVENANCE = {
    "config": "model = dict(type='ImDy', window=6)\noptim = dict(lr=-1e-3, betas=(0.9, 0.99))\n",
    "seed": 3,
    "commit": "0" * 40,
    "inputs": ["markers", "marker_valid"],
    "parameters": 1000,
    "seconds_per_1000_predictions": 0.5,
    "checkpoint": {"name": "epoch_1.pth", "sha256": "a" * 64},
    "trained_on": {"data_file": "data/tiny.h5", "split_hash": "b" * 64},
    "torch": "2.15.0",
}


@pytest.fixture(scope="session")
def data(tiny_data_file: Path) -> DataFile:
    """The data of the benchmark."""
    return DataFile(tiny_data_file)


@pytest.fixture(scope="session")
def split(tiny_split: Path) -> Split:
    """Its split."""
    return Split.load(tiny_split)


@pytest.fixture(scope="session")
def predict(data: DataFile, split: Split) -> Callable[..., Predictions]:
    """Make predictions, the worse the more ``noise``."""

    def make(noise: float = 10.0, seed: int = 0, **changes: object) -> Predictions:
        labels = load_labels(data, split.test)
        torques = np.nan_to_num(labels.torques) + np.random.default_rng(seed).normal(0, noise, labels.torques.shape)
        camera = np.full(len(labels), "")
        content = {"torques": torques.astype(np.float32), "split_hash": split.hash, "provenance": PROVENANCE}
        return Predictions(labels.subject, labels.trial, camera, labels.frame, **{**content, **changes})

    return make


@pytest.fixture
def run(predict: Callable[..., Predictions], data: DataFile, split: Split, tmp_path: Path) -> Callable[..., Path]:
    """Write predictions and their results.json into a folder of their own; return the predictions' path."""

    def write(name: str = "run", noise: float = 10.0, seed: int = 0, **changes: object) -> Path:
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        predictions = predict(noise, seed, **changes)
        write_predictions(folder / "predictions.npz", predictions)
        (folder / "results.json").write_text(json.dumps(score(predictions, data, split)))
        return folder / "predictions.npz"

    return write


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A model card."""
    path = tmp_path / "card.md"
    path.write_text("# A model\n\nÜber *alles*.\n", encoding="utf-8")
    return path


@pytest.fixture
def store(tmp_path: Path, data: DataFile, split: Split) -> Store:
    """A leaderboard with the benchmark in it and no entry."""
    found = Store(tmp_path / "leaderboard", create=True)
    define(found.folder / "benchmarks", "tiny@1", data, split, "made by a test", "Apache-2.0", True, "Ends of trials.")
    found.write_generated(render)
    return found


@pytest.fixture
def submit(run: Callable[..., Path], store: Store, card: Path) -> Callable[..., Receipt]:
    """Submit a run of some noise to the store."""

    def make(model: str, noise: float = 10.0, seed: int = 0, authors: tuple[str, ...] = ("A. B.",), **more) -> Receipt:
        predictions = run(f"run_{noise}_{seed}", noise, seed)
        submission = make_submission(predictions, TINY, model, card, authors, **more)
        return submit_to_folder(submission, predictions, store.folder)

    return make

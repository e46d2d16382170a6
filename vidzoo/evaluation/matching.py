"""Pairing predictions with the labels of a split's test subset, each exactly once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vidzoo.errors import DataError
from vidzoo.evaluation.labels import Labels, load_labels
from vidzoo.io.data_file import DataFile
from vidzoo.io.predictions import Predictions, benchmark_columns, check_predictions, sample_groups
from vidzoo.io.splits import Split

Recording = tuple[str, str]
"""Names of a subject and a trial."""
_Group = tuple[str, str, str]
"""Names of a subject, a trial and a camera."""


@dataclass(frozen=True)
class Samples:
    """n scored samples: each test frame once for each camera that was predicted, trials one after the other."""

    labels: Labels
    row: np.ndarray
    """[n] int: the label of each sample."""
    torques: np.ndarray
    """[n, Q] N·m, in the order of BENCHMARK_JOINTS."""
    cameras: dict[Recording, list[str]]


def check_origin(predictions: Predictions, data: DataFile, split: Split) -> None:
    """Check that predictions, data file and split belong together.

    Raises:
        DataError: the split is another file's, or the predictions are of another split or of other joints.
    """
    if split.data_hash != data.content_hash:
        raise DataError(
            f"{data.path}: the split was made for another data file (content hash {split.data_hash[:12]}, this one's "
            f"is {data.content_hash[:12]}); make it again with 'vidzoo split'."
        )
    if predictions.split_hash != split.hash:
        raise DataError(
            f"predictions: they were made for the split {predictions.split_hash[:12] or '(none)'}, not for this one, "
            f"{split.hash[:12]}; test the model on this split."
        )
    benchmark_columns(predictions.torque_names, "predictions")
    check_predictions(predictions, "predictions")


def _check_cameras(cameras: dict[Recording, list[str]], labels: Labels, data: DataFile) -> None:
    for trial in labels.trials:
        named = cameras.get((trial.subject, trial.trial), [])
        unknown = set(named) - {"", *trial.cameras} if trial.cameras else set()
        if unknown or ("" in named and len(named) > 1):
            raise DataError(
                f"predictions: {trial.subject}/{trial.trial} has the cameras {', '.join(trial.cameras) or '(none)'} in "
                f"{data.path.name}, but the predictions name {', '.join(repr(name) for name in sorted(named))[:300]}; "
                f"name cameras of the file, or '' alone for a model that sees no image."
            )


def _wanted_rows(
    split: Split, labels: Labels, cameras: dict[Recording, list[str]], unit: dict[Recording, int]
) -> dict[_Group, np.ndarray]:
    """Return the label rows that each (subject, trial, camera) must have a prediction for."""
    chosen = {camera for named in cameras.values() for camera in named if camera}
    """Cameras of all predictions: each trial is asked for every one of them that it has."""
    has = {(trial.subject, trial.trial): chosen & set(trial.cameras) for trial in labels.trials}
    wanted: dict[_Group, list[np.ndarray]] = {}
    for entry in split.test:
        recording = (entry.subject, entry.trial)
        frames = entry.target_frames
        if len(frames):
            start, stop = labels.starts[unit[recording] : unit[recording] + 2]
            rows = start + np.searchsorted(labels.frame[start:stop], frames)
            for camera in entry.cameras or sorted(has[recording]) or cameras.get(recording, ["(any camera)"]):
                wanted.setdefault((*recording, camera), []).append(rows)
    return {group: np.unique(np.concatenate(parts)) for group, parts in wanted.items()}


def _check_frames(
    labels: Labels, predictions: Predictions, wanted: dict[_Group, np.ndarray], given: dict[_Group, np.ndarray]
) -> None:
    """Check that the predictions ``given`` are of exactly the label rows ``wanted``."""
    missing: list[tuple[int, str]] = []
    extra: list[tuple[int, str]] = []

    def note(found: list[tuple[int, str]], group: _Group, frames: np.ndarray) -> None:
        if len(frames):
            found.append((len(frames), f"{'/'.join(part for part in group if part)} frame {frames[0]}"))

    nothing = np.empty(0, np.int64)
    for group in dict.fromkeys([*wanted, *given]):
        asked = labels.frame[wanted.get(group, nothing)]
        answered = predictions.frame[given.get(group, nothing)]
        note(missing, group, np.setdiff1d(asked, answered, assume_unique=True))
        note(extra, group, np.setdiff1d(answered, asked, assume_unique=True))
    problems = [
        f"{sum(n for n, _ in found):,} frames are {kind}, the first is {found[0][1]}"
        for kind, found in (("missing", missing), ("not in the split's test subset", extra))
        if found
    ]
    if problems:
        raise DataError(
            f"predictions: {'; '.join(problems)[:1000]}; predict each test frame exactly once for each camera "
            f"({len(labels):,} frames in {len(labels.trials)} trials)."
        )


def match(predictions: Predictions, data: DataFile, split: Split) -> Samples:
    """Pair each prediction with its label.

    Raises:
        DataError: the predictions are of another split or of other joints, or not exactly the split's test frames.
    """
    check_origin(predictions, data, split)
    labels = load_labels(data, split.test)
    if not len(labels):
        raise DataError("split: its test subset is empty; make it again with 'vidzoo split'.")
    unit = {(trial.subject, trial.trial): u for u, trial in enumerate(labels.trials)}
    groups, group = sample_groups(predictions)
    cameras: dict[Recording, list[str]] = {}
    for subject, name, camera in groups:
        cameras.setdefault((subject, name), []).append(camera)
    _check_cameras(cameras, labels, data)

    order = np.lexsort((predictions.frame, group))
    bounds = np.searchsorted(group[order], np.arange(len(groups) + 1))
    given = {key: order[bounds[i] : bounds[i + 1]] for i, key in enumerate(groups)}
    wanted = _wanted_rows(split, labels, cameras, unit)
    _check_frames(labels, predictions, wanted, given)

    keys = sorted(wanted, key=lambda key: unit[key[0], key[1]])
    columns = benchmark_columns(predictions.torque_names, "predictions")
    taken = np.concatenate([given[key] for key in keys])
    return Samples(
        labels=labels,
        row=np.concatenate([wanted[key] for key in keys]),
        torques=predictions.torques[taken][:, columns].astype(np.float64),
        cameras=cameras,
    )

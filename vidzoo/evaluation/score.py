"""Score predictions against a data file's labels under a split: everything that ``results.json`` holds.

What a row and a section are: :mod:`vidzoo.evaluation.sections`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from vidzoo import __version__
from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.baselines.means import MeanTorque, fit_action_mean, fit_train_mean
from vidzoo.evaluation import functional as F
from vidzoo.evaluation.intervals import interval_section, unit_of
from vidzoo.evaluation.labels import Labels, load_labels
from vidzoo.evaluation.matching import Samples, match
from vidzoo.evaluation.results import FORMAT, UNITS, VERSION
from vidzoo.evaluation.sections import Sums, number, sorted_actions
from vidzoo.io.data_file import DataFile, Reason
from vidzoo.io.predictions import Predictions
from vidzoo.io.splits import Split


def _fit_baselines(train: Labels, counts: np.ndarray) -> tuple[dict[str, MeanTorque], dict[str, Any]]:
    """Fit both baselines on the training labels that count; return them and what they learnt."""
    per_kg = train.torques / train.mass[:, None]
    baselines = {
        "train_mean": fit_train_mean(per_kg, counts),
        "action_mean": fit_action_mean(per_kg, counts, train.action),
    }
    actions = baselines["action_mean"].of_action
    values = {
        "unit": "N·m/kg",
        "joints": list(BENCHMARK_JOINTS),
        "train_mean": [number(x) for x in baselines["train_mean"].mean],
        "action_mean": {name: [number(x) for x in actions[name]] for name in sorted_actions(set(actions))},
        "frames": len(train),
    }
    return baselines, values


def _section_with_baselines(
    samples: Samples, test_counts: np.ndarray, train: Labels, train_counts: np.ndarray, unit: str
) -> dict[str, Any]:
    """Make the section of the predictions on one choice of labels, and beneath it those of both baselines."""
    labels, row = samples.labels, samples.row
    recording, mass, height, true = labels.unit[row], labels.mass[row], labels.height[row], labels.torques[row]

    def section(torques: np.ndarray) -> dict[str, Any]:
        counts = test_counts & np.isfinite(torques)
        sums = F.trial_sums(torques, true, counts, mass, height, recording, len(labels.trials))
        frames = np.bincount(recording[counts.any(axis=1)], minlength=len(labels.trials))
        return Sums(sums, frames, labels, unit).section()

    fitted, values = _fit_baselines(train, train_counts)
    baselines = {}
    for name, baseline in fitted.items():
        rows = section(baseline.predict(labels.action, labels.mass)[row])
        baselines[name] = {**rows.pop("overall"), **rows}
    return {**section(samples.torques), "baselines": baselines, "baseline_values": values}


def _describe(samples: Samples) -> dict[str, list[str]]:
    """Return what was scored: kinds of motion and of images, cameras and subjects."""
    trials = samples.labels.trials
    seen = [(t, camera) for t in trials for camera in samples.cameras[t.subject, t.trial] if camera]
    kinds = {str(t.camera_attribute(camera, "kind")) if camera in t.cameras else "unknown" for t, camera in seen}
    return {
        "motion": sorted({t.motion for t in trials}),
        "images": sorted(kinds),
        "cameras": sorted({camera for cameras in samples.cameras.values() for camera in cameras if camera}),
        "subjects": sorted({t.subject for t in trials}),
    }


def _train_images(data: DataFile, split: Split) -> list[str]:
    """Return the kinds of images that a split trains on, where it names their cameras."""
    seen = ((data.trial(e.subject, e.trial), camera) for e in split.train for camera in e.cameras)
    return sorted({str(trial.camera_attribute(camera, "kind")) for trial, camera in seen})


def score(predictions: Predictions, data: DataFile, split: Split) -> dict[str, Any]:
    """Score predictions; return all of ``results.json`` (paper, equation 8 and Tables 2-4).

    Two choices of labels are scored: the good ones (the headline: ``overall``, ``joint``, ``action``, ``trial``) and
    all that are numbers (``all_labels``). Beside each stand the two baselines, fitted on the training labels of the
    same choice: their ``overall`` row at ``baselines.train_mean`` and ``baselines.action_mean``, their other rows
    beneath it. For an action that was not trained on, the action mean is the mean of all. Several cameras' predictions
    are separate samples.

    Args:
        predictions: of exactly the split's test frames, once for each camera: the split's own where it names some,
            else every camera that the predictions name anywhere, in each trial that has it.
        data: the file that the split was made for.
        split: whose test subset is scored and whose training subset the baselines are fitted on.

    Raises:
        DataError: the predictions do not belong to this split or are not exactly its test frames.
    """
    samples = match(predictions, data, split)
    labels, row = samples.labels, samples.row
    valid, finite = labels.valid[row], labels.finite[row]
    train = load_labels(data, split.train)
    subjects = {trial.subject for trial in labels.trials}
    unit = unit_of(split.protocol, len(subjects))

    left_out = Counter(Reason(int(code)).name.lower() for code in labels.reason[row][finite & ~valid])
    tested = {trial.action for trial in labels.trials}
    return {
        "format": FORMAT,
        "version": VERSION,
        "scorer": f"vidzoo {__version__}",
        "units": UNITS,
        **_section_with_baselines(samples, valid, train, train.valid, unit),
        "all_labels": {
            **_section_with_baselines(samples, finite, train, train.finite, unit),
            "left_out": int((finite & ~valid).sum()),
            "left_out_by_reason": dict(sorted(left_out.items())),
            "not_a_number": int((~finite).sum()),
        },
        "split": {
            "protocol": split.protocol,
            "hash": split.hash,
            "seed": split.seed,
            "settings": split.settings,
            "leaks": split.leaks,
            "actions_not_trained_on": sorted_actions(tested - set(train.action.tolist())),
        },
        "data": {
            "data_hash": data.content_hash,
            # which the content hash leaves out
            **({"landmarks_hash": data.landmarks_hash} if data.landmarks_hash else {}),
            **_describe(samples),
            "train_images": _train_images(data, split),
        },
        "counts": {
            "samples": len(row),
            "frames": len(labels),
            "trials": len(labels.trials),
            "subjects": len(subjects),
            "labels": int(valid.sum()),
        },
        "interval": interval_section(unit),
        "provenance": predictions.provenance,
    }


def recording_errors(predictions: Predictions, data: DataFile, split: Split) -> dict[tuple[str, str], float]:
    """Return mPJE_mean, N·m/kg over good labels, of each test recording (subject, trial) that has good labels.

    Raises:
        DataError: as :func:`score`.
    """
    samples = match(predictions, data, split)
    labels, row = samples.labels, samples.row
    unit, mass, height = labels.unit[row], labels.mass[row], labels.height[row]
    sums = F.trial_sums(samples.torques, labels.torques[row], labels.valid[row], mass, height, unit, len(labels.trials))
    error = F.mpje_mean(F.joint_figures(sums)["mPJE"])
    return {(t.subject, t.trial): float(e) for t, e in zip(labels.trials, error) if np.isfinite(e)}

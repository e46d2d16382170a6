"""Score predictions against a data file's labels under a split: everything that ``results.json`` holds.

A *row* is a dict of one group of samples: ``mPJE_mean``, ``mPJE_sum``, ``RMSE`` (N·m/kg), ``percent_BWht``,
``pearson_r``, ``R2`` (each the mean of its figures per joint, over the joints where it is defined), ``ci95`` and the
numbers behind them; None where a figure is undefined. In a joint's row the first two are its mPJE_joint; in a family's
or a trial's row ``mPJE_mean`` is its mPJE_action. A *section* is the rows of one predictor on one choice of labels.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from vidzoo import __version__
from vidzoo.anatomy import ACTION_FAMILIES, BENCHMARK_JOINTS, LOWER_LIMB_JOINTS
from vidzoo.baselines.means import MeanTorque, fit_action_mean, fit_train_mean
from vidzoo.errors import DataError
from vidzoo.evaluation import functional as F
from vidzoo.evaluation.labels import Labels, load_labels
from vidzoo.io.atomic import atomic_path
from vidzoo.io.data_file import DataFile, Reason
from vidzoo.io.predictions import Predictions, check_predictions, sample_groups
from vidzoo.io.splits import Split

FORMAT = "vid-results"
VERSION = 1
MAX_RESULTS_BYTES = 64 << 20
UNITS = {
    "mPJE_mean": "N·m/kg, mean over joints",
    "mPJE_sum": "N·m/kg, summed over joints",
    "lower_limb_mean": "N·m/kg, mPJE_mean of the six sagittal hip, knee and ankle torques",
    "RMSE": "N·m/kg",
    "percent_BWht": "% of body weight x height",
    "pearson_r": "1",
    "R2": "1",
}
_LOWER_LIMB = np.array([name in LOWER_LIMB_JOINTS for name in BENCHMARK_JOINTS])
_Recording = tuple[str, str]


def _number(value: Any) -> float | None:
    """Return a float for JSON; None for what is not finite."""
    return float(value) if np.isfinite(value) else None


def _sorted_families(names: set[str]) -> list[str]:
    """Put families in the benchmark's order, any other behind them."""
    return sorted(names, key=lambda n: (ACTION_FAMILIES.index(n) if n in ACTION_FAMILIES else 99, n))


# --- from predictions to samples ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Samples:
    """n scored samples: each test frame once for each camera that was predicted, trials one after the other."""

    labels: Labels
    row: np.ndarray
    """[n] int: the label of each sample."""
    torques: np.ndarray
    """[n, Q] N·m, in the order of BENCHMARK_JOINTS."""
    cameras: dict[_Recording, list[str]]


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
    if sorted(predictions.joint_names) != sorted(BENCHMARK_JOINTS):
        odd = sorted(set(predictions.joint_names) ^ set(BENCHMARK_JOINTS))
        raise DataError(
            f"predictions: their joints differ from the benchmark's {len(BENCHMARK_JOINTS)} by {', '.join(odd)[:300]}; "
            f"predict {', '.join(BENCHMARK_JOINTS)}."
        )
    check_predictions(predictions, "predictions")


def _check_cameras(cameras: dict[_Recording, list[str]], labels: Labels, data: DataFile) -> None:
    for trial in labels.trials:
        named = cameras.get((trial.subject, trial.trial), [])
        unknown = set(named) - {"", *trial.cameras} if trial.cameras else set()
        if unknown or ("" in named and len(named) > 1):
            raise DataError(
                f"predictions: {trial.subject}/{trial.trial} has the cameras {', '.join(trial.cameras) or '(none)'} in "
                f"{data.path.name}, but the predictions name {', '.join(repr(name) for name in sorted(named))[:300]}; "
                f"name cameras of the file, or '' alone for a model that sees no image."
            )


def _match(predictions: Predictions, data: DataFile, split: Split) -> _Samples:
    """Pair each prediction with its label.

    Raises:
        DataError: the predictions are of another split or of other joints, or not exactly the split's test frames.
    """
    check_origin(predictions, data, split)
    labels = load_labels(data, split.test)
    if not len(labels):
        raise DataError("split: its test subset is empty; make a split that holds frames on both subsets.")
    unit = {(trial.subject, trial.trial): u for u, trial in enumerate(labels.trials)}
    groups, group = sample_groups(predictions)
    cameras: dict[_Recording, list[str]] = {}
    for subject, name, camera in groups:
        cameras.setdefault((subject, name), []).append(camera)
    _check_cameras(cameras, labels, data)

    chosen = {camera for named in cameras.values() for camera in named if camera}
    """Cameras of all predictions: each trial is asked for every one of them that it has."""
    has = {(trial.subject, trial.trial): chosen & set(trial.cameras) for trial in labels.trials}
    wanted: dict[tuple[str, str, str], list[np.ndarray]] = {}
    """Label rows that (subject, trial, camera) must have a prediction for."""
    for entry in split.test:
        recording = (entry.subject, entry.trial)
        frames = entry.target_frames
        if len(frames):
            start, stop = labels.starts[unit[recording] : unit[recording] + 2]
            rows = start + np.searchsorted(labels.frame[start:stop], frames)
            for camera in entry.cameras or sorted(has[recording]) or cameras.get(recording, ["(any camera)"]):
                wanted.setdefault((*recording, camera), []).append(rows)

    order = np.lexsort((predictions.frame, group))
    bounds = np.searchsorted(group[order], np.arange(len(groups) + 1))
    given = {key: order[bounds[i] : bounds[i + 1]] for i, key in enumerate(groups)}

    missing: list[tuple[int, str]] = []
    extra: list[tuple[int, str]] = []

    def note(found: list[tuple[int, str]], key: tuple[str, str, str], frames: np.ndarray) -> None:
        if len(frames):
            found.append((len(frames), f"{'/'.join(part for part in key if part)} frame {frames[0]}"))

    pairs: list[tuple[int, np.ndarray, np.ndarray]] = []
    for key, parts in wanted.items():
        rows = np.unique(np.concatenate(parts))
        mine = given.pop(key, np.empty(0, np.int64))
        asked, answered = labels.frame[rows], predictions.frame[mine]
        note(missing, key, np.setdiff1d(asked, answered, assume_unique=True))
        note(extra, key, np.setdiff1d(answered, asked, assume_unique=True))
        pairs.append((unit[key[0], key[1]], rows, mine))
    for key, mine in given.items():
        note(extra, key, predictions.frame[mine])
    problems = [
        f"{sum(n for n, _ in found):,} frames are {kind}, the first is {found[0][1]}"
        for kind, found in (("missing", missing), ("not in the split's test subset", extra))
        if found
    ]
    if problems:
        raise DataError(
            f"predictions: {'; '.join(problems)[:1000]}; predict each test frame exactly once for each camera "
            f"({len(labels):,} frames in {len(unit)} trials)."
        )

    pairs.sort(key=lambda pair: pair[0])
    columns = [predictions.joint_names.index(name) for name in BENCHMARK_JOINTS]
    taken = np.concatenate([mine for _, _, mine in pairs])
    return _Samples(
        labels=labels,
        row=np.concatenate([rows for _, rows, _ in pairs]),
        torques=predictions.torques[taken][:, columns].astype(np.float64),
        cameras=cameras,
    )


# --- from samples to rows -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Sums:
    """What the rows of a section are made of."""

    sums: np.ndarray
    """[U, Q, S] of :func:`functional.trial_sums`, one unit per recording."""
    frames: np.ndarray
    """[U] samples with at least one label that counts."""
    labels: Labels
    resamples: int
    seed: int

    def row(self, units: np.ndarray, joints: np.ndarray) -> dict[str, Any]:
        """Make the row of some recordings and joints (two boolean masks)."""
        trials = [self.labels.trials[u] for u in np.flatnonzero(units)]
        sums = self.sums[units][:, joints]
        total = F.joint_figures(sums.sum(axis=0))
        counts = sums[..., F.COUNT].sum(axis=0)
        names = np.array(BENCHMARK_JOINTS)[joints]
        row: dict[str, Any] = {
            "mPJE_mean": _number(F.mpje_mean(total["mPJE"])),
            "mPJE_sum": _number(F.mpje_sum(total["mPJE"])),
        }
        if joints.sum() > 1:
            row["lower_limb_mean"] = _number(F.mpje_mean(total["mPJE"][_LOWER_LIMB[joints]]))
        for name in ("RMSE", "percent_BWht", "pearson_r", "R2"):
            row[name] = _number(F.over_joints(total[name]))
        row["ci95"] = self._interval(sums, [trial.subject for trial in trials])
        return row | {
            "frames": int(self.frames[units].sum()),
            "labels": int(counts.sum()),
            "trials": len(trials),
            "subjects": len({trial.subject for trial in trials}),
            "joints": int((counts > 0).sum()),
            "joints_without_labels": [str(name) for name in names[counts == 0]],
        }

    def _interval(self, sums: np.ndarray, subjects: list[str]) -> dict[str, Any]:
        drawn = "subject" if len({trial.subject for trial in self.labels.trials}) > 1 else "trial"
        if drawn == "subject":
            _, index = np.unique(subjects, return_inverse=True)
            sums = np.stack([sums[index == i].sum(axis=0) for i in range(index.max() + 1)])
        sums = sums[sums[..., F.COUNT].any(axis=1)]
        found: dict[str, Any] = {"mPJE_mean": None, "mPJE_sum": None, "drawn": drawn, "n": len(sums)}
        if len(sums) < 2:
            return found | {"reason": f"{len(sums)} {drawn} cannot show how much {drawn}s differ"}
        draws = F.bootstrap_mpje_joint(sums, self.resamples, self.seed)
        mean = F.mpje_mean(draws)
        scored = int(sums[..., F.COUNT].any(axis=0).sum())
        for name, figure in (("mPJE_mean", mean), ("mPJE_sum", mean * scored)):
            found[name] = [float(bound) for bound in F.interval(figure)]
        return found

    def section(self) -> dict[str, Any]:
        """Make every row: overall, joint, family and trial name."""
        trials = self.labels.trials
        everyone, every_joint = np.ones(len(trials), bool), np.ones(len(BENCHMARK_JOINTS), bool)
        family = np.array([trial.action for trial in trials])
        name = np.array([trial.trial for trial in trials])
        families = _sorted_families(set(family.tolist()))
        by_family = sorted(set(zip(family.tolist(), name.tolist())), key=lambda fn: (families.index(fn[0]), fn[1]))
        return {
            "overall": self.row(everyone, every_joint),
            "joint": {
                joint: self.row(everyone, np.arange(len(BENCHMARK_JOINTS)) == j)
                for j, joint in enumerate(BENCHMARK_JOINTS)
            },
            "family": {f: self.row(family == f, every_joint) for f in families},
            "trial": {n: {"family": f, **self.row(name == n, every_joint)} for f, n in by_family},
        }


def _fit_floors(train: Labels, counts: np.ndarray) -> tuple[dict[str, MeanTorque], dict[str, Any]]:
    """Fit both baselines on the training labels that count; return them and what they learnt."""
    per_kg = train.torques / train.mass[:, None]
    floors = {
        "train_mean": fit_train_mean(per_kg, counts),
        "family_mean": fit_action_mean(per_kg, counts, train.family),
    }
    families = floors["family_mean"].of_action
    values = {
        "unit": "N·m/kg",
        "joints": list(BENCHMARK_JOINTS),
        "train_mean": [_number(x) for x in floors["train_mean"].mean],
        "family_mean": {name: [_number(x) for x in families[name]] for name in _sorted_families(set(families))},
        "frames": len(train),
    }
    return floors, values


def score(
    predictions: Predictions, data: DataFile, split: Split, resamples: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """Score predictions; return all of ``results.json`` (paper, equation 8 and Tables 2-4; rows: see the module).

    Two choices of labels are scored: the good ones (the headline: ``overall``, ``joint``, ``family``, ``trial``) and
    all that are numbers (``all_labels``). Beside each stand the two floors, fitted on the training labels of the same
    choice: their ``overall`` row at ``floors.train_mean`` and ``floors.family_mean``, their other rows beneath it. A
    family that was not trained on has the floor of all families. Several cameras' predictions are separate samples.

    Args:
        predictions: of exactly the split's test frames, once for each camera: the split's own where it names some,
            else every camera that the predictions name anywhere, in each trial that has it.
        data: the file that the split was made for.
        split: whose test subset is scored and whose training subset the floors are fitted on.
        resamples: of the bootstrap behind ``ci95``, which draws subjects where there are several and trials otherwise.
        seed: of the bootstrap.

    Raises:
        DataError: the predictions do not belong to this split or are not exactly its test frames.
    """
    samples = _match(predictions, data, split)
    labels, row = samples.labels, samples.row
    unit, mass, height, true = labels.unit[row], labels.mass[row], labels.height[row], labels.torques[row]
    valid, finite = labels.valid[row], labels.finite[row]
    train = load_labels(data, split.train)

    def section(torques: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
        counts = counts & np.isfinite(torques)
        sums = F.trial_sums(torques, true, counts, mass, height, unit, len(labels.trials))
        frames = np.bincount(unit[counts.any(axis=1)], minlength=len(labels.trials))
        return _Sums(sums, frames, labels, resamples, seed).section()

    def with_floors(test_counts: np.ndarray, train_counts: np.ndarray) -> dict[str, Any]:
        result = section(samples.torques, test_counts)
        floors, values = _fit_floors(train, train_counts)
        result["floors"] = {}
        for name, floor in floors.items():
            rows = section(floor.predict(labels.family, labels.mass)[row], test_counts)
            result["floors"][name] = {**rows.pop("overall"), **rows}
        return result | {"floor_values": values}

    left_out = Counter(Reason(int(code)).name.lower() for code in labels.reason[row][finite & ~valid])
    tested = {trial.action for trial in labels.trials}
    images = {
        str(trial.camera_attribute(camera, "kind")) if camera in trial.cameras else "unknown"
        for trial in labels.trials
        for camera in samples.cameras[trial.subject, trial.trial]
        if camera
    }
    return {
        "format": FORMAT,
        "version": VERSION,
        "scorer": f"vidzoo {__version__}",
        "units": UNITS,
        **with_floors(valid, train.valid),
        "all_labels": {
            **with_floors(finite, train.finite),
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
            "families_not_trained_on": _sorted_families(tested - set(train.family.tolist())),
        },
        "data": {
            "vid_hash": data.content_hash,
            "motion": sorted({trial.motion for trial in labels.trials}),
            "images": sorted(images),
            "cameras": sorted({camera for cameras in samples.cameras.values() for camera in cameras if camera}),
            "subjects": sorted({trial.subject for trial in labels.trials}),
        },
        "counts": {
            "samples": len(row),
            "frames": len(labels),
            "trials": len(labels.trials),
            "subjects": len({trial.subject for trial in labels.trials}),
            "labels": int(valid.sum()),
        },
        "bootstrap": {"resamples": resamples, "seed": seed, "interval": "percentile, 95 %"},
        "provenance": predictions.provenance,
    }


def recording_errors(predictions: Predictions, data: DataFile, split: Split) -> dict[tuple[str, str], float]:
    """Return mPJE_mean, N·m/kg over good labels, of each test recording (subject, trial) that has good labels.

    Raises:
        DataError: as :func:`score`.
    """
    samples = _match(predictions, data, split)
    labels, row = samples.labels, samples.row
    unit, mass, height = labels.unit[row], labels.mass[row], labels.height[row]
    sums = F.trial_sums(samples.torques, labels.torques[row], labels.valid[row], mass, height, unit, len(labels.trials))
    error = F.mpje_mean(F.joint_figures(sums)["mPJE"])
    return {(t.subject, t.trial): float(e) for t, e in zip(labels.trials, error) if np.isfinite(e)}


def read_results(path: str | Path, formats: Mapping[str, int] = MappingProxyType({FORMAT: VERSION})) -> dict[str, Any]:
    """Read a ``results.json``, or a file of figures of another of the ``formats``, format -> version.

    Raises:
        DataError: it is missing, enormous or no results file of this version.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such results file; 'vidzoo test --out' writes one beside the predictions.")
    if path.stat().st_size > MAX_RESULTS_BYTES:
        raise DataError(f"{path}: larger than any results file ({MAX_RESULTS_BYTES >> 20} MiB).")
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        found = results["format"], results["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: is no results file ({error!r}); 'vidzoo test --out' writes one.") from None
    if found not in formats.items():
        expected = " or ".join(map(str, formats.items()))
        raise DataError(f"{path}: format {found}, expected {expected}; test the model again.")
    return results


def write_results(path: str | Path, results: dict[str, Any]) -> None:
    """Write results as JSON under a temporary name, then rename it.

    Raises:
        DataError: the folder does not exist, or ``path`` is a folder or cannot be written.
    """
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")

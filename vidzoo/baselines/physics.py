"""The physics baseline: inverse dynamics without force plates, and without any learning.

The feet's wrenches are those of :mod:`vidzoo.dynamics.load_sharing`, where the method stands. With them, ``tau =
tau_inertial - J_R^T W_R - J_L^T W_L``.

Trunk and arms do not depend on these wrenches: where a file's labels come from the same calculation of the motion, they
are right there by construction, and only the legs' figures tell how good the method is.

Letters: F frames, C coordinates; feet are right, left.
"""

from __future__ import annotations

import platform
import time

import numpy as np
from rich.progress import track

from vidzoo import __version__
from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES
from vidzoo.dynamics import load_sharing
from vidzoo.dynamics.load_sharing import GroundReaction
from vidzoo.errors import DataError
from vidzoo.io.data_file import DataFile, TrialReader
from vidzoo.io.predictions import Predictions
from vidzoo.io.provenance import commit, processor
from vidzoo.io.splits import Split

_JOINTS = [COORDINATES.index(name) for name in BENCHMARK_JOINTS]


def ground_reaction(trial: TrialReader, frames: np.ndarray | None = None) -> GroundReaction:
    """Estimate the contact forces of a trial from its motion alone; zero in frames that are not asked for.

    Args:
        trial: with inertial torques and foot Jacobians.
        frames: indices; None for all.

    Raises:
        DataError: the trial has no inertial torques or foot Jacobians, or a foot marker is missing throughout.
    """
    motion = {name: trial.array(name) for name in load_sharing.MOTION}
    try:
        return load_sharing.ground_reaction(**motion, rate_hz=trial.rate_hz, mass_kg=trial.mass_kg, frames=frames)
    except DataError as error:
        raise DataError(
            f"{trial.subject}/{trial.trial}: {error}; leave this trial out of the split, or build the file again."
        ) from None


def physics_torques(trial: TrialReader, wrenches: np.ndarray) -> np.ndarray:
    """Return ``tau_inertial - J_R^T W_R - J_L^T W_L``, [F, C] N·m and N, for the feet's wrenches [F, 2, 6].

    Raises:
        DataError: the trial has no inertial torques or foot Jacobians.
    """
    jacobians = trial.array("foot_jacobians").astype(np.float64)
    return trial.array("inertial_torques") - np.einsum("fkwc,fkw->fc", jacobians, wrenches)


def physics_predictions(data: DataFile, split: Split) -> Predictions:
    """Predict a split's test frames by physics alone; its training subset is not read.

    The motion of the whole recording is used, as in its low-pass filter; its labels and forces are not.

    Raises:
        DataError: the file lacks what inverse dynamics needs, or the split names a trial or a frame that it does not
            have.
    """
    wanted: dict[tuple[str, str], list[np.ndarray]] = {}
    for entry in split.test:
        wanted.setdefault((entry.subject, entry.trial), []).append(entry.target_frames)
    torques: dict[tuple[str, str], np.ndarray] = {}
    start, count = time.perf_counter(), 0
    for (subject, name), parts in track(wanted.items(), description="trials"):
        frames = np.unique(np.concatenate(parts))
        trial = data.trial(subject, name)
        if len(frames) and not 0 <= frames[0] <= frames[-1] < trial.num_frames:
            raise DataError(
                f"{data.path}: the split asks for frames {frames[0]} to {frames[-1]} of {subject}/{name}, which has "
                f"{trial.num_frames}; make the split again from this file with 'vidzoo split'."
            )
        torques[subject, name] = physics_torques(trial, ground_reaction(trial, frames).wrenches)[:, _JOINTS]
        count += len(frames)
    seconds = time.perf_counter() - start

    rows: list[tuple[np.ndarray, ...]] = []
    for entry in split.test:
        frames = entry.target_frames
        for camera in entry.cameras or ("",):
            names = (np.full(len(frames), text) for text in (entry.subject, entry.trial, camera))
            rows.append((*names, frames, torques[entry.subject, entry.trial][frames]))
    subject_names, trial_names, cameras, frames, values = (np.concatenate(column) for column in zip(*rows))
    return Predictions(
        subject_names,
        trial_names,
        cameras,
        frames,
        values.astype(np.float32),
        split.hash,
        provenance={
            "vidzoo": __version__,
            "commit": commit(),
            "python": platform.python_version(),
            "device": processor(),
            "split_frames_hash": split.frames_hash,
            "method": "physics alone, without learning: vidzoo.baselines.physics",
            "inputs": list(load_sharing.MOTION),
            "parameters": 0,
            "seconds_per_1000_predictions": round(1000 * seconds / max(count, 1), 3),
        },
    )

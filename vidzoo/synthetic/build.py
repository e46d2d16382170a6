"""Make a synthetic data file: some people, each performing every action some times."""

from __future__ import annotations

import os
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

from rich.progress import track

from vidzoo.anatomy import ACTION_FAMILIES, GRAVITY
from vidzoo.errors import ConfigError, VidZooError
from vidzoo.io.data_file import DataFileWriter, Trial
from vidzoo.synthetic.camera import AZIMUTHS
from vidzoo.synthetic.trial import make_trial
from vidzoo.synthetic.varied.trial import make_varied_trial
from vidzoo.synthetic.workers import do_all

Task = tuple[int, int, str, int, int, int]
"""The arguments of :func:`~vidzoo.synthetic.trial.make_trial`."""


VARIED_VERSION = 1
"""Of the varied motion: another number where the same seed gives another motion."""


def make_synthetic(
    path: str | Path,
    subjects: int = 4,
    seed: int = 0,
    trials_per_action: int = 2,
    image_size: int = 128,
    cameras: int = 1,
    jobs: int | None = None,
    varied: bool = False,
) -> list[dict[str, Any]]:
    """Write a synthetic data file; return a line per trial for a table. The content does not depend on ``jobs``.

    With ``varied`` the people have the variety of people, and there are no pictures: ``vidzoo draw`` draws them.

    Raises:
        ConfigError: a number is out of its range.
        DataError: the folder to write to does not exist, or the path is a folder.
        VidZooError: a motion cannot be performed, or a worker process died.
    """
    limits = {
        "--subjects": (subjects, 1, 10_000), "--seed": (seed, 0, 2**31 - 1),
        "--trials-per-action": (trials_per_action, 1, 1000), "--image-size": (image_size, 32, 1024),
        "--cameras": (cameras, 1, len(AZIMUTHS)), "--jobs": (1 if jobs is None else jobs, 1, 1024),
    }  # fmt: skip
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise ConfigError(f"{name} is {value}; give a whole number from {low} to {high}.")
    settings = {  # their names are in the content hash, by which benchmarks and splits know a file: they stay
        "generator": "synthetic", "subjects": subjects, "seed": seed, "trials_per_family": trials_per_action,
        "image_size": image_size, "cameras": cameras,
    }  # fmt: skip
    if varied:
        settings = {k: v for k, v in settings.items() if k not in ("image_size", "cameras")} | {
            "varied": VARIED_VERSION
        }
    tasks: list[Task] = [
        (seed, s, family, number, image_size, 0 if varied else cameras)
        for s, family, number in product(range(subjects), ACTION_FAMILIES, range(1, trials_per_action + 1))
    ]
    summaries = []
    with DataFileWriter(path, settings) as writer, closing(do_all(_make, tasks, jobs or os.cpu_count() or 1)) as trials:
        try:
            for trial in track(trials, description="trials", total=len(tasks)):
                writer.add(trial)
                summaries.append(_summary(trial))
        except BrokenProcessPool:
            _, index, family, number, *_ = tasks[len(summaries)]
            raise VidZooError(
                f"{path}: a worker process died (out of memory?) at subject{index + 1}, {family}{number} or soon after "
                f"it, seed {seed}; try again with fewer --jobs."
            ) from None
    return summaries


def _make(task: Task) -> Trial:
    seed, index, family, number, _, cameras = task
    return make_trial(*task) if cameras else make_varied_trial(seed, index, family, number)


def _summary(trial: Trial) -> dict[str, Any]:
    """Return a trial's line of the table."""
    assert trial.grf is not None
    return {
        "subject": trial.subject,
        "trial": trial.trial,
        "frames": len(trial.time),
        "images": sum(len(track.jpegs) for track in trial.cameras.values()),
        "mass kg": trial.mass_kg,
        "height m": trial.height_m,
        "peak force BW": float(trial.grf[:, :, 1].sum(axis=1).max() / (trial.mass_kg * GRAVITY)),
    }

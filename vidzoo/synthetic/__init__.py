"""Synthetic data: made-up people perform the eight action families under exact physics and are drawn from cameras."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.progress import track

from vidzoo.anatomy import ACTION_FAMILIES, COORDINATES, GRAVITY
from vidzoo.errors import ConfigError, VidZooError
from vidzoo.io.data_file import CameraTrack, DataFileWriter, Trial

if importlib.util.find_spec("mujoco") is None:
    raise ConfigError("synthetic motion needs MuJoCo, which is not installed; run pip install 'vidzoo[synthetic]'.")

from vidzoo.synthetic.body import Body, Subject, build_body
from vidzoo.synthetic.drawing import (
    AZIMUTHS,
    Clothes,
    Room,
    aim,
    at_video_times,
    draw_frames,
    trace,
)  # fmt: skip
from vidzoo.synthetic.dynamics import OutOfReachError, Performance, perform
from vidzoo.synthetic.motion import RATE_HZ, Style, lower, plan_motion

_STYLE, _CLOTHES, _PERSON = 101, 102, 103
"""Third seeds that keep a person's own draws apart from their trials'."""


def draw_subject(seed: int, index: int) -> Subject:
    """Draw person number ``index``: women and men in turn, height and body-mass index around their means."""
    rng = np.random.default_rng([seed, index, _PERSON])
    sex = "fm"[index % 2]
    mean, spread = (1.66, 0.05) if sex == "f" else (1.78, 0.06)
    height = round(float(np.clip(rng.normal(mean, spread), 1.50, 1.96)), 3)
    mass = round(float(np.clip(rng.normal(22.5, 1.8), 18.5, 28.0)) * height**2, 1)
    return Subject(f"subject{index + 1}", mass, height, sex, int(rng.integers(2**31)))


def perform_trial(body: Body, family: str, rng: np.random.Generator, style: Style) -> Performance:
    """Perform a family's motion, a little lower where a leg is too short for it as planned.

    Raises:
        OutOfReachError: a leg is too short however low it is.
    """
    plan = plan_motion(body, family, rng, style)
    for by in np.arange(0, 0.12, 0.004):
        try:
            return perform(body, lower(plan, by))
        except OutOfReachError as error:
            reason = error
    raise reason


def make_trial(
    seed: int, subject_index: int, family: str, number: int, image_size: int = 128, cameras: int = 1
) -> Trial:
    """Make one trial: motion, torques, markers and drawings; the same arguments always give the same trial.

    The torques come from the motion's exact derivatives; the velocities that the file holds are central differences,
    because that is what recorded motion allows: a model is given the same quantity whatever its data.

    Raises:
        VidZooError: the motion cannot be performed with this body.
    """
    cv2.setNumThreads(0)
    subject = draw_subject(seed, subject_index)
    body = build_body(subject)
    style = Style.draw(np.random.default_rng([seed, subject_index, _STYLE]))
    clothes = Clothes.draw(np.random.default_rng([seed, subject_index, _CLOTHES]), subject_index)
    rng = np.random.default_rng([seed, subject_index, ACTION_FAMILIES.index(family), number])
    try:
        performance = perform_trial(body, family, rng, style)
    except (OutOfReachError, np.linalg.LinAlgError) as error:
        raise VidZooError(
            f"seed {seed}: {subject.name} cannot perform {family}{number} ({type(error).__name__}: {error}); give "
            f"another --seed."
        ) from error
    markers, points = trace(body, performance.coordinates, COORDINATES)
    dt = 1 / RATE_HZ

    video_time, drawn = at_video_times(performance.time, points)
    video_index = np.abs(video_time[None] - performance.time[:, None]).argmin(axis=1)
    room = Room(rng, _furniture(family, body, points))
    around = np.concatenate([markers.reshape(-1, 3), *points.values()])
    tracks = {}
    for number_of, azimuth in enumerate(AZIMUTHS[:cameras]):
        camera = aim(around, azimuth + rng.uniform(-12, 12), rng.uniform(1.0, 1.6), rng.uniform(3.2, 4.6), image_size)
        tracks[f"Cam{number_of}"] = CameraTrack(
            jpegs=draw_frames(body, drawn, camera, clothes, room, image_size),
            video_time=video_time,
            video_index=video_index,
            crop=np.tile([0.0, 0.0, image_size, image_size], (len(video_time), 1)),
            kind="synthetic",
            source_size=(image_size, image_size),
            intrinsics=camera.intrinsics,
            rotation=camera.rotation,
            translation=camera.translation,
        )
    return Trial(
        subject=subject.name,
        trial=f"{family}{number}",
        action=family,
        rate_hz=RATE_HZ,
        mass_kg=subject.mass,
        mass_source="synthetic",
        height_m=subject.height,
        sex=subject.sex,
        motion="synthetic",
        time=performance.time,
        markers=markers,
        marker_velocities=np.gradient(markers, dt, axis=0),
        coordinates=performance.coordinates,
        coordinate_velocities=np.gradient(performance.coordinates, dt, axis=0),
        torques=performance.torques,
        validity=np.zeros(performance.torques.shape, np.uint8),
        inertial_torques=performance.inertial_torques,
        foot_jacobians=performance.foot_jacobians,
        grf=performance.grf,
        cameras=tracks,
    )


def _furniture(family: str, body: Body, points: dict[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the boxes (low and high corner [3] m) that an action needs: a stool to rise from, a box to drop from."""
    first = {name: track[0] for name, track in points.items()}
    h = body.subject.height
    if family.startswith("STS"):
        seat = first["pelvis"] - [0.02 * h, 0, 0]
        return [(seat * [1, 0, 1] - [0.13 * h, 0, 0.13 * h], seat + [0.08 * h, -0.075 * h, 0.13 * h])]
    if family.startswith("DJ"):
        middle = (first["heel_r"] + first["heel_l"]) / 2
        top = max(float(middle[1]) - 0.03, 0.1)
        behind = middle * [1, 0, 1] - [0.22 * h, 0, 0]
        return [(behind - [0.15 * h, 0, 0.2 * h], behind + [0.15 * h, top, 0.2 * h])]
    return []


def _peak_force(trial: Trial) -> float:
    """Return a trial's largest vertical ground reaction in body weights."""
    assert trial.grf is not None
    return float(trial.grf[:, :, 1].sum(axis=1).max() / (trial.mass_kg * GRAVITY))


def _make(arguments: tuple[int, int, str, int, int, int]) -> Trial:
    return make_trial(*arguments)


def make_synthetic(
    path: str | Path,
    subjects: int = 4,
    seed: int = 0,
    trials_per_family: int = 2,
    image_size: int = 128,
    cameras: int = 1,
    jobs: int | None = None,
) -> list[dict[str, Any]]:
    """Write a synthetic data file and return one row per trial for a table; the content depends on no job count.

    Raises:
        ConfigError: a number is out of its range.
        DataError: the folder to write to does not exist, or the path is a folder.
        VidZooError: a motion cannot be performed, or a worker process died.
    """
    limits = {
        "--subjects": (subjects, 1, 10_000), "--seed": (seed, 0, 2**31 - 1),
        "--trials-per-family": (trials_per_family, 1, 1000), "--image-size": (image_size, 32, 1024),
        "--cameras": (cameras, 1, len(AZIMUTHS)), "--jobs": (1 if jobs is None else jobs, 1, 1024),
    }  # fmt: skip
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise ConfigError(f"{name} is {value}; give a whole number from {low} to {high}.")
    settings = {
        "generator": "synthetic", "subjects": subjects, "seed": seed, "trials_per_family": trials_per_family,
        "image_size": image_size, "cameras": cameras,
    }  # fmt: skip
    tasks = [
        (seed, s, family, number, image_size, cameras)
        for s, family, number in product(range(subjects), ACTION_FAMILIES, range(1, trials_per_family + 1))
    ]
    jobs = min(jobs or os.cpu_count() or 1, len(tasks))
    rows = []
    with DataFileWriter(path, settings) as writer:
        # Spawned, not forked: the caller may hold threads and open HDF5 files.
        pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) if jobs > 1 else None
        try:
            made = pool.map(_make, tasks) if pool else map(_make, tasks)
            for trial in track(made, description="trials", total=len(tasks)):
                writer.add(trial)
                rows.append(
                    {
                        "subject": trial.subject,
                        "trial": trial.trial,
                        "frames": len(trial.time),
                        "images": sum(len(c.jpegs) for c in trial.cameras.values()),
                        "mass kg": trial.mass_kg,
                        "height m": trial.height_m,
                        "peak force BW": _peak_force(trial),
                    }
                )
        except BrokenProcessPool:
            _, index, family, number, *_ = tasks[len(rows)]
            raise VidZooError(
                f"{path}: a worker process died (out of memory?) at subject{index + 1}, {family}{number} or soon after "
                f"it, seed {seed}; try again with fewer --jobs."
            ) from None
        finally:
            if pool:
                pool.shutdown(cancel_futures=True)
    return rows

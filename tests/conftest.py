"""Fixtures that more than one room's tests use."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from vidzoo.anatomy import COORDINATES, MARKERS, action_family
from vidzoo.splits import Split, SplitEntry
from vidzoo.vid_file import CameraTrack, Trial, VidFile, VidWriter

torch.set_num_threads(2)
cv2.setNumThreads(0)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that some workplaces have beside the project."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip("the real data set is not beside this checkout")
    return path


def make_trial(subject: str, name: str, frames: int = 40, seed: int = 0, images: bool = True) -> Trial:
    """Make a small trial of smooth random motion whose torques and images depend on the motion."""
    rng = np.random.default_rng([seed, *name.encode()])
    m, c = len(MARKERS), len(COORDINATES)
    time = np.arange(frames) / 100.0
    phase = rng.uniform(0, 6.28, c)
    angle = 2 * np.pi * time[:, None] + phase
    coordinates = 0.5 * np.sin(angle)
    markers = rng.normal(0, 0.5, (1, m, 3)) + 0.05 * np.sin(angle[:, :3])[:, None] + np.array([0, 1.0, 0])
    torques = 30 * np.sin(angle) + rng.normal(0, 5, c)
    trial = Trial(
        subject=subject,
        trial=name,
        action=action_family(name),
        rate_hz=100.0,
        mass_kg=60.0 + seed,
        mass_source="synthetic",
        height_m=1.7,
        sex="f",
        motion="synthetic",
        time=time,
        markers=markers,
        marker_velocities=np.gradient(markers, 0.01, axis=0),
        coordinates=coordinates,
        coordinate_velocities=np.gradient(coordinates, 0.01, axis=0),
        torques=torques,
        validity=np.zeros((frames, c), dtype=np.uint8),
        inertial_torques=torques,
        foot_jacobians=rng.normal(size=(frames, 2, 6, c)),
        grf=rng.normal(size=(frames, 2, 9)),
    )
    if images:
        video_time = np.arange(int(np.ceil(frames * 0.6))) / 60.0
        jpegs = []
        for t in video_time:
            image = np.full((64, 64, 3), 90, np.uint8)
            x = int(32 + 20 * np.sin(2 * np.pi * t + phase[0]))
            cv2.circle(image, (x, 32), 8, (30, 160, 240), -1)
            jpegs.append(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
        trial.cameras["Cam0"] = CameraTrack(
            jpegs=jpegs,
            video_time=video_time,
            video_index=np.abs(video_time[None] - time[:, None]).argmin(axis=1),
            crop=np.tile([0.0, 0.0, 64.0, 64.0], (len(jpegs), 1)),
            kind="synthetic",
            source_size=(64, 64),
            intrinsics=np.array([[60.0, 0, 31.5], [0, 60.0, 31.5], [0, 0, 1]]),
            rotation=np.diag([1.0, -1.0, -1.0]),
            translation=np.array([0.0, 1.0, 4.0]),
        )
    return trial


@pytest.fixture(scope="session")
def tiny_vid_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two subjects, three trials each (DJ1, squats1, walking1), 40 frames at 100 Hz, one 64 x 64 camera at 60 fps."""
    path = tmp_path_factory.mktemp("vid") / "tiny.h5"
    with VidWriter(path, {"builder": "tests"}) as writer:
        for seed, subject in enumerate(("subject1", "subject2")):
            for name in ("DJ1", "squats1", "walking1"):
                writer.add(make_trial(subject, name, seed=seed))
    return path


@pytest.fixture(scope="session")
def tiny_split(tiny_vid_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A block split of ``tiny_vid_file``: frames 0-24 train, 29-39 test, for windows of at most 5 frames."""
    path = tmp_path_factory.mktemp("split") / "split.json"
    vid = VidFile(tiny_vid_file)
    sides = {
        side: tuple(SplitEntry(s, t, bounds, (bounds,)) for s, t in vid.trial_keys())
        for side, bounds in (("train", (0, 24)), ("test", (29, 40)))
    }
    Split("block", 0, vid.content_hash, {"gap": 5}, sides["train"], sides["test"]).save(path)
    return path

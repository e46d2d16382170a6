"""Fixtures that tests of more than one package use."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import torch
from recording_files import write_table, write_trc, write_video
from releases import RELEASES, SHARED, Release

from vidzoo.anatomy import (
    COORDINATES,
    DEPENDENT_COORDINATES,
    LANDMARK_LIMBS,
    LANDMARKS,
    MARKERS,
    TRANSLATIONS,
    action_family,
)
from vidzoo.io.data_file import CameraTrack, DataFile, DataFileWriter, LandmarkStatus, LandmarkTrack, Trial
from vidzoo.io.data_file.content_hash import seal_file, seal_trial, trials
from vidzoo.io.splits import Split, SplitEntry

torch.set_num_threads(2)
cv2.setNumThreads(0)


@pytest.fixture(scope="session", autouse=True)
def user_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no test read or write the user's own cache, nor its subprocesses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def seal() -> Callable[[Path], None]:
    """Give a changed data file the hash of what it holds now, as someone may who means to deceive."""

    def seal_again(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            for trial in trials(file):
                seal_trial(trial)
            seal_file(file)

    return seal_again


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that some workplaces have beside the project."""
    if not SHARED.is_dir():
        pytest.skip("the real data set is not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def made_up_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a release of made-up people, see ``made_up_recording``."""
    pytest.importorskip("mujoco", reason="needs the extra 'synthetic'")
    from made_up_recording import write_release

    root = tmp_path_factory.mktemp("made_up")
    write_release(root)
    return root


@pytest.fixture(scope="session", params=RELEASES)
def release(request: pytest.FixtureRequest) -> Release:
    """A release in OpenCap's layout: the made-up one and, where they are there, the shared data."""
    if request.param == "made_up":
        return Release("made_up", request.getfixturevalue("made_up_release"))
    return Release("shared", SHARED / "LabValidation")


@pytest.fixture(scope="session")
def opensim_file(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data file of subject4's DJ1, squatsAsym1 and walking1, with torques and what they are made of by OpenSim."""
    pytest.importorskip("opensim")
    from vidzoo.data_prep.opencap import BuildOptions, build_trial, read_subject

    path = tmp_path_factory.mktemp("opensim") / "subject4.h5"
    subject = read_subject(release.root / "subject4", "metadata")
    with DataFileWriter(path, {"builder": "tests"}) as writer:
        for name in ("DJ1", "squatsAsym1", "walking1"):
            writer.add(build_trial(subject, name, BuildOptions(cameras=("none",), inverse_dynamics="opensim"))[0])
    return path


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip has installed vidzoo's wheel: the package, its recipes and ``bin/vidzoo``."""
    root, source = Path(__file__).resolve().parents[1], tmp_path_factory.mktemp("source")
    folders, files = ("vidzoo", "configs", "weights"), ("setup.py", "pyproject.toml", "README.md", "LICENSE")
    for name in (*folders, *files, "model-index.yml"):
        (source / name).symlink_to(root / name)
    site = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", site]
    subprocess.run([*command, source], check=True, timeout=120)
    return site


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
        physics_wrenches=np.random.default_rng(seed).normal(size=(frames, 2, 6)),
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
            landmarks=make_landmarks(len(jpegs), rng),
        )
    return trial


def make_landmarks(images: int, rng: np.random.Generator) -> LandmarkTrack:
    """Make landmarks of images of 64 x 64 pixels; in the third of them no person was found."""
    n = len(LANDMARKS)
    track = LandmarkTrack(
        pixels=rng.uniform(0, 64, (images, n, 2)),
        visibility=rng.uniform(0, 1, (images, n)),
        world=rng.normal(0, 0.3, (images, n, 3)),
        status=np.where(np.arange(images) == 2, LandmarkStatus.NO_PERSON, LandmarkStatus.FOUND),
        exchanged=np.zeros((images, len(LANDMARK_LIMBS)), dtype=np.uint8),
        image_size=(64, 64),
        network="made-up",
        weights_hash="0" * 64,
    )
    for values in (track.pixels, track.visibility, track.world):
        values[2] = np.nan
    return track


@pytest.fixture(scope="session")
def small_trial() -> Callable[..., Trial]:
    """The function that makes a small trial: ``make_trial``."""
    return make_trial


@pytest.fixture(scope="session")
def make_small_trial() -> Callable[..., Trial]:
    """Make a trial such as those of ``tiny_data_file``."""
    return make_trial


@pytest.fixture(scope="session")
def tiny_data_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two subjects, three trials each (DJ1, squats1, walking1), 40 frames at 100 Hz, one 64 x 64 camera at 60 fps.

    The camera keeps landmarks too; in the third image of each trial no person was found.
    """
    path = tmp_path_factory.mktemp("vid") / "tiny.h5"
    with DataFileWriter(path, {"builder": "tests"}) as writer:
        for seed, subject in enumerate(("subject1", "subject2")):
            for name in ("DJ1", "squats1", "walking1"):
                writer.add(make_trial(subject, name, seed=seed))
    return path


@pytest.fixture(scope="session")
def tiny_split(tiny_data_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A block split of ``tiny_vid_file``: frames 0-24 train, 29-39 test, for windows of at most 5 frames."""
    path = tmp_path_factory.mktemp("split") / "split.json"
    data = DataFile(tiny_data_file)
    subsets = {
        subset: tuple(SplitEntry(s, t, bounds, (bounds,)) for s, t in data.trial_keys())
        for subset, bounds in (("train", (0, 24)), ("test", (29, 40)))
    }
    Split("block", 0, data.content_hash, {"gap": 5}, subsets["train"], subsets["test"]).save(path)
    return path


@pytest.fixture(scope="session")
def opencap_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in OpenCap's release layout: subject1 with squats1 (3.5 s), walking1 (0.8 s) and static1 (no family).

    Metadata say 62 kg, the plates 60 kg. Coordinate c is 0.1 sin(2 pi t + c) rad, torque c is 10 cos(2 pi t + c) N·m,
    the six residuals are 0. Cam0 (calibrated, .avi) and Cam1 (not calibrated, .mp4) show a disc at C7; the grey of
    picture k, shown at k / 60 s, is 20 + k.
    """
    root = tmp_path_factory.mktemp("opencap")
    folder = root / "subject1"
    rng = np.random.default_rng(3)
    stand = np.column_stack([rng.uniform(-0.2, 0.2, 51), rng.uniform(0.1, 1.4, 51), rng.uniform(-0.2, 0.2, 51)])
    stand[MARKERS.index("C7")] = 0.0, 1.45, 0.0
    intrinsics = np.array([[120.0, 0, 47.5], [0, 120.0, 63.5], [0, 0, 1]])
    rotation = np.diag([1.0, -1.0, -1.0])
    translation = np.array([0.0, 0.9, 3.0])
    calibration = {
        "distortion": np.zeros((1, 5)),
        "intrinsicMat": intrinsics,
        "imageSize": np.array([[128.0], [96.0]]),
        "rotation": rotation,
        "translation": translation[:, None] * 1000,
    }
    path = folder / "VideoData/Session0/Cam0/cameraIntrinsicsExtrinsics.pickle"
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(calibration))
    for trial, seconds in (("squats1", 3.5), ("walking1", 0.8), ("static1", 0.5)):
        time = np.arange(round(seconds * 100) + 1) / 100

        def markers_at(t: np.ndarray) -> np.ndarray:
            return stand + 0.1 * np.sin(2 * np.pi * t)[:, None, None] * np.array([1.0, 0.5, 0.0])

        phase = 2 * np.pi * time[:, None] + np.arange(len(COORDINATES))
        angles = 0.1 * np.sin(phase)
        in_degrees = [c not in TRANSLATIONS + DEPENDENT_COORDINATES for c in COORDINATES]
        torques = 10 * np.cos(phase)
        torques[:, :6] = 0
        names = [f"{c}_{'moment' if d else 'force'}" for c, d in zip(COORDINATES, in_degrees)]
        order = rng.permutation(len(names))
        write_trc(folder / f"MarkerData/Mocap/{trial}.trc", time, markers_at(time))
        ik = np.where(in_degrees, np.rad2deg(angles), angles)
        write_table(folder / f"OpenSimData/Mocap/IK/{trial}.mot", list(COORDINATES), time, ik, True)
        write_table(
            folder / f"OpenSimData/Mocap/ID/{trial}.sto", [names[i] for i in order], time, torques[:, order], False
        )
        columns = [f"{s}_ground_{q}{a}" for s in "RL" for q in ("force_v", "force_p", "torque_") for a in "xyz"]
        force_time = np.arange(round(seconds * 1000) + 1) / 1000
        forces = np.zeros((len(force_time), 18))
        for vertical in (1, 10):
            forces[:, vertical] = 30 * 9.80665 * (1 + 0.1 * np.sin(4 * np.pi * force_time))
        write_table(folder / f"ForceData/{trial}_forces.mot", columns, force_time, forces, False)
        images = []
        for k in range(int(seconds * 60) + 1):
            image = np.full((128, 96, 3), 20 + k, np.uint8)
            neck = markers_at(np.array([k / 60]))[0, MARKERS.index("C7")]
            at = intrinsics @ (rotation @ neck + translation)
            cv2.circle(image, (round(at[0] / at[2]), round(at[1] / at[2])), 4, (250, 250, 250), -1)
            images.append(image)
        session = folder / "VideoData/Session0"
        write_video(session / f"Cam0/{trial}/{trial}_syncdWithMocap.avi", images, "mpeg4")
        write_video(session / f"Cam1/{trial}/{trial}_syncdWithMocap.mp4", images, "libx264")
    (folder / "sessionMetadata.yaml").write_text("subjectID: subject1\nmass_kg: 62.0\nheight_m: 1.7\ngender_mf: f\n")
    return root

"""Recordings in the release's layout: known frame counts, stored torques, spoilt copies."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from opencap_builds import SPOILT, C, build, edit, reverse_columns, shorten
from releases import Release

from vidzoo.anatomy import BENCHMARK_JOINTS, GRAVITY
from vidzoo.baselines.physics import ground_reaction
from vidzoo.data_prep.opencap import BuildOptions, build_opencap, build_trial, find_videos, read_subject
from vidzoo.errors import DataError
from vidzoo.io.data_file import DataFile, DataFileWriter, Reason
from vidzoo.io.storage import coordinates_in_si, generalized_forces, read_storage, write_storage
from vidzoo.io.trc import read_trc

TABLE_6 = {
    "DJ1": 109, "DJ2": 104, "DJ3": 112, "DJAsym1": 91, "DJAsym2": 93, "DJAsym3": 100, "squats1": 1345,
    "squatsAsym1": 1338, "STS1": 1399, "STSweakLegs1": 1772, "walking1": 130, "walking2": 132, "walking4": 139,
    "walkingTS1": 143, "walkingTS2": 140, "walkingTS3": 140,
}  # fmt: skip
"""Column Subj.4 of the paper, under subject4's own trial numbers."""


MADE_UP = {"DJ1": 57, "walking1": 131}


def test_subject4_has_the_known_frames_and_the_stored_torques(release: Release, tmp_path: Path) -> None:
    out = tmp_path / "subject4.h5"
    known, camera, masses = {
        "made_up": (MADE_UP, "none", (74.7, 0.96 * 74.7)),
        "shared": (TABLE_6, "CamRender", (62.6, 60.1)),
    }[release.kind]
    options = BuildOptions(subjects=("subject4",), trials=tuple(known), cameras=(camera,), image_size=64)
    report = build_opencap(release.root, out, options, jobs=2, progress=False)
    assert not report.left_out
    data = DataFile(out)
    assert {trial.trial for trial in data} == set(known)
    for trial in data:
        assert abs(trial.num_frames - known[trial.trial]) <= 2
        folder = release.mocap("subject4")
        stored = read_storage(folder / f"ID/{trial.trial}.sto")
        rows = np.abs(stored.time[None] - trial.array("time")[:, None]).argmin(axis=1)
        joints = [C[name] for name in BENCHMARK_JOINTS]
        np.testing.assert_allclose(
            trial.array("torques")[:, joints], generalized_forces(stored)[rows][:, joints], rtol=1e-6, atol=1e-5
        )
        assert np.abs(stored.time[rows] - trial.array("time")).max() < 1e-4
        ik = read_storage(folder / f"IK/{trial.trial}.mot")
        knees = [C["knee_angle_r"], C["knee_angle_l"]]
        raw = coordinates_in_si(ik)[rows][:, knees]
        assert np.abs(trial.array("coordinates")[:, knees] - raw).max() < np.deg2rad(6)
        trc = read_trc(release.root / f"subject4/MarkerData/Mocap/{trial.trial}.trc")
        raw = trc.positions[np.abs(trc.time[None] - trial.array("time")[:, None]).argmin(axis=1)]
        assert np.nanmedian(np.linalg.norm(trial.array("markers") - raw, axis=-1)) < 1e-3
        assert (trial.mass_kg, trial.mass_force_plate_kg) == pytest.approx(masses, abs=0.2)
        assert trial.cameras == (() if camera == "none" else (camera,))
        assert camera == "none" or trial.camera_attribute(camera, "kind") == "rendered"
    data.close()


def test_opensim_gives_the_stored_torques_again(release: Release) -> None:
    pytest.importorskip("opensim")
    options = BuildOptions(inverse_dynamics="opensim", cameras=("none",))
    trials = [("subject4", "DJ1"), ("subject4", "STS1"), ("subject6", "walking1")]
    trials += [("subject4", "DJAsym1")] if release.kind == "shared" else []
    for name, trial_name in trials:
        trial, _ = build_trial(read_subject(release.root / name, "metadata"), trial_name, options)
        stored = generalized_forces(read_storage(release.mocap(name) / f"ID/{trial_name}.sto"))
        joints = [C[joint] for joint in BENCHMARK_JOINTS]
        error = np.sqrt(((trial.torques - stored)[:, joints] ** 2).mean(axis=0))
        size = np.sqrt((stored[:, joints] ** 2).mean(axis=0))
        assert (error < 0.02 * size).all(), dict(zip(BENCHMARK_JOINTS, error / size))
        assert trial.inertial_torques is not None and trial.foot_jacobians is not None
        assert trial.inertial_torques.shape == stored.shape
        assert trial.foot_jacobians.shape == (len(stored), 2, 6, 35)


def test_physics_wrenches_are_those_of_the_baseline(release: Release, tmp_path: Path) -> None:
    """What the file holds is what the physics baseline makes of the file's motion, labels and forces unseen."""
    pytest.importorskip("opensim")
    subject = read_subject(release.root / "subject6", "metadata")
    options = BuildOptions(inverse_dynamics="opensim", cameras=("none",))
    trial, _ = build_trial(subject, "walking1", options)
    blind = replace(trial, torques=np.full_like(trial.torques, np.nan), grf=None)
    with DataFileWriter(tmp_path / "vid.h5", {}) as writer:
        writer.add(blind)
    reader = DataFile(tmp_path / "vid.h5").trial("subject6", "walking1")
    stored = reader.array("physics_wrenches")
    assert stored.shape == (len(trial.time), 2, 6) and np.abs(stored[..., 4]).max() > 0.8 * GRAVITY * trial.mass_kg
    np.testing.assert_array_equal(stored, ground_reaction(reader).wrenches.astype(np.float32))
    assert build_trial(subject, "walking1", BuildOptions(cameras=("none",)))[0].physics_wrenches is None


def test_without_a_foot_marker_there_are_no_physics_wrenches(walk_root: Path) -> None:
    pytest.importorskip("opensim")
    path = walk_root / "subject1/MarkerData/Mocap/walking1.trc"
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    column = lines[3].index("r_toe")
    for line in lines[5:]:
        line[column : column + 3] = [""] * 3
    path.write_text("\n".join("\t".join(line) for line in lines))
    subject = read_subject(walk_root / "subject1", "metadata")
    trial, notes = build_trial(subject, "walking1", BuildOptions(inverse_dynamics="opensim", cameras=("none",)))
    assert trial.physics_wrenches is None and trial.inertial_torques is not None
    assert any(note.startswith("no physics wrenches: the marker r_toe is missing throughout") for note in notes)


def test_a_video_without_calibration(release: Release) -> None:
    subject = read_subject(release.root / "subject4", "metadata")
    trial, notes = build_trial(subject, "squats1", BuildOptions(cameras=("CamUnknown",), image_size=32))
    track = trial.cameras["CamUnknown"]
    images, frames, crop = {
        "made_up": (100, 166, [-16, 0, 96, 96]),
        "shared": (807, 1345, [-280, 0, 1280, 1280]),
    }[release.kind]
    assert (len(track.jpegs), len(trial.time), track.kind) == (images, frames, "real")
    assert "CamUnknown (no calibration; full frame)" in notes
    np.testing.assert_array_equal(track.crop[0], crop)


@pytest.fixture
def walk_root(release: Release, tmp_path: Path) -> Path:
    """One recorded walk that a test may spoil, under the names of ``root``."""
    shutil.copytree(release.root / "subject6", tmp_path / "release/subject1")
    return tmp_path / "release"


@pytest.fixture
def walk_frames(release: Release) -> int:
    return {"made_up": 138, "shared": 143}[release.kind]  # what the video shows of the recording


@pytest.mark.parametrize(("spoil", "message"), SPOILT)
def test_spoilt_recorded_trials(walk_root: Path, walk_frames: int, spoil, message: str) -> None:
    assert len(build(walk_root).time) == walk_frames
    spoil(walk_root)
    with pytest.raises(DataError, match=message):
        build(walk_root)


def test_recorded_torques_in_another_order_with_gaps_and_a_short_video(walk_root: Path) -> None:
    before = build(walk_root, cameras=("none",))
    path = walk_root / "subject1/OpenSimData/Mocap/ID/walking1.sto"
    reverse_columns(path)
    np.testing.assert_array_equal(build(walk_root, cameras=("none",)).torques, before.torques)
    table = read_storage(path)
    table.data[100:110] = np.nan
    write_storage(path, table)
    after = build(walk_root, cameras=("none",))
    assert (after.validity[100:110] == Reason.NOT_FINITE).all()
    np.testing.assert_array_equal(
        np.delete(after.validity, np.s_[100:110], 0), np.delete(before.validity, np.s_[100:110], 0)
    )
    ((video, _),) = find_videos(walk_root / "subject1", "walking1").values()
    shorten(video, 61)
    assert build(walk_root).time[-1] == pytest.approx(1.0)
    mass = read_subject(walk_root / "subject1", "metadata").mass_metadata_kg
    edit(walk_root / "subject1/sessionMetadata.yaml", f"mass_kg: {mass}", "mass_kg: 0")
    with pytest.raises(DataError, match="mass_kg is 0"):
        build(walk_root)

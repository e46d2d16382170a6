"""The synthetic data file: its format, its pictures, its determinism, and what a wrong argument gets."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra 'synthetic'")

from vidzoo import synthetic
from vidzoo.anatomy import ACTION_FAMILIES, COORDINATES, GRAVITY, MARKERS
from vidzoo.errors import ConfigError, DataError, VidZooError
from vidzoo.io.data_file import DataFile, Trial
from vidzoo.synthetic import draw_subject, make_synthetic, make_trial
from vidzoo.synthetic.body import build_body
from vidzoo.synthetic.camera import Camera, aim
from vidzoo.synthetic.figure import trace
from vidzoo.synthetic.solver import OutOfReachError

TOOL = Path(__file__).resolve().parents[2] / "tools" / "make_synthetic.py"
SMALL = {"subjects": 1, "trials_per_action": 1, "image_size": 64}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataFile:
    path = tmp_path_factory.mktemp("synthetic") / "synth.h5"
    rows = make_synthetic(path, seed=3, jobs=1, **SMALL)
    assert [row["trial"] for row in rows] == [f"{family}1" for family in ACTION_FAMILIES]
    return DataFile(path)


@pytest.fixture(scope="module")
def squat() -> Trial:
    return make_trial(3, 0, "squats", 1, image_size=96, cameras=2)


def decode(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_file_is_a_vid_file_of_synthetic_motion(data: DataFile) -> None:
    data.verify()
    for trial in data:
        assert (trial.motion, trial.mass_source, trial.rate_hz) == ("synthetic", "synthetic", 100.0)
        assert trial.action in ACTION_FAMILIES and trial.sex in ("f", "m")
        assert not trial.array("validity").any()
        for name in ("markers", "coordinates", "torques", "inertial_torques", "foot_jacobians", "grf"):
            assert np.isfinite(trial.array(name)).all(), name
        time, markers = trial.array("time"), trial.array("markers").astype(float)
        np.testing.assert_allclose(np.diff(time), 0.01, atol=1e-9)
        for rate, of in (("marker_velocities", markers), ("coordinate_velocities", trial.array("coordinates"))):
            np.testing.assert_allclose(trial.array(rate)[1:-1], (of[2:] - of[:-2]) / 0.02, atol=2e-3)
        # 60 images a second, each grid frame shows the nearest.
        video = trial.camera_array("Cam0", "video_time")
        np.testing.assert_allclose(np.diff(video), 1 / 60)
        shown = video[trial.camera_array("Cam0", "video_index")]
        assert np.abs(shown - time).max() <= 1 / 120 + 0.009


def test_torques_follow_from_the_stored_arrays_alone(data: DataFile) -> None:
    """What a hybrid model is given must add up: torque = inertia - Jacobian^T wrench, with the wrench from grf."""
    for trial in data:
        body = build_body(draw_subject(3, 0))
        coordinates, grf = trial.array("coordinates").astype(float), trial.array("grf").astype(float)
        frames = np.arange(0, trial.num_frames, 7)
        origins = np.zeros((len(frames), 2, 3))
        for i, k in enumerate(frames):
            trace(body, coordinates[k : k + 1], COORDINATES)
            origins[i] = body.data.xpos[list(body.feet)]
        force, cop, free = (grf[frames, :, 3 * i : 3 * i + 3] for i in range(3))
        wrench = np.concatenate(
            [np.where(force.any(-1, keepdims=True), np.cross(cop - origins, force) + free, 0), force], -1
        )
        ground = np.einsum("tfwc,tfw->tc", trial.array("foot_jacobians")[frames], wrench)
        expected = trial.array("inertial_torques")[frames] - ground
        np.testing.assert_allclose(trial.array("torques")[frames], expected, atol=2e-3 * trial.mass_kg)
        impulse = grf[:, :, 1].sum() * 0.01
        if not trial.action.startswith("DJ"):
            assert impulse / (trial.mass_kg * GRAVITY * trial.num_frames * 0.01) == pytest.approx(1, abs=0.1)


def test_two_runs_are_identical_whatever_the_jobs(data: DataFile, tmp_path: Path) -> None:
    make_synthetic(tmp_path / "again.h5", seed=3, jobs=2, **SMALL)
    assert DataFile(tmp_path / "again.h5").content_hash == data.content_hash


def test_seed_subject_family_and_number_each_change_the_trial(squat: Trial) -> None:
    same = make_trial(3, 0, "squats", 1, image_size=96, cameras=2)
    np.testing.assert_array_equal(same.torques, squat.torques)
    assert same.cameras["Cam1"].jpegs == squat.cameras["Cam1"].jpegs
    for other in (
        make_trial(4, 0, "squats", 1, 32),
        make_trial(3, 1, "squats", 1, 32),
        make_trial(3, 0, "squats", 2, 32),
    ):
        assert other.torques.shape != squat.torques.shape or not np.allclose(other.torques, squat.torques)


def test_markers_are_rigid_on_their_segments(squat: Trial) -> None:
    at = {name: squat.markers[:, i] for i, name in enumerate(MARKERS)}
    for a, b in (("r_thigh1", "r_thigh4"), ("r.ASIS", "L.PSIS"), ("r_calc", "r_toe"), ("C7", "R_Shoulder")):
        apart = np.linalg.norm(at[a] - at[b], axis=1)
        assert np.ptp(apart) < 1e-9 and apart.mean() > 0.05
    assert np.ptp(np.linalg.norm(at["r_thigh4"] - at["r_sh4"], axis=1)) > 0.05
    # z is to the right and x forward.
    assert (at["r.ASIS"][:, 2] > at["L.ASIS"][:, 2]).all() and (at["r_toe"][:, 0] > at["r_calc"][:, 0]).all()


def test_pictures_show_the_person_where_the_camera_says(squat: Trial) -> None:
    for track in squat.cameras.values():
        assert track.source_size == (96, 96) and track.kind == "synthetic"
        images = np.stack([decode(jpeg) for jpeg in track.jpegs]).astype(int)
        assert images.shape[1:] == (96, 96, 3)
        camera = Camera(track.intrinsics, track.rotation, track.translation)
        np.testing.assert_allclose(track.rotation @ track.rotation.T, np.eye(3), atol=1e-12)
        pixels, depth = camera.project(squat.markers)
        assert (depth > 1).all() and pixels.min() > 0 and pixels.max() < 95
        # What moves in the picture is the person: the head region changes between standing and squatting ...
        moved = np.abs(images[0] - images[len(images) // 2]).sum(axis=2) > 60
        frame = int(np.abs(squat.time - track.video_time[len(images) // 2]).argmin())
        for k in (0, frame):
            x, y = pixels[k, MARKERS.index("C7")].round().astype(int)
            assert moved[y - 2 : y + 3, x - 2 : x + 3].mean() > 0.3
        # ... and the corners do not.
        assert not moved[:8, :8].any() and not moved[:8, -8:].any()


def test_camera_holds_all_points_and_stands_where_told() -> None:
    points = np.random.default_rng(0).uniform([-0.4, 0, -0.3], [0.9, 1.8, 0.3], (200, 3))
    camera = aim(points, azimuth=45, height=1.3, distance=4.0, size=128)
    pixels, depth = camera.project(points)
    assert pixels.min() >= -0.5 + 128 * 0.07 - 1 and pixels.max() <= 127.5 - 128 * 0.07 + 1 and depth.min() > 2
    position = -camera.rotation.T @ camera.translation
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    assert position[1] == pytest.approx(1.3)
    away = (position - middle)[[0, 2]]
    assert np.degrees(np.arctan2(-away[1], away[0])) == pytest.approx(45)  # ahead, to the left (-z)
    assert np.linalg.det(camera.rotation) == pytest.approx(1)
    up, _ = camera.project(np.array([middle, middle + [0, 0.1, 0]]))
    assert up[1, 1] < up[0, 1]  # the image's y runs down


@pytest.mark.parametrize(
    "wrong", [{"subjects": 0}, {"trials_per_action": 0}, {"image_size": 8}, {"cameras": 6}, {"jobs": 0}, {"seed": -1}]
)
def test_a_number_out_of_range_is_refused(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--" + next(iter(wrong)).replace("_", "-")):
        make_synthetic(tmp_path / "x.h5", **wrong)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [OutOfReachError("frame 7"), np.linalg.LinAlgError("Singular matrix")])
def test_a_motion_that_cannot_be_performed_is_named(tmp_path: Path, monkeypatch, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(synthetic.trial, "perform", fail)
    with pytest.raises(VidZooError, match=rf"seed 5: subject1 cannot perform {ACTION_FAMILIES[0]}1 \(.*{error}\)"):
        make_synthetic(tmp_path / "x.h5", seed=5, jobs=1, **SMALL)
    assert not list(tmp_path.iterdir())


def test_a_worker_that_dies_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(ProcessPoolExecutor, "map", lambda self, _, tasks: iter(self.submit(os._exit, 3).result, None))
    with pytest.raises(VidZooError, match=rf"worker process died .* at subject1, {ACTION_FAMILIES[0]}1 .*seed 5"):
        make_synthetic(tmp_path / "x.h5", seed=5, jobs=2, **SMALL)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        make_synthetic(tmp_path / "nowhere" / "x.h5", jobs=1, **SMALL)


def test_tool_ends_with_one_sentence_and_status_2(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(TOOL), "--out", str(tmp_path / "x.h5"), "--subjects", "0"], capture_output=True, text=True
    )
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].endswith("error: argument --subjects: '0': expected a whole number, 1 or more")
    assert not list(tmp_path.iterdir())


def test_without_mujoco_the_tool_says_what_to_install(tmp_path: Path) -> None:
    hidden = (
        "import importlib.util as u, runpy, sys; find = u.find_spec; "
        "u.find_spec = lambda name, *more: None if name == 'mujoco' else find(name, *more); "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    code = f"import sys; sys.argv = [{str(TOOL)!r}, '--out', {str(tmp_path / 'x.h5')!r}]; {hidden}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 2
    assert "vidzoo[synthetic]" in run.stderr and run.stderr.count("\n") == 1

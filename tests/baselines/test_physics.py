"""Physics alone against measured wrenches, levers by hand, and another optimiser."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial import Delaunay

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES, GRAVITY, MARKERS
from vidzoo.baselines import physics
from vidzoo.dynamics import load_sharing
from vidzoo.dynamics.ground_reaction import wrench_at_foot
from vidzoo.errors import DataError
from vidzoo.evaluation.results import read_results
from vidzoo.evaluation.score import score
from vidzoo.io.data_file import DataFile, DataFileWriter, Trial, TrialReader
from vidzoo.io.predictions import read_predictions
from vidzoo.io.splits import Split, SplitEntry

TOOL = Path(__file__).resolve().parents[2] / "tools/physics_baseline.py"
JOINTS = [COORDINATES.index(name) for name in BENCHMARK_JOINTS]
FAMILIES = ("walking", "DJ", "squatsAsym")


@pytest.fixture(scope="module")
def performed() -> dict[str, Trial]:
    """One synthetic trial of each of FAMILIES, with exact ground reactions."""
    pytest.importorskip("mujoco", reason="needs the extra 'synthetic'")
    from vidzoo.synthetic import make_trial

    return {family: make_trial(0, 0, family, 1, cameras=0) for family in FAMILIES}


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., DataFile]:
    """Write trials to a file and open it."""

    def write(*trials: Trial) -> DataFile:
        path = tmp_path_factory.mktemp("physics") / "vid.h5"
        with DataFileWriter(path, {}) as writer:
            for trial in trials:
                writer.add(trial)
        return DataFile(path)

    return write


@pytest.fixture(scope="module")
def data(performed: dict[str, Trial], read: Callable[..., DataFile]) -> DataFile:
    return read(*performed.values())


@pytest.fixture(scope="module")
def split(data: DataFile) -> Split:
    """The first 20 frames train, the frames 30-59 test."""
    train = tuple(SplitEntry(s, t, (0, 20), ((0, 20),)) for s, t in data.trial_keys())
    test = tuple(SplitEntry(s, t, (30, 60), ((30, 45), (45, 60))) for s, t in data.trial_keys())
    return Split("block", 0, data.content_hash, {}, train, test)


def measured(trial: TrialReader) -> np.ndarray:
    """Return the measured wrenches about the calcanei, [F, 2, 6]."""
    origins = load_sharing.foot_origins(trial.array("coordinates"), trial.array("foot_jacobians"))
    return wrench_at_foot(trial.array("grf").astype(np.float64), origins)


FEET = [[MARKERS.index(m) for m in foot] for foot in load_sharing.FOOT_MARKERS]


def in_the_air(trial: TrialReader) -> np.ndarray:
    """Return which feet have no marker that is low and slow, [F, 2]."""
    heights = trial.array("markers")[:, FEET, 1]
    raised = heights - heights.min(axis=0) > 0.06
    return (raised | (np.linalg.norm(trial.array("marker_velocities")[:, FEET], axis=-1) > 1.3)).all(axis=-1)


# --- against the ground reactions of synthetic people, which are exact ------------------------------------------------
@pytest.mark.parametrize("family", FAMILIES)
def test_measured_wrenches_give_the_files_torques_and_the_total(data: DataFile, family: str):
    trial = next(t for t in data if t.action == family)
    wrenches = measured(trial)
    np.testing.assert_allclose(physics.physics_torques(trial, wrenches), trial.array("torques"), atol=0.02)

    jacobians = trial.array("foot_jacobians").astype(np.float64)
    total = load_sharing.total_wrench(trial.array("inertial_torques").astype(np.float64), jacobians)
    origins = load_sharing.foot_origins(trial.array("coordinates"), jacobians)
    pelvis = trial.array("coordinates")[:, 3:6]
    moment = (wrenches[..., :3] + np.cross(origins - pelvis[:, None], wrenches[..., 3:])).sum(axis=1)
    np.testing.assert_allclose(total[:, 3:], wrenches[..., 3:].sum(axis=1), atol=0.02)
    np.testing.assert_allclose(total[:, :3], moment, atol=0.02)


def test_a_foot_alone_carries_all_of_it(data: DataFile):
    trial = next(t for t in data if t.action == "walking")
    true, found = measured(trial), physics.ground_reaction(trial)
    air = in_the_air(trial)
    for foot in (0, 1):
        alone = air[:, 1 - foot] & ~air[:, foot] & (true[:, 1 - foot, 4] == 0)
        assert alone.sum() > 15
        np.testing.assert_allclose(found.wrenches[alone], true[alone], atol=0.1)  # N and N·m, of some 600 N
        torques = physics.physics_torques(trial, found.wrenches)[alone]
        np.testing.assert_allclose(torques[:, JOINTS], trial.array("torques")[alone][:, JOINTS], atol=0.1)


def test_feet_in_the_air_carry_nothing(data: DataFile):
    trial = next(t for t in data if t.action == "DJ")
    flies = in_the_air(trial).all(axis=1)
    assert flies.sum() > 10
    found = physics.ground_reaction(trial)
    assert not found.wrenches[flies].any() and not found.seat_force.any()
    np.testing.assert_array_equal(
        physics.physics_torques(trial, found.wrenches)[flies], trial.array("inertial_torques")[flies]
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_each_foot_pushes_up_within_its_friction_from_below_its_sole(data: DataFile, family: str):
    trial = next(t for t in data if t.action == family)
    found = physics.ground_reaction(trial)
    origins = load_sharing.foot_origins(trial.array("coordinates"), trial.array("foot_jacobians"))
    soles, _ = load_sharing.contacts(
        *(load_sharing.foot_trajectories(trial.array(name)) for name in ("markers", "marker_velocities"))
    )
    assert (found.wrenches[..., 4].max(axis=0) > 0.3 * trial.mass_kg * GRAVITY).all()
    for f, foot in np.argwhere(found.wrenches[..., 4] > 1.0):
        moment, (x, y, z) = np.split(found.wrenches[f, foot], 2)
        assert abs(x) + abs(z) <= load_sharing.FRICTION * y * (1 + 1e-9)
        moment = moment + np.cross(origins[f, foot], (x, y, z))  # about the ground's origin
        pressed = np.array([moment[2], -moment[0]]) / y
        corners = soles[f, foot][:, [0, 2]]
        middle = corners.mean(axis=0)
        assert Delaunay(corners).find_simplex(middle + (pressed - middle) * (1 - 1e-4)) >= 0


def test_two_feet_together_give_the_total_and_come_near_the_truth(data: DataFile):
    trial = next(t for t in data if t.action == "squatsAsym")
    true, found = measured(trial), physics.ground_reaction(trial)
    weight = trial.mass_kg * GRAVITY
    assert np.abs(found.residual).max() < 1e-3 * weight
    np.testing.assert_allclose(found.wrenches[..., 3:].sum(axis=1), true[..., 3:].sum(axis=1), atol=1e-3 * weight)
    assert np.abs(true[:, 0, 4] - true[:, 1, 4]).max() > 0.15 * weight  # asymmetric indeed
    error = np.abs(found.wrenches[..., 4] - true[..., 4]).mean()
    assert error < 0.1 * weight and error < 0.6 * np.abs(true[:, 0, 4] - true[:, 1, 4]).mean()


# --- one frame, by hand -------------------------------------------------------------------------------------------
WEIGHT = 700.0
HIPS = np.array([0.10, 0.9, 0.0])


def stand(width: float = 0.0, **changes):
    """Call ``share`` with feet 0.3 m apart, heels at x = 0, soles 0.25 m long; the weight in the middle."""
    z = np.array([0.15, -0.15])
    outline = np.array([[0.0, 0.0, 0.0], [0.18, 0.0, width / 2], [0.18, 0.0, -width / 2], [0.25, 0.0, 0.0]])
    arguments = {
        "total": np.array([0.0, 0.0, 0.0, 0.0, WEIGHT, 0.0]),
        "leg_torques": np.zeros((2, 6)),
        "leg_jacobians": np.zeros((2, 6, 6)),
        "points": outline + z[:, None, None] * np.array([0, 0, 1]),
        "firm": np.ones((2, 4)),
        "origins": np.column_stack([[0.02, 0.02], [0.03, 0.03], z]),
        "hips": HIPS,
        "rest": 1.0,
        "body_weight": WEIGHT,
    }
    return load_sharing.share(**(arguments | changes))


@pytest.mark.parametrize("right", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_narrow_feet_carry_in_the_ratio_of_the_levers(right: float):
    at = HIPS * [1, 0, 0] + [0, 0, 0.15 * (2 * right - 1)]  # where the weight meets the floor
    total = np.concatenate([np.cross(at - HIPS, [0, WEIGHT, 0]), [0, WEIGHT, 0]])
    wrenches, seat, residual = stand(total=total)
    np.testing.assert_allclose(wrenches[:, 4], WEIGHT * np.array([right, 1 - right]), atol=0.01)
    assert np.abs(residual).max() < 0.01 and not seat.any()


def test_contact_decides_where_nothing_else_does():
    """Both feet in one place could carry: the firmer one does, by the square of its contact."""
    points = np.zeros((2, 4, 3)) + np.array([[0.0, 0, 0], [0.18, 0, 0.04], [0.18, 0, -0.04], [0.25, 0, 0]])
    firm = np.array([[1.0] * 4, [0.5] * 4])
    wrenches, _, _ = stand(points=points, firm=firm, origins=np.zeros((2, 3)))
    assert wrenches[0, 4] / wrenches[1, 4] == pytest.approx(4, rel=1e-3)


def test_nothing_touches_nothing_carries():
    total = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    wrenches, seat, residual = stand(total=total, firm=np.full((2, 4), 0.5 * load_sharing.MIN_CONTACT))
    assert not wrenches.any() and not seat.any()
    np.testing.assert_array_equal(residual, total)


def test_a_seat_carries_what_the_moment_about_the_hips_leaves():
    """Hips 0.4 m behind the heels, the weight 0.05 m before the hips: the feet carry 0.05 / lever of it."""
    hips = np.array([-0.4, 0.5, 0.0])
    total = np.concatenate([np.cross([0.05, -0.5, 0], [0, WEIGHT, 0]), [0, WEIGHT, 0]])
    wrenches, seat, residual = stand(total=total, hips=hips)
    load = wrenches[:, 4].sum()
    assert load + seat[1] == pytest.approx(WEIGHT, abs=0.01) and np.abs(residual).max() < 0.01
    np.testing.assert_allclose(wrenches[0, [3, 4]], wrenches[1, [3, 4]], atol=0.01)
    # with horizontal force x at the floor, 0.5 m below the hips: y (0.4 + place) + 0.5 x = 0.05 WEIGHT
    moment = sum(w[2] + np.cross(np.array([0.02, 0.03, z]) - hips, w[3:])[2] for w, z in zip(wrenches, (0.15, -0.15)))
    assert moment == pytest.approx(0.05 * WEIGHT, abs=0.01)
    assert seat[1] > 0.6 * WEIGHT
    in_motion, none, lacking = stand(total=total, hips=hips, rest=0.0)
    assert not none.any() and lacking[4] > load_sharing.RESIDUAL_LIMIT * WEIGHT and in_motion[:, 4].sum() > 2 * load


def test_of_all_sharings_the_one_with_the_least_effort(data: DataFile):
    """The same problem, written again with bounds and equations, by SciPy's SLSQP."""
    trial = next(t for t in data if t.action == "squatsAsym")
    frame, weight = 40, trial.mass_kg * GRAVITY
    jacobians = trial.array("foot_jacobians").astype(np.float64)[frame]
    inertial = trial.array("inertial_torques").astype(np.float64)[frame]
    origins = load_sharing.foot_origins(trial.array("coordinates"), trial.array("foot_jacobians"))[frame]
    soles, firm = (
        x[frame]
        for x in load_sharing.contacts(
            *(load_sharing.foot_trajectories(trial.array(name)) for name in ("markers", "marker_velocities"))
        )
    )
    edges = np.array([[0.8, 1, 0], [-0.8, 1, 0], [0, 1, 0.8], [0, 1, -0.8]]) / np.hypot(1, 0.8)
    forces = np.tile(edges, (8, 1))
    places = np.repeat(soles.reshape(8, 3), 4, axis=0)
    foot = np.repeat([0, 1], 16)
    names = ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle", "subtalar_angle")
    strength = np.array([200, 100, 50, 200, 150, 30]) / 200

    def wrenches_of(x: np.ndarray) -> np.ndarray:
        pushed = x[:, None] * forces * weight
        return np.array(
            [np.r_[np.cross(places - origins[k], pushed)[foot == k].sum(0), pushed[foot == k].sum(0)] for k in (0, 1)]
        )

    def effort(x: np.ndarray) -> float:
        torques = inertial - sum(jacobians[k].T @ w for k, w in enumerate(wrenches_of(x)))
        legs = [torques[[COORDINATES.index(f"{n}_{s}") for n in names]] / strength / weight for s in "rl"]
        return float(np.square(legs).sum() + np.square(0.1 * x / np.repeat(firm.ravel(), 4)).sum())

    def missing(x: np.ndarray) -> np.ndarray:
        return (inertial[:6] - sum(jacobians[k][:, :6].T @ w for k, w in enumerate(wrenches_of(x)))) / weight

    best = minimize(
        effort, np.full(32, 1 / 32), bounds=[(0, None)] * 32, method="SLSQP", options={"maxiter": 500, "ftol": 1e-12},
        constraints={"type": "eq", "fun": missing},
    )  # fmt: skip
    assert best.success
    found = physics.ground_reaction(trial, np.array([frame])).wrenches[frame]
    np.testing.assert_allclose(found, wrenches_of(best.x), atol=2e-3 * weight)


# --- trials and splits --------------------------------------------------------------------------------------------
def test_labels_and_measured_forces_are_not_looked_at(performed: dict[str, Trial], read: Callable[..., DataFile]):
    trial = performed["walking"]
    blind = replace(trial, torques=np.full_like(trial.torques, np.nan), grf=None)
    (seen,), (unseen,) = (
        [physics.ground_reaction(t, np.arange(20, 40)).wrenches for t in read(t)] for t in (trial, blind)
    )
    assert seen[20:40].any()
    np.testing.assert_array_equal(seen, unseen)


def test_gaps_of_foot_markers_are_bridged(performed: dict[str, Trial], read: Callable[..., DataFile]):
    trial = performed["walking"]
    holes = {name: getattr(trial, name).copy() for name in ("markers", "marker_velocities")}
    for values in holes.values():
        values[40:43, MARKERS.index("r_toe")] = np.nan
    (whole,), (mended,) = (
        [physics.ground_reaction(t, np.arange(35, 50)).wrenches for t in read(replace(trial, **h))] for h in ({}, holes)
    )
    np.testing.assert_allclose(mended[:, :, 4], whole[:, :, 4], atol=0.02 * trial.mass_kg * GRAVITY)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("marker", "subject1/walking1: the marker L_calc is missing throughout"),
        ("jacobians", "has no 'foot_jacobians'; build the file with it"),
        ("number", "'inertial_torques' hold values that are no numbers"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    performed: dict[str, Trial], read: Callable[..., DataFile], change: str, sentence: str
):
    trial = performed["walking"]
    markers, inertial = trial.markers.copy(), trial.inertial_torques.copy()
    if change == "marker":
        markers[:, MARKERS.index("L_calc")] = np.nan
    if change == "number":
        inertial[3, 4] = np.nan
    jacobians = None if change == "jacobians" else trial.foot_jacobians
    spoilt = replace(trial, markers=markers, inertial_torques=inertial, foot_jacobians=jacobians)
    with pytest.raises(DataError, match=sentence):
        physics.ground_reaction(next(iter(read(spoilt))))


def test_predictions_are_the_test_frames_for_every_camera_that_the_split_names(data: DataFile, split: Split):
    predictions = physics.physics_predictions(data, split)
    assert (len(predictions), set(predictions.camera.tolist())) == (30 * len(FAMILIES), {""})
    trial = data.trial("subject1", "DJ1")
    rows = (predictions.trial == "DJ1") & (predictions.frame == 37)
    expected = physics.physics_torques(trial, physics.ground_reaction(trial, np.array([37])).wrenches)[37, JOINTS]
    np.testing.assert_allclose(predictions.torques[rows][0], expected, rtol=1e-5)
    named = replace(split, test=(replace(split.test[0], targets=((30, 35),), cameras=("Cam0", "Cam1")),))
    of_cameras = physics.physics_predictions(data, named)
    assert of_cameras.camera.tolist() == ["Cam0"] * 5 + ["Cam1"] * 5
    np.testing.assert_array_equal(of_cameras.torques[:5], of_cameras.torques[5:])
    beyond = replace(split, test=(replace(split.test[0], targets=((0, 10**6),)),))
    with pytest.raises(DataError, match="make the split again"):
        physics.physics_predictions(data, beyond)


def test_the_tool_writes_what_the_scorer_makes_of_it(data: DataFile, split: Split, tmp_path: Path):
    split.save(tmp_path / "split.json")
    out = tmp_path / "new/row.npz"
    arguments = ["--data", data.path, "--split", tmp_path / "split.json"]

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, TOOL, *map(str, words)], capture_output=True, text=True)

    done = run(*arguments, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "protocol block · synthetic motion, no images" in done.stdout and "mPJE_action" in done.stdout
    results = read_results(out.with_name("results.json"))
    again = score(read_predictions(out), data, split)
    assert results["overall"] == again["overall"] and results["counts"] == again["counts"]
    assert results["overall"]["mPJE_mean"] < 0.3 * results["baselines"]["train_mean"]["mPJE_mean"]
    assert results["provenance"]["seconds_per_1000_predictions"] > 0 and results["provenance"]["device"]

    done = run("--data", tmp_path / "none.h5", "--split", tmp_path / "split.json", "--out", tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "none.h5: no such data file" in done.stderr
    assert "python tools/physics_baseline.py --data" in run("--help").stdout


# --- recorded people --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["walking1", "squatsAsym1"])
def test_a_recorded_trial(opensim_file: Path, name: str):
    trial = DataFile(opensim_file).trial("subject4", name)
    true, weight = measured(trial), trial.mass_kg * GRAVITY
    # OpenSim's own result; the rest is float32 and the smoothing of the stored coordinates
    np.testing.assert_allclose(
        physics.physics_torques(trial, true)[:, JOINTS], trial.array("torques")[:, JOINTS], atol=2.0
    )
    found = physics.ground_reaction(trial)
    torques = physics.physics_torques(trial, found.wrenches)
    assert not found.seat_force.any()
    off = np.abs(torques - trial.array("torques"))[:, JOINTS].mean() / trial.mass_kg
    without = np.abs(trial.array("inertial_torques") - trial.array("torques"))[:, JOINTS].mean() / trial.mass_kg
    assert off < 0.12 and off < 0.6 * without
    on_plates = true[..., 4].sum(axis=1) > 0.7 * weight
    assert np.abs(found.wrenches - true)[on_plates][..., 4].mean() < 0.12 * weight
    if trial.action == "walking":
        alone = on_plates & (true[..., 4].min(axis=1) < 5) & in_the_air(trial).any(axis=1)
        assert alone.sum() > 20
        difference = np.abs(found.wrenches - true)[alone].max(axis=1)
        assert np.median(difference[:, 3:].max(axis=1)) < 0.08 * weight  # what differentiation leaves, N
        assert np.median(difference[:, :3].max(axis=1)) < 0.05 * weight  # and N·m about the calcaneus

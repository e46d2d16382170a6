"""Inverse dynamics: closed formulas on a small body, stored results of real trials, and what is refused."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from osim_files import Segment, X, Y, Z, build_model, save_model
from scipy.interpolate import CubicSpline

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES, DEPENDENT_COORDINATES, GRAVITY, action_family
from vidzoo.dynamics.ground_reaction import FORCE_PLATES, ExternalLoad, measured_grf, unassigned_force, wrench_at_foot
from vidzoo.dynamics.opensim import default_lowpass_hz, inertial_terms, inverse_dynamics
from vidzoo.errors import ConfigError, DataError, VidZooError
from vidzoo.io.storage import Storage, coordinates_in_si, generalized_forces, read_storage

TY = COORDINATES.index("pelvis_ty")
TRANSLATION_ROWS = [COORDINATES.index(f"pelvis_t{axis}") for axis in "xyz"]
LEFT_LEG = list(range(COORDINATES.index("hip_flexion_l"), COORDINATES.index("mtp_angle_l") + 1))


# --- a small body -------------------------------------------------------------------------------------------------
def _segments() -> list[Segment]:
    """Pelvis, trunk, legs and arms; every joint turns about z, x, y in this order, as far as it has coordinates."""

    def segment(name: str, parent: str, place: tuple[float, float, float], *names: str, mass: float = 2.0) -> Segment:
        axes = dict(zip(names, (Z, X, Y, X, Y, Z)))
        return Segment(name, parent, place, axes, mass, (0.01, -0.1, 0.005), np.diag([0.03, 0.02, 0.04]))

    lumbar = (f"lumbar_{name}" for name in ("extension", "bending", "rotation"))
    segments = [
        segment("pelvis", "ground", (0, 0, 0), *COORDINATES[:6], mass=8.0),
        segment("torso", "pelvis", (-0.08, 0.08, 0.0), *lumbar),
    ]
    for s, z in (("r", 1), ("l", -1)):
        hip = (f"hip_{name}_{s}" for name in ("flexion", "adduction", "rotation"))
        segments += [
            segment(f"femur_{s}", "pelvis", (-0.06, -0.08, 0.08 * z), *hip),
            segment(f"tibia_{s}", f"femur_{s}", (0, -0.4, 0), f"knee_angle_{s}"),
            segment(f"patella_{s}", f"femur_{s}", (0.05, -0.4, 0), f"knee_angle_{s}_beta"),
            segment(f"talus_{s}", f"tibia_{s}", (0, -0.4, 0), f"ankle_angle_{s}"),
            segment(f"calcn_{s}", f"talus_{s}", (-0.05, -0.04, 0.01 * z), f"subtalar_angle_{s}"),
            segment(f"toes_{s}", f"calcn_{s}", (0.18, 0, 0), f"mtp_angle_{s}"),
            segment(f"humerus_{s}", "torso", (0, 0.4, 0.17 * z), *(f"arm_{c}_{s}" for c in ("flex", "add", "rot"))),
            segment(f"ulna_{s}", f"humerus_{s}", (0, -0.29, 0), f"elbow_flex_{s}"),
            segment(f"radius_{s}", f"ulna_{s}", (0, -0.01, 0.02 * z), f"pro_sup_{s}"),
        ]
    return segments


MASS = sum(segment.mass for segment in _segments())


@pytest.fixture(scope="session")
def body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An .osim file of a body with the 35 coordinates, made by OpenSim; its muscle-like spring must not count."""
    opensim = pytest.importorskip("opensim")
    model, _ = build_model(_segments())
    spring = opensim.SpringGeneralizedForce("knee_angle_r")
    spring.setName("spring")
    spring.setStiffness(1000.0)
    spring.setRestLength(1.0)
    model.addForce(spring)
    path = tmp_path_factory.mktemp("model") / "body.osim"
    save_model(model, path)
    return path


def motion(frames: int = 60, rate_hz: float = 200.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return time [F], a smooth motion [F, C] and its velocity."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames) / rate_hz
    size, phase = rng.uniform(0.1, 0.4, len(COORDINATES)), rng.uniform(0, 6.28, len(COORDINATES))
    angle = 2 * np.pi * 1.5 * time[:, None] + phase
    return time, size * np.sin(angle), size * 2 * np.pi * 1.5 * np.cos(angle)


def plates(time: np.ndarray, seed: int = 0, prefixes: tuple[str, ...] = ("R", "L")) -> Storage:
    """Return smooth forces, points and free moments of some plates."""
    rng = np.random.default_rng([seed, 1])
    columns, data = [], []
    for prefix in prefixes:
        for quantity, size in (("force_v", 300.0), ("force_p", 0.3), ("torque_", 20.0)):
            for axis in "xyz":
                columns.append(f"{prefix}_ground_{quantity}{axis}")
                data.append(size * np.sin(4 * time + rng.uniform(0, 6.28)))
    return Storage("forces", tuple(columns), time, np.stack(data, axis=1), None)


def test_at_rest_the_pelvis_bears_the_weight(body):
    pose = np.random.default_rng(3).uniform(-0.5, 0.5, len(COORDINATES))
    terms = inertial_terms(body, np.arange(10) / 100, np.tile(pose, (10, 1)))
    np.testing.assert_allclose(terms.inertial_torques[:, TRANSLATION_ROWS], [[0, MASS * GRAVITY, 0]] * 10, atol=1e-7)


def test_nothing_is_needed_for_a_free_fall(body):
    time = np.arange(30) / 100
    coordinates = np.tile(np.random.default_rng(4).uniform(-0.5, 0.5, len(COORDINATES)), (30, 1))
    coordinates[:, TY] = 2 - 0.5 * GRAVITY * time**2
    torques = inverse_dynamics(body, time, coordinates)
    # At the ends a natural spline has no acceleration.
    np.testing.assert_allclose(torques[10:20], 0, atol=0.05)
    assert abs(inertial_terms(body, time, 0 * coordinates).inertial_torques).max() > 100


def test_the_low_pass_filter_keeps_slow_motion_in_place_and_takes_fast_motion_away(body):
    time = np.arange(300) / 100
    slow, fast = 0.2 * np.sin(2 * np.pi * time), 0.01 * np.sin(2 * np.pi * 30 * time)
    coordinates = np.zeros((len(time), len(COORDINATES)))
    coordinates[:, TY] = slow + fast
    force = inertial_terms(body, time, coordinates, lowpass_hz=6.0).inertial_torques[:, TY]
    expected = MASS * (GRAVITY - (2 * np.pi) ** 2 * slow)
    middle = slice(50, -50)
    assert np.abs(force - expected)[middle].max() < 0.02 * np.ptp(expected)
    unfiltered = inertial_terms(body, time, coordinates).inertial_torques[:, TY]
    assert np.abs(unfiltered - expected)[middle].max() > np.ptp(expected)


def test_jacobians_are_the_velocity_of_the_foot_origins(body):
    time, coordinates, velocities = motion(rate_hz=1000)
    terms = inertial_terms(body, time, coordinates)
    predicted = np.einsum("fkic,fc->fki", terms.foot_jacobians[:, :, 3:], velocities)
    measured = CubicSpline(time, terms.foot_origins)(time, nu=1)
    np.testing.assert_allclose(predicted[10:-10], measured[10:-10], atol=1e-6)
    assert terms.foot_jacobians.shape == (60, 2, 6, 35)
    # The right foot knows nothing of the left leg, and a step of the pelvis moves a foot without turning it.
    assert not terms.foot_jacobians[:, 0][..., LEFT_LEG].any()
    np.testing.assert_array_equal(terms.foot_jacobians[0, 1][:, TRANSLATION_ROWS], np.eye(6)[:, 3:])


def test_wrenches_through_the_jacobians_are_what_the_tool_returns(body):
    time, coordinates, _ = motion()
    forces = plates(time)
    terms = inertial_terms(body, time, coordinates, lowpass_hz=12.0)
    wrenches = wrench_at_foot(measured_grf(forces, time), terms.foot_origins)
    torques = inverse_dynamics(body, time, coordinates, forces, lowpass_hz=12.0)
    expected = terms.inertial_torques - np.einsum("fkic,fki->fc", terms.foot_jacobians, wrenches)
    np.testing.assert_allclose(torques, expected, atol=1e-6)
    assert np.abs(torques - terms.inertial_torques).max() > 100


def test_a_force_acts_on_its_own_foot_only(body):
    time, coordinates, _ = motion(20)
    free = inverse_dynamics(body, time, coordinates)
    forces = plates(time)
    right = Storage("", forces.columns, time, forces.data * [c.startswith("R") for c in forces.columns])
    change = inverse_dynamics(body, time, coordinates, right) - free
    np.testing.assert_allclose(change[:, LEFT_LEG], 0, atol=1e-7)
    np.testing.assert_allclose(change[:, TRANSLATION_ROWS], -forces.data[:, :3], atol=1e-6)
    assert np.abs(change[:, COORDINATES.index("ankle_angle_r")]).max() > 1


def test_coordinates_are_known_by_name_and_coupled_ones_may_be_left_out(body):
    time, coordinates, _ = motion(20)
    dependent = [COORDINATES.index(name) for name in DEPENDENT_COORDINATES]
    coordinates[:, dependent] = 0  # the model's default
    expected = inverse_dynamics(body, time, coordinates)
    order = [i for i in np.random.default_rng(0).permutation(len(COORDINATES)) if i not in dependent]
    names = [COORDINATES[i] for i in order]
    np.testing.assert_array_equal(inverse_dynamics(body, time, coordinates[:, order], names=names), expected)
    both = [inertial_terms(body, time, coordinates), inertial_terms(body, time, coordinates[:, order], names=names)]
    np.testing.assert_array_equal(both[0].inertial_torques, both[1].inertial_torques)


def test_times_printed_with_few_digits_are_the_grid_that_they_mean(body):
    time, coordinates, _ = motion(90, rate_hz=60.0)
    forces = plates(np.arange(-10, 400) / 200)
    exact = inverse_dynamics(body, time, coordinates, forces, lowpass_hz=6.0)
    printed = inverse_dynamics(body, np.round(time, 5), coordinates, forces, lowpass_hz=6.0)
    np.testing.assert_allclose(printed, exact, atol=0.05)


def test_opensim_prints_nothing_and_leaves_no_file(body, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    time, coordinates, _ = motion(10)
    inverse_dynamics(body, time, coordinates)
    inertial_terms(body, time, coordinates)
    print("still here")
    out, err = capfd.readouterr()
    assert (out, err) == ("still here\n", "")
    assert not list(tmp_path.iterdir())


def test_the_module_imports_without_opensim():
    code = "import sys, vidzoo.dynamics.opensim; assert 'opensim' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_says_what_to_install_where_opensim_is_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "opensim", None)
    with pytest.raises(VidZooError, match=r"pip install 'vidzoo\[opensim\]'"):
        inverse_dynamics("model.osim", np.arange(10.0), np.zeros((10, 35)))


# --- wrong input --------------------------------------------------------------------------------------------------
def test_refuses_wrong_motion(body):
    time, coordinates, _ = motion(20)
    broken = coordinates.copy()
    broken[7, 3] = np.nan
    with pytest.raises(DataError, match=r"'pelvis_tx' is no number at 0.035 s"):
        inverse_dynamics(body, time, broken)
    with pytest.raises(DataError, match="'knee_angle_l' is missing"):
        keep = [i for i, name in enumerate(COORDINATES) if name != "knee_angle_l"]
        inverse_dynamics(body, time, coordinates[:, keep], names=[COORDINATES[i] for i in keep])
    with pytest.raises(DataError, match=r"'knee_angel_r' is no coordinate \(nearest: 'knee_angle_r'"):
        inverse_dynamics(
            body, time, coordinates, names=[n.replace("knee_angle_r", "knee_angel_r") for n in COORDINATES]
        )
    with pytest.raises(DataError, match="shape"):
        inverse_dynamics(body, time[:-1], coordinates)
    with pytest.raises(DataError, match="at least 6"):
        inverse_dynamics(body, time[:5], coordinates[:5])
    with pytest.raises(DataError, match="does not increase"):
        inverse_dynamics(body, time[::-1], coordinates)
    with pytest.raises(DataError, match="equal intervals"):
        inertial_terms(body, time**1.1, coordinates, lowpass_hz=6.0)
    with pytest.raises(DataError, match=r"lasts 0.1 s, but a low-pass filter at 12 Hz needs 0.17 s"):
        inertial_terms(body, time, coordinates, lowpass_hz=12.0)
    for wrong in (0.0, 100.0, float("nan")):
        with pytest.raises(ConfigError, match="lowpass_hz"):
            inertial_terms(body, time, coordinates, lowpass_hz=wrong)


def test_refuses_wrong_forces(body):
    time, coordinates, _ = motion(20)
    forces = plates(time)
    with pytest.raises(DataError, match="do not cover the motion"):
        inverse_dynamics(body, time, coordinates, plates(time[:-1]))
    with pytest.raises(DataError, match="do not cover the motion"):
        measured_grf(plates(time[1:]), time)
    with pytest.raises(DataError, match="no column 'L_ground_force_vx'"):
        inverse_dynamics(body, time, coordinates, plates(time, prefixes=("R",)))
    broken = forces.data.copy()
    broken[4, 5] = np.nan
    with pytest.raises(DataError, match=r"column 'R_ground_force_pz' is no number at 0.02 s"):
        inverse_dynamics(body, time, coordinates, Storage("", forces.columns, time, broken))
    with pytest.raises(DataError, match=r"no body 'calcn_right' for a force \(nearest: 'calcn_r'"):
        load = ExternalLoad("calcn_right", "R_ground_force_v", "R_ground_force_p", "R_ground_torque_")
        inverse_dynamics(body, time, coordinates, forces, external_loads=[load, FORCE_PLATES[1]])


def test_a_loaded_plate_that_belongs_to_no_foot_is_reported(body):
    time, coordinates, _ = motion(20)
    forces = plates(time, prefixes=("R", "L", "3"))
    with pytest.warns(UserWarning, match="belongs to no known foot"):
        torques = inverse_dynamics(body, time, coordinates, forces)
    np.testing.assert_allclose(unassigned_force(forces, time), np.linalg.norm(forces.data[:, 18:21], axis=1))
    idle = forces.data.copy()
    idle[:, 18:] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        without = inverse_dynamics(body, time, coordinates, Storage("", forces.columns, time, idle))
    np.testing.assert_array_equal(torques, without)


def test_refuses_wrong_models(body, tmp_path):
    time, coordinates, _ = motion(10)
    text = body.read_text()
    cases = {
        "cut.osim": (text[: len(text) // 2], "no well-formed XML"),
        "other.osim": (text.replace("elbow_flex_l", "elbow_bend_l"), "missing: elbow_flex_l; unknown: elbow_bend_l"),
        "linked.osim": (text.replace("<JointSet", "<JointSet file='/etc/passwd'", 1), "points to another file"),
        "loose.osim": (text.replace("/bodyset/tibia_r", "/bodyset/tibia_x"), "OpenSim cannot build this model"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(DataError, match=rf"{name}.*{message}"):
            inverse_dynamics(tmp_path / name, time, coordinates)
    with pytest.raises(DataError, match="no such file"):
        inertial_terms(tmp_path / "absent.osim", time, coordinates)


# --- forces on another grid ---------------------------------------------------------------------------------------
def test_grf_is_the_table_itself_at_its_own_times():
    forces = plates(np.arange(50) / 100)
    found = measured_grf(forces, forces.time[10:30])
    np.testing.assert_allclose(found.reshape(20, 18), forces.data[10:30], atol=1e-12)


def test_grf_between_samples_keeps_the_load_and_a_sensible_point():
    forces = plates(np.arange(50) / 100)
    time = np.array([0.101, 0.2375])
    found = measured_grf(forces, time)
    for k in range(2):
        force, point, free_moment = np.split(forces.data[:, 9 * k : 9 * k + 9], 3, axis=1)
        moment = free_moment + np.cross(point, force)
        for i in range(3):
            np.testing.assert_allclose(found[:, k, i], np.interp(time, forces.time, force[:, i]))
        got = found[:, k, 6:] + np.cross(found[:, k, 3:6], found[:, k, :3])
        np.testing.assert_allclose(got, np.stack([np.interp(time, forces.time, m) for m in moment.T], axis=1))


def test_an_unloaded_sample_does_not_pull_the_point_of_pressure():
    data = np.zeros((3, 18))
    data[1:, 1], data[1:, 3:6] = [100, 200], [0.4, 0.0, 0.1]
    forces = Storage("", plates(np.arange(3.0)).columns, np.arange(3.0), data)
    found = measured_grf(forces, np.array([0.0, 0.25, 1.5]))
    np.testing.assert_allclose(found[:, 0, 1], [0, 25, 150])
    np.testing.assert_allclose(found[:, 0, 3:6], [[0, 0, 0], [0.4, 0, 0.1], [0.4, 0, 0.1]])
    np.testing.assert_allclose(found[:, 0, 6:], 0, atol=1e-12)


def test_cut_off_frequencies():
    assert [default_lowpass_hz(family) for family in ("DJ", "DJAsym", "walking", "squats", "STS", None)] == [
        12,
        12,
        6,
        6,
        6,
        6,
    ]


# --- real trials --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("subject", "trial"),
    [("subject4", t) for t in ("walking1", "squats1", "DJ1")] + [("subject5", "DJ1"), ("subject6", "walking1")],
)
def test_stored_torques_come_out_again(release, subject, trial):
    """The shared data's were made with OpenSim as well, the made-up ones with MuJoCo and SciPy."""
    limits = {"made_up": (1e-6, 1e-3), "shared": (1e-6, 1e-5)}[release.kind]
    check_stored_torques(release.root / subject, trial, *limits)


@pytest.mark.parametrize("trial", ["walkingTS1", "DJAsym1"])
def test_stored_torques_of_other_actions_come_out_again(shared_data, trial):
    check_stored_torques(shared_data / "LabValidation/subject4", trial, 1e-6, 1e-5)


def check_stored_torques(folder: Path, trial: str, relative: float, absolute: float) -> None:
    """Compare a trial's .sto file with what OpenSim gives; limits: share of a joint's RMS; any label, N·m or N."""
    pytest.importorskip("opensim")
    (model,) = (folder / "OpenSimData/Mocap/Model").glob("*.osim")
    table = read_storage(folder / f"OpenSimData/Mocap/IK/{trial}.mot")
    forces = read_storage(folder / f"ForceData/{trial}_forces.mot")
    stored = generalized_forces(read_storage(folder / f"OpenSimData/Mocap/ID/{trial}.sto"))
    coordinates, cutoff = coordinates_in_si(table), default_lowpass_hz(action_family(trial))

    torques = inverse_dynamics(model, table.time, coordinates, forces, lowpass_hz=cutoff)
    joints = [COORDINATES.index(joint) for joint in BENCHMARK_JOINTS]
    error, size = (np.sqrt(np.mean(x[:, joints] ** 2, axis=0)) for x in (torques - stored, stored))
    assert (error / size).max() < relative
    np.testing.assert_allclose(torques, stored, atol=absolute)

    terms = inertial_terms(model, table.time, coordinates, lowpass_hz=cutoff)
    wrenches = wrench_at_foot(measured_grf(forces, table.time), terms.foot_origins)
    rebuilt = terms.inertial_torques - np.einsum("fkic,fki->fc", terms.foot_jacobians, wrenches)
    np.testing.assert_allclose(rebuilt, torques, atol=1e-5)
    assert unassigned_force(forces, table.time).max() == 0
    # Feet are near the ground and near their own centre of pressure.
    loaded = measured_grf(forces, table.time)[..., 1] > 100
    distance = np.linalg.norm(measured_grf(forces, table.time)[..., 3:6] - terms.foot_origins, axis=-1)
    assert distance[loaded].max() < 0.35


LOAD_TAGS = "applied_to_body", "force_identifier", "point_identifier", "torque_identifier"


def test_another_sites_stored_result_comes_out_again(shared_data):
    pytest.importorskip("opensim")
    folder = shared_data / "io/JA1Gait35"
    loads = [
        ExternalLoad(*(element.findtext(tag) for tag in LOAD_TAGS))
        for element in ElementTree.parse(folder / "JA1Gait35_external_forces.xml").iter("ExternalForce")
    ]
    table = read_storage(folder / "JA1Gait35_ik.mot")
    names = [name for name in COORDINATES if name not in DEPENDENT_COORDINATES]
    torques = inverse_dynamics(
        folder / "rescaled.osim", table.time, coordinates_in_si(table, names),
        read_storage(folder / "JA1Gait35_grf.mot"),
        external_loads=loads, names=names,
    )  # fmt: skip
    stored = generalized_forces(read_storage(folder / "JA1Gait35_id_output.sto"))
    assert len(loads) == 8 and loads != FORCE_PLATES
    peak = np.abs(stored).max(axis=0)
    assert (np.abs(torques - stored).max(axis=0) <= 1e-3 * peak).all()

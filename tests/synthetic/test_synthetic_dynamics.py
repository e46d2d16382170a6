"""The physics of the synthetic motions, checked against mechanics done another way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

mujoco = pytest.importorskip("mujoco", reason="needs the extra 'synthetic'")

from vidzoo.anatomy import (  # noqa: E402
    ACTION_FAMILIES,
    COORDINATES,
    GRAVITY,
    PELVIS_COORDINATES,
    SAGITTAL_MIRROR_SIGN_FLIPS,
    mirror_index,
)
from vidzoo.synthetic import perform_trial  # noqa: E402
from vidzoo.synthetic.body import DOF, INDEPENDENT, Body, build_body  # noqa: E402
from vidzoo.synthetic.dynamics import Performance, perform, zero_moment_com  # noqa: E402
from vidzoo.synthetic.figure import trace  # noqa: E402
from vidzoo.synthetic.plan import (  # noqa: E402
    Plan,
    Track,
    lower,
)
from vidzoo.synthetic.postures import Style  # noqa: E402
from vidzoo.synthetic.segments import DE_LEVA, Subject  # noqa: E402
from vidzoo.synthetic.solver import centre_of_pressure  # noqa: E402
from vidzoo.synthetic.standing import plan_squat  # noqa: E402

C = {name: i for i, name in enumerate(COORDINATES)}
ROOT = [C[name] for name in PELVIS_COORDINATES]
MASS = 68.0


@pytest.fixture(scope="module")
def body() -> Body:
    return build_body(Subject("s", MASS, 1.72, "m"))


@pytest.fixture(scope="module")
def performances(body: Body) -> dict[str, Performance]:
    style = Style(0.3, -0.5, 0.2, -0.4, 0.1, 0.6)
    return {f: perform_trial(body, f, np.random.default_rng([7, i]), style) for i, f in enumerate(ACTION_FAMILIES)}


def load(body: Body, row: np.ndarray, *rates: np.ndarray) -> None:
    """Put coordinates [C], and velocities and accelerations where given, into the body's MuJoCo data."""
    for name in INDEPENDENT:
        body.data.qpos[DOF[name]] = row[C[name]]
        for target, rate in zip((body.data.qvel, body.data.qacc), rates):
            target[DOF[name]] = rate[C[name]]
    mujoco.mj_fwdPosition(body.model, body.data)


@pytest.mark.parametrize("family", ACTION_FAMILIES)
def test_pelvis_residual_vanishes_and_torques_are_inertia_less_ground(family: str, performances) -> None:
    p = performances[family]
    assert np.isfinite(p.torques).all() and len(p.time) >= 80
    assert np.abs(p.torques[:, ROOT]).max() < 1e-9 * np.abs(p.inertial_torques[:, ROOT]).max()
    ground = np.einsum("tfwc,tfw->tc", p.foot_jacobians, p.foot_wrenches)
    np.testing.assert_allclose(p.torques, p.inertial_torques - ground, atol=1e-9)
    dependent = [C["knee_angle_r_beta"], C["knee_angle_l_beta"]]
    assert not p.torques[:, dependent].any()
    np.testing.assert_array_equal(p.coordinates[:, dependent], p.coordinates[:, [C["knee_angle_r"], C["knee_angle_l"]]])


@pytest.mark.parametrize("family", ACTION_FAMILIES)
def test_grf_and_foot_wrenches_are_the_same_forces(family: str, body: Body, performances) -> None:
    p = performances[family]
    for i in range(0, len(p.time), 9):
        load(body, p.coordinates[i])
        for f, foot in enumerate(body.feet):
            force, cop, free = p.grf[i, f].reshape(3, 3)
            moment = np.cross(cop - body.data.xpos[foot], force) + free if force.any() else np.zeros(3)
            np.testing.assert_allclose(p.foot_wrenches[i, f], np.concatenate([moment, force]), atol=1e-8)
            assert cop[1] == 0


@pytest.mark.parametrize("family", ["DJAsym", "squatsAsym", "STSweakLegs", "walkingTS"])
def test_torques_agree_with_link_segment_mechanics(family: str, body: Body, performances) -> None:
    """Sum weight, inertia and ground reaction of all that hangs on a joint, from positions alone (Newton and Euler)."""
    p, model, data, h = performances[family], body.model, body.data, 2e-4
    parents = model.body_parentid
    for i in np.linspace(3, len(p.time) - 4, 6).astype(int):
        q, v, a = p.coordinates[i], p.coordinate_velocities[i], p.accelerations[i]
        centres, turns = [], []
        for t in (-h, 0, h):
            load(body, q + v * t + 0.5 * a * t**2)
            centres.append(data.xipos.copy())
            turns.append(data.ximat.reshape(-1, 3, 3).copy())
        acceleration = (centres[0] - 2 * centres[1] + centres[2]) / h**2

        def spin(first: np.ndarray, last: np.ndarray, middle: np.ndarray) -> np.ndarray:
            """Return each body's angular momentum about its centre halfway between two orientations."""
            s = (last @ first.transpose(0, 2, 1) - first @ last.transpose(0, 2, 1)) / (2 * h)
            omega = np.stack([s[:, 2, 1], s[:, 0, 2], s[:, 1, 0]], axis=1)
            return np.einsum("bij,bj,bkj,bk->bi", middle, model.body_inertia, middle, omega)

        middles = []
        for t in (-h / 2, h / 2):
            load(body, q + v * t + 0.5 * a * t**2)
            middles.append(data.ximat.reshape(-1, 3, 3).copy())
        spin_rate = (spin(turns[1], turns[2], middles[1]) - spin(turns[0], turns[1], middles[0])) / h
        load(body, q)
        for name in INDEPENDENT[6:]:
            joint = DOF[name]
            anchor, axis, root = data.xanchor[joint], data.xaxis[joint], model.jnt_bodyid[joint]
            moment = np.zeros(3)
            for b in range(1, model.nbody):
                above = b
                while above not in (0, root):
                    above = parents[above]
                if above != root:
                    continue
                inertia = model.body_mass[b] * (acceleration[b] + [0, GRAVITY, 0])
                moment += np.cross(data.xipos[b] - anchor, inertia) + spin_rate[b]
                for f, foot in enumerate(body.feet):
                    if b == foot:
                        force, cop, free = p.grf[i, f].reshape(3, 3)
                        moment -= np.cross(cop - anchor, force) + free
            assert axis @ moment == pytest.approx(p.torques[i, C[name]], abs=0.15), name


def still(body: Body, at: float) -> Plan:
    """Return a plan that holds the posture of a squat at a share of its time."""
    plan = plan_squat(body, np.random.default_rng(3), Style(0, 0, 0, 0, 0, 0))
    k = round(at * (len(plan.time) - 1))
    zero = np.zeros_like(plan.posture.value)
    return replace(
        plan,
        posture=Track(np.tile(plan.posture.value[k], (len(zero), 1)), zero, zero),
        com_height=np.full(len(zero), plan.com_height[k] - 0.02),
        support=np.tile(plan.support[k], (len(zero), 1, 1)),
        load=np.tile(plan.load[k], (len(zero), 1)),
    )


def test_standing_still_weighs_the_body(body: Body) -> None:
    p = perform(body, still(body, 0.0))
    force = p.grf[:, :, :3].sum(axis=1)
    np.testing.assert_allclose(force, np.tile([0, MASS * GRAVITY, 0], (len(force), 1)), atol=1e-4)
    # The centre of pressure is below the centre of mass.
    load(body, p.coordinates[9])
    cop = (p.grf[9, :, 1:2] * p.grf[9, :, 3:6]).sum(axis=0) / force[9, 1]
    np.testing.assert_allclose(cop[[0, 2]], body.data.subtree_com[0, [0, 2]], atol=1e-6)


def test_held_squat_knee_moment_by_hand(body: Body) -> None:
    p = perform(body, still(body, 0.5))
    load(body, p.coordinates[9])
    data, model = body.data, body.model
    knee, axis = data.xpos[body.body_id("tibia_r")], data.xaxis[DOF["knee_angle_r"]]
    force, cop, free = p.grf[9, 0].reshape(3, 3)
    moment = np.cross(cop - knee, force) + free
    for name in ("tibia_r", "talus_r", "calcn_r", "toes_r"):
        b = body.body_id(name)
        moment += np.cross(data.xipos[b] - knee, [0, -model.body_mass[b] * GRAVITY, 0])
    assert p.torques[9, C["knee_angle_r"]] == pytest.approx(-axis @ moment, abs=1e-3)
    assert p.torques[9, C["knee_angle_r"]] / MASS < -0.3  # the extensors hold a bent knee


def angular_momentum(body: Body, p: Performance, i: int) -> np.ndarray:
    """Return the whole body's angular momentum about its centre of mass from two postures a moment apart."""
    h, states = 1e-5, []
    for t in (-h, h):
        load(body, p.coordinates[i] + t * p.coordinate_velocities[i])
        states.append(
            (body.data.xipos.copy(), body.data.ximat.reshape(-1, 3, 3).copy(), body.data.subtree_com[0].copy())
        )
    (x0, r0, c0), (x1, r1, c1) = states
    load(body, p.coordinates[i])
    s = (r1 @ r0.transpose(0, 2, 1) - r0 @ r1.transpose(0, 2, 1)) / (4 * h)
    omega = np.stack([s[:, 2, 1], s[:, 0, 2], s[:, 1, 0]], axis=1)
    turn = body.data.ximat.reshape(-1, 3, 3)
    spin = np.einsum("bij,bj,bkj,bk->bi", turn, body.model.body_inertia, turn, omega).sum(axis=0)
    arm, speed = body.data.xipos - body.data.subtree_com[0], ((x1 - x0) - (c1 - c0)) / (2 * h)
    return spin + np.cross(arm, body.model.body_mass[:, None] * speed).sum(axis=0)


@pytest.mark.parametrize("family", ["DJ", "DJAsym"])
def test_nothing_but_gravity_acts_in_flight(family: str, body: Body, performances) -> None:
    p = performances[family]
    com = np.array([(load(body, row), body.data.subtree_com[0].copy())[1] for row in p.coordinates])
    acceleration = (com[2:] - 2 * com[1:-1] + com[:-2]) * 1e4
    airborne = ~p.grf[:, :, 1].any(axis=1)
    flying = airborne[:-2] & airborne[1:-1] & airborne[2:]
    assert flying.sum() > 30 and (~airborne).sum() > 30
    np.testing.assert_allclose(acceleration[flying], np.tile([0, -GRAVITY, 0], (flying.sum(), 1)), atol=1e-5)
    landing = np.flatnonzero(~airborne)[0]
    for phase in (range(1, landing - 1), range(np.flatnonzero(~airborne)[-1] + 2, len(com) - 1)):
        momenta = np.array([angular_momentum(body, p, i) for i in phase])
        # Heun's steps of 2.5 ms drift a little; a tumbling person has tens of kg m^2/s.
        assert np.abs(momenta - momenta.mean(axis=0)).max() < 0.25


def test_forces_and_motions_are_plausible(body: Body, performances) -> None:
    weight = MASS * GRAVITY
    peaks = {"DJ": (2.2, 4.0), "DJAsym": (2.0, 4.0), "walking": (1.05, 1.5), "walkingTS": (1.05, 1.5)}
    for family, p in performances.items():
        vertical = p.grf[:, :, 1]
        assert vertical.min() >= 0, family
        low, high = peaks.get(family, (1.0, 1.7))
        assert low < vertical.sum(axis=1).max() / weight < high, family
        _, points = trace(body, p.coordinates, COORDINATES)
        for f, side in enumerate("rl"):
            on = vertical[:, f] > 0.05 * weight
            heel, toe = (points[f"{n}_{side}"][on][:, [0, 2]] for n in ("heel", "toe"))
            along = ((p.grf[on, f][:, [3, 5]] - heel) * (toe - heel)).sum(axis=1) / ((toe - heel) ** 2).sum(axis=1)
            nearest = heel + np.clip(along, 0, 1)[:, None] * (toe - heel)
            out = np.linalg.norm(p.grf[on, f][:, [3, 5]] - nearest, axis=1) > 0.05
            assert out.mean() < 0.02, family
            assert min(points[f"{n}_{side}"][:, 1].min() for n in ("heel", "ball", "toe")) > -0.02, family
        knees = p.coordinates[:, [C["knee_angle_r"], C["knee_angle_l"]]]
        assert np.radians(-3) < knees.min() and knees.max() < np.radians(130), family
    share = performances["squatsAsym"].grf[:, 0, 1].max() / performances["squatsAsym"].grf[:, 1, 1].max()
    assert share > 1.3  # the right leg bears more


@pytest.mark.parametrize("family", ACTION_FAMILIES)
def test_velocities_are_the_coordinates_rates(family: str, performances) -> None:
    p = performances[family]
    rate = (p.coordinates[2:] - p.coordinates[:-2]) / 0.02
    error = rate - p.coordinate_velocities[1:-1]
    # Central differences of 10 ms steps miss h^2/6 times the third derivative: little, even in a landing.
    assert np.sqrt((error**2).mean()) < 0.02 * np.sqrt((p.coordinate_velocities**2).mean())
    acceleration = (p.coordinate_velocities[2:] - p.coordinate_velocities[:-2]) / 0.02
    missed = np.abs(acceleration - p.accelerations[1:-1])
    scale = np.sqrt((p.accelerations**2).mean())
    assert np.median(missed) < 0.01 * scale and np.sqrt((missed**2).mean()) < 0.2 * scale


def mirrored_plan(plan: Plan) -> Plan:
    """Return the plan in the mirror z = 0."""
    flips = np.ones(len(DOF))
    flips[[DOF[name] for name in SAGITTAL_MIRROR_SIGN_FLIPS]] = -1
    other = mirror_index(tuple(DOF))
    sides = [1, 0]

    def posture(x: np.ndarray) -> np.ndarray:
        return (x * flips)[:, other]

    def place(x: np.ndarray) -> np.ndarray:
        return x[:, sides] * [1, 1, -1]

    def each(track: Track, of) -> Track:
        return Track(of(track.value), of(track.rate), of(track.acceleration))

    return replace(
        plan,
        posture=each(plan.posture, posture),
        feet_position=each(plan.feet_position, place),
        feet_pitch=each(plan.feet_pitch, lambda x: x[:, sides]),
        feet_yaw=-plan.feet_yaw[sides],
        load=plan.load[:, sides],
        support=plan.support[:, sides] * [1, -1],
        planted=plan.planted[:, sides],
    )


def test_a_mirrored_motion_has_mirrored_torques(body: Body) -> None:
    plan = lower(plan_squat(body, np.random.default_rng(4), Style(0, 0, 0, 0, 0, 0), asymmetric=True), 0.02)
    p, m = perform(body, plan), perform(body, mirrored_plan(plan))
    flips = np.array([-1.0 if c in SAGITTAL_MIRROR_SIGN_FLIPS else 1.0 for c in COORDINATES])
    other = mirror_index(COORDINATES)
    assert np.abs(p.torques[:, C["knee_angle_r"]] - p.torques[:, C["knee_angle_l"]]).max() > 10
    for name, tolerance in (("coordinates", 1e-9), ("torques", 1e-6)):
        np.testing.assert_allclose((getattr(p, name) * flips)[:, other], getattr(m, name), atol=tolerance)
    np.testing.assert_allclose(p.grf[:, ::-1] * [1, 1, -1, 1, 1, -1, -1, -1, 1], m.grf, atol=1e-6)


@pytest.mark.parametrize("family", ["squatsAsym", "STS", "walking"])
def test_each_foot_pushes_half_way_towards_the_centre_of_mass(family: str, body: Body, performances) -> None:
    """Followed up to the centre of mass, a foot's reaction has come half way from the foot to the whole reaction."""
    p = performances[family]
    both = np.flatnonzero((p.grf[:, :, 1] > 50).all(axis=1))
    assert len(both) > 10
    for i in both[::5]:
        load(body, p.coordinates[i])
        height = body.data.subtree_com[0][1]
        force, point = p.grf[i, :, :3], p.grf[i, :, 3:6]
        total = force.sum(axis=0)
        pressure = (force[:, 1:2] * point).sum(axis=0) / total[1]
        lean = height * (force / force[:, 1:2] - total / total[1])
        np.testing.assert_allclose(lean[:, [0, 2]], 0.5 * (pressure - point)[:, [0, 2]], atol=2e-3)


def test_centre_of_pressure_of_a_known_wrench() -> None:
    force, point, free = np.array([10.0, 600.0, -20.0]), np.array([0.3, 0.0, -0.1]), 4.0
    cop, found = centre_of_pressure(force, np.cross(point, force) + [0, free, 0])
    np.testing.assert_allclose(cop, point[[0, 2]])
    assert found == pytest.approx(free)


def test_zero_moment_com_obeys_its_equation() -> None:
    time = np.arange(300) / 100
    cop = np.column_stack([0.3 * np.tanh(4 * (time - 1.5)), 0.05 * np.sin(6 * time)])
    height = 0.95 + 0.02 * np.sin(5 * time)
    com = zero_moment_com(time, height, cop)
    pull = (GRAVITY - 0.02 * 25 * np.sin(5 * time)) / height
    expected = pull[:, None] * (com - cop)
    found = (com[2:] - 2 * com[1:-1] + com[:-2]) * 1e4
    np.testing.assert_allclose(found[5:-5], expected[6:-6], atol=2e-3)


def test_squat_torques_are_what_statics_asks_for(body: Body, performances) -> None:
    """At the bottom, hip and knee hold what the ground pushes and the leg weighs; both push towards extension."""
    p = performances["squats"]
    i = int(p.coordinates[:, C["knee_angle_r"]].argmax())
    _, points = trace(body, p.coordinates[i : i + 1], COORDINATES)
    at = {name: point[0] for name, point in points.items()}
    ends = {"thigh": ("hip_r", "knee_r"), "shank": ("knee_r", "ankle_r"), "foot": ("heel_r", "toe_r")}
    force, pressed, free = p.grf[i, 0].reshape(3, 3)

    def moment_about(joint: str, *segments: str) -> float:
        total = np.cross(pressed - at[joint], force) + free
        for segment in segments:
            _, mass, centre, *_ = DE_LEVA[body.subject.sex][segment]
            first, last = (at[name] for name in ends[segment])
            weight = np.array([0, -mass * MASS * GRAVITY, 0])
            total += np.cross(first + centre * (last - first) - at[joint], weight)
        return float(total[2]) / MASS

    knee, hip = p.torques[i, [C["knee_angle_r"], C["hip_flexion_r"]]] / MASS
    assert knee == pytest.approx(moment_about("knee_r", "shank", "foot"), abs=0.1)  # about -z; toes point out a little
    assert hip == pytest.approx(-moment_about("hip_r", "thigh", "shank", "foot"), abs=0.1)
    assert knee < -0.3 and hip < -0.3


def test_squat_torques_have_the_signs_and_sizes_of_a_real_squat(body: Body, performances, shared_data) -> None:
    """The mean torque at the bottom of the squat against OpenSim's inverse dynamics of a real one, per kg."""

    def read(path) -> dict[str, np.ndarray]:
        lines = path.read_text().splitlines()
        head = next(i for i, line in enumerate(lines) if line.strip() == "endheader")
        rows = np.array([line.split() for line in lines[head + 2 :] if line.strip()], float)
        return dict(zip(lines[head + 1].split(), rows.T))

    folder = shared_data / "LabValidation/subject4/OpenSimData/Mocap"
    angles, moments = read(folder / "IK/squats1.mot"), read(folder / "ID/squats1.sto")
    deep = angles["knee_angle_r"] > 0.9 * angles["knee_angle_r"].max()
    p = performances["squats"]
    ours = p.coordinates[:, C["knee_angle_r"]] > 0.9 * p.coordinates[:, C["knee_angle_r"]].max()
    for name in ("hip_flexion_r", "knee_angle_r", "lumbar_extension", "arm_flex_r", "elbow_flex_r"):
        real = moments[f"{name}_moment"][deep].mean() / 62.6
        made = p.torques[ours, C[name]].mean() / MASS
        assert 0.4 < made / real < 2.5, f"{name}: {made:.2f} against {real:.2f} N·m/kg"

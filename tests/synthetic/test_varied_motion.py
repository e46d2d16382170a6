"""Made-up people with the variety of people: their bodies, and their motion against closed formulas and known gait."""

from __future__ import annotations

import numpy as np
import pytest

mujoco = pytest.importorskip("mujoco", reason="needs the extra 'synthetic'")

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES, GRAVITY, MARKERS, PELVIS_COORDINATES  # noqa: E402
from vidzoo.io.data_file import DataFile, Trial  # noqa: E402
from vidzoo.io.data_file.layout import Reason  # noqa: E402
from vidzoo.synthetic import make_synthetic  # noqa: E402
from vidzoo.synthetic.body import build_body  # noqa: E402
from vidzoo.synthetic.varied.trial import ACTORS, draw_person, make_varied_trial  # noqa: E402

C = {name: i for i, name in enumerate(COORDINATES)}
PELVIS = [C[name] for name in PELVIS_COORDINATES]


@pytest.fixture(scope="module")
def trials() -> dict[str, Trial]:
    """One trial of each kind of motion, of a woman."""
    return {action: make_varied_trial(1, 2, action, 1) for action in ("STS", "walking", "squatsAsym", "DJ")}


def test_people_vary_within_published_spreads() -> None:
    people = [draw_person(5, i) for i in range(200)]
    for sex, mean in (("f", 1.65), ("m", 1.78)):
        heights = np.array([p.height for p in people if p.sex == sex])
        assert heights.mean() == pytest.approx(mean, abs=0.02) and 0.05 < heights.std() < 0.09
    index = np.array([p.mass / p.height**2 for p in people])
    assert 21.5 < index.mean() < 24 and 2 < index.std() < 3.2 and index.min() > 17
    assert len({p.name for p in people}) == 200 and people[0].name == "person1"


def test_a_persons_model_has_their_mass_height_and_legs() -> None:
    person = draw_person(5, 3)
    body = build_body(person)
    assert body.model.body_mass.sum() == pytest.approx(person.mass, rel=1e-3)
    hip, knee, ankle = (body.data.xpos[body.body_id(n)] for n in ("femur_r", "tibia_r", "talus_r"))
    mujoco.mj_kinematics(body.model, body.data)
    assert person.shape is not None
    assert np.linalg.norm(hip - knee) / person.height == pytest.approx(person.shape.thigh)
    assert np.linalg.norm(knee - ankle) / person.height == pytest.approx(person.shape.shank)


def test_the_ground_bears_the_body_and_no_force_is_left_at_the_pelvis(trials: dict[str, Trial]) -> None:
    for action in ("walking", "squatsAsym"):
        trial = trials[action]
        assert trial.grf is not None
        up = trial.grf[:, :, 1].sum(axis=1)
        # Impulse: weight x time, and what the body's centre has gained in speed, which is little.
        assert up.mean() / (trial.mass_kg * GRAVITY) == pytest.approx(1, abs=0.08), action
        assert np.abs(trial.torques[:, PELVIS]).max() < 1e-6 * trial.mass_kg * GRAVITY, action


def test_a_chair_carries_what_the_feet_do_not(trials: dict[str, Trial]) -> None:
    trial = trials["STS"]
    assert trial.grf is not None
    weight = trial.mass_kg * GRAVITY
    feet, missing = trial.grf[:, :, 1].sum(axis=1), trial.torques[:, C["pelvis_ty"]]
    seated = trial.validity[:, C["pelvis_ty"]] == Reason.OFF_PLATE
    knee = np.degrees(trial.coordinates[:, C["knee_angle_r"]])
    assert seated[0] and seated[-1] and not seated[knee < 40].any()
    assert 0.01 < feet[0] / weight < 0.25 and (feet + missing)[0] / weight == pytest.approx(1, abs=0.02)
    assert feet[~seated].max() / weight > 1.05, "the body is thrown up after the seat is left"
    torque = trial.torques[:, C["knee_angle_r"]] / trial.mass_kg
    assert np.abs(torque[:5]).max() < 0.2 and torque.min() < -0.4
    # Labels of the legs are good throughout: the chair pushes on the pelvis alone.
    assert not trial.validity[:, [C[name] for name in BENCHMARK_JOINTS]].any()


def test_walking_is_as_gait_laboratories_describe_it(trials: dict[str, Trial]) -> None:
    trial = trials["walking"]
    assert trial.grf is not None
    load = trial.grf[:, :, 1] / (trial.mass_kg * GRAVITY)
    at = {name: trial.markers[:, i] for i, name in enumerate(MARKERS)}
    speed = (at["R_HJC"][-1, 0] - at["R_HJC"][0, 0]) / (trial.time[-1] - trial.time[0])
    assert 0.8 < abs(speed) < 1.6
    for f, side in enumerate("rl"):
        standing = load[:, f] > 0.9
        knee, ankle = (np.degrees(trial.coordinates[:, C[f"{n}_angle_{side}"]]) for n in ("knee", "ankle"))
        assert 1 < knee[standing].min() < 15 and 45 < knee.max() < 75
        assert -33 < ankle.min() < -8 and 8 < ankle.max() < 35  # Winter: -20 and 12; these bend a little far
        push_off = trial.torques[:, C[f"ankle_angle_{side}"]].min() / trial.mass_kg
        assert -2.6 < push_off < -0.9  # Winter 1991: 1.2 to 1.8 N·m/kg
        # A planted heel stays where it is.
        heel = at["r_calc" if side == "r" else "L_calc"]
        speed = np.linalg.norm(np.gradient(heel, 0.01, axis=0), axis=1)
        planted = (load[:, f] > 0.7) & (heel[:, 1] < heel[:, 1].min() + 0.012)
        assert planted.sum() > 10 and np.median(speed[planted]) < 0.15
    assert 0.6 < load.sum(axis=1).min() < 1 < load.sum(axis=1).max() < 2


def test_a_drop_jump_flies_lands_and_leaves_by_the_laws_of_motion(trials: dict[str, Trial]) -> None:
    trial = trials["DJ"]
    assert trial.grf is not None
    body = build_body(draw_person(1, 2))
    height = np.empty(len(trial.time))
    for i, row in enumerate(trial.coordinates):
        from vidzoo.synthetic.body import DOF, INDEPENDENT

        body.data.qpos[[DOF[c] for c in INDEPENDENT]] = row[[C[c] for c in INDEPENDENT]]
        mujoco.mj_kinematics(body.model, body.data)
        mujoco.mj_comPos(body.model, body.data)
        height[i] = body.data.subtree_com[0, 1]
    up = trial.grf[:, :, 1].sum(axis=1)
    contact = np.flatnonzero(up > 0.02 * trial.mass_kg * GRAVITY)
    first, last = contact[0], contact[-1]
    speed = np.gradient(height, trial.time)
    # It falls freely; the low-pass filter of the coordinates lets the landing be felt a little before it.
    assert np.gradient(speed, trial.time)[4 : first - 8].mean() == pytest.approx(-GRAVITY, rel=0.04)
    # Impulse of the ground: change of momentum, and weight x time.
    time = trial.time[last] - trial.time[first]
    gained = speed[last + 1] - speed[first - 1] + GRAVITY * (trial.time[last + 1] - trial.time[first - 1])
    assert up.sum() * 0.01 / trial.mass_kg == pytest.approx(gained, rel=0.05)
    assert 0.3 < time < 0.9
    # From a box of 0.27 to 0.38 m: v = sqrt(2 g h).
    assert np.sqrt(2 * GRAVITY * 0.25) < -speed.min() < np.sqrt(2 * GRAVITY * 0.42)
    assert up.max() / (trial.mass_kg * GRAVITY) > 1.8


def test_the_command_makes_people_without_pictures_and_keeps_the_old_files(tmp_path, monkeypatch) -> None:
    from vidzoo.synthetic import build

    monkeypatch.setattr(build, "ACTION_FAMILIES", ("squats", "DJ"))
    rows = make_synthetic(tmp_path / "people.h5", subjects=1, seed=1, trials_per_action=1, jobs=1, varied=True)
    data = DataFile(tmp_path / "people.h5")
    assert [row["images"] for row in rows] == [0, 0] and data.settings["varied"] == 1
    assert data.trial_keys() == [("person1", "DJ1"), ("person1", "squats1")]
    again = make_varied_trial(1, 0, "DJ", 1)
    np.testing.assert_allclose(data.trial("person1", "DJ1").array("torques"), again.torques, rtol=1e-5, atol=1e-4)


def test_every_action_has_an_actor() -> None:
    from vidzoo.anatomy import ACTION_FAMILIES

    assert tuple(sorted(ACTORS)) == tuple(sorted(ACTION_FAMILIES))

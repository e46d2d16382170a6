# ruff: noqa: C408 -- configs say dict(type=...)
"""Dino: the hybrid's dynamics on real and synthetic trials, windows, sharing, and what may not leak."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES, GRAVITY
from vidzoo.errors import ConfigError
from vidzoo.io.data_file import DataFile, Trial
from vidzoo.models.estimators import DinoEndToEnd, DinoHybrid
from vidzoo.registry import MODELS
from vidzoo.structures import TorqueSample

C, Q = len(COORDINATES), len(BENCHMARK_JOINTS)
ROWS = [COORDINATES.index(joint) for joint in BENCHMARK_JOINTS]
MODALITIES = ("coordinates", "coordinate_velocities", "inertial_torques", "foot_jacobians")
END_TO_END: dict[str, Any] = dict(
    type="DinoEndToEnd", torque_codec=dict(type="TorqueCodec"), torque_loss=dict(type="WeightedMSELoss"), window=4
)
HYBRID = END_TO_END | dict(type="DinoHybrid")
WITH_RESIDUAL = HYBRID | dict(residual_loss=dict(type="WeightedMSELoss", weight=0.1))
MODELS_AND_TRUNKS = [
    pytest.param(config | dict(trunk=trunk), id=f"{name}-{trunk}")
    for name, config in (("end_to_end", END_TO_END), ("hybrid", HYBRID), ("hybrid_with_residual", WITH_RESIDUAL))
    for trunk in ("mlp", "lstm")
]


def statistics(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "torques_per_kg": (rng.normal(size=Q), rng.uniform(0.2, 1.0, Q)),
        "input_coordinates": (rng.normal(size=C), rng.uniform(0.1, 1.0, C)),
        "input_coordinate_velocities": (rng.normal(size=C), rng.uniform(0.5, 3.0, C)),
        "input_mass": (np.float32(68), np.float32(9)),
        "input_height": (np.float32(1.72), np.float32(0.08)),
    }


def build(config: dict[str, Any], seed: int = 0) -> Any:
    """Return an estimator with statistics and, so that they are looked at, weights for mass and height."""
    torch.manual_seed(seed)
    model = MODELS.build(config)
    model.set_statistics(statistics())
    first = model.trunk.mlp[0].weight if model.trunk.mlp is not None else model.trunk.lstm.weight_ih_l0
    with torch.no_grad():
        first[:, -2:] = torch.randn_like(first[:, -2:])
        model.trunk.output.weight *= 5  # opinions that differ from frame to frame
    return model.eval()


def person(batch: int = 2, length: int = 9, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return inputs as of people who move at random, with Jacobians of two feet that a body could have."""
    rng = np.random.default_rng(seed)
    coordinates = rng.uniform(-0.5, 0.5, (batch, length, C))
    rotations = rotation_axes(coordinates)
    jacobians = rng.normal(0, 0.3, (batch, length, 2, 6, C))
    jacobians[..., 3:6] = np.concatenate([np.zeros((3, 3)), np.eye(3)])
    for foot, lever in enumerate(([0.1, -0.8, 0.1], [-0.2, -0.8, -0.1])):
        jacobians[..., foot, :3, :3] = rotations
        jacobians[..., foot, 3:, :3] = np.cross(rotations, lever, axisa=-2, axisb=-1, axisc=-2)
    inertial = rng.normal(0, 30, (batch, length, C))
    inertial[..., COORDINATES.index("pelvis_ty")] += 700
    values = dict(
        coordinates=coordinates,
        coordinate_velocities=rng.normal(0, 1, (batch, length, C)),
        inertial_torques=inertial,
        foot_jacobians=jacobians,
        mass=np.array([60.0, 80.0, 70.0])[:batch],
        height=np.array([1.6, 1.9, 1.7])[:batch],
    )
    return {name: torch.tensor(value, dtype=torch.float32) for name, value in values.items()}


def rotation_axes(coordinates: np.ndarray) -> np.ndarray:
    """Return [..., 3, 3] whose columns are the ground axes about which pelvis tilt, list and rotation turn."""
    tilt, lean = coordinates[..., 0].ravel(), coordinates[..., 1].ravel()
    first = Rotation.from_euler("z", tilt[:, None])
    columns = [
        np.broadcast_to([0.0, 0.0, 1.0], (tilt.size, 3)),
        first.apply([1.0, 0.0, 0.0]),
        (first * Rotation.from_euler("x", lean[:, None])).apply([0.0, 1.0, 0.0]),
    ]
    return np.stack(columns, axis=-1).reshape(*coordinates.shape[:-1], 3, 3)


def samples_of(inputs: dict[str, torch.Tensor], window: int, seed: int = 0) -> list[TorqueSample]:
    generator = torch.Generator().manual_seed(seed)
    predictions = inputs["coordinates"].shape[1] - window + 1
    samples = []
    for mass, height in zip(inputs["mass"], inputs["height"]):
        sample = TorqueSample(metainfo=dict(subject="s", trial="DJ1", mass=float(mass), height=float(height)))
        sample.gt_torques = 50 * torch.randn(predictions, Q, generator=generator)
        sample.valid = torch.rand(predictions, Q, generator=generator) > 0.2
        samples.append(sample)
    return samples


# --- the dynamics, with measured wrenches in the network's place ----------------------------------------------------
def torque_error(model: DinoHybrid, trial: Trial, wrenches: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> float:
    """Return the largest error in N·m of the torques that the hybrid gives for a trial's stored arrays."""
    at = model.target_index
    monkeypatch.setattr(model, "wrenches", lambda *_: torch.tensor(wrenches[None, at:], dtype=torch.float32))
    inputs = {name: torch.from_numpy(np.asarray(getattr(trial, name), np.float32))[None] for name in MODALITIES}
    inputs |= {"mass": torch.tensor([trial.mass_kg]).float(), "height": torch.tensor([trial.height_m]).float()}
    (sample,) = model(inputs, samples_of(inputs, model.window), mode="predict")
    np.testing.assert_allclose(
        sample.pred_residual[:, 0], np.linalg.norm(trial.torques[at:, 3:6], axis=1), rtol=1e-3, atol=0.1
    )
    return float(np.abs(sample.pred_torques.numpy() - np.asarray(trial.torques)[at:, ROWS]).max())


class Stored:
    """A trial as the data file gives it."""

    def __init__(self, path: Path, subject: str, name: str) -> None:
        reader = DataFile(path).trial(subject, name)
        self.mass_kg, self.height_m, self.time = reader.mass_kg, reader.height_m, reader.array("time")
        for name in (*MODALITIES, "torques", "grf"):
            setattr(self, name, reader.array(name))


@pytest.mark.parametrize("name", ["walking1", "DJ1"])
def test_measured_wrenches_give_a_recorded_trials_torques(opensim_file, release, name, monkeypatch):
    """Within 0.001 N·m, of torques up to some 100 N·m: the file holds single precision. Found: 0.00005 N·m."""
    from vidzoo.anatomy import action_family
    from vidzoo.data_prep.signal import resample
    from vidzoo.dynamics.ground_reaction import wrench_at_foot
    from vidzoo.dynamics.opensim import default_lowpass_hz, inertial_terms
    from vidzoo.io.storage import coordinates_in_si, read_storage

    trial = Stored(opensim_file, "subject4", name)
    folder = release.mocap("subject4")
    table = read_storage(folder / f"IK/{name}.mot")
    terms = inertial_terms(
        next(folder.glob("Model/*.osim")), table.time, coordinates_in_si(table),
        lowpass_hz=default_lowpass_hz(action_family(name)),
    )  # fmt: skip
    wrenches = wrench_at_foot(trial.grf, resample(table.time, terms.foot_origins, trial.time))
    error = torque_error(build(WITH_RESIDUAL), trial, wrenches, monkeypatch)
    assert error < 1e-3, f"{name}: largest error {error:.1e} N·m"


@pytest.mark.parametrize("family", ["squatsAsym", "walking", "DJ"])
def test_true_wrenches_give_a_synthetic_trials_torques(family, monkeypatch):
    """Within 0.001 N·m: exact physics in double precision, handed over in single. Found: 0.00004 N·m."""
    pytest.importorskip("mujoco")
    from vidzoo.synthetic import draw_subject, perform_trial
    from vidzoo.synthetic.body import build_body
    from vidzoo.synthetic.postures import Style

    subject, rng = draw_subject(3, 0), np.random.default_rng(5)
    trial = perform_trial(build_body(subject), family, rng, Style.draw(rng))
    object.__setattr__(trial, "mass_kg", subject.mass)
    object.__setattr__(trial, "height_m", subject.height)
    model = build(WITH_RESIDUAL)
    error = torque_error(model, trial, trial.foot_wrenches, monkeypatch)
    assert error < 1e-3, f"{family}: largest error {error:.1e} N·m"


@pytest.mark.parametrize("name", ["walking1", "DJ1"])
def test_on_recorded_trials_the_feet_alone_leave_no_residual(opensim_file, name):
    trial = Stored(opensim_file, "subject4", name)
    inputs = {key: torch.from_numpy(getattr(trial, key))[None] for key in MODALITIES}
    inputs |= {"mass": torch.tensor([trial.mass_kg]).float(), "height": torch.tensor([trial.height_m]).float()}
    with torch.no_grad():
        output, other = build(HYBRID)(inputs), build(WITH_RESIDUAL)(inputs)
    load = np.linalg.norm(trial.inertial_torques[:, 3:6], axis=1).max()
    force, moment = output.residual.amax(dim=(0, 1))
    assert force < 1e-5 * load and moment < 1e-5 * load, f"{force:.1e} N and {moment:.1e} N·m of a load of {load:.0f} N"
    assert other.residual[..., 0].mean() > 1, "a third support that nothing has taught bears a share"
    # What hangs from trunk and arms is right without any learning.
    free = [BENCHMARK_JOINTS.index(joint) for joint in BENCHMARK_JOINTS if joint.startswith(("lumbar", "arm", "elbow"))]
    torques = build(HYBRID).torque_codec.decode(output.torques, inputs["mass"])[0, :, free]
    error = np.abs(torques.numpy() - trial.torques[3:][:, np.array(ROWS)[free]]).max() / trial.mass_kg
    assert error < 1e-4, f"{name}: {error:.1e} N·m/kg at lumbar joint, shoulders and elbows"


# --- sharing ---------------------------------------------------------------------------------------------------------
def test_residual_and_torques_follow_from_the_wrenches():
    inputs = person()
    model = build(WITH_RESIDUAL)
    samples = samples_of(inputs, 4)
    with torch.no_grad():
        model(inputs, samples, mode="predict")
    for i, sample in enumerate(samples):
        jacobians, wrenches = inputs["foot_jacobians"][i, 3:].double().numpy(), sample.pred_wrenches.double().numpy()
        expected = inputs["inertial_torques"][i, 3:].double().numpy() - sum(
            np.einsum("kwc,kw->kc", jacobians[:, foot], wrenches[:, foot]) for foot in (0, 1)
        )
        np.testing.assert_allclose(sample.pred_torques, expected[:, ROWS], atol=2e-3)
        np.testing.assert_allclose(sample.pred_residual[:, 0], np.linalg.norm(expected[:, 3:6], axis=1), atol=2e-3)
        np.testing.assert_allclose(sample.pred_residual[:, 1], np.linalg.norm(expected[:, :3], axis=1), atol=2e-3)
        assert (sample.pred_residual > 1).any()


def test_without_an_opinion_two_equal_feet_bear_half_each():
    inputs = person(batch=1)
    inputs["foot_jacobians"][:, :, 1] = inputs["foot_jacobians"][:, :, 0]
    model = build(HYBRID)
    torch.nn.init.zeros_(model.trunk.output.weight)
    torch.nn.init.zeros_(model.trunk.output.bias)
    output = model(inputs)
    torch.testing.assert_close(output.wrenches[:, :, 0], output.wrenches[:, :, 1])
    np.testing.assert_allclose(
        output.wrenches[0].sum(dim=1)[:, 3:].detach(), inputs["inertial_torques"][0, 3:, 3:6], rtol=1e-4, atol=1e-3
    )


def test_a_loss_on_the_residual_makes_it_smaller():
    inputs = person()
    samples = samples_of(inputs, 4)
    model = build(WITH_RESIDUAL)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    seen = []
    for _ in range(25):
        losses = model(inputs, samples, mode="loss")
        seen.append(losses)
        optimiser.zero_grad()
        (100 * losses["loss_residual"] + 0 * losses["loss_torque"]).backward()
        optimiser.step()
    first, last = seen[0], seen[-1]
    assert last["residual_N"] < 0.3 * first["residual_N"] and last["residual_Nm"] < 0.3 * first["residual_Nm"]
    logged = {name: float(value.detach()) for name, value in model.parse_losses(last)[1].items()}
    assert logged["loss"] == pytest.approx(logged["loss_torque"] + logged["loss_residual"])  # the rest is for the log


def test_torque_labels_teach_how_the_load_is_shared():
    """Labels that the feet's wrenches explain are learnt, although no wrench is ever shown."""
    inputs = person(batch=1, length=12)
    teacher, pupil = build(HYBRID, seed=1), build(HYBRID, seed=2)
    samples = samples_of(inputs, 4)
    with torch.no_grad():
        for sample in teacher(inputs, samples, mode="predict"):
            sample.gt_torques, sample.valid = sample.pred_torques, torch.ones_like(sample.valid)
    optimiser = torch.optim.Adam(pupil.parameters(), lr=2e-3)
    losses = []
    for _ in range(60):
        loss = pupil(inputs, samples, mode="loss")["loss_torque"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0], (losses[0], losses[-1])


# --- windows ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("config", MODELS_AND_TRUNKS)
def test_a_clip_gives_what_its_windows_give_one_by_one(config):
    inputs = person(length=9)
    model = build(config)
    assert (model.window, model.target_index) == (4, 3)
    with torch.no_grad():
        clip = model(inputs)
        alone = [
            model({name: x[:, k : k + 4] if x.ndim > 1 else x for name, x in inputs.items()}) for k in range(9 - 4 + 1)
        ]
    assert clip.torques.shape == (2, 6, Q)
    for whole, parts in zip(clip, zip(*alone)):
        torch.testing.assert_close(whole, torch.cat(parts, dim=1), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("config", MODELS_AND_TRUNKS)
def test_only_the_windows_past_counts(config):
    inputs = person(length=6)
    model = build(config)
    with torch.no_grad():
        before = model(inputs).torques[:, 0]  # of frames 0 to 3
        moved = {name: x.clone() for name, x in inputs.items()}
        for name in MODALITIES:
            moved[name][:, 4:] += 1
        assert torch.equal(model(moved).torques[:, 0], before)
        for frame in range(4):
            moved = {name: x.clone() for name, x in inputs.items()}
            moved["coordinates"][:, frame, 6:] += 0.3
            assert not torch.allclose(model(moved).torques[:, 0], before, atol=1e-4)
        for name in ("mass", "height"):
            assert not torch.allclose(model(inputs | {name: 1.1 * inputs[name]}).torques[:, 0], before, atol=1e-4)


# --- no place and no heading in the room -----------------------------------------------------------------------------
def elsewhere(inputs: dict[str, torch.Tensor], angle: float) -> dict[str, torch.Tensor]:
    """Return the same motion turned about y by ``angle`` and at another place, with what dynamics makes of that."""
    out = {name: x.double().numpy().copy() for name, x in inputs.items()}
    turn = Rotation.from_euler("y", angle)
    matrix = turn.as_matrix()
    coordinates = out["coordinates"]
    old_axes = rotation_axes(coordinates)
    turned = turn * Rotation.from_euler("ZXY", coordinates[..., :3].reshape(-1, 3))
    coordinates[..., :3] = turned.as_euler("ZXY").reshape(*coordinates.shape[:-1], 3)
    coordinates[..., 3:6] = coordinates[..., 3:6] @ matrix.T + [1.5, 0, -0.8]
    # Rates of the old angles to rates of the new ones, by the angular velocity that both describe.
    rates = np.linalg.solve(rotation_axes(coordinates), matrix @ old_axes)
    back = np.linalg.inv(rates)
    out["coordinate_velocities"][..., :3] = (rates @ out["coordinate_velocities"][..., :3, None])[..., 0]
    out["coordinate_velocities"][..., 3:6] = out["coordinate_velocities"][..., 3:6] @ matrix.T
    out["inertial_torques"][..., :3] = (back.swapaxes(-1, -2) @ out["inertial_torques"][..., :3, None])[..., 0]
    out["inertial_torques"][..., 3:6] = out["inertial_torques"][..., 3:6] @ matrix.T
    jacobians = out["foot_jacobians"]
    jacobians[:] = np.concatenate([matrix @ jacobians[..., :3, :], matrix @ jacobians[..., 3:, :]], axis=-2)
    jacobians[..., :3] = jacobians[..., :3] @ back[..., None, :, :]
    jacobians[..., 3:6] = jacobians[..., 3:6] @ matrix.T
    return {name: torch.tensor(x, dtype=torch.float32) for name, x in out.items()}


@pytest.mark.parametrize("config", MODELS_AND_TRUNKS)
@pytest.mark.parametrize("angle", [0.5, np.pi])
def test_where_in_the_room_a_person_is_and_faces_changes_nothing(config, angle):
    here = person()
    there = elsewhere(here, angle)
    model = build(config)
    with torch.no_grad():
        first, second = model(here), model(there)
    torch.testing.assert_close(first.torques, second.torques, atol=2e-3, rtol=1e-3)
    if config["type"] == "DinoHybrid":
        matrix = torch.tensor(Rotation.from_euler("y", angle).as_matrix(), dtype=torch.float32)
        expected = torch.cat([half @ matrix.T for half in first.wrenches.split(3, dim=-1)], dim=-1)
        torch.testing.assert_close(second.wrenches, expected, atol=0.1, rtol=1e-3)
        torch.testing.assert_close(second.residual[..., 0], first.residual[..., 0], atol=0.1, rtol=1e-3)
        assert first.wrenches.abs().max() > 300


def test_opensims_own_terms_of_a_person_who_is_turned_give_the_same_torques(opensim_file, release):
    """As the test above, with OpenSim to say what turning the coordinates does to its torques and Jacobians."""
    from vidzoo.dynamics.opensim import inertial_terms

    trial = Stored(opensim_file, "subject4", "walking1")
    (model_file,) = release.mocap("subject4").glob("Model/*.osim")
    frames, turn = slice(40, 60), Rotation.from_euler("y", 2.2)
    motion, rates = trial.coordinates[frames].astype(float), trial.coordinate_velocities[frames]
    turned = elsewhere(
        {"coordinates": torch.tensor(motion[None]), "coordinate_velocities": torch.tensor(rates[None])}
        | {name: torch.from_numpy(getattr(trial, name)[None, frames]) for name in MODALITIES[2:]},
        2.2,
    )
    moved = motion.copy()
    moved[:, :3] = np.unwrap((turn * Rotation.from_euler("ZXY", motion[:, :3])).as_euler("ZXY"), axis=0)
    moved[:, 3:6] = turn.apply(motion[:, 3:6]) + [1.5, 0, -0.8]
    np.testing.assert_allclose(turned["coordinates"][0, :, 3:6], moved[:, 3:6], atol=1e-6)
    results = []
    for coordinates, velocities in ((motion, torch.tensor(rates)[None]), (moved, turned["coordinate_velocities"])):
        terms = inertial_terms(model_file, trial.time[frames], coordinates)
        inputs = dict(
            coordinates=torch.tensor(coordinates, dtype=torch.float32)[None],
            coordinate_velocities=velocities.float(),
            inertial_torques=torch.tensor(terms.inertial_torques, dtype=torch.float32)[None],
            foot_jacobians=torch.tensor(terms.foot_jacobians, dtype=torch.float32)[None],
            mass=torch.tensor([62.6]),
            height=torch.tensor([1.68]),
        )
        with torch.no_grad():
            results.append(build(WITH_RESIDUAL)(inputs))
    torch.testing.assert_close(results[0].torques[:, 4:-4], results[1].torques[:, 4:-4], atol=5e-3, rtol=1e-2)


@pytest.mark.parametrize("config", [END_TO_END, END_TO_END | dict(trunk="lstm"), WITH_RESIDUAL])
@pytest.mark.parametrize("name", ["coordinates", "coordinate_velocities", "mass"])
def test_an_input_far_from_all_that_was_learnt_counts_as_five_deviations(config, name):
    """A shoulder's angles may jump by half a turn, and a person may be heavier than all who trained."""
    model = build(config)
    mean, std = (np.atleast_1d(x) for x in statistics()[f"input_{name}"])
    column = COORDINATES.index("arm_flex_r") if name != "mass" else 0

    def output(deviations: float) -> torch.Tensor:
        inputs = person()
        inputs[name].view(-1, len(mean))[:, column] = float(mean[column] + deviations * std[column])
        with torch.no_grad():
            return model.trunk(*(inputs[n] for n in ("coordinates", "coordinate_velocities", "mass", "height")))

    for sign in (1, -1):
        torch.testing.assert_close(output(sign * 50.0), output(sign * 5.001))
        assert not torch.allclose(output(sign * 4.9), output(sign * 5.001), atol=1e-4)


# --- size, training, misuse ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("config", "outputs"), [(END_TO_END, Q), (HYBRID, 24), (WITH_RESIDUAL, 36)])
@pytest.mark.parametrize("window", [1, 13])
def test_size_is_that_of_the_stated_layers(config, outputs, window):
    """Per frame 30 coordinates (33 less place and heading) and 33 velocities; mass and height."""
    mlp = MODELS.build(config | dict(window=window))
    sizes = [63 * window + 2, 256, 256, 256, outputs]
    assert sum(p.numel() for p in mlp.parameters()) == sum(i * o + o for i, o in pairwise(sizes))
    lstm = MODELS.build(config | dict(window=window, trunk="lstm"))
    cells = 4 * 128 * (65 + 128 + 2) + 4 * 128 * (128 + 128 + 2)
    assert sum(p.numel() for p in lstm.parameters()) == cells + 129 * outputs


@pytest.mark.parametrize("config", [HYBRID, END_TO_END | dict(trunk="lstm")], ids=["mlp", "lstm"])
def test_what_one_persons_training_cannot_teach_changes_nothing(config):
    model = MODELS.build(config)
    model.set_statistics(statistics() | {"input_mass": (70.0, 0.0), "input_height": (1.7, 0.0)})
    inputs = person(batch=1) | {"mass": torch.tensor([70.0]), "height": torch.tensor([1.7])}
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(3):
        total, _ = model.parse_losses(model(inputs, samples_of(inputs, 4), mode="loss"))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    first = model.trunk.mlp[0].weight if model.trunk.mlp is not None else model.trunk.lstm.weight_ih_l0
    assert not first[:, -2:].any()
    assert first[:, :-2].any()


def test_mixed_precision_does_not_reach_the_dynamics():
    inputs = person()
    model = build(HYBRID)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(inputs)
    assert output.wrenches.dtype == output.torques.dtype == torch.float32
    assert output.residual.max() < 1e-2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(trunk="gru"), "trunk='gru' must be one of mlp, lstm"),
        (dict(window=0), "window=0 must be 1 frame or more"),
        (
            dict(torque_codec=dict(type="TorqueCodec", torques=["pelvis_tx", "knee_angle_r"])),
            "torque_codec names pelvis_tx, but no muscle drives the pelvis' coordinates",
        ),
        (dict(residual_loss="L1"), "residual_loss='L1' must be a config"),
    ],
)
def test_a_wrong_argument_is_named(change, message):
    with pytest.raises(ConfigError, match=message):
        MODELS.build(HYBRID | change)


def test_the_hybrid_gives_its_torques_in_the_codecs_order():
    """Which once was an argument of its own, so that codec and hybrid could disagree."""
    inputs, order = person(), np.random.default_rng(0).permutation(Q)
    names = [BENCHMARK_JOINTS[i] for i in order]
    plain, turned = build(HYBRID), build(HYBRID | dict(torque_codec=dict(type="TorqueCodec", torques=names)))
    mean, std = statistics()["torques_per_kg"]
    turned.torque_codec.set_statistics(mean[order], std[order])
    assert (plain.task.torques, turned.task.torques) == (BENCHMARK_JOINTS, tuple(names))
    with torch.no_grad():
        assert torch.equal(turned(inputs).torques, plain(inputs).torques[..., order])


@pytest.mark.parametrize("config", [END_TO_END, WITH_RESIDUAL])
def test_a_window_about_its_frame(config):
    inputs = person(length=9)
    model = build(config | dict(window=5, causal=False))
    assert (model.task.window, model.task.target_index) == (5, 2)
    with torch.no_grad():
        clip = model(inputs)
        alone = model({name: x[:, 3:8] if x.ndim > 1 else x for name, x in inputs.items()})
    for whole, part in zip(clip, alone):
        torch.testing.assert_close(whole[:, 3], part[:, 0], atol=1e-3, rtol=1e-4)
    if config is WITH_RESIDUAL:
        one = {name: x[:, 5:6] if name in ("inertial_torques", "foot_jacobians") else x for name, x in inputs.items()}
        expected = one["inertial_torques"][:, 0] - torch.einsum(
            "bfic,bfi->bc", one["foot_jacobians"][:, 0], clip.wrenches[:, 3]
        )
        found = model.torque_codec.decode(clip.torques, inputs["mass"])[:, 3]
        torch.testing.assert_close(found, expected[:, ROWS], atol=2e-3, rtol=1e-4)


def test_wrong_inputs_are_named():
    inputs = person(length=3)
    with pytest.raises(ConfigError, match="a clip of 3 frames is shorter than window=4"):
        build(END_TO_END)(inputs)
    with pytest.raises(ConfigError, match="DinoHybrid needs inputs inertial_torques, foot_jacobians"):
        build(HYBRID)({name: inputs[name] for name in DinoEndToEnd.requires})


def test_the_residual_loss_looks_at_labelled_frames_alone():
    inputs = person()
    samples = samples_of(inputs, 4)
    model = build(WITH_RESIDUAL)
    for sample in samples:
        sample.valid[1:] = False
    everything, first = model(inputs), model(inputs, samples, mode="loss")
    np.testing.assert_allclose(first["residual_N"].item(), everything.residual[:, 0, 0].mean().item(), rtol=1e-5)
    shares = everything.residual_share[:, 0]
    np.testing.assert_allclose(first["loss_residual"].item(), 0.1 * shares.square().mean().item(), rtol=1e-5)
    weight = GRAVITY * inputs["mass"]
    expected = everything.residual[:, 0] / torch.stack([weight, 0.152 * weight * inputs["height"]], dim=-1)
    torch.testing.assert_close(shares, expected)

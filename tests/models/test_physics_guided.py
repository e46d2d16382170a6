# ruff: noqa: C408 -- configs say dict(type=...)
"""The physics-guided hybrid: physics without a correction, bounds, mirror images, and physics where all is unlike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES, GRAVITY, mirror_index
from vidzoo.baselines.physics import ground_reaction, physics_predictions
from vidzoo.datasets import VIDDataset
from vidzoo.datasets.transforms import mirror_sample
from vidzoo.errors import CheckpointError, ConfigError
from vidzoo.io.data_file import DataFile
from vidzoo.io.splits import Split, SplitEntry
from vidzoo.models.estimators import PhysicsGuidedHybrid
from vidzoo.models.estimators import physics_guided as guided
from vidzoo.models.rigid_body import wrench_torques
from vidzoo.registry import MODELS
from vidzoo.structures import TorqueSample

CONFIG: dict[str, Any] = dict(
    type="PhysicsGuidedHybrid",
    window=4,
    torque_codec=dict(type="TorqueCodec"),
    torque_loss=dict(type="WeightedL1Loss"),
    residual_loss=dict(type="WeightedL1Loss", weight=0.2),
)
FOOT_LENGTH = 0.152  # of the height


@pytest.fixture(scope="module")
def data(opensim_file: Path) -> DataFile:
    return DataFile(opensim_file)


@pytest.fixture(scope="module")
def split(data: DataFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every trial's first 30 frames train, the next ones test."""
    train = tuple(SplitEntry(*key, (0, 30), ((0, 30),)) for key in data.trial_keys())
    test = tuple(SplitEntry(*key, (30, 50), ((33, 50),)) for key in data.trial_keys())
    path = tmp_path_factory.mktemp("guided") / "split.json"
    Split("block", 0, data.content_hash, {"gap": 0}, train, test).save(path)
    return path


@pytest.fixture(scope="module")
def training_set(data: DataFile, split: Path) -> VIDDataset:
    return VIDDataset(
        data_file=data.path, split=split, requires=PhysicsGuidedHybrid.requires, window=4, target_index=3, predictions=8
    )


def build(training_set: VIDDataset, random: bool = True, **changes: Any) -> PhysicsGuidedHybrid:
    """Return a model that knows the training set, with a word of random size in the network's mouth, or none."""
    torch.manual_seed(0)
    model = MODELS.build(CONFIG | changes)
    model.set_statistics(training_set.target_statistics())
    if random:
        torch.nn.init.normal_(model.trunk.output.weight, std=0.5)
        torch.nn.init.normal_(model.trunk.output.bias, std=0.5)
    return model.eval()


def clip(data: DataFile, trial: str, start: int = 30, length: int = 20) -> dict[str, np.ndarray]:
    reader = data.trial("subject4", trial)
    names = [name for name in PhysicsGuidedHybrid.requires if name not in ("mass", "height")]
    body = {"mass": np.float32(reader.mass_kg), "height": np.float32(reader.height_m)}
    return {name: reader.array(name, slice(start, start + length)) for name in names} | body


def batch(*clips: dict[str, np.ndarray]) -> Any:
    return {name: torch.tensor(np.stack([c[name] for c in clips])) for name in clips[0]}


def in_units(change: torch.Tensor, inputs: Any) -> torch.Tensor:
    """Return a change of wrenches [B, K, 2, 6] in body weights and body weights times foot length."""
    weight = (GRAVITY * inputs["mass"])[:, None, None, None]
    return torch.cat([change[..., :3] / (weight * FOOT_LENGTH * inputs["height"][0]), change[..., 3:] / weight], dim=-1)


@pytest.mark.parametrize("trunk", ["mlp", "lstm"])
def test_before_any_training_it_is_the_physics_baseline(data: DataFile, split: Path, training_set, trunk: str):
    """Its torques are those of ``vidzoo physics-baseline``, which computes the wrenches again, to float precision."""
    model = build(training_set, random=False, trunk=trunk)
    expected = physics_predictions(data, Split.load(split))
    for trial in ("DJ1", "squatsAsym1", "walking1"):
        inputs = batch(clip(data, trial))
        reader = data.trial("subject4", trial)
        with torch.no_grad():
            (sample,) = model(inputs, [TorqueSample(metainfo=dict(mass=reader.mass_kg))], mode="predict")
        rows = (expected.trial == trial) & np.isin(expected.frame, np.arange(33, 50))
        np.testing.assert_allclose(sample.pred_torques, expected.torques[rows], rtol=1e-4, atol=2e-3)  # N·m
        np.testing.assert_allclose(
            sample.pred_wrenches, ground_reaction(reader, np.arange(33, 50)).wrenches[33:50], rtol=1e-6, atol=1e-4
        )


def test_a_correction_is_bounded_and_falls_with_trust(data: DataFile, training_set):
    model = build(training_set)
    torch.nn.init.normal_(model.trunk.output.bias, std=50)  # as loud a word as can be
    inputs = batch(clip(data, "walking1"), clip(data, "squatsAsym1"))
    with torch.no_grad():
        output = model(inputs)
    change = in_units(output.wrenches - inputs["physics_wrenches"][:, 3:], inputs).flatten(-2).norm(dim=-1)
    weight = (GRAVITY * inputs["mass"])[:, None]
    moment, force = inputs["inertial_torques"][:, 3:, :6].split(3, dim=-1)
    load = torch.cat([moment / (weight * FOOT_LENGTH * inputs["height"][0])[..., None], force / weight[..., None]], -1)
    most = 2.0 * output.trust * load.norm(dim=-1).clamp(min=0.05)
    assert (change <= 1.0001 * most).all() and (change > 0.3 * most).any()
    assert (output.trust >= 0).all() and (output.trust <= 1).all() and output.trust.std() > 0.01


def test_a_correction_passes_the_load_on_and_no_more(data: DataFile, training_set):
    """What feet and third support bear together stays: the sum over the supports of J^T d is zero."""
    inputs = batch(clip(data, "walking1"))
    heading = torch.zeros(1, 20)
    guess = guided.first_guess(inputs, heading, guided.wrench_unit(inputs["mass"], inputs["height"]))
    generator = torch.Generator().manual_seed(0)
    change = guided.correction(torch.randn(1, 20, 20, generator=generator), guess)
    left = torch.einsum("blskc,blsk->blc", guess.supports, change)
    assert change.abs().max() > 0.1 and left.abs().max() < 1e-4


@pytest.mark.parametrize("trunk", ["mlp", "lstm"])
def test_the_mirrored_motion_gives_the_mirrored_result(data: DataFile, training_set, trunk: str):
    model = build(training_set, trunk=trunk)
    one = clip(data, "walking1")
    with torch.no_grad():
        output, image = model(batch(one)), model(batch(mirror_sample(one)))
    torch.testing.assert_close(image.trust, output.trust, atol=1e-3, rtol=1e-3)
    wrenches = mirror_sample({"physics_wrenches": output.wrenches[0].numpy()})["physics_wrenches"]
    assert np.abs(output.wrenches[0] - batch(one)["physics_wrenches"][0, 3:]).max() > 20
    np.testing.assert_allclose(image.wrenches[0], wrenches, atol=0.5)  # N and N·m, of some 600 N
    mass = torch.tensor([one["mass"]])
    torques, others = (model.torque_codec.decode(x.torques, mass)[0] for x in (output, image))
    np.testing.assert_allclose(others, torques[:, mirror_index(BENCHMARK_JOINTS)], atol=0.2)


def test_far_from_every_training_frame_it_is_physics(data: DataFile, training_set):
    model = build(training_set)
    known, strange = clip(data, "walking1", start=0), clip(data, "walking1", start=0)
    strange["coordinates"] = strange["coordinates"].copy()
    strange["coordinates"][:, COORDINATES.index("knee_angle_r")] += 3.0
    inputs = batch(known, strange)
    with torch.no_grad():
        output = model(inputs)
    assert output.trust[0].min() > 0.99 and output.trust[1].max() < 1e-6
    shift = output.wrenches - inputs["physics_wrenches"][:, 3:]
    assert shift[0].abs().max() > 20 and shift[1].abs().max() < 1e-2
    physics = inputs["inertial_torques"][:, 3:] - wrench_torques(
        inputs["foot_jacobians"][:, 3:], inputs["physics_wrenches"][:, 3:]
    )
    rows = [COORDINATES.index(joint) for joint in BENCHMARK_JOINTS]
    torques = model.torque_codec.decode(output.torques, inputs["mass"])
    np.testing.assert_allclose(torques[1], physics[1][:, rows], rtol=1e-4, atol=0.02)


def test_the_distance_is_that_of_the_nearest_frame_and_its_mirror_image(data: DataFile, training_set):
    """By hand for one coordinate: 0.2 rad of one of 42 numbers."""
    model = build(training_set)
    one = batch(clip(data, "walking1", start=10, length=1))
    coordinates, velocities, _ = guided.face_forward(one["coordinates"], one["coordinate_velocities"])
    for values in ((coordinates, velocities), (guided.mirrored(coordinates), guided.mirrored(velocities))):
        assert model.examples(*values).item() < 5e-3
    coordinates[..., COORDINATES.index("ankle_angle_l")] += 0.2
    near = model.examples(coordinates, velocities).item()
    assert 0.05 < near <= 42**-0.5 + 5e-3
    coordinates[..., COORDINATES.index("arm_flex_l")] += 2.0
    assert model.examples(coordinates, velocities).item() == pytest.approx(near, abs=1e-6)


def test_labels_teach_the_correction(data: DataFile, training_set):
    inputs = batch(clip(data, "walking1", start=12, length=15))
    sample = TorqueSample(metainfo=dict(mass=float(inputs["mass"]), subject="s", trial="walking1"))
    rows = [COORDINATES.index(joint) for joint in BENCHMARK_JOINTS]
    sample.gt_torques = torch.tensor(data.trial("subject4", "walking1").array("torques", slice(15, 27))[:, rows])
    sample.valid = torch.ones_like(sample.gt_torques, dtype=torch.bool)
    model = build(training_set, random=False)
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    losses = []
    for _ in range(12):
        loss = model(inputs, [sample], mode="loss")["loss_torque"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0], losses


def test_examples_are_training_frames_and_nothing_else(data: DataFile, training_set):
    coordinates, velocities = training_set.target_statistics()["example_motions"]
    assert coordinates.shape == velocities.shape == (1024, len(COORDINATES))
    known = np.concatenate([trial.array("coordinates", slice(0, 30)) for trial in data])
    nearest = np.abs(coordinates[:, None] - known[None]).max(axis=2).min(axis=1)
    assert (nearest == 0).all() and len(np.unique(coordinates, axis=0)) == len(known)


def test_what_does_not_fit_is_one_sentence(training_set):
    statistics = training_set.target_statistics()
    model = MODELS.build(CONFIG)
    with pytest.raises(CheckpointError, match="no statistics of 'example_motions'"):
        model.examples(torch.zeros(1, len(COORDINATES)), torch.zeros(1, len(COORDINATES)))
    with pytest.raises(ConfigError, match="'example_motions': coordinates of shape"):
        model.set_statistics(statistics | {"example_motions": (np.zeros((3, 35)), np.zeros((3, 35)))})
    with pytest.raises(ConfigError, match="PhysicsGuidedHybrid: torque_codec names pelvis_ty"):
        MODELS.build(CONFIG | dict(torque_codec=dict(type="TorqueCodec", torques=["pelvis_ty"])))

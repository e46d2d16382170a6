# ruff: noqa: C408 -- configs say dict(type=...)
"""Every class that the package registers in MODELS is reached, built, trained for a step and saved."""

from __future__ import annotations

import importlib.util
import inspect
import io
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from vidzoo.models.estimators import TorqueEstimator
from vidzoo.registry import MODELS, Registry
from vidzoo.structures import TorqueSample

SIZE = 32
VID_PARTS: dict[str, Any] = dict(
    type="VIDNetwork",
    image_size=SIZE,
    data_preprocessor=dict(type="ClipPreprocessor"),
    backbone=dict(type="ResNet", depth=18),
    heatmap_head=dict(type="DeconvHead", in_channels=512, depth_bins=8, channels=16),
    pose_decoder=dict(type="SoftArgmax3D"),
    marker_regressor=dict(type="MLPMarkerRegressor"),
    temporal_head=dict(type="TransformerTorqueHead", window=5, dim=32, heads=4, depth=1, feedforward=32),
    torque_codec=dict(type="TorqueCodec"),
    marker_codec=dict(type="MarkerCodec"),
    torque_loss=dict(type="WeightedMSELoss", weight=0.5),
    marker_loss=dict(type="WeightedMSELoss", weight=0.5),
)
IMDY_PARTS: dict[str, Any] = dict(
    type="ImDy",
    window=5,
    torque_codec=dict(type="TorqueCodec"),
    torque_loss=dict(type="WeightedMSELoss", weight=1.0),
    marker_loss=dict(type="WeightedL1Loss"),
    grf_loss=dict(type="WeightedMSELoss", weight=1.0),
    contact_loss=dict(type="WeightedBCELoss"),
    grf_change_loss=dict(type="WeightedL1Loss", weight=0.01),
)
DINO_PARTS: dict[str, Any] = dict(
    window=5, torque_codec=dict(type="TorqueCodec"), torque_loss=dict(type="WeightedMSELoss", weight=1.0)
)
MARKER_PARTS: dict[str, Any] = dict(
    type="MarkerTorqueNet",
    data_preprocessor=dict(type="ClipPreprocessor"),
    torque_codec=dict(type="TorqueCodec"),
    torque_loss=dict(type="WeightedMSELoss", weight=1.0),
)
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "VIDNetwork": [
        VID_PARTS,
        VID_PARTS | dict(temporal_head=dict(type="LSTMTorqueHead", window=5, hidden=16), spf_mode="coords"),
        VID_PARTS | dict(marker_regressor=None, spf_mode="coords"),
        VID_PARTS
        | dict(
            backbone=dict(type="TorchvisionBackbone", name="mobilenet_v3_small", strides=[4]),
            heatmap_head=dict(type="SeparableHead", in_channels=16, depth_bins=8, channels=16, num_layers=1),
            marker_regressor=dict(type="MarginalMarkerRegressor", bins=[8, 16, 16], hidden=16),
            temporal_head=dict(type="TCNTorqueHead", window=5, hidden=16),
        ),
        VID_PARTS
        | dict(
            backbone=dict(type="ResNet", depth=18, out_indices=[0]),
            heatmap_head=dict(type="SimCCHead", in_channels=64, map_size=8, bins=[8, 16, 16]),
            pose_decoder=dict(type="PerAxisSoftArgmax"),
            marker_regressor=dict(type="LinearMarkerRegressor"),
            temporal_head=dict(type="FrameTorqueHead", window=5, hidden=[16]),
        ),
    ],
    "MarkerTorqueNet": [
        MARKER_PARTS | dict(temporal_head=dict(type="TCNTorqueHead", window=5, hidden=16)),
        MARKER_PARTS | dict(temporal_head=dict(type="LSTMTorqueHead", window=5, hidden=16), velocities=False),
        MARKER_PARTS
        | dict(
            temporal_head=dict(type="TransformerTorqueHead", window=5, dim=16, heads=2, depth=1, feedforward=16),
            kinematics="coordinates",
            token_features=24,
        ),
        MARKER_PARTS | dict(temporal_head=dict(type="FrameTorqueHead", window=5, hidden=[])),
    ],
    "ImDy": [IMDY_PARTS, IMDY_PARTS | dict(ground_forces=False, mask_missing=False, min_markers=None)],
    "DinoEndToEnd": [DINO_PARTS | dict(type="DinoEndToEnd"), DINO_PARTS | dict(type="DinoEndToEnd", trunk="lstm")],
    "DinoHybrid": [
        DINO_PARTS | dict(type="DinoHybrid"),
        DINO_PARTS | dict(type="DinoHybrid", trunk="lstm", residual_loss=dict(type="WeightedMSELoss", weight=0.1)),
    ],
}
if importlib.util.find_spec("timm"):
    EXAMPLES["VIDNetwork"].append(
        VID_PARTS
        | dict(
            backbone=dict(type="TimmBackbone", name="resnet10t", out_indices=[1]),
            heatmap_head=dict(type="DeconvHead", in_channels=64, depth_bins=8, num_layers=0, final_std=0.03),
        )
    )
"""Small configs of every registered estimator; together they use every registered part."""
STAGE1_EXAMPLES: list[dict[str, Any]] = [
    {"type": "PoseNetwork", "pose_loss": {"type": "WeightedL1Loss"}}
    | {k: VID_PARTS[k] for k in ("image_size", "data_preprocessor", "backbone", "heatmap_head", "pose_decoder")}
]
"""Networks that give no torques; tests/models/test_pose_network.py tests them."""

WINDOW = 5


def registered() -> dict[str, type]:
    """Return what vidzoo itself registers in MODELS."""
    MODELS.import_from_location()
    return {name: cls for name, cls in MODELS.module_dict.items() if cls.__module__.startswith("vidzoo.")}


def estimators() -> list[str]:
    """Return the names of the registered estimators."""
    return [name for name, cls in registered().items() if issubclass(cls, TorqueEstimator)]


def example_batch(requires: tuple[str, ...], batch: int = 2, length: int = WINDOW + 1, window: int = WINDOW) -> dict:
    """Return what a collate gives for clips of random content: B = 2, L = 6, K = 2."""
    generator = torch.Generator().manual_seed(0)
    everything = {
        "frames": torch.randint(0, 256, (batch, length, 3, SIZE, SIZE), generator=generator, dtype=torch.uint8),
        "markers": torch.randn(batch, length, 51, 3, generator=generator),
        "marker_valid": torch.rand(batch, length, 51, generator=generator) > 0.05,
        "marker_velocities": torch.randn(batch, length, 51, 3, generator=generator),
        "coordinates": torch.randn(batch, length, 35, generator=generator),
        "coordinate_velocities": torch.randn(batch, length, 35, generator=generator),
        "inertial_torques": torch.randn(batch, length, 35, generator=generator),
        "foot_jacobians": torch.randn(batch, length, 2, 6, 35, generator=generator),
        "mass": torch.full((batch,), 70.0),
        "height": torch.full((batch,), 1.7),
    }
    predictions = length - window + 1
    samples = []
    for index in range(batch):
        sample = TorqueSample(metainfo=dict(subject="s", trial="DJ1", action="DJ", mass=60.0 + 10 * index, height=1.7))
        sample.gt_torques = 50 * torch.randn(predictions, 11, generator=generator)
        sample.valid = torch.rand(predictions, 11, generator=generator) > 0.2
        sample.gt_markers = torch.randn(length, 51, 3, generator=generator)
        sample.gt_marker_valid = torch.rand(length, 51, generator=generator) > 0.1
        sample.gt_grf = 300 * torch.randn(length, 2, 3, generator=generator)
        sample.gt_contact = (sample.gt_grf[..., 1] > 20).float()
        sample.gt_grf_valid = torch.arange(length) != 3 * index
        samples.append(sample)
    return {"inputs": {name: everything[name] for name in requires}, "data_samples": samples}


def example_statistics() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return statistics like those of a training set."""
    rng = np.random.default_rng(0)
    return {
        "torques_per_kg": (rng.normal(size=11), rng.uniform(0.2, 1.0, 11)),
        "markers": (rng.normal(size=(51, 3)), rng.uniform(0.05, 0.3, (51, 3))),
        "grf_per_kg": (rng.normal(size=(2, 3)), rng.uniform(0.5, 5.0, (2, 3))),
        "input_markers_centred": (rng.normal(size=(51, 3)), rng.uniform(0.05, 0.3, (51, 3))),
        "input_marker_velocities": (rng.normal(size=(51, 3)), rng.uniform(0.1, 1.0, (51, 3))),
        "input_coordinates": (rng.normal(size=35), rng.uniform(0.1, 1.0, 35)),
        "input_coordinate_velocities": (rng.normal(size=35), rng.uniform(0.5, 3.0, 35)),
        "input_mass": (np.float32(68), np.float32(9)),
        "input_height": (np.float32(1.7), np.float32(0.1)),
    }


def build(config: dict[str, Any]) -> TorqueEstimator:
    """Return the estimator of ``config`` with statistics set."""
    torch.manual_seed(0)
    model = MODELS.build(config)
    model.set_statistics(example_statistics())
    return model


CASES = [pytest.param(config, id=f"{name}-{i}") for name, cs in EXAMPLES.items() for i, config in enumerate(cs)]


def test_every_class_is_found_with_nothing_imported_but_the_registry():
    names = sorted(registered())
    assert {"VIDNetwork", "ResNet", "SoftArgmax3D", "LSTMTorqueHead", "MarkerCodec"} <= set(names)
    code = f"from vidzoo.registry import MODELS\nfor name in {names}: assert MODELS.get(name).__name__ == name"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_an_error_of_an_import_is_not_taken_for_an_unknown_name(tmp_path, monkeypatch):
    (tmp_path / "a_broken_room.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("part", scope="a_scope_of_this_test", locations=["a_broken_room"])
    with pytest.raises(RuntimeError, match="operator torchvision::nms does not exist"):
        registry.get("Anything")


def test_every_estimator_has_an_example_and_every_part_is_in_one():
    assert set(estimators()) == set(EXAMPLES), "give each registered estimator a small example config"
    examples = [config for configs in EXAMPLES.values() for config in configs] + STAGE1_EXAMPLES
    used = {type(module) for config in examples for module in MODELS.build(config).modules()}
    absent = set() if importlib.util.find_spec("timm") else {"TimmBackbone"}
    unused = [name for name, cls in registered().items() if cls not in used and name not in absent]
    assert not unused, f"no example config uses {unused}"


def test_every_class_says_what_it_does():
    for name, cls in registered().items():
        assert inspect.getdoc(cls), name


@pytest.mark.parametrize("config", CASES)
def test_loss_is_finite_and_reaches_every_parameter(config):
    model = build(config).train()
    batch = model.data_preprocessor(example_batch(model.requires), True)
    losses = model(**batch, mode="loss")
    total, logged = model.parse_losses(losses)
    # What a loss's name does not hold, parse_losses only logs.
    assert all(name.startswith("loss_") for name in losses if "loss" in name)
    assert all(torch.isfinite(value) for value in losses.values())
    assert logged["loss"] > 0
    total.backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert not without, f"no finite gradient: {without}"


@pytest.mark.parametrize("config", CASES)
def test_tensor_mode_changes_nothing_and_is_repeatable(config):
    model = build(config).eval()
    batch = model.data_preprocessor(example_batch(model.requires), False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    ours = [module for module in model.modules() if type(module).__module__.startswith("vidzoo.")]
    attributes = [dict(vars(module)) for module in ours]
    with torch.no_grad():
        first, second = model(batch["inputs"]), model(batch["inputs"])
    assert first.torques.shape == (2, 2, 11)
    assert torch.equal(first.torques, second.torques)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    for module, values in zip(ours, attributes):
        assert vars(module).keys() == values.keys()
        assert all(vars(module)[key] is value for key, value in values.items()), type(module)


@pytest.mark.parametrize("config", CASES)
def test_predict_gives_torques_in_newton_metres(config):
    model = build(config).eval()
    data = example_batch(model.requires)
    with torch.no_grad():
        raw = model(model.data_preprocessor(data)["inputs"])
        samples = model.val_step(data)
    mean, std = example_statistics()["torques_per_kg"]
    for sample, z, mass in zip(samples, raw.torques, (60.0, 70.0)):
        assert sample.pred_torques.shape == (2, 11)
        assert sample.pred_torques.dtype == torch.float32
        np.testing.assert_allclose(sample.pred_torques, (z.numpy() * std + mean) * mass, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("config", CASES)
def test_state_dict_round_trip_is_bit_exact(config):
    model = build(config)
    batch = model.data_preprocessor(example_batch(model.requires))
    model.train()(**batch, mode="loss")  # moves batch norm's statistics away from where they begin
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    torch.manual_seed(1)
    other = MODELS.build(config)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    states = model.state_dict(), other.state_dict()
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    with torch.no_grad():
        assert torch.equal(model.eval()(batch["inputs"]).torques, other.eval()(batch["inputs"]).torques)
        other(**batch, mode="predict")  # the statistics came along


@pytest.mark.parametrize("config", CASES)
def test_autocast_gives_a_finite_loss_and_gradient(config):
    model = build(config).train()
    batch = model.data_preprocessor(example_batch(model.requires))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = model(**batch, mode="loss")
    total, _ = model.parse_losses(losses)
    total.backward()
    assert torch.isfinite(total)
    assert total.dtype == torch.float32
    assert all(p.grad.isfinite().all() for p in model.parameters())

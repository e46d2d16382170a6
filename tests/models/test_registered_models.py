# ruff: noqa: C408 -- configs say dict(type=...)
"""Every class that the package registers in MODELS is reached, built, trained for a step and saved."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import Any

import mmengine
import pytest

import vidzoo.registry
from vidzoo.models.estimators import TorqueEstimator
from vidzoo.registry import MODELS, Registry
from vidzoo.testing import SMALL_VID_NETWORK, suite_for

DECONVOLUTIONS = dict(type="DeconvHead", in_channels=128, depth_bins=8, num_layers=1, channels=16)
TRANSFORMER = dict(type="TransformerTorqueHead", window=5, dim=32, heads=4, depth=1, feedforward=32)
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
        SMALL_VID_NETWORK | dict(heatmap_head=DECONVOLUTIONS, temporal_head=TRANSFORMER),
        SMALL_VID_NETWORK | dict(spf_mode="coords"),
        SMALL_VID_NETWORK | dict(marker_regressor=None, spf_mode="coords"),
        SMALL_VID_NETWORK
        | dict(
            backbone=dict(type="TorchvisionBackbone", name="mobilenet_v3_small", strides=[4]),
            heatmap_head=dict(type="SeparableHead", in_channels=16, depth_bins=8, channels=16, num_layers=1),
            marker_regressor=dict(type="MarginalMarkerRegressor", bins=[8, 16, 16], hidden=16),
            temporal_head=dict(type="TCNTorqueHead", window=5, hidden=16),
        ),
        SMALL_VID_NETWORK
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
        MARKER_PARTS
        | dict(
            kinematics="landmarks",
            velocities=False,
            stride=2,
            noise=0.1,
            bias=0.1,
            tilt=0.1,
            average_mirrored=True,
            temporal_head=dict(type="PerceptronTorqueHead", window=3, hidden=[16]),
        ),
    ],
    "ImDy": [IMDY_PARTS, IMDY_PARTS | dict(ground_forces=False, mask_missing=False, min_markers=None)],
    "DinoEndToEnd": [DINO_PARTS | dict(type="DinoEndToEnd"), DINO_PARTS | dict(type="DinoEndToEnd", trunk="lstm")],
    "PhysicsGuidedHybrid": [
        DINO_PARTS | dict(type="PhysicsGuidedHybrid", residual_loss=dict(type="WeightedL1Loss", weight=0.1)),
    ],
    "DinoHybrid": [
        DINO_PARTS | dict(type="DinoHybrid"),
        DINO_PARTS | dict(type="DinoHybrid", trunk="lstm", residual_loss=dict(type="WeightedMSELoss", weight=0.1)),
    ],
}
BLAZEPOSE: dict[str, Any] = SMALL_VID_NETWORK | dict(
    image_size=256,
    spf_mode="coords",
    data_preprocessor=dict(type="ClipPreprocessor", mean=[0, 0, 0], std=[255, 255, 255]),
    backbone=dict(type="BlazePoseBackbone", variant="lite", frozen=True),
    heatmap_head=dict(type="BlazePoseHead", variant="lite", frozen=True),
    pose_decoder=dict(type="PerAxisSoftArgmax"),
    temporal_head=dict(type="LSTMTorqueHead", window=1, hidden=16),
)
EXAMPLES["VIDNetwork"].append(BLAZEPOSE)
if importlib.util.find_spec("timm"):
    EXAMPLES["VIDNetwork"].append(
        SMALL_VID_NETWORK
        | dict(
            backbone=dict(type="TimmBackbone", name="resnet10t", out_indices=[1]),
            heatmap_head=dict(type="DeconvHead", in_channels=64, depth_bins=8, num_layers=0, final_std=0.03),
        )
    )
"""Small configs of every registered estimator; together they use every registered part."""
STAGE1_EXAMPLES: list[dict[str, Any]] = [
    {"type": "PoseNetwork", "pose_loss": {"type": "WeightedL1Loss"}}
    | {k: SMALL_VID_NETWORK[k] for k in ("image_size", "data_preprocessor", "backbone", "heatmap_head", "pose_decoder")}
]
"""Networks that give no torques; tests/models/test_pose_network.py tests them."""

TestEveryEstimator = suite_for(*(config for configs in EXAMPLES.values() for config in configs))


def registered() -> dict[str, type]:
    """Return what vidzoo itself registers in MODELS."""
    MODELS.import_from_location()
    return {name: cls for name, cls in MODELS.module_dict.items() if cls.__module__.startswith("vidzoo.")}


def estimators() -> list[str]:
    """Return the names of the registered estimators."""
    return [name for name, cls in registered().items() if issubclass(cls, TorqueEstimator)]


def test_every_class_is_found_with_nothing_imported_but_the_registry():
    names = sorted(registered())
    assert {"VIDNetwork", "ResNet", "SoftArgmax3D", "LSTMTorqueHead", "MarkerCodec"} <= set(names)
    code = f"from vidzoo.registry import MODELS\nfor name in {names}: assert MODELS.get(name).__name__ == name"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_an_error_of_an_import_is_not_taken_for_an_unknown_name(tmp_path, monkeypatch):
    (tmp_path / "a_broken_room.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("part", parent=mmengine.Registry("part", scope="a test"), locations=["a_broken_room"])
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
    """In a docstring that is neither inherited nor the signature that a dataclass is given."""
    registries = [registry for registry in vars(vidzoo.registry).values() if isinstance(registry, Registry)]
    for registry in registries:
        registry.import_from_location()
    classes = [cls for registry in registries for cls in registry.module_dict.values()]
    ours = [cls for cls in classes if cls.__module__.startswith("vidzoo.")]
    assert len(ours) > len(registered()) > 20
    for cls in ours:
        text = vars(cls)["__doc__"]
        assert text and not text.startswith(f"{cls.__name__}("), cls

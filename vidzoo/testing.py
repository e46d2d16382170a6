"""The test suite that every registered component passes, to be run on a component of one's own as well.

In a test file, for any part of VID-Network or for a whole estimator::

    from vidzoo.testing import suite_for

    TestMyHead = suite_for(temporal_head=dict(type="MyHead"))
    TestMyEstimator = suite_for(dict(type="MyEstimator", window=5))

Only :func:`suite_for` needs pytest.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vidzoo.anatomy import COORDINATES, LANDMARKS, MARKERS
from vidzoo.models.estimators import TorqueEstimator
from vidzoo.models.estimators.base import TakesStatistics
from vidzoo.registry import MODELS
from vidzoo.structures import TorqueSample
from vidzoo.task import TaskSpec

WINDOW = 5
IMAGE_SIZE = 32
MASSES = (60.0, 70.0)
"""kg, of the B = 2 clips of an example batch."""
PREDICTIONS = 2
"""K of an example batch."""

SMALL_VID_NETWORK: dict[str, Any] = {
    "type": "VIDNetwork",
    "image_size": IMAGE_SIZE,
    "data_preprocessor": {"type": "ClipPreprocessor"},
    "backbone": {"type": "ResNet", "depth": 18, "out_indices": (1,)},
    # Without deconvolutions, and with large weights: torques that change from frame to frame before any training.
    "heatmap_head": {"type": "DeconvHead", "in_channels": 128, "depth_bins": 8, "num_layers": 0, "final_std": 0.3},
    "pose_decoder": {"type": "SoftArgmax3D"},
    "marker_regressor": {"type": "MLPMarkerRegressor"},
    "temporal_head": {"type": "LSTMTorqueHead", "window": WINDOW, "hidden": 16},
    "torque_codec": {"type": "TorqueCodec"},
    "marker_codec": {"type": "MarkerCodec"},
    "torque_loss": {"type": "WeightedMSELoss", "weight": 0.5},
    "marker_loss": {"type": "WeightedMSELoss", "weight": 0.5},
}
"""The config of a whole network that is small enough for a test."""


def suite_for(*models: Mapping[str, Any], **parts: Any) -> type:
    """Return a test class that runs :class:`ComponentSuite`; pytest finds it under a name that begins with ``Test``.

    Args:
        *models: configs of estimators, best small ones; ``SMALL_VID_NETWORK`` where none is given.
        **parts: what takes the place of the estimators' own arguments of this name, such as
            ``temporal_head=dict(type='MyHead')``. A temporal head is given a ``window`` as in the project's
            configs.
    """
    import pytest

    if "temporal_head" in parts:
        parts["temporal_head"] = {"window": WINDOW, **parts["temporal_head"]}
    cases = [{**model, **parts} for model in models or (SMALL_VID_NETWORK,)]
    names = [f"{config['type']}-{index}" for index, config in enumerate(cases)]
    return pytest.mark.parametrize("config", cases, ids=names)(type("Suite", (ComponentSuite,), {}))


class ComponentSuite:
    """What holds for every estimator, and so for each of its parts; a method tests one config."""

    def test_a_training_step_reaches_every_parameter(self, config: dict[str, Any]) -> None:
        """Losses and gradients are finite, and no parameter is left out."""
        _train_step(build(config))

    def test_a_training_step_in_mixed_precision(self, config: dict[str, Any]) -> None:
        """Under autocast to bfloat16 the loss is float32, losses and gradients are finite."""
        total = _train_step(build(config), mixed_precision=True)
        assert total.dtype == torch.float32, f"under autocast the loss is {total.dtype}, expected torch.float32"

    def test_its_task_says_what_it_takes_and_gives(self, config: dict[str, Any]) -> None:
        """The declared task names the inputs, the window and as many torques as there are columns."""
        model = build(config).eval()
        task = model.task
        assert isinstance(task, TaskSpec), f"task is {task!r}, expected a TaskSpec"
        assert task.requires and task.window == model.window and task.target_index is not None, f"unsaid: {task}"
        with torch.no_grad():
            columns = model(_batch(model)["inputs"]).torques.shape[-1]
        assert len(task.torques) == columns, f"the task names {len(task.torques)} torques, the model gives {columns}"
        assert TaskSpec.from_dict(task.to_dict(), "its task") == task

    def test_tensor_mode_is_repeatable_and_changes_nothing(self, config: dict[str, Any]) -> None:
        """Torques [B, K, Q] are the same twice; weights, buffers and attributes stay as they were."""
        model = build(config).eval()
        inputs = _batch(model)["inputs"]
        state = {name: value.clone() for name, value in model.state_dict().items()}
        modules = [module for module in model.modules() if not type(module).__module__.startswith("torch.")]
        attributes = [dict(vars(module)) for module in modules]
        with torch.no_grad():
            first, second = model(inputs).torques, model(inputs).torques
        expected = [len(MASSES), PREDICTIONS, *model.torque_codec.mean.shape]
        assert list(first.shape) == expected, f"torques are {list(first.shape)}, expected [B, K, Q] = {expected}"
        assert torch.equal(first, second), "in evaluation, the same inputs give different torques"
        changed = [name for name, value in model.state_dict().items() if not torch.equal(value, state[name])]
        for module, before in zip(modules, attributes):
            now = vars(module)
            names = [name for name in {**before, **now} if now.get(name) is not before.get(name)]
            changed += [f"{type(module).__name__}.{name}" for name in names]
        assert not changed, f"tensor mode in evaluation changes {', '.join(changed)}"

    def test_a_prediction_depends_on_its_own_window_alone(self, config: dict[str, Any]) -> None:
        """A batch of clips gives what each of its windows gives by itself, to 1 % of what tells windows apart."""
        model = build(config).eval()
        inputs = _batch(model)["inputs"]
        with torch.no_grad():
            torques = model(inputs).torques
            tolerance = 1e-6 + 0.01 * torques.flatten(0, 1).std(0).max().item()
            for clip in range(torques.shape[0]):
                for k in range(torques.shape[1]):
                    alone = model({name: _window(value, clip, k, model.window) for name, value in inputs.items()})
                    difference = (alone.torques[0, 0] - torques[clip, k]).abs().max().item()
                    assert difference < tolerance, (
                        f"window {k} of clip {clip} by itself gives other torques, by {difference:.2g} (standardised)"
                    )

    def test_predictions_are_in_newton_metres(self, config: dict[str, Any]) -> None:
        """They are the standardised torques, times deviation, plus mean, times mass."""
        model = build(config).eval()
        with torch.no_grad():
            raw = model(_batch(model)["inputs"]).torques
            samples = model.val_step(example_batch(model))
        for sample, z, mass in zip(samples, raw, MASSES):
            by_hand = (z * model.torque_codec.std + model.torque_codec.mean) * mass
            torch.testing.assert_close(sample.pred_torques, by_hand, rtol=1e-5, atol=1e-3)

    def test_state_dict_round_trip_is_bit_exact(self, config: dict[str, Any]) -> None:
        """Saved weights, in a model that began from other ones, give the same torques."""
        model = build(config)
        batch = _batch(model)
        model.train()(**batch, mode="loss")  # moves batch norm's statistics away from where they begin
        file = io.BytesIO()
        torch.save(model.state_dict(), file)
        file.seek(0)
        torch.manual_seed(1)
        other = MODELS.build(config)
        other.load_state_dict(torch.load(file, weights_only=True))
        loaded = other.state_dict()
        changed = [name for name, value in model.state_dict().items() if not torch.equal(value, loaded[name])]
        assert not changed, f"not what was saved: {', '.join(changed)}"
        with torch.no_grad():
            same = torch.equal(model.eval()(batch["inputs"]).torques, other.eval()(batch["inputs"]).torques)
            other(**batch, mode="predict")  # raises where the statistics were not saved
        assert same, "loaded weights give other torques: something they depend on is neither parameter nor buffer"


def build(config: dict[str, Any]) -> TorqueEstimator:
    """Return the estimator of ``config`` with random weights, always the same, and statistics set."""
    torch.manual_seed(0)
    model = MODELS.build(config)
    model.set_statistics(example_statistics(model))
    return model


def example_statistics(model: TorqueEstimator) -> dict[str, tuple[Tensor, Tensor]]:
    """Return random statistics of every quantity that ``model`` needs them of."""
    generator = torch.Generator().manual_seed(0)
    return {
        codec.key: (
            torch.randn(codec.shape, generator=generator),
            0.2 + 0.8 * torch.rand(codec.shape, generator=generator),
        )
        for codec in model.modules()
        if isinstance(codec, TakesStatistics)
    }


def example_batch(model: TorqueEstimator) -> dict[str, Any]:
    """Return what a collate gives to ``model`` for B = 2 clips of random content, long enough for K = 2 predictions."""
    generator = torch.Generator().manual_seed(0)
    window, size = model.window, getattr(model, "image_size", None) or IMAGE_SIZE
    num_torques = len(model.torque_codec.mean)
    clips, frames, markers, coordinates = len(MASSES), window + PREDICTIONS - 1, len(MARKERS), len(COORDINATES)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    def mostly(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator) > 0.2

    inputs = {
        "frames": torch.randint(0, 256, (clips, frames, 3, size, size), generator=generator, dtype=torch.uint8),
        "markers": normal(clips, frames, markers, 3),
        "marker_valid": mostly(clips, frames, markers),
        "marker_velocities": normal(clips, frames, markers, 3),
        "coordinates": normal(clips, frames, coordinates),
        "coordinate_velocities": normal(clips, frames, coordinates),
        "inertial_torques": normal(clips, frames, coordinates),
        "foot_jacobians": normal(clips, frames, 2, 6, coordinates),
        "physics_wrenches": normal(clips, frames, 2, 6),
        "landmarks": torch.rand(clips, frames, len(LANDMARKS), 2, generator=generator),
        "landmark_visibility": torch.rand(clips, frames, len(LANDMARKS), generator=generator),
        "landmarks_world": 0.3 * normal(clips, frames, len(LANDMARKS), 3),
        "landmark_valid": mostly(clips, frames),
        "mass": torch.tensor(MASSES),
        "height": torch.full((clips,), 1.7),
    }
    samples = []
    for mass in MASSES:
        sample = TorqueSample(
            metainfo={
                "subject": "subject1",
                "trial": "DJ1",
                "action": "DJ",
                "camera": "",
                "mass": mass,
                "height": 1.7,
                "sex": "f",
                "frame_indices": torch.arange(PREDICTIONS).numpy(),
            }
        )
        sample.gt_torques = 50 * normal(PREDICTIONS, num_torques)
        sample.valid = mostly(PREDICTIONS, num_torques)
        sample.gt_markers = normal(frames, markers, 3)
        sample.gt_marker_valid = mostly(frames, markers)
        sample.gt_grf = 300 * normal(frames, 2, 3)
        sample.gt_contact = (sample.gt_grf[..., 1] >= 20).float()
        sample.gt_grf_valid = mostly(frames)
        samples.append(sample)
    return {"inputs": {name: inputs[name] for name in model.requires}, "data_samples": samples}


def _batch(model: TorqueEstimator) -> dict[str, Any]:
    return model.data_preprocessor(example_batch(model), False)


def _window(value: Tensor, clip: int, start: int, length: int) -> Tensor:
    """Return one window of an input [B, L, ...], or its share of one that is not over time [B]."""
    one = value[clip : clip + 1]
    return one if value.ndim == 1 else one[:, start : start + length]


def _train_step(model: TorqueEstimator, mixed_precision: bool = False) -> Tensor:
    """Return the loss, after a check of what it sends back."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed_precision):
        losses = model.train()(**_batch(model), mode="loss")
    wrong = [f"{name} = {value.item()}" for name, value in losses.items() if not value.isfinite().all()]
    assert not wrong, f"no finite loss: {', '.join(wrong)}"
    total, _ = model.parse_losses(losses)
    total.backward()
    trainable = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    without = [name for name, gradient in trainable.items() if gradient is None]
    assert not without, f"the loss does not reach {', '.join(without)}"
    wrong = [name for name, gradient in trainable.items() if not gradient.isfinite().all()]
    assert not wrong, f"no finite gradient: {', '.join(wrong)}"
    return total

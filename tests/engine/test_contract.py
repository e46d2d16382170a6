"""One task for model, data, metric, checkpoint and predictions: what contradicts it is one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import ConfigDict
from torch import nn

from vidzoo import engine
from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.engine import build_runner, read_checkpoint, train
from vidzoo.engine.contract import check_checkpoint, hand_on
from vidzoo.engine.stage1 import load_stage1
from vidzoo.errors import CheckpointError, ConfigError, DataError
from vidzoo.io.data_file import DataFile, DataFileWriter, Trial
from vidzoo.io.predictions import read_predictions
from vidzoo.io.splits import Split, SplitEntry
from vidzoo.models.estimators import DinoEndToEnd, PoseNetwork, TorqueEstimator
from vidzoo.registry import METRICS, MODELS
from vidzoo.task import TaskSpec

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
END_TO_END, HYBRID = CONFIGS / "dino_end_to_end.py", CONFIGS / "dino_hybrid.py"
TURNED = BENCHMARK_JOINTS[::-1]
SMALL: dict[str, Any] = {
    "train_cfg.max_epochs": 1, "train_dataloader.num_workers": 0, "test_dataloader.num_workers": 0,
    "train_dataloader.persistent_workers": False, "train_dataloader.dataset.predictions": 12,
}  # fmt: skip


@pytest.fixture
def options(tiny_data_file: Path, tiny_split: Path) -> dict[str, Any]:
    return SMALL | {"data_file": str(tiny_data_file), "split": str(tiny_split)}


@pytest.fixture(scope="module")
def trained(tiny_data_file: Path, tiny_split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a causal model, after one epoch."""
    folder = tmp_path_factory.mktemp("trained")
    files = {"data_file": str(tiny_data_file), "split": str(tiny_split)}
    train(END_TO_END, work_dir=folder, cfg_options=SMALL | files)
    return folder / "epoch_1.pth"


def test_the_task_is_handed_on_and_kept(trained, options, tmp_path):
    """In the data set, the metric, the checkpoint and the predictions; the rate is the data's."""
    task = TaskSpec(requires=DinoEndToEnd.requires, window=13, target_index=12, torques=BENCHMARK_JOINTS, rate_hz=100.0)
    assert TaskSpec.from_dict(read_checkpoint(trained)["meta"]["task"], "it") == task
    metrics = engine.test(END_TO_END, trained, work_dir=tmp_path / "t", out=tmp_path, cfg_options=options)
    predictions = read_predictions(tmp_path / "predictions.npz")
    assert (predictions.task, predictions.torque_names) == (task, BENCHMARK_JOINTS)
    assert 0 < metrics["mPJE_mean"] < 10
    runner = build_runner(END_TO_END, work_dir=tmp_path / "w", cfg_options=options)
    runner.build_training()
    assert runner.train_dataloader.dataset.task == task


@pytest.mark.parametrize(
    ("config", "change", "sentence"),
    [
        (
            END_TO_END,
            {"train_dataloader.dataset.target_index": 6},
            "train_dataloader.dataset has target_index=6, but the model (DinoEndToEnd) has target_index=12; leave "
            "target_index out of train_dataloader.dataset, which then takes the model's.",
        ),
        (
            HYBRID,
            {"train_dataloader.dataset.torques": list(TURNED)},
            f"train_dataloader.dataset has the torques in another order (torques[0]='{TURNED[0]}'), but the model "
            f"(DinoHybrid) has torques[0]='{BENCHMARK_JOINTS[0]}'; leave torques out of train_dataloader.dataset, "
            "which then takes the model's.",
        ),
        (
            END_TO_END,
            {"train_dataloader.dataset.requires": ["coordinates", "mass"]},
            "train_dataloader.dataset has 2 inputs, but the model (DinoEndToEnd) has 4 inputs, among them "
            "coordinate_velocities, height; leave requires out of train_dataloader.dataset, which then takes the "
            "model's.",
        ),
        (
            END_TO_END,
            {"test_evaluator.torques": list(TURNED)},
            f"test_evaluator has the torques in another order (torques[0]='{TURNED[0]}'), but the model "
            f"(DinoEndToEnd) has torques[0]='{BENCHMARK_JOINTS[0]}'; leave torques out of test_evaluator, which then "
            "takes the model's.",
        ),
        (
            END_TO_END,
            {"train_dataloader.dataset.window": 0},
            "train_dataloader.dataset: window=0 must be a whole number, 1 or more.",
        ),
    ],
)
def test_a_config_that_says_something_else_than_the_model(config, change, sentence, options, tmp_path):
    with pytest.raises(ConfigError) as caught:
        train(config, work_dir=tmp_path, cfg_options=options | change)
    assert str(caught.value) == sentence
    assert not list(tmp_path.glob("*.pth"))


def test_a_checkpoint_of_another_window_is_not_tested(trained, options, tmp_path):
    """The same weights fit a model about its centre, whose predictions would be six frames late."""
    centred = options | {"model.causal": False}
    with pytest.raises(CheckpointError) as caught:
        engine.test(END_TO_END, trained, work_dir=tmp_path, cfg_options=centred)
    assert str(caught.value) == (
        f"{trained} has target_index=12, but the model (DinoEndToEnd) has target_index=6; use the config that it was "
        f"trained with."
    )
    with pytest.raises(CheckpointError, match="has target_index=12, but the model"):
        train(END_TO_END, work_dir=tmp_path, resume=trained, cfg_options=centred | {"train_cfg.max_epochs": 2})
    with pytest.raises(CheckpointError, match="has target_index=12, but the model"):
        train(END_TO_END, work_dir=tmp_path, load_from=trained, cfg_options=centred)


def test_a_checkpoint_of_other_torques_is_not_tested(trained, options, tmp_path):
    turned = options | {"model.torque_codec.torques": list(TURNED)}
    with pytest.raises(CheckpointError, match=r"epoch_1\.pth has the torques in another order \(torques\[0\]='hip_"):
        engine.test(END_TO_END, trained, work_dir=tmp_path, cfg_options=turned)


def test_a_checkpoint_without_a_task_says_what_its_data_set_was(trained, tmp_path):
    """As those do that were written before there was a task."""
    content = read_checkpoint(trained)
    del content["meta"]["task"]
    model = MODELS.build(
        {"type": "DinoEndToEnd", "causal": False, "torque_codec": {"type": "TorqueCodec"},
         "torque_loss": {"type": "WeightedMSELoss"}}
    )  # fmt: skip
    with pytest.raises(CheckpointError, match="old has target_index=12, but the model"):
        check_checkpoint(model, content, "old")
    assert check_checkpoint(model, {"state_dict": {}}, "weights alone") == TaskSpec()
    with pytest.raises(CheckpointError, match="bad: window='x' must be a whole number"):
        check_checkpoint(model, {"meta": {"task": {"window": "x"}}}, "bad")


@pytest.fixture
def slow_files(tmp_path: Path, small_trial: Callable[..., Trial]) -> dict[str, str]:
    """The tiny file's first trial at 50 Hz."""
    path = tmp_path / "slow.h5"
    trial = small_trial("subject1", "DJ1", images=False)
    trial.rate_hz, trial.time = 50.0, trial.time * 2
    with DataFileWriter(path, {}) as writer:
        writer.add(trial)
    split = _split(path)
    split.save(tmp_path / "slow.json")
    return {"data_file": str(path), "split": str(tmp_path / "slow.json")}


def _split(path: Path) -> Split:
    data = DataFile(path)
    entries = [tuple(SplitEntry(s, t, part, (part,)) for s, t in data.trial_keys()) for part in ((0, 24), (29, 40))]
    return Split("block", 0, data.content_hash, {"gap": 5}, *entries)


def test_data_of_another_rate_are_not_tested(trained, options, slow_files, tmp_path):
    with pytest.raises(CheckpointError) as caught:
        engine.test(END_TO_END, trained, work_dir=tmp_path / "t", cfg_options=options | slow_files)
    assert str(caught.value) == (
        f"{trained} has rate_hz=100.0, but the model (DinoEndToEnd) has rate_hz=50.0; use data of the rate that it was "
        f"trained at."
    )
    # A training that only begins with these weights learns the new rate.
    runner = train(END_TO_END, work_dir=tmp_path / "w", load_from=trained, cfg_options=options | slow_files)
    assert runner.model.task.rate_hz == 50.0
    assert read_checkpoint(tmp_path / "w/epoch_1.pth")["meta"]["task"]["rate_hz"] == 50.0


def test_a_file_of_two_rates_has_no_window(small_trial, tmp_path):
    path = tmp_path / "mixed.h5"
    slow = small_trial("subject1", "squats1", images=False)
    slow.rate_hz = 50.0
    with DataFileWriter(path, {}) as writer:
        writer.add(small_trial("subject1", "DJ1", images=False))
        writer.add(slow)
    _split(path).save(tmp_path / "mixed.json")
    files = {"data_file": str(path), "split": str(tmp_path / "mixed.json")}
    with pytest.raises(DataError, match=r"mixed\.h5: the trials of the train subset have between 50 and 100 frames"):
        train(END_TO_END, work_dir=tmp_path / "w", cfg_options=SMALL | files)


# --- the metric ------------------------------------------------------------------------------------------------------
def test_the_metric_refuses_other_torques(tiny_data_file, tiny_split):
    files = {"data_file": str(tiny_data_file), "split": str(tiny_split)}
    assert METRICS.build({"type": "TorqueBenchmark", **files, "torques": TURNED}).torques == TURNED
    for torques in (("pelvis_ty", *BENCHMARK_JOINTS[1:]), BENCHMARK_JOINTS[:5]):
        with pytest.raises(DataError, match="the model names other torques than the benchmark's 11; they differ by"):
            METRICS.build({"type": "TorqueBenchmark", **files, "torques": torques})


def test_a_model_in_another_order_is_scored_by_name(options, tmp_path):
    """Its statistics, losses and predictions are permuted, and its score is that of the plain order's model."""
    scores, weights = [], []
    for name, torques in (("plain", BENCHMARK_JOINTS), ("turned", TURNED)):
        chosen = options | {"model.torque_codec.torques": list(torques), "train_cfg.max_epochs": 1}
        runner = build_runner(END_TO_END, work_dir=tmp_path / name, cfg_options=chosen)
        with torch.no_grad():  # the same start, but for the order of the outputs
            output = runner.model.trunk.output
            if torques is TURNED:
                output.weight.copy_(weights[0].flip(0))
                output.bias.copy_(weights[1].flip(0))
            weights = [output.weight.clone(), output.bias.clone()]
        runner.build_training()
        runner.train()
        scores.append(
            engine.test(END_TO_END, tmp_path / name, work_dir=tmp_path / "t", out=tmp_path / name, cfg_options=chosen)
        )
        assert read_predictions(tmp_path / name / "predictions.npz").torque_names == tuple(torques)
    assert scores[1]["mPJE_mean"] == pytest.approx(scores[0]["mPJE_mean"], rel=1e-4)


# --- configs of other shapes -----------------------------------------------------------------------------------------
class Model(nn.Module):
    """Something that declares a task."""

    task = TaskSpec(requires=("frames",), window=5, target_index=4, torques=BENCHMARK_JOINTS, image_size=32)


def test_data_sets_in_a_wrapper_and_metrics_in_a_list():
    inner = [{"type": "VIDDataset"}, {"type": "VIDDataset", "window": 5, "image_size": None}]
    loader = ConfigDict(dataset={"type": "ConcatDataset", "datasets": inner})
    hand_on(Model(), loader, "train_dataloader")
    for part in loader.dataset.datasets:
        assert (part.window, part.target_index, part.image_size) == (5, 4, 32)
        assert tuple(part.torques) == BENCHMARK_JOINTS and tuple(part.requires) == ("frames",)
        assert part.marker_frame is None
    assert "window" not in loader.dataset
    evaluator = [ConfigDict(type="TorqueBenchmark"), ConfigDict(type="PelvisResidual")]
    hand_on(Model(), evaluator, "test_evaluator")
    assert tuple(evaluator[0].torques) == BENCHMARK_JOINTS and dict(evaluator[1]) == {"type": "PelvisResidual"}
    inner[1]["window"] = 7
    loader = ConfigDict(dataset={"type": "ConcatDataset", "datasets": inner})
    with pytest.raises(ConfigError, match=r"train_dataloader\.dataset\.datasets\[1\] has window=7, but the model"):
        hand_on(Model(), loader, "train_dataloader")
    hand_on(nn.Linear(1, 1), loader, "train_dataloader")  # declares no task


def test_stage_1_at_another_image_size_is_refused(tmp_path):
    parts = {
        "backbone": nn.Conv2d(3, 4, 1), "heatmap_head": nn.Conv2d(4, 4, 1)
    }  # fmt: skip
    model = Model()
    for name, part in parts.items():
        setattr(model, name, part)
    task = TaskSpec(requires=("frames",), image_size=64)
    torch.save({"state_dict": model.state_dict(), "meta": {"task": task.to_dict()}}, tmp_path / "stage1.pth")
    with pytest.raises(CheckpointError, match=r"stage1\.pth has image_size=64, but the model \(Model\) has image_size"):
        load_stage1(model, tmp_path / "stage1.pth")
    task = TaskSpec(requires=("frames",), window=1, image_size=32)
    torch.save({"state_dict": model.state_dict(), "meta": {"task": task.to_dict()}}, tmp_path / "stage1.pth")
    load_stage1(model, tmp_path / "stage1.pth")  # a window of one image contradicts nothing here


def test_every_model_declares_a_task():
    MODELS.import_from_location()
    for cls in MODELS.module_dict.values():
        if issubclass(cls, TorqueEstimator | PoseNetwork):
            assert isinstance(cls.task, property), cls

"""A split with a third subset: a training validates on it, keeps the best epoch by it, and that one is tested."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from vidzoo import engine
from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES
from vidzoo.engine import load_config, train
from vidzoo.engine.checkpoint import find_best_checkpoint
from vidzoo.engine.validation import checkpoint_to_test
from vidzoo.errors import CheckpointError, ConfigError, DataError
from vidzoo.evaluation.results import read_results
from vidzoo.evaluation.torque_benchmark import TorqueBenchmark
from vidzoo.io.data_file import DataFile
from vidzoo.io.split_protocols import make_split
from vidzoo.io.splits import Split

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
QUICK = {"train_dataloader.num_workers": 0, "train_dataloader.persistent_workers": False,
         "test_dataloader.num_workers": 0, "train_cfg.max_epochs": 4, "optim_wrapper.optimizer.lr": 0.02}  # fmt: skip


@pytest.fixture(scope="module")
def split(tiny_data_file, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("val") / "split.json"
    make_split(DataFile(tiny_data_file), "block", gap=5, val_share=0.2).save(path)
    return path


@pytest.fixture
def options(tiny_data_file, split):
    return {"data_file": str(tiny_data_file), "split": str(split)} | QUICK


@pytest.fixture
def config(tmp_path) -> Path:
    """The per-frame marker model with windows that fit the tiny file."""
    path = tmp_path / f"{tmp_path.name}.py"
    base = next(CONFIGS.glob("markernet_perframe*.py"))
    path.write_text(
        f'_base_ = "{base}"\n'
        "model = dict(temporal_head=dict(window=5))\n"
        "train_dataloader = dict(batch_size=4, dataset=dict(window=5, predictions=4))\n"
        "test_dataloader = dict(dataset=dict(window=5, predictions=4))\n"
    )
    return path


def figures(work_dir: Path) -> dict[int, float]:
    """Return mPJE_mean on the val subset by epoch, from the log that MMEngine writes."""
    found = {}
    for log in sorted(work_dir.glob("*/vis_data/scalars.json")):
        for line in log.read_text().splitlines():
            entry = json.loads(line)
            if "mPJE_mean" in entry:
                found[entry["step"]] = entry["mPJE_mean"]
    return found


def test_the_best_epoch_by_val_is_kept_and_tested(config, options, split, tiny_data_file, tmp_path):
    work_dir = tmp_path / "work"
    train(config, work_dir=work_dir, cfg_options=options)
    by_epoch = figures(work_dir)
    assert sorted(by_epoch) == [1, 2, 3, 4]
    best = min(by_epoch, key=by_epoch.get)
    assert [path.name for path in work_dir.glob("best_*.pth")] == [f"best_mPJE_mean_epoch_{best}.pth"]
    assert (
        checkpoint_to_test(work_dir) == find_best_checkpoint(work_dir) == work_dir / f"best_mPJE_mean_epoch_{best}.pth"
    )
    assert (work_dir / "epoch_4.pth").is_file()
    moved = shutil.copytree(work_dir, tmp_path / "moved")
    for path in work_dir.glob("best_*"):
        path.unlink()
    engine.test(config, moved, work_dir=tmp_path / "test", out=tmp_path / "out", cfg_options=options)
    results = read_results(tmp_path / "out" / "results.json")
    assert results["provenance"]["checkpoint"]["name"] == f"best_mPJE_mean_epoch_{best}.pth"
    assert results["split"]["hash"] == Split.load(split).hash
    with pytest.raises(CheckpointError, match="as the best one, which is not there"):
        checkpoint_to_test(work_dir)


def test_a_resumed_training_validates_the_epoch_that_it_goes_on_from(config, options, tmp_path):
    hook = "default_hooks.checkpoint"
    keep = options | {f"{hook}.interval": 1, f"{hook}.max_keep_ckpts": -1}
    train(config, work_dir=tmp_path / "alone", cfg_options=keep)
    killed = tmp_path / "killed" / "epoch_2.pth"
    killed.parent.mkdir()
    content = torch.load(tmp_path / "alone" / "epoch_2.pth", weights_only=False)
    for key in ("best_score", "best_ckpt"):  # as it is when it is first written
        content["message_hub"]["runtime_info"].pop(key, None)
    torch.save(content, killed)
    train(config, work_dir=killed.parent, cfg_options=keep, resume=True)
    alone, resumed = figures(tmp_path / "alone"), figures(killed.parent)
    assert resumed == {epoch: alone[epoch] for epoch in (2, 3, 4)}
    best = min(resumed, key=resumed.get)
    assert find_best_checkpoint(killed.parent).name == f"best_mPJE_mean_epoch_{best}.pth"


def test_without_a_val_subset_nothing_is_validated(config, options, tiny_split, tmp_path):
    found = load_config(config, options | {"split": str(tiny_split)})
    assert not {"val_dataloader", "val_cfg", "val_evaluator"} & found.keys()
    assert "save_best" not in found.default_hooks.checkpoint
    train(config, work_dir=tmp_path / "w", cfg_options=options | {"split": str(tiny_split), "train_cfg.max_epochs": 1})
    assert checkpoint_to_test(tmp_path / "w") == tmp_path / "w" / "epoch_1.pth"


def test_a_config_that_validates_by_itself_is_left_alone(config, options):
    config.write_text(
        config.read_text()
        + "val_dataloader = dict(batch_size=1, dataset=dict(type='VIDDataset', data_file=None, split=None))\n"
    )
    found = load_config(config, options)
    assert found.val_dataloader.batch_size == 1
    assert "ValidateOnResumeHook" not in [hook["type"] for hook in found.custom_hooks]


def test_val_frames_are_scored_against_baselines_of_the_training_frames(tiny_data_file, split):
    metric = TorqueBenchmark(tiny_data_file, split, subset="val")
    manifest, data = Split.load(split), DataFile(tiny_data_file)
    assert {e.context for e in manifest.train} == {(0, 17)}
    columns = [COORDINATES.index(name) for name in BENCHMARK_JOINTS]
    per_kg = [data.trial(e.subject, e.trial).array("torques")[:, columns] / data.trial(e.subject, e.trial).mass_kg
              for e in manifest.train]  # fmt: skip
    mean = np.concatenate([values[:17] for values in per_kg]).mean(axis=0)
    error = np.concatenate([np.abs(values[22:27] - mean) for values in per_kg]).mean()
    for entry in manifest.val:
        trial = data.trial(entry.subject, entry.trial)
        sample = {
            "subject": entry.subject,
            "trial": entry.trial,
            "frame_indices": np.arange(*entry.context),
            "pred_torques": torch.from_numpy(trial.array("torques", slice(*entry.context))[:, columns]),
        }
        metric.process(None, [sample])
    found = metric.evaluate(30)
    assert found["mPJE_mean"] == pytest.approx(0, abs=1e-6)
    (baseline,) = [value for name, value in found.items() if name.endswith("train_mean")]
    assert baseline == pytest.approx(error, rel=1e-5)
    with pytest.raises(ConfigError, match="figures of validation frames are logged"):
        TorqueBenchmark(tiny_data_file, split, subset="val", out_dir="somewhere")
    with pytest.raises(ConfigError, match="subset='train' must be"):
        TorqueBenchmark(tiny_data_file, split, subset="train")


def test_a_split_without_val_frames_gives_none(tiny_data_file, tiny_split):
    with pytest.raises(DataError, match="has no val subset"):
        TorqueBenchmark(tiny_data_file, tiny_split, subset="val")

"""Choosing by a third subset: where a training's split has ``val`` frames, it validates on them after every epoch."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from vidzoo.engine.checkpoint import find_best_checkpoint, find_checkpoint
from vidzoo.errors import CheckpointError
from vidzoo.io.splits import Split


def use_val_subset(config: Config) -> None:
    """Add validation to a config that trains on a split with a ``val`` subset and says nothing of validation itself.

    Its ``test_dataloader`` and ``test_evaluator`` are taken, on the ``val`` subset; the checkpoint with the lowest
    ``mPJE_mean`` there is kept beside the last one. How often: ``train_cfg.val_interval``.
    """
    trains = config.get("train_dataloader") and config.get("train_cfg")
    loader, evaluator = config.get("test_dataloader"), config.get("test_evaluator")
    if not trains or not loader or not evaluator or config.get("val_dataloader"):
        return
    metrics = [metric for metric in (evaluator if isinstance(evaluator, list) else [evaluator]) if "split" in metric]
    split = (loader.get("dataset") or {}).get("split")
    if not metrics or not split or not Path(split).is_file() or not Split.load(split).val:
        return
    config.val_dataloader = deepcopy(loader)
    config.val_dataloader.dataset.subset = "val"
    config.val_evaluator = [{**_without(metric, "out_dir"), "subset": "val"} for metric in metrics]
    config.val_cfg = {}
    hook = config.get("default_hooks", {}).get("checkpoint")
    if hook is not None and hook.get("save_best") is None:
        hook.update(save_best="mPJE_mean", rule="less")
    config.custom_hooks = [*config.get("custom_hooks", ()), {"type": "ValidateOnResumeHook"}]


def checkpoint_to_test(work_dir: str | Path) -> Path:
    """Return the checkpoint of a training to test: the best one in validation, else the newest; say which.

    Raises:
        CheckpointError: the training has left none, or one that it names is gone.
    """
    best, last = find_best_checkpoint(work_dir), find_checkpoint(work_dir)
    if last is None:
        raise CheckpointError(f"{work_dir}: no training has left a checkpoint here; name a folder with one.")
    if best is None:
        return last
    print_log(f"Testing {best.name}, the checkpoint with the lowest mPJE_mean on the val subset.", logger="current")
    return best


def _without(metric: Any, key: str) -> dict[str, Any]:
    return {name: value for name, value in deepcopy(dict(metric)).items() if name != key}

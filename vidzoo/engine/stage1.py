"""Initialise a model's image part with the weights of a pose network: stage 2 after stage 1."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from torch import nn

from vidzoo.engine.checkpoint import check_fit, find_checkpoint, read_checkpoint
from vidzoo.engine.contract import check_checkpoint
from vidzoo.errors import CheckpointError, ConfigError
from vidzoo.io.splits import Split

PARTS: tuple[str, ...] = ("backbone", "heatmap_head")
"""What is taken over."""


def load_stage1(model: nn.Module, checkpoint: str | Path, splits: Iterable[Split] = ()) -> None:
    """Give a model's backbone and heatmap head the weights of a checkpoint; nothing else of it is used.

    Args:
        model: has the parts ``PARTS``.
        checkpoint: of a model with the same parts, or a training's work dir, whose newest one is taken.
        splits: those that the model is about to be trained on.

    Raises:
        ConfigError: the model has no such parts.
        CheckpointError: the checkpoint is missing, unreadable, of other parts or another image size, or was trained on
            the same data file by another split, whose training images may be this one's test images.
    """
    absent = [name for name in PARTS if not isinstance(getattr(model, name, None), nn.Module)]
    if absent:
        raise ConfigError(f"stage1: {type(model).__name__} has no {' and no '.join(absent)} to give weights to.")
    path = Path(checkpoint).expanduser()
    if not path.exists() or path.is_dir():
        found = find_checkpoint(path) if path.is_dir() else None
        if found is None:
            raise CheckpointError(
                f"stage1: there is no checkpoint in {path}; train stage 1 first (configs/posenet_*.py), or begin "
                f"without it: --cfg-options stage1=None."
            )
        path = found
    content = read_checkpoint(path)
    check_checkpoint(model, content, path, ["image_size"])
    meta = content.get("meta")
    trained_on = meta.get("dataset_meta") if isinstance(meta, dict) else None
    for split in splits:
        _check_split(trained_on if isinstance(trained_on, dict) else {}, split, path)
    parts = nn.ModuleDict({name: getattr(model, name) for name in PARTS})
    prefixes = tuple(f"{name}." for name in PARTS)
    weights = {name: value for name, value in content["state_dict"].items() if name.startswith(prefixes)}
    mend = "stage 1 needs this model's backbone and heatmap_head, with the same number of joints and depth bins"
    check_fit(parts, weights, path, mend)
    parts.load_state_dict(weights, strict=False)  # an older file may lack batch norm's counters, which nothing reads
    for part in parts.values():
        part.is_init = True  # type: ignore[assignment]  # so that MMEngine does not fetch other weights for it
    print_log(f"The {' and the '.join(PARTS)} begin with stage 1's weights, {path}.", logger="current")


def _check_split(trained_on: dict[str, Any], split: Split, path: Path) -> None:
    splits = trained_on.get("data_splits")
    before = splits.get(split.data_hash) if isinstance(splits, dict) else None
    if before is not None and before != split.hash:
        raise CheckpointError(
            f"{path}: stage 1 was trained on this data file's split {str(before)[:12]}, but the config now names "
            f"another, {split.hash[:12]}, whose test images it may have learnt; prepare and train stage 1 with that "
            f"split."
        )

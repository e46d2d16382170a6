"""The task of a model, handed to data sets and metrics, and compared with what a checkpoint was trained for."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from mmengine.model import is_model_wrapper
from torch import nn

from vidzoo.errors import CheckpointError, ConfigError, DataError
from vidzoo.registry import DATASETS, METRICS
from vidzoo.task import TaskSpec

FIELDS = tuple(field.name for field in fields(TaskSpec))


def unwrapped(model: nn.Module) -> Any:
    """Return the model without the wrapper of several processes."""
    return model.module if is_model_wrapper(model) else model


def task_of(model: nn.Module) -> TaskSpec | None:
    """Return the task that a model declares; None where it declares none."""
    return getattr(unwrapped(model), "task", None)


def hand_on(model: nn.Module, config: Any, place: str) -> None:
    """Write a model's task into the configs of data sets or metrics, where these leave a field out or say None.

    A class gets the fields that its constructor takes by name; so do data sets inside another (``dataset``,
    ``datasets``).

    Args:
        model: declares a ``task``; nothing is done for one that does not.
        config: of a data loader, a metric or a list of metrics.
        place: its key at the config's top, such as 'test_dataloader'.

    Raises:
        ConfigError: a config says something else than the model.
    """
    task = task_of(model)
    if task is None or config is None:
        return
    if place.endswith("_dataloader"):
        parts = [(DATASETS.get(part["type"]), part, where) for part, where in _data_sets(config, place)]
    else:
        parts = [(METRICS.get(part["type"]), part, where) for part, where in _metrics(config, place)]
    for cls, part, where in parts:
        takes = [name for name in FIELDS if name in inspect.signature(cls).parameters]
        said = {name: part[name] for name in takes if part.get(name) is not None}
        try:
            offered = TaskSpec(**{"window": task.window, **said})
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error
        check_offer(model, offered, where)
        for name in takes:
            if name not in said:
                part[name] = getattr(task, name)


def _data_sets(config: Any, place: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the configs of the data set in ``config`` and of those inside it, each with its place."""
    children = [("dataset", config.get("dataset"))]
    children += [(f"datasets[{i}]", child) for i, child in enumerate(config.get("datasets") or ())]
    for name, child in children:
        if isinstance(child, dict):
            if isinstance(child.get("type"), str):
                yield child, f"{place}.{name}"
            yield from _data_sets(child, f"{place}.{name}")


def _metrics(config: Any, place: str) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(config, Sequence) and not isinstance(config, str):
        for i, part in enumerate(config):
            yield from _metrics(part, f"{place}[{i}]")
    elif isinstance(config, dict) and isinstance(config.get("type"), str):
        yield config, place


def check_offer(model: nn.Module, offered: TaskSpec, place: str) -> None:
    """Check that a data set or a metric is made for what a model takes and predicts; further inputs do no harm.

    Raises:
        ConfigError: it is not.
    """
    task = task_of(model)
    if task is None:
        return
    if set(task.requires) <= set(offered.requires):
        offered = replace(offered, requires=task.requires)
    if sentence := task.contradiction(offered, f"the model ({type(unwrapped(model)).__name__})", place):
        names = task.differences(offered)
        if names == ["rate_hz"]:
            raise ConfigError(f"{sentence}; use data of one rate.")
        raise ConfigError(f"{sentence}; leave {', '.join(names)} out of {place}, which then takes the model's.")


def checkpoint_task(checkpoint: Mapping[str, Any], path: str | Path) -> TaskSpec:
    """Return the task that a checkpoint was trained for; one of an older version tells it in part or not at all.

    Raises:
        CheckpointError: what it says is no task.
    """
    meta = checkpoint.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    said = meta.get("task") or meta.get("dataset_meta") or {}
    try:
        return TaskSpec.from_dict(said, str(path))
    except DataError as error:
        raise CheckpointError(str(error)) from error


def check_checkpoint(
    model: nn.Module, checkpoint: Mapping[str, Any], path: str | Path, names: Sequence[str] = FIELDS
) -> TaskSpec:
    """Check that a checkpoint was trained for what a model takes and predicts, and return what it says.

    Args:
        model: that is about to get the weights.
        checkpoint: its content.
        path: its path, for the message.
        names: the fields to compare.

    Raises:
        CheckpointError: it was not.
    """
    saved, task = checkpoint_task(checkpoint, path), task_of(model)
    if task is not None:
        here = f"the model ({type(unwrapped(model)).__name__})"
        unsaid = {name: getattr(TaskSpec(), name) for name in FIELDS if name not in names}
        if sentence := task.contradiction(replace(saved, **unsaid), here, f"{path}"):
            only_rate = task.differences(saved) == ["rate_hz"]
            mend = "data of the rate that it was trained at" if only_rate else "the config that it was trained with"
            raise CheckpointError(f"{sentence}; use {mend}.")
    return saved

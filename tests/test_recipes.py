"""The recipes are those that the committed results were made by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from mmengine.config import Config
from mmengine.registry import init_default_scope

from vidzoo.engine import load_config
from vidzoo.engine.contract import hand_on
from vidzoo.registry import MODELS
from vidzoo.task import TaskSpec

ROOT = Path(__file__).parents[1]
ENTRIES = yaml.safe_load((ROOT / "model-index.yml").read_text(encoding="utf-8"))["Models"]
RESULTS = [(entry["Config"], result["File"]) for entry in ENTRIES for result in entry["Results"]]
SECTIONS = ("model", "train_dataloader", "train_cfg", "optim_wrapper", "param_scheduler", "randomness")
PLACES = {"data_file", "vid_file", "split", "features", "side", "subset", "num_workers", "persistent_workers"}
"""Where the data lie and who reads them: nothing that a result depends on."""
TASK = {"requires", "window", "target_index", "torques", "marker_frame", "image_size", "rate_hz"}


def flat(value: Any, key: str = "") -> dict[str, Any]:
    """Return the leaves of nested dicts and lists by their dotted keys."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for name, part in items for k, v in flat(part, f"{key}.{name}".strip(".")).items()}
    return {key: value}


def said(config: Config) -> dict[str, Any]:
    """Return what a config says of a training, but for what only names things."""
    leaves = flat({name: config.get(name) for name in SECTIONS})
    return {k: v for k, v in leaves.items() if k.split(".")[-1] not in PLACES and not is_task(k)}


def is_task(key: str) -> bool:
    """Tell whether a key of the data set's is one of the task's, which are compared by themselves."""
    return key.startswith("train_dataloader.dataset.") and key.split(".")[2] in TASK


@pytest.mark.parametrize(("recipe", "result"), RESULTS, ids=[Path(result).stem for _, result in RESULTS])
def test_a_result_was_made_by_its_recipe(recipe: str, result: str):
    """Every number that a training depends on is what it was; the data set's share of the task, too."""
    provenance = json.loads((ROOT / result).read_text(encoding="utf-8"))["provenance"]
    then, now = Config.fromstring(provenance["config"], ".py"), load_config(ROOT / recipe)
    before, after = said(then), said(now)
    before.pop("model.marker_codec.num_markers", None)  # the default
    before = {
        key: value for key, value in before.items() if not key.endswith("num_torques")
    }  # the codec's names say it
    new = {key: value for key, value in after.items() if key not in before}
    allowed = {"model.causal", "model.marker_codec.marker_frame", "train_dataloader.dataset.pipeline"}
    assert {key: value for key, value in before.items() if after.get(key) != value} == {}
    assert set(new) <= allowed, new
    init_default_scope("vidzoo")
    model = MODELS.build(now.model)
    hand_on(model, now.train_dataloader, "train_dataloader")
    if "requires" not in then.train_dataloader.dataset:  # since the model alone says its task
        hand_on(MODELS.build(then.model), then.train_dataloader, "train_dataloader")
    old, dataset = then.train_dataloader.dataset, now.train_dataloader.dataset
    assert set(old.requires) == set(dataset.requires)
    assert TaskSpec(
        window=old.window,
        target_index=old.window // 2 if old.get("target_index") is None else old.target_index,
        marker_frame=old.get("marker_frame"),
        image_size=old.get("image_size"),
    ) == TaskSpec(
        window=dataset.window,
        target_index=dataset.target_index,
        marker_frame=dataset.get("marker_frame"),
        image_size=dataset.get("image_size"),
    )

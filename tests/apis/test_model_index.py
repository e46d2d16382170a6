"""Models by name: built as their recipes say, loaded only from the very file that the index names."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from vidzoo.apis import get_model, list_models, model_index
from vidzoo.engine import load_config
from vidzoo.errors import CheckpointError, UnknownNameError
from vidzoo.evaluation.results import read_results
from vidzoo.models.estimators import TorqueEstimator
from vidzoo.registry import MODELS

ROOT = Path(__file__).parents[2]
INDEX = yaml.safe_load((ROOT / "model-index.yml").read_text(encoding="utf-8"))
ENTRIES = {entry["Name"]: entry for entry in INDEX["Models"]}
COLLECTIONS = {collection["Name"]: collection for collection in INDEX["Collections"]}
SMALL = "vidnet_r18"


def config_of(name: str) -> Any:
    return load_config(ROOT / ENTRIES[name]["Config"])


# --- the index -----------------------------------------------------------------------------------------------------
def test_the_index_lists_every_recipe_under_its_name():
    recipes = sorted(path.stem for path in ROOT.glob("configs/*.py") if not path.stem.startswith("posenet_"))  # stage 1
    assert [entry["Name"] for entry in INDEX["Models"]] == recipes
    assert all(entry["Config"] == f"configs/{name}.py" for name, entry in ENTRIES.items())


def test_every_collection_is_a_card_and_has_models():
    assert {collection["README"] for collection in INDEX["Collections"]} == {
        str(path.relative_to(ROOT)) for path in ROOT.glob("model_cards/*.md")
    }
    assert {entry["In Collection"] for entry in INDEX["Models"]} == set(COLLECTIONS)
    assert all((ROOT / collection["Code"]).is_file() for collection in INDEX["Collections"])


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_says_what_is_so(name: str):
    entry = ENTRIES[name]
    assert entry["Metadata"]["Training Data"]
    if "timm" in name:
        pytest.importorskip("timm")
    assert entry["Metadata"]["Parameters"] == sum(p.numel() for p in get_model(name).parameters())
    assert "Weights" not in entry or re.fullmatch("[0-9a-f]{64}", entry["SHA256"])
    for result in entry["Results"]:
        measured = read_results(ROOT / result["File"])["overall"]
        assert {"mPJE_mean", "mPJE_sum"} <= result["Metrics"].keys()
        assert result["Metrics"] == {metric: round(measured[metric], 4) for metric in result["Metrics"]}


def test_every_estimator_has_a_recipe_and_every_card_names_its_recipes():
    MODELS.import_from_location()
    full = {name for name, cls in MODELS.module_dict.items() if issubclass(cls, TorqueEstimator)}
    assert {"VIDNetwork", "ImDy"} <= full <= {config_of(name).model.type for name in ENTRIES}
    for name, entry in ENTRIES.items():
        card = (ROOT / COLLECTIONS[entry["In Collection"]]["README"]).read_text(encoding="utf-8")
        assert f"{name}.py" in card, f"the card of {entry['In Collection']} does not name {name}.py"


# --- list_models, get_model ----------------------------------------------------------------------------------------
def test_list_models():
    assert list_models() == sorted(ENTRIES)
    assert list_models("vidnet_r101*") == ["vidnet_r101", "vidnet_r101_lstm", "vidnet_r101_stage2"]
    assert list_models("nothing*") == []


def test_get_model_is_the_recipes():
    model = get_model(SMALL)
    torch.manual_seed(0)
    other = MODELS.build(config_of(SMALL).model)
    assert type(model) is type(other)
    assert {n: v.shape for n, v in model.state_dict().items()} == {n: v.shape for n, v in other.state_dict().items()}


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"'vidnet_r18_sinth' is no model.*did you mean vidnet_r18"):
        get_model("vidnet_r18_sinth")


def test_a_model_without_weights_says_so():
    with pytest.raises(CheckpointError, match=r"'vidnet_r101' has no published weights; train it by configs/vidnet_r"):
        get_model("vidnet_r101", pretrained=True)


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that writes a checkpoint of the small model and names it in the index."""

    def write(weights: dict[str, Any], source: str, sha256: str | None = None) -> Path:
        path = tmp_path / "hub/checkpoints/small.pth"
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(weights, path)
        sha256 = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
        entries = {**ENTRIES, SMALL: {**ENTRIES[SMALL], "Weights": source.format(path), "SHA256": sha256}}
        monkeypatch.setattr(model_index, "_models", lambda: entries)
        return path

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return write


@pytest.mark.parametrize("source", ["{}", "https://example.org/releases/small.pth?download=1"])
def test_pretrained_weights_are_loaded(publish, source: str):
    torch.manual_seed(1)
    trained = get_model(SMALL)
    publish({"state_dict": {f"module.{name}": value for name, value in trained.state_dict().items()}}, source)
    torch.manual_seed(2)
    model = get_model(SMALL, pretrained=True)
    assert all(torch.equal(value, trained.state_dict()[name]) for name, value in model.state_dict().items())


def test_weights_that_are_not_those_of_the_index_are_refused(publish, tmp_path: Path):
    state = get_model(SMALL).state_dict()
    publish({"state_dict": state}, "{}", sha256="0" * 64)
    with pytest.raises(CheckpointError, match=r"small\.pth: is not the file of 'vidnet_r18' \(SHA-256 .*000000"):
        get_model(SMALL, pretrained=True)
    path = publish({"state_dict": state}, "https://example.org/small.pth")
    path.unlink()
    with pytest.raises(CheckpointError, match=r"small\.pth: the weights .* download https://example\.org/small\.pth"):
        get_model(SMALL, pretrained=True)
    publish({"state_dict": get_model("vidnet_r18_96px").state_dict()}, "{}")
    with pytest.raises(CheckpointError, match="another model"):
        get_model(SMALL, pretrained=True)


def test_weights_of_another_task_are_refused(publish):
    model = get_model(SMALL)
    task = model.task.to_dict() | {"rate_hz": 100.0}
    publish({"state_dict": model.state_dict(), "meta": {"task": task}}, "{}")
    assert get_model(SMALL, pretrained=True).task.rate_hz == 100.0
    publish({"state_dict": model.state_dict(), "meta": {"task": task | {"marker_frame": "ground"}}}, "{}")
    with pytest.raises(CheckpointError, match=r"small\.pth has marker_frame='ground', but the model"):
        get_model(SMALL, pretrained=True)


def test_weights_that_could_run_code_are_refused(publish):
    publish({"state_dict": get_model(SMALL).state_dict(), "extra": Trap()}, "{}")
    with pytest.raises(CheckpointError, match="could run code"):
        get_model(SMALL, pretrained=True)


class Trap:
    """Something that a pickle would run."""

    def __reduce__(self):
        return os.getcwd, ()


# --- an installed package ------------------------------------------------------------------------------------------
AS_INSTALLED = f"""
import sys
from vidzoo.apis import get_model, list_models, model_index
assert "_recipes" in str(model_index.recipes()), model_index.recipes()
assert list_models() == {sorted(ENTRIES)}
get_model("{SMALL}")
"""


def test_an_installed_package_has_its_recipes(installed: Path, tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    subprocess.run([sys.executable, "-c", AS_INSTALLED], cwd=tmp_path, check=True, timeout=120, env=environment)

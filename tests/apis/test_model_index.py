"""Models by name: built as their recipes say, loaded only from the very file that the index names."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save_file

from vidzoo.apis import get_model, list_models, model_index
from vidzoo.cli.main import main
from vidzoo.engine import load_config, read_checkpoint
from vidzoo.engine.weights import GoldenSample, golden_sample, write_weights
from vidzoo.errors import CheckpointError, UnknownNameError
from vidzoo.evaluation.results import read_results
from vidzoo.models.estimators import TorqueEstimator
from vidzoo.registry import MODELS
from vidzoo.testing import example_batch, example_statistics

ROOT = Path(__file__).parents[2]
INDEX = yaml.safe_load((ROOT / "model-index.yml").read_text(encoding="utf-8"))
ENTRIES = {entry["Name"]: entry for entry in INDEX["Models"]}
COLLECTIONS = {collection["Name"]: collection for collection in INDEX["Collections"]}
SMALL = "vidnet_r18"
MARKERS = "markernet_perframe"
"""Small and fast; here with weights of the tests' own."""


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
def enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that writes weights of the perceptron and names them in the index."""

    def write(model: Any, source: str, sha256: str | None = None, golden_model: Any = None, **task: Any) -> Path:
        path = tmp_path / "hub/checkpoints/small.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        golden = golden_of(golden_model or model)
        write_weights(path, model, golden, {"task": model.task.to_dict() | {"rate_hz": 100.0} | task}, "float16")
        list_it(path, source, sha256)
        return path

    def list_it(path: Path, source: str = "{}", sha256: str | None = None) -> None:
        sha256 = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
        entries = {**ENTRIES, MARKERS: {**ENTRIES[MARKERS], "Weights": source.format(path), "SHA256": sha256}}
        monkeypatch.setattr(model_index, "models", lambda: entries)

    write.list_it = list_it
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return write


def trained(name: str = MARKERS, seed: int = 1) -> Any:
    """Return a model with statistics and weights that half precision holds exactly."""
    torch.manual_seed(seed)
    model = get_model(name).eval()
    model.set_statistics(example_statistics(model))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half())
    return model


def golden_of(model: Any) -> GoldenSample:
    batch = example_batch(model)
    inputs = {name: value[0] for name, value in batch["inputs"].items()}
    return golden_sample(model, inputs, batch["data_samples"][0].mass)


@pytest.mark.parametrize("source", ["{}", "https://example.org/releases/small.safetensors?download=1"])
def test_pretrained_weights_are_loaded(enter, source: str):
    model = trained()
    enter(model, source)
    torch.manual_seed(2)
    loaded = get_model(MARKERS, pretrained=True)
    assert not loaded.training and loaded.task.rate_hz == 100.0
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in loaded.state_dict().items())
    assert MARKERS in list_models(pretrained=True) and "vidnet_r101" not in list_models(pretrained=True)
    assert list_models("markernet_p*", pretrained=True) == [MARKERS]


def test_a_changed_byte_and_a_missing_file_are_one_sentence(enter):
    path = enter(trained(), "{}")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        CheckpointError, match=r"small\.safetensors: is not the file of 'markernet_perframe' \(SHA-256 "
    ):
        get_model(MARKERS, pretrained=True)
    path.unlink()
    with pytest.raises(
        CheckpointError, match=r"small\.safetensors: the weights of .* are not there; take it from a che"
    ):
        get_model(MARKERS, pretrained=True)
    enter(trained(), "https://example.org/small.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"are not there; download https://example\.org/small\.safetensors to "):
        get_model(MARKERS, pretrained=True)


def test_a_golden_sample_that_does_not_come_out_is_one_sentence(enter):
    """A single statistic is wrong: names, shapes and SHA-256 fit, and the golden sample tells."""
    model, other = trained(), trained()
    other.torque_codec.std[3] *= 1.1
    enter(model, "{}", golden_model=other)
    with pytest.raises(
        CheckpointError, match=r"its golden sample does not come out: knee_angle_r is -?\d+\.\d+ N·m, exp"
    ):
        get_model(MARKERS, pretrained=True)
    model.torque_codec.std[3] = float("nan")
    enter(model, "{}", golden_model=other)
    with pytest.raises(CheckpointError, match=r"does not come out: knee_angle_r is nan"):
        get_model(MARKERS, pretrained=True)


def test_weights_without_a_golden_sample_are_refused(enter, tmp_path: Path):
    path = tmp_path / "bare.safetensors"
    save_file(trained().state_dict(), path)
    enter.list_it(path)
    with pytest.raises(CheckpointError, match=r"bare\.safetensors: holds no golden sample; 'vidzoo publish'"):
        get_model(MARKERS, pretrained=True)


def test_weights_of_another_model_or_task_are_refused(enter):
    enter(trained("markernet_tcn"), "{}")
    with pytest.raises(CheckpointError, match="another model"):
        get_model(MARKERS, pretrained=True)
    enter(trained(), "{}", target_index=4, window=9)
    with pytest.raises(CheckpointError, match=r"small\.safetensors has window=9 and target_index=4, but the model"):
        get_model(MARKERS, pretrained=True)


def test_weights_that_could_run_code_are_refused(enter, tmp_path: Path):
    path = tmp_path / "small.pth"
    torch.save({"state_dict": trained().state_dict(), "extra": Trap()}, path)
    enter.list_it(path)
    with pytest.raises(CheckpointError, match="could run code"):
        get_model(MARKERS, pretrained=True)


class Trap:
    """Something that a pickle would run."""

    def __reduce__(self):
        return os.getcwd, ()


# --- the published weights -----------------------------------------------------------------------------------------
PUBLISHED = list_models(pretrained=True)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_weights_load_and_have_their_own_figures(name: str):
    """The result file is one of this very file, the weights say whose they are, and the card names them."""
    entry = ENTRIES[name]
    get_model(name, pretrained=True)  # checks the SHA-256 and the golden sample
    result = read_results(ROOT / entry["Weights Result"])
    assert result["provenance"]["checkpoint"] == {"name": f"{name}.safetensors", "sha256": entry["SHA256"]}
    assert result["overall"]["mPJE_mean"] < result["baselines"]["action_mean"]["mPJE_mean"]
    meta = read_checkpoint(ROOT / entry["Weights"])["meta"]
    assert (meta["name"], meta["licence"]) == (name, "Apache-2.0")
    assert meta["task"]["rate_hz"] > 0 and meta["dataset_meta"]["split_hash"]
    assert "/" not in json.dumps(meta["dataset_meta"]), "a path of somebody's machine"
    card = (ROOT / COLLECTIONS[entry["In Collection"]]["README"]).read_text(encoding="utf-8")
    assert f"`{entry['Weights']}`" in card and Path(entry["Weights Result"]).stem in card


def test_the_command_says_which_models_have_weights(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["vidzoo", "list-models", "markernet_*"])
    main()
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    size = (ROOT / ENTRIES[MARKERS]["Weights"]).stat().st_size / 1e6
    assert lines["markernet_tcn"] == "-" and lines[MARKERS] == f"weights, {size:.1f} MB"
    monkeypatch.setattr(sys, "argv", ["vidzoo", "list-models", "--pretrained"])
    main()
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == PUBLISHED


def test_published_weights_are_small_and_all_listed():
    files = {path for path in (ROOT / "weights").iterdir() if path.suffix == ".safetensors"}
    assert files == {ROOT / ENTRIES[name]["Weights"] for name in PUBLISHED}
    packaged = [path for path in (ROOT / "vidzoo").rglob("*") if path.suffix in (".safetensors", ".pth", ".npz")]
    assert sum(path.stat().st_size for path in (*files, *packaged)) <= 25e6


# --- an installed package ------------------------------------------------------------------------------------------
AS_INSTALLED = f"""
import sys
from vidzoo.apis import find_weights, get_model, list_models, model_index
assert "_recipes" in str(model_index.recipes()), model_index.recipes()
assert list_models() == {sorted(ENTRIES)}
get_model("{SMALL}")
names = list_models(pretrained=True)
assert names == {list_models(pretrained=True)}
for name in names:
    model = get_model(name, pretrained=True)
    assert "_recipes" in str(find_weights(name)) and not model.training
"""


def test_an_installed_package_has_its_recipes_and_weights(installed: Path, tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    subprocess.run([sys.executable, "-c", AS_INSTALLED], cwd=tmp_path, check=True, timeout=120, env=environment)

"""``vidzoo publish``: from a checkpoint to weights that get_model loads, with the figure of the very file."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from vidzoo.apis import get_model, list_models, model_index
from vidzoo.apis import publish as publish_function
from vidzoo.cli.main import main
from vidzoo.engine import read_checkpoint, train
from vidzoo.errors import CheckpointError, ConfigError, DataError
from vidzoo.evaluation.results import read_results
from vidzoo.testing import example_batch

publish_module = sys.modules["vidzoo.apis.publish"]
ROOT = Path(__file__).parents[2]
NAME = "markernet_perframe"
FAST = {"train_cfg.max_epochs": 1, "train_dataloader.num_workers": 0, "train_dataloader.persistent_workers": False}


@pytest.fixture(scope="module")
def checkpoint(tiny_data_file: Path, tiny_split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work dir of a perceptron after one epoch."""
    work_dir = tmp_path_factory.mktemp("trained")
    files = {"data_file": str(tiny_data_file), "split": str(tiny_split)}
    train(ROOT / f"configs/{NAME}.py", work_dir=work_dir, cfg_options=FAST | files)
    return work_dir


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the recipes and an index without weights, as the current folder."""
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    index = yaml.safe_load((ROOT / "model-index.yml").read_text(encoding="utf-8"))
    lines = (ROOT / "model-index.yml").read_text(encoding="utf-8").splitlines(keepends=True)
    bare = [line for line in lines if not line.startswith(("    Weights", "    SHA256"))]
    (tmp_path / "model-index.yml").write_text("".join(bare), encoding="utf-8")
    assert {entry["Name"] for entry in index["Models"]} >= {NAME}
    monkeypatch.chdir(tmp_path)
    for module in (model_index, publish_module):
        monkeypatch.setattr(module, "recipes", lambda: tmp_path)
    model_index.models.cache_clear()
    yield tmp_path
    model_index.models.cache_clear()


@pytest.fixture
def files(tiny_data_file: Path, tiny_split: Path) -> dict[str, Path]:
    return {"data": tiny_data_file, "split": tiny_split}


def test_a_checkpoint_is_published(project: Path, checkpoint: Path, files: dict[str, Path], monkeypatch, capsys):
    before = (project / "model-index.yml").read_text(encoding="utf-8")
    line = (
        f"publish {NAME} {checkpoint} --data {files['data']} --split {files['split']} --result docs/results/tiny.json"
    )
    monkeypatch.setattr(sys, "argv", ["vidzoo", *line.split()])
    main()
    assert "weights/markernet_perframe.safetensors: 0.4 MB; its figures are in" in capsys.readouterr().out
    path = project / f"weights/{NAME}.safetensors"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    result = read_results(project / "docs/results/tiny.json")
    assert result["provenance"]["checkpoint"] == {"name": path.name, "sha256": digest}
    assert result["provenance"]["epoch"] == 1 and result["provenance"]["trained_on"]["protocol"] == "block"
    meta = read_checkpoint(path)["meta"]
    assert meta["precision"] == "float16" and meta["task"]["rate_hz"] == 100.0
    assert meta["dataset_meta"]["data_file"] == files["data"].name
    after = (project / "model-index.yml").read_text(encoding="utf-8")
    written = f"    Weights: weights/{path.name}\n    SHA256: {digest}\n    Weights Result: docs/results/tiny.json\n"
    assert after.replace(written, "") == before and after.count(written) == 1
    assert list_models(pretrained=True) == [NAME]
    model, trained = get_model(NAME, pretrained=True), read_checkpoint(checkpoint / "epoch_1.pth")["state_dict"]
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, trained[name].to(value.dtype), rtol=1e-3, atol=1e-6)
    publish_function(NAME, checkpoint, result="docs/results/again.json", **files)  # takes the earlier entry's place
    assert yaml.safe_load((project / "model-index.yml").read_text())["Models"] == [
        entry | ({"Weights Result": "docs/results/again.json"} if entry["Name"] == NAME else {})
        for entry in yaml.safe_load(after)["Models"]
    ]


@pytest.fixture
def no_tests(monkeypatch) -> Figures:
    """Stand in for what takes long: the tests, and the data set that gives the golden sample."""
    batch = example_batch(get_model(NAME))
    sample = publish_module.Sample({name: value[0] for name, value in batch["inputs"].items()}, 60.0)
    monkeypatch.setattr(publish_module, "_sample", lambda *arguments: sample)
    figures = Figures()
    monkeypatch.setattr(publish_module, "test", figures)
    return figures


def test_single_precision_where_half_changes_the_figure(project, checkpoint, files, no_tests):
    """And nothing is published where even that does."""
    figures = no_tests.figures
    figures |= {"float16": 0.1005, "float32": 0.1003, "trained": 0.1004}
    path = publish_function(NAME, checkpoint, result="r.json", **files)
    assert read_checkpoint(path)["meta"]["precision"] == "float32" and no_tests.calls == [
        "trained",
        "float16",
        "float32",
    ]
    figures |= {"float16": 0.1004, "trained": 0.1001}
    publish_function(NAME, checkpoint, result="r.json", **files)
    assert read_checkpoint(path)["meta"]["precision"] == "float16"
    shutil.rmtree(project / "weights")
    figures |= {"float16": 0.102, "float32": 0.102}
    with pytest.raises(
        CheckpointError, match=r"its mPJE_mean is 0\.1001, but 0\.1020 from the written file even in float32"
    ):
        publish_function(NAME, checkpoint, result="r.json", **files)
    assert not (project / "weights").exists()


class Figures:
    """Answers for ``engine.test`` with figures by the folder of the checkpoint."""

    def __init__(self) -> None:
        self.figures, self.calls = dict.fromkeys(("trained", "float16", "float32"), 0.1), []

    def __call__(self, config: Any, checkpoint: Path, out: Path | None = None, **options: Any) -> dict[str, float]:
        which = checkpoint.parent.name if checkpoint.suffix == ".safetensors" else "trained"
        self.calls.append(which)
        if out is not None:
            (out / "results.json").write_text("{}")
        return {"mPJE_mean": self.figures[which]}


def test_weights_too_large_for_half_precision_and_weights_that_are_no_numbers(
    project, checkpoint, files, no_tests, tmp_path
):
    content = read_checkpoint(checkpoint / "epoch_1.pth")
    bias = content["state_dict"]["temporal_head.mlp.9.bias"]
    bias[0] = 1e5
    torch.save({"state_dict": content["state_dict"]}, tmp_path / "large.pth")
    path = publish_function(NAME, tmp_path / "large.pth", result="r.json", **files)
    assert read_checkpoint(path)["meta"]["precision"] == "float32"
    bias[0] = float("nan")
    torch.save({"state_dict": content["state_dict"]}, tmp_path / "nan.pth")
    with pytest.raises(CheckpointError, match=r"nan\.pth: some of its weights are no finite numbers"):
        publish_function(NAME, tmp_path / "nan.pth", result="r.json", **files)


def test_what_every_new_model_has_is_not_written_again(monkeypatch):
    """A frozen network whose weights come with the package; not one that only begins so, nor small tensors."""

    def new(config: Any) -> nn.Module:
        model = nn.ModuleDict({"frozen": nn.Linear(40, 40), "trained": nn.Linear(40, 40), "random": nn.Linear(40, 40)})
        for name in ("frozen", "trained"):
            nn.init.constant_(model[name].weight, 0.5)
        return model

    monkeypatch.setattr(publish_module, "build_model", new)
    model = new(None)
    nn.init.normal_(model["trained"].weight)
    assert publish_module._brought_along(Path("a.py"), model) == ["frozen.weight"]


def test_mistakes_are_one_sentence(project, checkpoint, files, tmp_path_factory, monkeypatch):
    outside = tmp_path_factory.mktemp("outside") / "r.json"
    with pytest.raises(ConfigError, match=r"r\.json: lies outside .*, the folder of the model index"):
        publish_function(NAME, checkpoint, result=outside, **files)
    with pytest.raises(CheckpointError, match="another model"):
        publish_function("markernet_tcn", checkpoint, result="r.json", **files)
    shutil.copyfile(files["split"], "split.json")
    with pytest.raises(DataError, match=r"split\.json: is also an input"):
        publish_function(NAME, checkpoint, data=files["data"], split="split.json", result="split.json")
    with pytest.raises(ConfigError, match="the entry of 'a' is not laid out as the others"):
        publish_module.enter("Models:\n  - {Name: a}\n", "a", dict.fromkeys(publish_module._KEYS, "x"))
    assert not (project / "weights").exists() and not (project / "r.json").exists()


def test_a_golden_sample_shows_no_real_person(make_small_trial, tmp_path):
    from vidzoo.io.data_file import DataFile, DataFileWriter
    from vidzoo.io.splits import Split, SplitEntry

    with DataFileWriter(tmp_path / "real.h5", {"builder": "tests"}) as writer:
        trial = make_small_trial("subject1", "squats1")
        trial.cameras["Cam0"].kind = "real"
        writer.add(trial)
    entries = [(SplitEntry("subject1", "squats1", bounds, (bounds,)),) for bounds in ((0, 24), (29, 40))]
    Split("block", 0, DataFile(tmp_path / "real.h5").content_hash, {"gap": 5}, *entries).save(tmp_path / "real.json")
    config = ROOT / "configs/vidnet_r18.py"
    with pytest.raises(DataError, match=r"real\.h5: its pictures are 'real', but a golden sample shows no real person"):
        publish_module._sample(config, str(tmp_path / "real.h5"), str(tmp_path / "real.json"), tmp_path / "w")

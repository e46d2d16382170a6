"""Every recipe under configs/ builds, and reads as the house rules say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.registry import init_default_scope

from vidzoo.data_prep.pose3d import prepare_pose3d
from vidzoo.datasets import VIDDataset
from vidzoo.engine import load_config
from vidzoo.engine.contract import hand_on
from vidzoo.errors import ConfigError
from vidzoo.models.estimators import TorqueEstimator
from vidzoo.registry import DATASETS, METRICS, MODELS, TRANSFORMS

CONFIGS = Path(__file__).parents[1] / "configs"
STAGE1 = sorted(CONFIGS.glob("posenet_*.py"))
LEAVES = sorted({*CONFIGS.glob("*.py"), *CONFIGS.glob("ablations/*.py")} - set(STAGE1))


@pytest.mark.parametrize("path", LEAVES, ids=lambda p: p.stem)
def test_recipe_builds_and_takes_a_step(path: Path, tiny_data_file: Path, tiny_split: Path):
    config = load_config(path, {"data_file": str(tiny_data_file), "split": str(tiny_split)})
    init_default_scope(config.default_scope)
    if config.model.get("backbone", {}).get("type") == "TimmBackbone":
        pytest.importorskip("timm")
    if "weights" in config.model.get("backbone", {}):
        config.model.backbone.weights = None  # what a recipe downloads is not there on every machine
    model = MODELS.build(config.model)
    assert sum(p.numel() for p in model.parameters()) > 0
    for key in ("train_dataloader", "test_dataloader", "test_evaluator"):
        hand_on(model, config[key], key)
    for subset in ("train", "test"):
        dataset = config[f"{subset}_dataloader"].dataset
        assert dataset.subset == subset
        assert subset == "train" or not dataset.get("pipeline"), "what is tested is not changed at random"
        for transform in dataset.get("pipeline", []):
            TRANSFORMS.build(transform)
        built = DATASETS.build(dataset)
        assert len(built) > 0
        assert model.task.differences(built.task) == []
        if subset == "train" and not path.stem.endswith("_trained") and "r101" not in path.stem:  # no time for these
            _take_a_step(model, built)
    assert tuple(METRICS.build(_benchmark(config)).torques) == model.task.torques


@pytest.mark.parametrize(
    ("stage1", "stage2"),
    [("posenet_r101", "vidnet_r101"), ("posenet_r18", "vidnet_r18_stage2")],
)
def test_stage_1_trains_the_image_part_of_stage_2(stage1: str, stage2: str):
    first, second = (load_config(CONFIGS / f"{name}.py") for name in (stage1, stage2))
    for part in ("image_size", "data_preprocessor", "backbone", "heatmap_head", "pose_decoder"):
        assert first.model[part] == second.model[part], part
    if "stage1" in second:
        assert second.stage1 == f"work_dirs/{stage1}"


@pytest.mark.parametrize("path", STAGE1, ids=lambda p: p.stem)
def test_stage_1_recipe_builds(path: Path, tiny_data_file: Path, tiny_split: Path, tmp_path: Path):
    config = load_config(path)
    init_default_scope(config.default_scope)
    config.model.backbone.weights = None
    model = MODELS.build(config.model)
    assert sum(p.numel() for p in model.parameters()) > 0
    for subset in ("train", "test"):
        hand_on(model, config[f"{subset}_dataloader"], f"{subset}_dataloader")
        dataset = config[f"{subset}_dataloader"].dataset
        assert (dataset.subset, dataset.image_size) == (subset, config.model.image_size)
        pose_file = tmp_path / f"{subset}.h5"
        prepare_pose3d("vid", tiny_data_file, None, pose_file, subset=subset, split=tiny_split)
        assert len(DATASETS.build({**dataset, "pose_files": [str(pose_file)]})) > 0
    METRICS.build(config.test_evaluator)


def _take_a_step(model: TorqueEstimator, dataset: VIDDataset) -> None:
    """Check that the loss of two clips is finite and moves the weights."""
    model.set_statistics(dataset.target_statistics())
    batch = model.data_preprocessor(default_collate([dataset[0], dataset[len(dataset) - 1]]), True)
    loss, _ = model.parse_losses(model.train()(**batch, mode="loss"))
    loss.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert loss > 0 and loss.isfinite()
    assert gradients and all(gradient.isfinite().all() for gradient in gradients)


def _benchmark(config: Config) -> dict:
    """Return the config of the first metric, which scores the torques."""
    return config.test_evaluator[0] if isinstance(config.test_evaluator, list) else config.test_evaluator


def _files(config: Config) -> list[tuple[str, str]]:
    parts = (config.train_dataloader.dataset, config.test_dataloader.dataset, _benchmark(config))
    return [(part.data_file, part.split) for part in parts]


@pytest.mark.parametrize("path", LEAVES, ids=lambda p: p.stem)
def test_a_recipe_takes_another_file_and_split_by_one_word(path: Path, tmp_path: Path):
    own = load_config(path)
    metric = "test_evaluator.0" if isinstance(own.test_evaluator, list) else "test_evaluator"
    config = load_config(path, {"split": "data/loso.json", f"{metric}.data_file": "other.h5"})
    assert _files(config) == [(own.data_file, "data/loso.json")] * 2 + [("other.h5", "data/loso.json")]
    config.dump(tmp_path / "dumped.py")
    assert _files(Config.fromfile(tmp_path / "dumped.py")) == _files(config)
    again = load_config(tmp_path / "dumped.py", {"split": "third.json"})
    assert [split for _, split in _files(again)] == ["third.json"] * 3


def test_who_gets_the_files(tmp_path: Path):
    """What is None gets the name at the top, in lists and wrappers too; what has its own value keeps it.

    What an option names goes everywhere but to data sets that are trained on together and name their own.
    """
    (tmp_path / "c.py").write_text("""
data_file, size = "top.h5", 3
train_dataloader = dict(dataset=dict(type="ConcatDataset", datasets=[dict(data_file=None), dict(data_file="own.h5")]))
val_evaluator = [dict(type="A", data_file=None, split="own.json"), dict(type="B")]
""")
    config = load_config(tmp_path / "c.py")
    assert [d.data_file for d in config.train_dataloader.dataset.datasets] == ["top.h5", "own.h5"]
    assert config.val_evaluator == [{"type": "A", "data_file": "top.h5", "split": "own.json"}, {"type": "B"}]
    config = load_config(tmp_path / "c.py", {"data_file": "asked.h5"})
    assert [d.data_file for d in config.train_dataloader.dataset.datasets] == ["asked.h5", "own.h5"]
    assert config.val_evaluator[0].data_file == "asked.h5"
    with pytest.raises(ConfigError, match="'size' is a name that the config's own lines use"):
        load_config(tmp_path / "c.py", {"size": 4})
    (tmp_path / "d.py").write_text('test_evaluator = dict(type="TorqueBenchmark", data_file="a.h5", split=None)')
    with pytest.raises(ConfigError, match=r"d\.py: TorqueBenchmark has no split; write split = "):
        load_config(tmp_path / "d.py")
    (tmp_path / "e.py").write_text('train_dataloader = dict(dataset=dict(type="A"))')
    with pytest.raises(ConfigError, match=r"e\.py: reads no 'split'"):
        load_config(tmp_path / "e.py", {"split": "a.json"})


PLUG_IN = """
from torch import nn
from vidzoo.registry import MODELS


@MODELS.register_module()
class MyTemporalHead(nn.Module):
    def __init__(self, in_features, num_torques, window):
        super().__init__()
        self.net = nn.Conv1d(in_features, num_torques, window)

    def forward(self, tokens):
        return self.net(tokens.transpose(1, 2)).transpose(1, 2)
"""


def test_a_plug_in_of_the_current_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The README's example, word for word but for the path of the base."""
    (tmp_path / "my_pkg").mkdir()
    (tmp_path / "my_pkg/tcn.py").write_text(PLUG_IN)
    (tmp_path / "my_config.py").write_text(
        f'_base_ = "{CONFIGS}/vidnet_r18.py"\n'
        'custom_imports = dict(imports=["my_pkg.tcn"])\n'
        'model = dict(temporal_head=dict(type="MyTemporalHead"))\n'
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    model = MODELS.build(load_config("my_config.py").model)
    assert type(model.temporal_head).__name__ == "MyTemporalHead"
    assert model.temporal_head.net.kernel_size == (13,)


def test_what_the_runtime_says_of_tensorboard_is_a_line_to_copy():
    lines = (CONFIGS / "_base_/runtime/default.py").read_text().splitlines()
    (line,) = (line for line in lines if "TensorboardVisBackend" in line)
    config = {}
    exec(line.removeprefix("# "), config)
    assert [backend["type"] for backend in config["visualizer"]["vis_backends"]][1] == "TensorboardVisBackend"


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.py")), ids=lambda p: p.stem)
def test_recipe_obeys_the_house_rules(path: Path):
    """A recipe stands on bases, a variant or an ablation on one recipe; a leaf does not repeat what the model says."""
    text = path.read_text()
    assert "_delete_" not in text and "{{" not in text and "read_base" not in text
    bases = _bases(path)
    if "_base_" in path.parts:
        assert bases == [], "a base stands on nothing"
        return
    if len(bases) == 1:
        assert bases[0].parent == CONFIGS and len(_bases(bases[0])) > 1, "a variant stands on a recipe"
    else:
        assert {base.parents[1] for base in bases} == {CONFIGS / "_base_"}, "a recipe stands on bases"
    for name in ("requires", "window=1", "target_index", "torques", "image_size"):
        where = [line for line in text.splitlines() if "loader" in line and name in line]
        assert not where, f"{name} is said by the model"


def _bases(path: Path) -> list[Path]:
    said: dict = {}
    exec(path.read_text(), said)
    bases = said.get("_base_", [])
    return [(path.parent / base).resolve() for base in ([bases] if isinstance(bases, str) else bases)]


def test_no_two_leaves_are_alike():
    told: dict[str, str] = {}
    for path in [*LEAVES, *STAGE1]:
        text = load_config(path).pretty_text
        assert text not in told, f"{path.name} says what {told[text]} says"
        told[text] = path.name


_NO_MARKERS = {"model.marker_regressor", "model.marker_codec", "model.marker_loss"}
_WINDOW = {"model.temporal_head.window"}
ABLATED = {
    "no_markers": (_NO_MARKERS, None), "neither": (_NO_MARKERS, None), "t9": (_WINDOW, 9), "t17": (_WINDOW, 17)
}  # fmt: skip
"""Ablation -> the keys in which it differs from its recipe but for ``stage1``, and their value."""


def _flat(value: object, key: str = "") -> dict[str, object]:
    if not isinstance(value, dict) or not value:
        return {key: value}
    return {k: v for name, part in value.items() for k, v in _flat(part, f"{key}.{name}".strip(".")).items()}


@pytest.mark.parametrize("ablation", ABLATED)
@pytest.mark.parametrize("recipe", ["vidnet_r101", "vidnet_r18"])
def test_an_ablation_differs_from_its_recipe_in_nothing_else(recipe: str, ablation: str):
    """The paper's Tables 5 and 9, whose other rows are the recipe and its variant with stage 1."""
    keys, value = ABLATED[ablation]
    whole, part = (load_config(CONFIGS / name) for name in (f"{recipe}_stage2.py", f"ablations/{recipe}_{ablation}.py"))
    for key in keys:
        assert _get(part, key) == value != _get(whole, key)
    stage1 = whole.pop("stage1")
    assert stage1 == f"work_dirs/{recipe.replace('vidnet', 'posenet')}"
    assert part.pop("stage1", None) == (None if ablation == "neither" else stage1)
    for config in (whole, part):
        config.merge_from_dict(dict.fromkeys(keys))
    assert _flat(part.to_dict()) == _flat(whole.to_dict())


def _get(config: Config, key: str) -> object:
    value = config
    for name in key.split("."):
        value = value[name]
    return value


def test_paper_recipe_is_the_papers():
    """Section 5.1 of the paper: 256 x 256, T = 13, Adam 1e-3 to 1e-4, batch 32, 500 epochs, both weights 0.5."""
    config = load_config(CONFIGS / "vidnet_r101.py")
    assert config.model.image_size == 256
    assert config.model.temporal_head.window == 13
    assert config.train_dataloader.dataset.predictions == 1
    assert config.train_dataloader.batch_size == 32
    assert (config.optim_wrapper.optimizer.type, config.optim_wrapper.optimizer.lr) == ("Adam", 1e-3)
    assert config.param_scheduler[0].eta_min == 1e-4
    assert config.train_cfg.max_epochs == 500
    assert config.model.marker_loss.weight == config.model.torque_loss.weight == 0.5

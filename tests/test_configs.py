"""Every recipe under configs/ builds, and reads as the house rules say."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from vidzoo.registry import DATASETS, METRICS, MODELS, TRANSFORMS

CONFIGS = Path(__file__).parents[1] / "configs"
LEAVES = sorted(CONFIGS.glob("*.py"))


@pytest.mark.parametrize("path", LEAVES, ids=lambda p: p.stem)
def test_recipe_builds(path: Path, tiny_vid_file: Path, tiny_split: Path):
    config = Config.fromfile(path)
    init_default_scope(config.default_scope)
    config.model.backbone.weights = None  # what a recipe downloads is not there on every machine
    model = MODELS.build(config.model)
    assert sum(p.numel() for p in model.parameters()) > 0
    for side in ("train", "test"):
        dataset = config[f"{side}_dataloader"].dataset
        assert (dataset.side, dataset.window) == (side, config.model.temporal_head.window)
        assert set(model.requires) <= set(dataset.requires)
        for transform in dataset.get("pipeline", []):
            TRANSFORMS.build(transform)
        built = DATASETS.build({**dataset, "vid_file": str(tiny_vid_file), "split": str(tiny_split), "window": 5})
        assert len(built) > 0
    assert config.train_dataloader.dataset.vid_file == config.test_evaluator.vid_file
    assert config.train_dataloader.dataset.split == config.test_evaluator.split
    METRICS.build({**config.test_evaluator, "vid_file": str(tiny_vid_file), "split": str(tiny_split)})


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.py")), ids=lambda p: p.stem)
def test_recipe_obeys_the_house_rules(path: Path):
    text = path.read_text()
    assert "_delete_" not in text and "{{" not in text and "read_base" not in text
    if path.parent.name != "configs":
        assert "_base_ =" not in text, "one level of _base_ is enough"


def test_paper_recipe_is_the_papers():
    """Section 5.1 of the paper: 256 x 256, T = 13, Adam 1e-3 to 1e-4, batch 32, 500 epochs, both weights 0.5."""
    config = Config.fromfile(CONFIGS / "vidnet_r101.py")
    assert config.train_dataloader.dataset.image_size == 256
    assert config.train_dataloader.dataset.window == config.model.temporal_head.window == 13
    assert config.train_dataloader.dataset.predictions == 1
    assert config.train_dataloader.batch_size == 32
    assert (config.optim_wrapper.optimizer.type, config.optim_wrapper.optimizer.lr) == ("Adam", 1e-3)
    assert config.param_scheduler[0].eta_min == 1e-4
    assert config.train_cfg.max_epochs == 500
    assert config.model.marker_loss.weight == config.model.torque_loss.weight == 0.5

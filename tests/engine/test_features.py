# ruff: noqa: C408 -- configs say dict(type=...)
"""Features of a frozen image part: the same numbers as from images, and no others are taken for them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
import torch
from torch.utils.data import default_collate

from vidzoo.cli.main import main
from vidzoo.datasets import VIDDataset
from vidzoo.engine import feature_speed
from vidzoo.engine.features import check_features, make_features, network_hash
from vidzoo.engine.run import build_runner
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.data_file import DataFile, DataFileWriter, Trial
from vidzoo.io.features_file import FeaturesFile
from vidzoo.io.splits import Split, SplitEntry
from vidzoo.registry import MODELS
from vidzoo.testing import example_statistics

RECIPE = Path(__file__).parents[2] / "configs/vidnet_blazepose.py"
SMALL = """
_base_ = {base!r}
model = dict(
    backbone=dict(variant="lite"),
    heatmap_head=dict(variant="lite"),
    temporal_head=dict(_delete_=True, type="LSTMTorqueHead", window=5, hidden=16),
)
train_dataloader = dict(batch_size=2, dataset=dict(predictions=1))
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe with the lite network and a small temporal head."""
    path = tmp_path_factory.mktemp("config") / "vidnet_lite.py"
    path.write_text(SMALL.format(base=str(RECIPE)))
    return path


@pytest.fixture(scope="module")
def files(config: Path, small_trial: Callable[..., Trial], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A data file of two trials of 20 frames and 12 images, its split and its features."""
    folder = tmp_path_factory.mktemp("features")
    paths = {key: str(folder / name) for key, name in (("data_file", "a.h5"), ("split", "a.json"))}
    with DataFileWriter(paths["data_file"], {"builder": "tests"}) as writer:
        for name in ("DJ1", "squats1"):
            writer.add(small_trial("subject1", name, frames=20))
    data = DataFile(paths["data_file"])
    entries = [tuple(SplitEntry(s, t, b, (b,)) for s, t in data.trial_keys()) for b in ((0, 9), (14, 20))]
    Split("block", 0, data.content_hash, {"gap": 5}, *entries).save(paths["split"])
    made = make_features(config, paths["data_file"], folder / "features.h5")
    assert (made["images"], made["num_features"]) == (2 * 12, 63 + 63)
    return paths | {"features": str(folder / "features.h5")}


@pytest.fixture
def options(files: dict[str, str]) -> dict[str, Any]:
    return dict(files)


@pytest.fixture
def features(files: dict[str, str]) -> Path:
    return Path(files["features"])


def runner(config: Path, work_dir: Path, options: dict[str, Any], **more: Any) -> Any:
    built = build_runner(config, work_dir=work_dir, cfg_options=options | more)
    built.build_training()
    return built


def losses_and_gradients(model: Any, dataset: VIDDataset) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Return the losses of two clips of a data set and the gradient of all trained weights; torques too."""
    batch = model.data_preprocessor(default_collate_of(dataset))
    model.eval().zero_grad()  # without dropout
    losses = model(**batch, mode="loss")
    sum(losses.values()).backward()
    gradients = [weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]
    return losses | {"torques": model(batch["inputs"]).torques}, torch.cat(gradients)


def default_collate_of(dataset: VIDDataset) -> dict[str, Any]:
    clips = [dataset[0], dataset[len(dataset) - 1]]
    return {
        "inputs": default_collate([clip["inputs"] for clip in clips]),
        "data_samples": [clip["data_samples"] for clip in clips],
    }


def test_the_same_numbers_as_from_images(config, options, tmp_path):
    """Torques, losses and gradients, to 1e-5 of the largest; only the trained parts have gradients."""
    built = runner(config, tmp_path, options)
    model, dataset = built.model, built.train_dataloader.dataset
    model.set_statistics(example_statistics(model))
    images = VIDDataset(
        **{key: options[key] for key in ("data_file", "split")},
        **{key: getattr(dataset, key) for key in ("requires", "window", "predictions", "marker_frame", "image_size")},
    )
    assert "frames" in images[0]["inputs"] and "frames" not in dataset[0]["inputs"]
    (found, gradient), (wanted, wanted_gradient) = (losses_and_gradients(model, data) for data in (dataset, images))
    for name, value in wanted.items():
        assert (found[name] - value).abs().max() <= 1e-5 * value.abs().max(), name
    assert (gradient - wanted_gradient).abs().max() <= 1e-5 * wanted_gradient.abs().max()
    trained = {name.split(".")[0] for name, weight in model.named_parameters() if weight.grad is not None}
    assert trained == {"marker_regressor", "temporal_head"}


def test_features_of_another_network_are_refused(config, options, tmp_path):
    for change in ({"model.heatmap_head.depth_bins": 32}, {"model.spf_mode": "marginals"}):
        with pytest.raises(ConfigError, match=r"train_dataloader.dataset: .*features.h5 was made by another network"):
            runner(config, tmp_path, options, **change)


def test_features_of_another_data_file_are_refused(config, options, small_trial, tmp_path):
    other = tmp_path / "other.h5"
    with DataFileWriter(other, {"builder": "tests"}) as writer:
        writer.add(small_trial("subject1", "DJ1", frames=6))
    made = tmp_path / "other_features.h5"
    make_features(config, other, made)
    with pytest.raises(DataError, match=r"other_features.h5: its features are of another data file"):
        runner(config, tmp_path, options, features=str(made))


def test_what_cannot_read_features_says_so(config, options, tmp_path):
    with pytest.raises(ConfigError, match="leave pipeline empty, or train from images"):
        runner(config, tmp_path, options, **{"train_dataloader.dataset.pipeline": [dict(type="ColourJitter")]})
    for change in (
        {"model.backbone.frozen": False},
        {"model.marker_regressor": dict(type="MarginalMarkerRegressor", bins=[64, 64, 64])},
    ):
        with pytest.raises(ConfigError, match="has no frozen image part whose output could be stored"):
            runner(config, tmp_path, options, **change)
    with pytest.raises(ConfigError, match="reads no 'features', so there is nothing to give it to by --features"):
        runner(RECIPE.with_name("markernet_lstm.py"), tmp_path, options)


def test_a_damaged_file_is_one_sentence(features, options, tmp_path):
    copy = tmp_path / "copy.h5"
    content = bytearray(features.read_bytes())
    with h5py.File(features) as file:
        offset = file["subject1/DJ1/Cam0"].id.get_chunk_info(0).byte_offset
    content[offset + 100] ^= 1
    copy.write_bytes(content)
    with pytest.raises(DataError, match=r"copy.h5: subject1/DJ1/Cam0 is damaged"):
        FeaturesFile(copy).read("subject1", "DJ1", "Cam0", 12)
    with pytest.raises(DataError, match=r"subject1/DJ9/Cam0 is missing or a link"):
        FeaturesFile(features).read("subject1", "DJ9", "Cam0", 12)
    with pytest.raises(DataError, match=r"holds float32 \[12, 126\], expected float32 \[13, 126\]"):
        FeaturesFile(features).read("subject1", "DJ1", "Cam0", 13)
    with pytest.raises(DataError, match=r"format \('vid.*', \d\), expected \('vidzoo-features', 1\)"):
        FeaturesFile(options["data_file"])
    with pytest.raises(DataError, match="no such features file; make one: 'vidzoo features'"):
        FeaturesFile(tmp_path / "none.h5")


def test_the_hash_is_of_weights_and_settings(config):
    from vidzoo.engine.config import load_config

    model = MODELS.build(load_config(config, {"data_file": "a.h5", "split": "a.json"}).model)
    before = network_hash(model)
    model.temporal_head.project.weight.data += 1
    model.train()
    assert network_hash(model) == before, "the trained part does not count"
    model.heatmap_head.depth_bins = 32
    assert network_hash(model) != before
    model.heatmap_head.depth_bins = 64
    model.backbone.trunk.stem.bias.data[0] += 1e-3
    assert network_hash(model) != before
    check_features(model, object(), "a data set without features")


def test_the_command_measures_the_speed(config, files, tmp_path, monkeypatch, capsys):
    """Of both ways, with the batches of the config; how fast is the matter of docs/results/speed."""
    monkeypatch.setattr(feature_speed, "STEPS", {"images": 1, "features": 2})
    small = ["--config", str(config), "--out", str(tmp_path / "f.h5"), "--speed", str(tmp_path / "speed.json")]
    monkeypatch.setattr(sys, "argv", ["vidzoo", "features", files["data_file"], *small, "--split", files["split"]])
    main()
    speed = json.loads((tmp_path / "speed.json").read_text())
    per_clip = [speed[way]["processor_seconds"] / speed[way]["clips"] for way in ("images", "features")]
    assert speed["times_faster"] == pytest.approx(per_clip[0] / per_clip[1])
    assert speed["making_the_features"]["images"] == 24
    assert (speed["images"]["clips"], speed["features"]["clips"]) == (2, 4)
    assert "times faster" in capsys.readouterr().out

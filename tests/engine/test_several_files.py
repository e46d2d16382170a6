"""A training on two data files: resumed bit by bit, tested on either file's own test subset."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vidzoo import engine
from vidzoo.engine import load_config, read_checkpoint, train
from vidzoo.errors import CheckpointError
from vidzoo.evaluation.report import data_line
from vidzoo.evaluation.results import read_results
from vidzoo.io.data_file import DataFile, DataFileWriter
from vidzoo.io.split_protocols import make_split
from vidzoo.io.splits import Split

BASE = next((Path(__file__).resolve().parents[2] / "configs").glob("markernet_perframe*.py"))
QUICK = {"train_dataloader.num_workers": 0, "train_dataloader.persistent_workers": False,
         "test_dataloader.num_workers": 0, "default_hooks.checkpoint.interval": 1}  # fmt: skip


@pytest.fixture(scope="module")
def other(tmp_path_factory, make_small_trial) -> tuple[Path, Path]:
    """Another laboratory's file: one person, two trials; and its split."""
    folder = tmp_path_factory.mktemp("other")
    with DataFileWriter(folder / "other.h5", {}) as writer:
        for name in ("DJ1", "squats1"):
            writer.add(make_small_trial("subject9", name, 40, 9, False))
    make_split(DataFile(folder / "other.h5"), "block", gap=5).save(folder / "split.json")
    return folder / "other.h5", folder / "split.json"


@pytest.fixture
def config(tiny_data_file, tiny_split, other, tmp_path) -> Path:
    """Two files of equal weight, as docs/architecture.md shows it; tested on the first one."""
    path = tmp_path / f"{tmp_path.name}.py"
    path.write_text(
        f"""_base_ = "{BASE}"
data_file, split = "{tiny_data_file}", "{tiny_split}"
one = dict(type="VIDDataset", data_file=data_file, split=split, predictions=4)
model = dict(temporal_head=dict(window=5))
train_dataloader = dict(
    batch_size=4,
    batch_sampler=dict(type="EvenBatchSampler", weights=[1, 1]),
    dataset=dict(
        _delete_=True,
        type="ConcatVIDDataset",
        datasets=[one, dict(one, data_file="{other[0]}", split="{other[1]}")],
    ),
)
train_cfg = dict(max_epochs=3)
"""
    )
    return path


def weights(work_dir: Path) -> dict[str, torch.Tensor]:
    return read_checkpoint(work_dir / "epoch_3.pth")["state_dict"]


def test_train_resume_and_test_on_either_file(config, other, tiny_split, tmp_path):
    train(config, work_dir=tmp_path / "alone", cfg_options=QUICK | {"default_hooks.checkpoint.max_keep_ckpts": -1})
    hashes = [Split.load(path).hash for path in (tiny_split, other[1])]
    meta = read_checkpoint(tmp_path / "alone" / "epoch_1.pth")["meta"]
    assert meta["dataset_meta"]["split_hash"].split("+") == hashes

    train(config, work_dir=tmp_path / "resumed", cfg_options=QUICK, resume=tmp_path / "alone" / "epoch_1.pth")
    alone, resumed = weights(tmp_path / "alone"), weights(tmp_path / "resumed")
    assert alone.keys() == resumed.keys()
    assert all(torch.equal(value, resumed[name]) for name, value in alone.items())

    options = {"train_dataloader.dataset.datasets": [load_config(config).train_dataloader.dataset.datasets[0]]}
    options["train_dataloader.batch_sampler.weights"] = [1]
    with pytest.raises(CheckpointError, match="was trained on the split"):
        train(config, work_dir=tmp_path / "x", cfg_options=QUICK | options, resume=tmp_path / "alone" / "epoch_1.pth")

    for number, paths in enumerate([{}, {"data_file": str(other[0]), "split": str(other[1])}]):
        out = tmp_path / f"out{number}"
        engine.test(config, tmp_path / "alone", work_dir=tmp_path / "t", out=out, cfg_options=QUICK | paths)
        results = read_results(out / "results.json")
        assert results["split"]["hash"] == hashes[number]
        assert "TRAINED ON ANOTHER SPLIT" not in data_line(results)


def test_the_files_of_the_command_line_are_not_those_of_the_parts(config, other):
    found = load_config(config, {"data_file": str(other[0]), "split": str(other[1])})
    assert found.test_dataloader.dataset.split == found.test_evaluator.split == str(other[1])
    assert [part.split for part in found.train_dataloader.dataset.datasets][1] == str(other[1])
    assert found.train_dataloader.dataset.datasets[0].split != str(other[1])

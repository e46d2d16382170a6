"""Stage 1 and stage 2 by their configs: trained, tested, resumed and handed over, on a tiny data file."""

import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vidzoo.data_prep.pose3d import prepare_pose3d
from vidzoo.engine import build_runner, load_config, read_checkpoint, train
from vidzoo.engine import test as run_test
from vidzoo.engine.stage1 import load_stage1
from vidzoo.errors import CheckpointError, ConfigError
from vidzoo.io.data_file import DataFile
from vidzoo.io.split_protocols import make_split
from vidzoo.io.splits import Split
from vidzoo.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
IMAGE_PARTS = ("backbone.", "heatmap_head.")
SMALL = {"model.image_size": 32, "model.backbone.out_indices": [0], "model.heatmap_head.in_channels": 64,
         "model.heatmap_head.depth_bins": 4, "train_dataloader.num_workers": 0, "test_dataloader.num_workers": 0,
         "train_dataloader.persistent_workers": False, "train_cfg.max_epochs": 1}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tiny_data_file, tiny_split, tmp_path_factory):
    """A folder with stage 1's files, and stage 1 trained for one epoch in ``stage1``."""
    folder = tmp_path_factory.mktemp("stages")
    for subset in ("train", "test"):
        prepare_pose3d("vid", tiny_data_file, None, folder / f"{subset}.h5", subset=subset, split=tiny_split)
    train(ROOT / "configs/posenet_r18.py", work_dir=folder / "stage1", cfg_options=stage1_options(folder))
    return folder


def stage1_options(folder, **options):
    files = {f"{subset}_dataloader.dataset.pose_files": [str(folder / f"{subset}.h5")] for subset in ("train", "test")}
    return SMALL | files | {"train_dataloader.batch_size": 32} | options


@pytest.fixture
def stage2(tiny_data_file, tiny_split):
    """Options of vidnet_r18_stage2.py for the tiny file."""
    files = {"data_file": str(tiny_data_file), "split": str(tiny_split)}
    return SMALL | files | {"model.temporal_head.window": 5, "train_dataloader.dataset.predictions": 20}


CONFIG2 = ROOT / "configs/vidnet_r18_stage2.py"


class _Start:
    """Keep the weights that the first step begins with."""

    def __init__(self, runner):
        self.runner, self.weights = runner, None
        original = runner.load_or_resume

        def load_or_resume():
            original()
            self.weights = {name: value.clone() for name, value in runner.model.state_dict().items()}

        runner.load_or_resume = load_or_resume


def state(path):
    return read_checkpoint(path)["state_dict"]


def test_stage_1_tests_like_any_model(folder, tmp_path):
    options = stage1_options(folder)
    config = ROOT / "configs/posenet_r18.py"
    figures = run_test(config, folder / "stage1", out=tmp_path, work_dir=tmp_path / "w", cfg_options=options)
    assert 0 < figures["PA_MPJPE"] < figures["MPJPE"]
    assert (tmp_path / "pose_results.json").is_file()


def test_stage_1_resumes_bit_by_bit(folder, tmp_path):
    config, options = ROOT / "configs/posenet_r18.py", stage1_options(folder, **{"train_cfg.max_epochs": 2})
    whole, part = tmp_path / "whole", tmp_path / "part"
    train(config, work_dir=whole, cfg_options=options)
    (part).mkdir()
    (part / "epoch_1.pth").write_bytes((whole / "epoch_1.pth").read_bytes())
    train(config, work_dir=part, resume=True, cfg_options=options)
    a, b = state(whole / "epoch_2.pth"), state(part / "epoch_2.pth")
    assert a.keys() == b.keys() and "backbone.conv1.weight" in a
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_stage_2_begins_with_stage_1s_image_part_alone(folder, tmp_path, stage2):
    options = stage2 | {"stage1": str(folder / "stage1")}
    runs = {}
    # Weights that stage 1 replaces are not fetched: a download would fail here, of a file that is not there.
    options |= {"model.backbone.weights": "not_there.pth"}
    without_ = options | {"stage1": None, "model.backbone.weights": None}
    for name, extra in (("with", options), ("without", without_)):
        runner = build_runner(CONFIG2, work_dir=tmp_path / name, cfg_options=extra)
        runs[name] = _Start(runner)
        runner.train()
    given = state(folder / "stage1/epoch_1.pth")
    with_, without = runs["with"].weights, runs["without"].weights
    assert {name for name in given if name.startswith(IMAGE_PARTS)} == {n for n in with_ if n.startswith(IMAGE_PARTS)}
    for name, value in with_.items():
        if name.startswith(IMAGE_PARTS):
            assert torch.equal(value, given[name])
        elif "codec" not in name:
            assert torch.equal(value, without[name])
    assert not torch.equal(without["heatmap_head.final.weight"], given["heatmap_head.final.weight"])


def test_a_resumed_stage_2_has_its_own_weights(folder, tmp_path, stage2):
    """Stage 1's folder may be gone by then."""
    options = stage2 | {"stage1": str(folder / "stage1")}
    train(CONFIG2, work_dir=tmp_path, cfg_options=options)
    options |= {"stage1": str(tmp_path / "gone"), "train_cfg.max_epochs": 2}
    runner = build_runner(CONFIG2, work_dir=tmp_path, resume=True, cfg_options=options)
    start = _Start(runner)
    runner.train()
    saved = state(tmp_path / "epoch_1.pth")
    assert start.weights.keys() == saved.keys()
    assert all(torch.equal(value, saved[name]) for name, value in start.weights.items())


def run_train(monkeypatch, capsys, work_dir, options):
    words = [f"{key}={value}".replace(" ", "") for key, value in options.items()]
    monkeypatch.setattr(sys, "argv", ["x", str(CONFIG2), "--work-dir", str(work_dir), "--cfg-options", *words])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / "tools/train.py"), run_name="__main__")
    return end.value.code, capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model.heatmap_head.num_joints": 17, "model.marker_regressor.num_joints": 17},
         ("2 of another shape", "(84, 64, 1, 1) instead of (68, 64, 1, 1)", "same number of joints and depth bins")),
        ({"model.backbone.out_indices": [1], "model.heatmap_head.in_channels": 128}, ("missing", "backbone.layer2")),
        ({"stage1": "nowhere"}, ("there is no checkpoint in nowhere", "--cfg-options stage1=None")),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_one_sentence(folder, tmp_path, stage2, monkeypatch, capsys, options, said):
    options = stage2 | {"stage1": str(folder / "stage1")} | options
    status, error = run_train(monkeypatch, capsys, tmp_path / "w", options)
    assert status == 2 and error.startswith("error: ")
    for part in said:
        assert part in error, error
    assert not list(tmp_path.rglob("*.pth"))


def test_another_split_of_the_same_file_is_refused(folder, tiny_data_file, tiny_split, stage2):
    model, other = load_config(CONFIG2, stage2).model, make_split(DataFile(tiny_data_file), "block", gap=5)
    with pytest.raises(CheckpointError, match=r"stage 1 was trained on this data file's split \w{12}, but .* another"):
        load_stage1(MODELS.build(model), folder / "stage1", [other])
    load_stage1(MODELS.build(model), folder / "stage1", [Split.load(tiny_split)])
    load_stage1(MODELS.build(model), folder / "stage1", [replace(other, data_hash="of another file")])


def test_a_model_without_an_image_part_has_nothing_to_give_it_to(folder):
    with pytest.raises(ConfigError, match="Linear has no backbone and no heatmap_head to give weights to"):
        load_stage1(torch.nn.Linear(2, 2), folder / "stage1")


def test_a_file_that_could_run_code_is_refused(tmp_path):
    torch.save({"state_dict": {"backbone.w": torch.zeros(1)}, "x": Path("a")}, tmp_path / "bad.pth")
    model = torch.nn.Module()
    model.backbone, model.heatmap_head = torch.nn.Identity(), torch.nn.Identity()
    with pytest.raises(CheckpointError, match="refused, because it holds"):
        load_stage1(model, tmp_path / "bad.pth")


def test_stage_1_is_not_written_over(folder, stage2):
    before = (folder / "stage1/epoch_1.pth").read_bytes()
    for start in ({"stage1": str(folder / "stage1")}, {"load_from": str(folder / "stage1/epoch_1.pth")}):
        with pytest.raises(CheckpointError, match=r"lies in the work dir .* name another --work-dir"):
            train(CONFIG2, work_dir=folder / "stage1", cfg_options=stage2 | start)
    assert (folder / "stage1/epoch_1.pth").read_bytes() == before

"""Several toy configs with several seeds, in this process."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
from mmengine.logging import MessageHub
from toy_task import ToyMetric, write_config

from vidzoo.engine import ablate, ablation
from vidzoo.errors import ConfigError, DataError
from vidzoo.evaluation.ablation import format_ablation
from vidzoo.evaluation.results import FORMAT, VERSION
from vidzoo.registry import METRICS

TOOL = Path(__file__).resolve().parents[2] / "tools/ablation.py"


@METRICS.register_module()
class ToyResults(ToyMetric):
    """Write the mean of the predictions as every figure of a results file."""

    def compute_metrics(self, results: list) -> dict[str, float]:
        metrics = super().compute_metrics(results)
        figures = dict.fromkeys(("mPJE_mean", "mPJE_sum", "lower_limb_mean", "RMSE", "R2"), abs(metrics["mean"]))
        content = {
            "format": FORMAT,
            "version": VERSION,
            "overall": {**figures, "joints": 11},
            "baselines": {"train_mean": figures, "action_mean": figures},
            "split": {"hash": "a split", "protocol": "block", "leaks": False},
            "data": {"data_hash": "a file", "motion": ["synthetic"], "images": [], "cameras": []},
            "counts": {"samples": 13, "frames": 13, "trials": 1, "subjects": 1},
            "provenance": {"seed": MessageHub.get_current_instance().get_info("seed")},
        }
        (Path(self.out_dir) / "results.json").write_text(json.dumps(content))
        return metrics


@pytest.fixture
def configs(tmp_path):
    extra = 'test_evaluator = dict(type="ToyResults")\n'
    broken = extra + "train_dataloader = dict(dataset=dict(broken=5))"
    return [
        write_config(tmp_path, name=f"{name}.py", extra=text, epochs=1)
        for name, text in (("whole", extra), ("broken", broken))
    ]


def test_every_config_with_every_seed(configs, tmp_path, monkeypatch):
    work_dir = tmp_path / "runs"
    real, calls = ablation.test, []

    def interrupted(config, folder, **options):
        calls.append(folder)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(config, folder, **options)

    monkeypatch.setattr(ablation, "test", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ablate(configs, [0, 1], work_dir)
    checkpoint = work_dir / "whole/seed_1/epoch_1.pth"
    trained = checkpoint.stat().st_mtime_ns
    first = (work_dir / "whole/seed_0/results.json").stat().st_mtime_ns

    table = ablate(configs, [0, 1], work_dir)  # goes on: one test, then the other configs
    assert checkpoint.stat().st_mtime_ns == trained
    assert (work_dir / "whole/seed_0/results.json").stat().st_mtime_ns == first
    assert calls == [work_dir / f"whole/seed_{seed}" for seed in (0, 1, 1)]
    assert json.loads((work_dir / "ablation.json").read_text()) == table
    whole, broken = table["rows"]
    assert whole["seeds"] == [0, 1] and broken["seeds"] == []
    assert whole["mPJE_mean"]["std"] > 0  # another seed is another model
    assert [(s["name"], s["seed"], s["provenance"]["seed"]) for s in table["sources"]] == [
        ("whole", 0, 0), ("whole", 1, 1)
    ]  # fmt: skip
    assert broken["failed"] == {"0": "clip 5 is broken.", "1": "clip 5 is broken."}
    assert "no result: broken, seed 1: clip 5 is broken." in format_ablation(table)

    def never(*_, **__):
        raise AssertionError("a finished run is not repeated")

    monkeypatch.setattr(ablation, "train", never)
    again = ablate(configs[:1], [0, 1], work_dir)
    assert again["rows"] == table["rows"][:1]
    assert ablate(configs, [1], work_dir, table_only=True)["rows"][1]["failed"] == {"1": "not run"}
    failed = ablate([configs[1]], [0], work_dir)["rows"][0]["failed"]
    assert failed == {"0": "AssertionError: a finished run is not repeated"}
    with pytest.raises(ConfigError, match=r"whole/seed_0: was begun with another config or other --cfg-options"):
        ablate(configs, [0], work_dir, {"train_cfg.max_epochs": 2})


def test_mistakes_are_known_before_any_run(configs, tmp_path, monkeypatch):
    def never(*_, **__):
        raise AssertionError("nothing is to run")

    monkeypatch.setattr(ablation, "train", never)
    work_dir = tmp_path / "runs"
    for arguments, sentence in (
        (([*configs, configs[0]], [0], work_dir), "two configs are called 'whole'"),
        ((configs, [3, 3], work_dir), "two seeds are '3'"),
        (([configs[0], tmp_path / "brokn.py"], [0], work_dir), "no such config; did you mean .*broken"),
        ((configs, [0], work_dir, {"modle.width": 3}), "the config has no 'modle'"),
        ((configs, [0], work_dir, None, True), "no such folder, so there is nothing to make a table of"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            ablate(*arguments)


def test_a_metric_that_leaves_no_results(tmp_path, monkeypatch):
    monkeypatch.setattr(ablation, "train", lambda *_, **__: None)
    monkeypatch.setattr(ablation, "test", lambda *_, **__: {})
    row = ablate([write_config(tmp_path, name="silent.py")], [0], tmp_path / "runs")["rows"][0]
    assert "its test_evaluator wrote no results.json" in row["failed"]["0"]


def test_the_tool(configs, tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        raise DataError("the disk is full.")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ablation.py", *map(str, arguments)])
        try:
            runpy.run_path(str(TOOL), run_name="__main__")
            status = 0
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    monkeypatch.setattr(ablation, "train", fail)
    work_dir = tmp_path / "runs"
    options = ("--seeds", 4, 5, "--work-dir", work_dir, "--cfg-options", "train_cfg.max_epochs=3")
    status, printed, said = run(configs[0], *options)
    assert status == 2 and "no result: whole, seed 5: the disk is full." in printed
    assert said.strip().splitlines()[-1].startswith("error: 2 runs have no result")
    assert "max_epochs=3" in (work_dir / "whole/seed_4/run.py").read_text()
    status, printed, _ = run(configs[0], *options, "--table-only")
    assert status == 0 and "no result: whole, seed 4: not run" in printed
    assert "python tools/ablation.py configs/" in run("--help")[1]

"""Means and spreads over seeds against NumPy by hand; what is not comparable or not there."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from vidzoo.errors import DataError
from vidzoo.evaluation.ablation import (
    FIGURES,
    collect,
    format_ablation,
    mean_and_spread,
    run_folder,
    summarise,
    write_ablation,
)
from vidzoo.evaluation.results import write_results
from vidzoo.evaluation.score import score


@pytest.fixture(scope="module")
def outcomes(faulty_data, block_split, predict):
    """Two configs of different noise, three seeds each."""
    return {
        (name, seed): score(predict(block_split, noise=noise, seed=seed), faulty_data, block_split)
        for name, noise in (("good", 5.0), ("bad", 15.0))
        for seed in (0, 1, 2)
    }


def test_mean_and_sample_standard_deviation(outcomes):
    table = summarise(["good", "bad"], [0, 1, 2], outcomes)
    assert [row["name"] for row in table["rows"]] == ["good", "bad"]
    for row in table["rows"]:
        assert row["seeds"] == [0, 1, 2] and row["failed"] == {}
        for figure in FIGURES:
            values = np.array([outcomes[row["name"], seed]["overall"][figure] for seed in (0, 1, 2)])
            assert row[figure]["mean"] == pytest.approx(values.sum() / 3, rel=1e-12)
            deviation = np.sqrt(((values - values.sum() / 3) ** 2).sum() / 2)
            assert row[figure]["std"] == pytest.approx(deviation, rel=1e-9) and deviation > 0
    good, bad = table["rows"]
    assert good["mPJE_mean"]["mean"] < bad["mPJE_mean"]["mean"] and table["comparable"]
    printed = format_ablation(table)
    assert f"{good['RMSE']['mean']:.4f} ± {good['RMSE']['std']:.4f}" in printed
    baseline = outcomes["good", 0]["baselines"]["action_mean"]
    (cells,) = [line.split("|")[1:-1] for line in printed.splitlines() if line.startswith("| baseline: action mean")]
    assert [cell.strip() for cell in cells[2:]] == [f"{baseline[figure]:.4f}" for figure in FIGURES]
    assert "protocol block · real motion" in printed


@pytest.mark.parametrize(
    ("values", "mean", "std"),
    [([0.25], 0.25, None), ([], None, None), ([0.5, None], None, None), ([1.0, 3.0], 2.0, 2**0.5)],
)
def test_few_or_undefined_values(values, mean, std):
    assert mean_and_spread(values) == {"mean": mean, "std": None if std is None else pytest.approx(std)}


def test_what_failed_is_named_and_what_differs_is_said(outcomes):
    mixed = {run: found for run, found in outcomes.items() if run != ("bad", 1)} | {
        ("good", 2): "it ran out of memory."
    }
    table = summarise(["good", "bad"], [0, 1, 2], mixed)
    assert [row["seeds"] for row in table["rows"]] == [[0, 1], [0, 2]]
    printed = format_ablation(table)
    assert "no result: good, seed 2: it ran out of memory." in printed and "no result: bad, seed 1: not run" in printed
    assert "NOT COMPARABLE" not in printed
    other = copy.deepcopy(outcomes)
    other["bad", 0]["split"]["hash"] = "another"
    table = summarise(["good", "bad"], [0, 1, 2], other)
    assert not table["comparable"] and table["baselines"] == {"train_mean": None, "action_mean": None}
    assert "NOT COMPARABLE: these runs are of different splits" in format_ablation(table)
    assert "no run has a result yet" in format_ablation(summarise(["good"], [0], {}))


def test_files_are_collected_with_where_they_come_from(outcomes, tmp_path: Path):
    for run in (("good", 0), ("good", 1), ("bad", 0)):
        run_folder(tmp_path, run).mkdir(parents=True)
        write_results(run_folder(tmp_path, run) / "results.json", outcomes[run])
    run_folder(tmp_path, ("bad", 1)).mkdir()
    (run_folder(tmp_path, ("bad", 1)) / "results.json").write_text("{}")
    table = collect(tmp_path, ["good", "bad"], [0, 1], {("bad", 0): "this attempt failed."})
    good, bad = table["rows"]
    assert good["seeds"] == [0, 1] and bad["seeds"] == []
    assert bad["failed"]["0"] == "this attempt failed." and "is no results file" in bad["failed"]["1"]
    assert [(s["name"], s["seed"], s["file"]) for s in table["sources"]] == [
        ("good", 0, "good/seed_0/results.json"), ("good", 1, "good/seed_1/results.json")
    ]  # fmt: skip
    assert table["sources"][0]["provenance"] == outcomes["good", 0]["provenance"]
    write_ablation(tmp_path / "ablation.json", table)
    assert json.loads((tmp_path / "ablation.json").read_text()) == table
    with pytest.raises(DataError, match="does not exist"):
        write_ablation(tmp_path / "none/ablation.json", table)

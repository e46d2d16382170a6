"""What the printed tables must say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.evaluation.comparison import comparison_table
from vidzoo.evaluation.report import (
    action_table,
    data_line,
    format_line,
    format_report,
    joint_table,
    overall_table,
)
from vidzoo.evaluation.score import score


@pytest.fixture(scope="module")
def results(predictions, faulty_data, block_split):
    return score(predictions, faulty_data, block_split)


def cells(table: str, first: str) -> list[str]:
    """Return the cells of the row that begins with ``first``."""
    (row,) = [line for line in table.splitlines() if line.startswith(first + "  ")]
    return [first, *row[len(first) :].split()]


def test_overall_table_has_model_baselines_and_paper(results):
    table = overall_table(results)
    for name, row in (
        ("this model", results["overall"]),
        ("baseline: training mean", results["baselines"]["train_mean"]),
        ("baseline: action mean", results["baselines"]["action_mean"]),
        ("this model, all labels", results["all_labels"]["overall"]),
        ("baseline: action mean, all labels", results["all_labels"]["baselines"]["action_mean"]),
    ):
        found = cells(table, name)
        low, high = row["ci95"]["mPJE_mean"]
        assert found[1:4] == [f"{row['mPJE_mean']:.4f}", f"{low:.4f}-{high:.4f}", f"{row['mPJE_sum']:.4f}"]
        assert found[-1] == f"{row['frames']:,}"
    assert cells(table, "VID-Network (paper, other data)")[1:4] == ["0.1601", "-", "1.7612"]
    assert cells(table, "baseline: training mean")[-3] == "-"  # a constant correlates with nothing


def test_joint_and_action_tables_have_both_baselines_and_the_published_figures(results):
    joints = joint_table(results)
    for joint in BENCHMARK_JOINTS:
        baselines = [results["baselines"][name]["joint"][joint]["mPJE_mean"] for name in ("train_mean", "action_mean")]
        found = cells(joints, joint)
        assert found[1] == f"{results['joint'][joint]['mPJE_mean']:.4f}"
        assert found[3:5] == [f"{baseline:.4f}" for baseline in baselines]
    assert cells(joints, "lumbar_extension")[-3:] == ["0.7811", "0.8147", "0.3326"]
    actions = action_table(results)
    assert cells(actions, "squats")[-3:] == ["0.2239", "0.2760", "0.1405"]
    assert cells(actions, "squats1")[-3:] == ["0.2239", "0.2760", "0.1405"]
    assert cells(actions, "DJ1")[-3:] == ["-", "-", "-"]  # two of the family's three trials: which is which is unknown
    assert cells(actions, "DJ")[1] == f"{results['action']['DJ']['mPJE_mean']:.4f}"


def test_report_says_what_the_figures_are_of(results):
    text = format_report(results)
    head = "protocol block · real motion, rendered images of Cam0 · 240 samples of 240 frames, 12 trials, 2 subjects"
    assert text.count(head) == 3  # above each table
    assert "LEAKS" not in text and "NOT COMPARABLE" not in text
    assert "left out" in text and "coordinate jump" in text and "are no numbers" in text
    assert "over 12 trials" in text and "further trials of the people who were tested, not of other people" in text
    assert "Not trained on" in text and "STS" in text
    assert "nine-subject licensed data and are not comparable with other data" in text and "1.6657" in text


def test_report_flags_a_leaking_protocol_and_a_joint_without_labels(results, predict, faulty_data, block_split):
    leaky = replace(block_split, protocol="random_frame")
    assert "LEAKS" in format_report(score(predict(leaky), faulty_data, leaky))
    squats = replace(block_split, test=tuple(e for e in block_split.test if e.trial == "squats1"))
    text = format_report(score(predict(squats), faulty_data, squats))
    assert f"NOT COMPARABLE with results on all joints: no good label of {BENCHMARK_JOINTS[5]}" in text
    one = replace(block_split, test=block_split.test[:1])
    assert "No 95 % interval: 1 trial" in format_report(score(predict(one), faulty_data, one))


def test_line_has_the_headline_and_both_baselines(results):
    line = format_line(results)
    assert "\n" not in line
    for row in (results["overall"], results["baselines"]["train_mean"], results["baselines"]["action_mean"]):
        assert f"{row['mPJE_mean']:.4f}" in line


def test_transfer_says_what_it_was_trained_on(predict, faulty_data, block_split):
    """In the table, and above it: drawn pictures of one camera train, another one tests."""
    train = tuple(replace(entry, cameras=("Cam0",)) for entry in block_split.train)
    test = tuple(replace(entry, cameras=("Cam1",)) for entry in block_split.test)
    settings = {"train_cameras": ["Cam0"], "test_cameras": ["Cam1"]}
    split = replace(block_split, protocol="transfer", train=train, test=test, settings=settings)
    results = score(predict(split, ("Cam1",)), faulty_data, split)
    line = (
        "protocol transfer (trained on rendered images of Cam0 of other trials) · real motion, rendered images of Cam1"
    )
    assert data_line(results).startswith(line)
    assert "| transfer   | real     | rendered to rendered |" in comparison_table({"a": results})


def test_a_model_trained_on_another_file_is_flagged(predictions, faulty_data, block_split):
    """Of two files only names can be told apart, not recordings."""
    trained_on = {"split_hash": "0" * 64, "data_file": "a/lab.h5+b/synth.h5"}
    for hashes, here in (("1+2", False), (f"1+{block_split.data_hash}", True)):
        told = replace(predictions, provenance={"trained_on": trained_on | {"data_hash": hashes}})
        line = data_line(score(told, faulty_data, block_split))
        assert ("TRAINED ON ANOTHER SPLIT" in line) is here
        assert ("TRAINED ON ANOTHER DATA FILE, lab.h5 and synth.h5, which must not hold" in line) is not here


def test_a_model_trained_on_another_split_is_flagged(predictions, faulty_data, block_split):
    several = f"{'1' * 64}+{block_split.hash}"
    for trained_on, flagged in ((block_split.hash, False), ("0" * 64, True), (several, False), ("0" * 64 + "+1", True)):
        told = replace(predictions, provenance={"trained_on": {"split_hash": trained_on}})
        line = data_line(score(told, faulty_data, block_split))
        assert ("TRAINED ON ANOTHER SPLIT" in line) is flagged

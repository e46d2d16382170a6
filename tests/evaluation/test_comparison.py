"""The table of several results: baselines, intervals, and who is told apart from the best."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from scipy import stats

from vidzoo.evaluation.comparison import comparison_table, difference, section_scored, told_apart
from vidzoo.evaluation.score import score
from vidzoo.evaluation.versions import NO_RECORDINGS


@pytest.fixture(scope="module")
def runs(predict, faulty_data, block_split):
    """Three models: the best, one with errors of the same size, one with errors three times as large."""
    noises = {"best": (15.0, 0), "like": (15.2, 1), "worse": (45.0, 2)}
    return {
        name: score(predict(block_split, noise=noise, seed=seed), faulty_data, block_split)
        for name, (noise, seed) in noises.items()
    }


def read(table: str) -> list[dict[str, str]]:
    """Return the rows of a Markdown table."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(header, row)) for row in rows]


def test_each_test_subset_has_both_baselines_once_above_its_runs(runs):
    results = runs["best"]
    blind = {**results, "provenance": {"parameters": 1234, "seconds_per_1000_predictions": 0.5}}
    blind["data"] = {**results["data"], "images": []}
    elsewhere = {**results, "split": {**results["split"], "hash": "another"}}
    rows = read(comparison_table({"first": results, "elsewhere": elsewhere, "blind": blind}))
    baselines = ["*baseline: training mean*", "*baseline: action mean*"]
    assert [row["run"] for row in rows] == [*baselines, "first", "blind", *baselines, "elsewhere"]
    overall, baseline = results["overall"], results["baselines"]["action_mean"]
    assert rows[2]["mPJE_mean"] == f"{overall['mPJE_mean']:.3f}"
    assert rows[2]["all labels: mPJE_mean"] == f"{results['all_labels']['overall']['mPJE_mean']:.3f}"
    assert (rows[1]["lower limb"], rows[1]["95 % interval"]) == (f"{baseline['lower_limb_mean']:.3f}", "-")
    assert rows[2]["images"] == " and ".join(results["data"]["images"])
    assert (rows[3]["images"], rows[3]["parameters"], rows[3]["s per 1,000"]) == ("none", "1,234", "0.500")


def test_who_is_not_told_apart_from_the_best_is_marked(runs):
    table = comparison_table(runs)
    rows = {row["run"]: row for row in read(table)}
    assert rows["best"]["above the best"] == "best"
    assert rows["like"]["above the best"].startswith("≈ ")
    assert not rows["worse"]["above the best"].startswith("≈")
    more = runs["worse"]["overall"]["mPJE_mean"] - runs["best"]["overall"]["mPJE_mean"]
    assert rows["worse"]["above the best"].startswith(f"{more:+.4f} (+")
    assert rows["*baseline: training mean*"]["above the best"].startswith("+")
    assert "Notes: ≈ is not told apart from the best" in table


def test_the_difference_is_the_paired_t_test_where_all_trials_count_alike():
    rng = np.random.default_rng(4)
    one, other = rng.lognormal(-2, 0.3, (2, 8))

    def result(errors):
        recordings = [
            {"subject": "a", "trial": f"t{i}", "labels": [10], "errors": [10 * e]} for i, e in enumerate(errors)
        ]
        return section_scored({"mPJE_mean": errors.mean(), "recordings": recordings, "joint": {"knee": {}}}, "trial")

    found = difference(result(one), result(other))
    expected = stats.ttest_rel(one, other).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert told_apart(found) == (expected.low > 0 or expected.high < 0)
    backwards = result(other)
    assert difference(result(one), section_reversed(backwards)) == found, "recordings are matched by their names"


def section_reversed(scored):
    return type(scored)(scored.mean, scored.recordings[::-1], scored.unit, scored.joints)


def test_where_nothing_can_be_compared_it_says_why(runs):
    old = copy.deepcopy(runs["like"])
    old["recordings"] = None
    old["overall"]["ci95"] |= {"mPJE_mean": None, "reason": NO_RECORDINGS}
    table = comparison_table({"best": runs["best"], "old": old})
    rows = {row["run"]: row for row in read(table)}
    assert (rows["old"]["95 % interval"], rows["old"]["above the best"]) == ("-", "-")
    assert f"No interval for old: {NO_RECORDINGS}." in table
    fewer = copy.deepcopy(runs["like"])
    fewer["recordings"] = fewer["recordings"][:-1]
    best, other = (section_scored(run, "trial") for run in (runs["best"], fewer))
    assert difference(other, best) == "it was scored on other labels than the best"

"""Files of version 1 are read as version 2, with the same figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vidzoo.errors import DataError
from vidzoo.evaluation.ablation import ablation_table
from vidzoo.evaluation.comparison import comparison_table
from vidzoo.evaluation.documents import read_tables
from vidzoo.evaluation.report import format_report
from vidzoo.evaluation.results import read_results, write_results
from vidzoo.evaluation.versions import NO_RECORDINGS

FOLDER = Path(__file__).with_name("version_1")
FIGURES = ("mPJE_mean", "mPJE_sum", "lower_limb_mean", "RMSE", "percent_BWht", "pearson_r", "R2", "frames", "labels")


@pytest.fixture
def old() -> dict:
    return json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))


def test_every_figure_of_a_version_1_file_stays(old):
    new = read_results(FOLDER / "results.json")
    assert (old["version"], new["version"]) == (1, 2)
    for before, after in ((old, new), (old["all_labels"], new["all_labels"])):
        pairs = [(before["overall"], after["overall"])]
        for was, name in (("train_mean", "train_mean"), ("family_mean", "action_mean")):
            floor, baseline = before["floors"][was], after["baselines"][name]
            pairs.append((floor, baseline))
            pairs += [(floor["family"][action], row) for action, row in baseline["action"].items()]
            assert before["floor_values"][was] == after["baseline_values"][name]
        pairs += [(before["joint"][joint], row) for joint, row in after["joint"].items()]
        pairs += [(before["family"][action], row) for action, row in after["action"].items()]
        pairs += [(before["trial"][trial], row) for trial, row in after["trial"].items()]
        for was, now in pairs:
            assert {k: was.get(k) for k in FIGURES} == {k: now.get(k) for k in FIGURES}
        assert [t["family"] for t in before["trial"].values()] == [t["action"] for t in after["trial"].values()]
    assert new["data"]["data_hash"] == old["data"]["vid_hash"]
    assert new["split"]["actions_not_trained_on"] == old["split"]["families_not_trained_on"]
    for key in ("provenance", "counts", "scorer", "units"):
        assert new[key] == old[key]
    assert new["all_labels"]["left_out_by_reason"] == old["all_labels"]["left_out_by_reason"]


def test_it_has_no_word_of_version_1_left(old):
    new = read_results(FOLDER / "results.json")

    def keys(value):
        if isinstance(value, dict):
            yield from value
            for item in value.values():
                yield from keys(item)

    for word in ("floors", "floor_values", "family", "family_mean", "families_not_trained_on", "vid_hash", "bootstrap"):
        assert word in set(keys(old)) and word not in set(keys({**new, "provenance": None})), word


def test_percentile_intervals_are_dropped_and_the_reason_is_stated(old, tmp_path):
    many = json.loads(json.dumps(old))
    for row in (many["overall"], many["joint"]["knee_angle_r"]):
        row["trials"] = 16
    (tmp_path / "many.json").write_text(json.dumps(many))
    new = read_results(tmp_path / "many.json")
    for row in (new["overall"], new["joint"]["knee_angle_r"]):
        assert row["ci95"]["mPJE_mean"] is None and row["ci95"]["reason"] == NO_RECORDINGS
    assert new["joint"]["knee_angle_l"]["ci95"]["reason"] == "2 trials; an interval needs at least 5"
    assert old["overall"]["ci95"]["mPJE_mean"] is not None


def test_it_can_be_printed_compared_and_written_as_version_2(tmp_path):
    new = read_results(FOLDER / "results.json")
    assert "No 95 % interval: 2 trials" in format_report(new)
    assert "No interval: 2 trials; an interval needs at least 5." in comparison_table({"old": new})
    write_results(tmp_path / "results.json", new)
    assert read_results(tmp_path / "results.json") == new


def test_an_ablation_of_version_1_keeps_its_figures():
    old = json.loads((FOLDER / "ablation.json").read_text(encoding="utf-8"))
    (new,) = read_tables([FOLDER / "ablation.json"]).values()
    assert new["rows"] == old["rows"] and new["version"] == 2
    assert new["baselines"]["action_mean"] == old["floors"]["family_mean"]
    assert [source["data_hash"] for source in new["sources"]] == [source["vid_hash"] for source in old["sources"]]
    assert "baseline: action mean" in ablation_table(new)


def test_a_broken_file_of_version_1_is_one_sentence(old, tmp_path):
    del old["floors"]
    (tmp_path / "results.json").write_text(json.dumps(old))
    with pytest.raises(DataError, match=r"results\.json: is no results file \(KeyError\('floors'\)\)"):
        read_results(tmp_path / "results.json")

"""Scoring from files against plain loops; what is refused; what results.json says."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES, LOWER_LIMB_JOINTS
from vidzoo.errors import DataError
from vidzoo.evaluation.intervals import mean_interval, unit_sums
from vidzoo.evaluation.labels import load_labels
from vidzoo.evaluation.results import write_results
from vidzoo.evaluation.score import recording_errors, score
from vidzoo.io.data_file import DataFile
from vidzoo.io.splits import Split, SplitEntry


def brute_force(predictions, data, split, good_only=True):
    """Score by one loop over frames and joints: group -> joint -> list of errors, for the model and both baselines."""
    labels = {}
    for subset, entries in (("train", split.train), ("test", split.test)):
        for entry in entries:
            trial = data.trial(entry.subject, entry.trial)
            torques, codes = trial.array("torques"), trial.array("validity")
            for start, stop in entry.targets:
                for frame in range(start, stop):
                    for j, name in enumerate(BENCHMARK_JOINTS):
                        c = COORDINATES.index(name)
                        key = (subset, entry.subject, entry.trial, frame)
                        good = codes[frame, c] == 0 and np.isfinite(torques[frame, c])
                        labels.setdefault(key, {})[j] = (float(torques[frame, c]), good, trial)
    mean, family = defaultdict(list), defaultdict(list)
    for (subset, *_), row in labels.items():
        for j, (torque, good, trial) in row.items():
            if subset == "train" and (good or (not good_only and np.isfinite(torque))):
                mean[j].append(torque / trial.mass_kg)
                family[trial.action, j].append(torque / trial.mass_kg)
    errors = {name: defaultdict(lambda: defaultdict(list)) for name in ("model", "train_mean", "action_mean")}
    for n in range(len(predictions)):
        key = ("test", str(predictions.subject[n]), str(predictions.trial[n]), int(predictions.frame[n]))
        for j, (torque, good, trial) in labels[key].items():
            if not np.isfinite(torque) or (good_only and not good):
                continue
            guesses = {
                "model": float(predictions.torques[n, j]) / trial.mass_kg,
                "train_mean": np.mean(mean[j]),
                "action_mean": np.mean(family.get((trial.action, j), mean[j])),
            }
            for name, guess in guesses.items():
                for group in ("overall", ("action", trial.action), ("trial", trial.trial)):
                    errors[name][group][j].append(abs(guess - torque / trial.mass_kg))
    return errors


def check_row(row, errors):
    joints = [np.mean(values) for values in errors.values()]
    assert row["mPJE_mean"] == pytest.approx(np.mean(joints), rel=1e-6)
    assert row["mPJE_sum"] == pytest.approx(np.sum(joints), rel=1e-6)
    assert row["labels"] == sum(len(values) for values in errors.values())
    assert row["joints"] == len(joints)


@pytest.mark.parametrize("good_only", [True, False])
def test_every_level_and_baseline_equals_plain_loops(predictions, faulty_data, block_split, good_only):
    results = score(predictions, faulty_data, block_split)
    expected = brute_force(predictions, faulty_data, block_split, good_only)
    found = results if good_only else results["all_labels"]
    sections = {"model": found, **{name: {"overall": b, **b} for name, b in found["baselines"].items()}}
    for name, section in sections.items():
        groups = expected[name]
        check_row(section["overall"], groups["overall"])
        for level in ("action", "trial"):
            assert len(section[level]) == sum(group[0] == level for group in groups)
            for key, row in section[level].items():
                check_row(row, groups[level, key])
        for j, joint in enumerate(BENCHMARK_JOINTS):
            check_row(section["joint"][joint], {j: groups["overall"][j]})
    lower = [np.mean(expected["model"]["overall"][BENCHMARK_JOINTS.index(name)]) for name in LOWER_LIMB_JOINTS]
    assert found["overall"]["lower_limb_mean"] == pytest.approx(np.mean(lower), rel=1e-6)


def test_good_labels_make_the_headline_and_what_is_left_out_is_counted(predictions, faulty_data, block_split):
    results = score(predictions, faulty_data, block_split)
    good = bad = missing = 0
    for entry in block_split.test:
        trial = faulty_data.trial(entry.subject, entry.trial)
        columns = [COORDINATES.index(name) for name in BENCHMARK_JOINTS]
        finite = np.isfinite(trial.array("torques")[40:60, columns])
        trusted = trial.array("validity")[40:60, columns] == 0
        good, bad = good + (finite & trusted).sum(), bad + (finite & ~trusted).sum()
        missing += (~finite).sum()
    everything = results["all_labels"]
    assert results["overall"]["labels"] == results["counts"]["labels"] == good
    assert everything["left_out"] == bad and everything["overall"]["labels"] == good + bad
    assert everything["not_a_number"] == missing > 0
    assert set(everything["left_out_by_reason"]) == {"residual", "coordinate_jump"}
    assert sum(everything["left_out_by_reason"].values()) == bad


def test_a_joint_without_labels_is_named_and_left_out(predictions, faulty_data, block_split):
    row = score(predictions, faulty_data, block_split)["trial"]["squats1"]
    assert row["joints_without_labels"] == [BENCHMARK_JOINTS[5]] and row["joints"] == 10
    assert row["mPJE_sum"] == pytest.approx(10 * row["mPJE_mean"])


def test_an_action_that_did_not_train_has_the_mean_of_all(predictions, faulty_data, block_split):
    results = score(predictions, faulty_data, block_split)
    assert results["split"]["actions_not_trained_on"] == ["STS"]
    baselines = results["baselines"]
    assert baselines["action_mean"]["action"]["STS"] == baselines["train_mean"]["action"]["STS"]
    assert baselines["action_mean"]["action"]["DJ"] != baselines["train_mean"]["action"]["DJ"]


def test_perfect_predictions_have_no_error(predict, faulty_data, block_split):
    results = score(predict(block_split, noise=0.0), faulty_data, block_split)
    assert results["overall"]["mPJE_mean"] < 1e-6
    assert results["overall"]["R2"] > 1 - 1e-9 and results["overall"]["pearson_r"] > 1 - 1e-9


def test_intervals_are_over_trials_or_over_people_whom_training_has_not_seen(predict, faulty_data, block_split):
    results = score(predict(block_split), faulty_data, block_split)
    ci = results["overall"]["ci95"]
    assert (ci["unit"], ci["n"], ci["reason"]) == ("trial", 12, None) and ci["degrees_of_freedom"] > 5
    low, high = ci["mPJE_mean"]
    assert low < results["overall"]["mPJE_mean"] < high
    assert np.allclose(np.array(ci["mPJE_sum"]), 11 * np.array(ci["mPJE_mean"]))
    few = results["action"]["DJ"]["ci95"]
    assert few["mPJE_mean"] is None and few["reason"] == "4 trials; an interval needs at least 5"
    assert results["interval"]["unit"] == "trial" and "not of other people" in results["interval"]["speaks_of"]
    loso = replace(block_split, protocol="loso")
    results = score(predict(loso), faulty_data, loso)
    ci = results["overall"]["ci95"]
    assert (ci["unit"], ci["n"], ci["mPJE_mean"]) == ("subject", 2, None) and "2 subjects" in ci["reason"]
    one = replace(loso, test=tuple(e for e in loso.test if e.subject == "subject2"))
    ci = score(predict(one), faulty_data, one)["overall"]["ci95"]
    assert (ci["unit"], ci["n"]) == ("trial", 6)


def test_recordings_hold_what_every_mean_and_interval_is_made_of(predictions, faulty_data, block_split):
    results = score(predictions, faulty_data, block_split)
    for section in (results, results["all_labels"], results["baselines"]["action_mean"]):
        row = section.get("overall", section)
        _, labels, errors = unit_sums(section["recordings"], "trial")
        found = mean_interval(errors, labels)
        assert found.value == pytest.approx(row["mPJE_mean"], rel=1e-12)
        assert [found.low, found.high] == pytest.approx(row["ci95"]["mPJE_mean"], rel=1e-12)
        assert labels.sum() == row["labels"]
    names = {(recording["subject"], recording["trial"]) for recording in results["recordings"]}
    assert len(names) == len(results["recordings"]) == 12


def test_cameras_are_samples_of_their_own(predict, faulty_data, block_split):
    one = score(predict(block_split), faulty_data, block_split)
    two = score(predict(block_split, ("Cam0", "Cam1")), faulty_data, block_split)
    assert two["counts"]["samples"] == 2 * two["counts"]["frames"] == 2 * one["counts"]["samples"]
    assert two["data"]["cameras"] == ["Cam0", "Cam1"] and two["data"]["images"] == ["rendered"]
    assert two["counts"]["trials"] == one["counts"]["trials"]
    none = score(predict(block_split, ("",)), faulty_data, block_split)
    assert none["data"]["images"] == [] and none["data"]["motion"] == ["real"]


def test_each_trial_is_predicted_from_every_camera_chosen(predict, faulty_data, block_split):
    """The easiest view of each trial is no result."""
    two = predict(block_split, ("Cam0", "Cam1"))
    easiest = np.where(two.subject == "subject2", "Cam0", "Cam1") == two.camera
    columns = {name: getattr(two, name)[easiest] for name in ("subject", "trial", "camera", "frame", "torques")}
    with pytest.raises(DataError, match="240 frames are missing"):
        score(replace(two, **columns), faulty_data, block_split)


def test_a_split_that_names_cameras_wants_exactly_those(predict, faulty_data, block_split):
    entries = tuple(replace(entry, cameras=("Cam1",)) for entry in block_split.test)
    split = replace(block_split, protocol="cross_camera", test=entries)
    assert score(predict(split, ("Cam1",)), faulty_data, split)["data"]["cameras"] == ["Cam1"]
    with pytest.raises(DataError, match=r"240 frames are missing, the first is subject2/DJ1/Cam1 frame 40; 240 frames"):
        score(predict(split, ("Cam0",)), faulty_data, split)


def _without(predictions, rows):
    keep = np.setdiff1d(np.arange(len(predictions)), rows)
    columns = {name: getattr(predictions, name)[keep] for name in ("subject", "trial", "camera", "frame", "torques")}
    return replace(predictions, **columns)


def test_missing_frames_are_refused(predictions, faulty_data, block_split):
    row = np.flatnonzero((predictions.trial == "walking1") & (predictions.frame == 47))[0]
    where = f"{predictions.subject[row]}/walking1/Cam0 frame 47"
    with pytest.raises(DataError, match=f"1 frames are missing, the first is {where}"):
        score(_without(predictions, [row]), faulty_data, block_split)
    with pytest.raises(DataError, match="20 frames are missing, the first is subject2/STS1"):
        rows = np.flatnonzero((predictions.trial == "STS1") & (predictions.subject == "subject2"))
        score(_without(predictions, rows), faulty_data, block_split)
    with pytest.raises(DataError, match="240 frames are missing"):
        score(_without(predictions, np.arange(len(predictions))), faulty_data, block_split)


def _changed(predictions, name, row, value):
    column = getattr(predictions, name).copy().astype("U40" if name != "frame" else np.int64)
    column[row] = value
    return replace(predictions, **{name: column})


def test_frames_of_the_training_side_and_unknown_trials_are_refused(predictions, faulty_data, block_split):
    row = int(np.flatnonzero((predictions.trial == "DJ1") & (predictions.frame == 41))[0])
    for name, value, where in (
        ("frame", 3, "DJ1/Cam0 frame 3"),
        ("frame", -1, "DJ1/Cam0 frame -1"),
        ("trial", "DJ9", "DJ9/Cam0 frame 41"),
        ("subject", "subject99", "subject99/DJ1/Cam0 frame 41"),
    ):
        with pytest.raises(DataError, match=rf"1 frames are missing.*1 frames are not in the split.*{where}"):
            score(_changed(predictions, name, row, value), faulty_data, block_split)


def test_duplicates_unknown_cameras_and_mixed_cameras_are_refused(predictions, faulty_data, block_split):
    rows = np.flatnonzero((predictions.trial == "DJ1") & (predictions.subject == "subject2"))
    with pytest.raises(DataError, match="1 frames are predicted more than once"):
        score(_changed(predictions, "frame", rows[0], predictions.frame[rows[1]]), faulty_data, block_split)
    with pytest.raises(DataError, match="Cam7"):
        score(_changed(predictions, "camera", rows, "Cam7"), faulty_data, block_split)
    with pytest.raises(DataError, match="'' alone"):
        score(_changed(predictions, "camera", rows[0], ""), faulty_data, block_split)


def test_another_split_another_file_and_other_joints_are_refused(
    predictions, faulty_data, block_split, tiny_data_file, tiny_split
):
    with pytest.raises(DataError, match="made for the split 000"):
        score(replace(predictions, split_hash="0" * 64), faulty_data, block_split)
    with pytest.raises(DataError, match="made for another data file"):
        score(predictions, DataFile(tiny_data_file), block_split)
    with pytest.raises(DataError, match="benchmark's 11; they differ by hip_flexion_l, mtp_angle_r"):
        names = tuple("mtp_angle_r" if n == "hip_flexion_l" else n for n in BENCHMARK_JOINTS)
        score(replace(predictions, torque_names=names), faulty_data, block_split)
    with pytest.raises(DataError, match="no finite number"):
        torques = predictions.torques.copy()
        torques[7, 3] = np.inf
        score(replace(predictions, torques=torques), faulty_data, block_split)


def test_columns_are_found_by_name(predictions, faulty_data, block_split):
    turned = replace(
        predictions, torque_names=BENCHMARK_JOINTS[::-1], torques=np.ascontiguousarray(predictions.torques[:, ::-1])
    )
    plain = score(predictions, faulty_data, block_split)
    assert score(turned, faulty_data, block_split) == plain


def test_the_order_of_predictions_does_not_matter(predict, faulty_data, block_split):
    given = predict(block_split)
    order = np.lexsort((given.frame, given.trial, given.subject))
    columns = {name: getattr(given, name)[order] for name in ("subject", "trial", "camera", "frame", "torques")}
    a = score(given, faulty_data, block_split)
    assert score(replace(given, **columns), faulty_data, block_split) == a


def test_results_state_protocol_leak_and_kinds_and_are_json(predictions, faulty_data, block_split, tmp_path):
    leaky = replace(block_split, protocol="random_frame")
    results = score(replace(predictions, split_hash=leaky.hash), faulty_data, leaky)
    assert results["split"]["leaks"] is True and results["split"]["hash"] == leaky.hash
    assert results["data"]["motion"] == ["real"] and results["data"]["images"] == ["rendered"]
    assert results["provenance"]["seed"] == 3
    write_results(tmp_path / "results.json", results)
    assert json.loads((tmp_path / "results.json").read_text()) == json.loads(json.dumps(results))
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    with pytest.raises(DataError, match="does not exist"):
        write_results(tmp_path / "nowhere" / "results.json", results)
    for row in ("overall", "baselines"):
        assert row in results and row in results["all_labels"]
    for level in ("joint", "action", "trial"):
        for row in results[level].values():
            assert {"mPJE_mean", "mPJE_sum", "RMSE", "R2", "pearson_r", "percent_BWht", "ci95"} <= set(row)
    assert {"mPJE_mean", "mPJE_sum", "joint", "action", "trial"} <= set(results["baselines"]["train_mean"])


def test_recording_errors_are_those_of_the_rows(predict, faulty_data, block_split):
    one = replace(block_split, test=tuple(e for e in block_split.test if e.subject == "subject2"))
    given = predict(one)
    rows = score(given, faulty_data, one)["trial"]
    found = recording_errors(given, faulty_data, one)
    assert found == {("subject2", name): pytest.approx(row["mPJE_mean"]) for name, row in rows.items()}


def test_labels_name_each_frame_once_and_refuse_frames_that_are_not_there(faulty_data):
    twice = [SplitEntry("subject2", "DJ1", (0, 9), ((2, 5), (4, 6)), (camera,)) for camera in ("Cam0", "Cam1")]
    labels = load_labels(faulty_data, twice)
    assert labels.frame.tolist() == [2, 3, 4, 5]
    trial = faulty_data.trial("subject2", "DJ1")
    np.testing.assert_array_equal(
        labels.torques[:, 0], trial.array("torques")[2:6, COORDINATES.index("hip_flexion_r")].astype(float)
    )
    assert not labels.finite[3, 0] and not labels.valid[3, 0]  # NaN that the file calls good
    with pytest.raises(DataError, match="asks for frames 50 to 69 of subject2/DJ1, which has 60"):
        load_labels(faulty_data, [SplitEntry("subject2", "DJ1", (50, 70), ((50, 70),))])
    empty = Split("block", 0, faulty_data.content_hash, {}, (), ())
    assert len(load_labels(faulty_data, empty.test)) == 0


def test_a_file_with_landmarks_is_named_by_them_too(predictions, faulty_data, block_split, monkeypatch):
    """The content hash leaves them out, and a model may have seen them."""
    assert "landmarks_hash" not in score(predictions, faulty_data, block_split)["data"]
    monkeypatch.setattr(DataFile, "landmarks_hash", "b0b")
    assert score(predictions, faulty_data, block_split)["data"]["landmarks_hash"] == "b0b"

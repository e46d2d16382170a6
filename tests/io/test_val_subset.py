"""The third subset: taken out of what would train, and of nothing else."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from split_data import HELD_OUT

from vidzoo.errors import ConfigError, DataError
from vidzoo.io.split_checks import check_split
from vidzoo.io.split_protocols import make_split, split_table
from vidzoo.io.splits import PROTOCOLS, Split

BENCHMARKS = Path(__file__).resolve().parents[2] / "leaderboard" / "benchmarks" / "synth@1"


def frames_of(entries) -> Counter:
    return Counter(
        (e.subject, e.trial, frame, e.cameras) for e in entries for a, b in e.targets for frame in range(a, b)
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_val_is_taken_out_of_train_and_test_stays(several, protocol):
    settings = HELD_OUT.get(protocol, {}) | ({} if protocol == "random_frame" else {"gap": 5})
    split = make_split(several, protocol, val_share=0.2, **settings)
    without = make_split(several, protocol, **settings if protocol == "block" else HELD_OUT.get(protocol, {}))
    before, train, val = (frames_of(e) for e in (without.train, split.train, split.val))
    assert split.test == without.test
    assert not (train + val) - before
    assert val
    assert not train & val
    lost = sum(before.values()) - sum(train.values()) - sum(val.values())
    assert 0 <= lost <= 5 * len(without.train)
    assert 0.1 < sum(val.values()) / sum(before.values()) < 0.35
    assert split.settings["val"]["share"] == 0.2
    assert split == make_split(several, protocol, val_share=0.2, **settings)


def test_whole_trials_where_an_action_has_enough_and_last_frames_elsewhere(several):
    """Three subjects train: six drop jumps, three squats, three walks."""
    split = make_split(several, "loso", held_out=["subject3"], val_share=0.1, gap=2)
    assert split.settings["val"] == {
        "share": 0.1, "gap": 2, "whole_trials": ["DJ"], "last_frames": ["squats", "walking"],
    }  # fmt: skip
    jumps = [e for e in split.val if e.trial.startswith("DJ")]
    assert [e.context for e in jumps] in ([(0, 30)], [(0, 31)])
    assert len([e for e in split.train if e.trial.startswith("DJ")]) == 5
    for name, frames in (("squats1", 50), ("walking1", 33)):
        last = round(0.1 * frames)
        assert {e.context for e in split.val if e.trial == name} == {(frames - last, frames)}
        assert {e.context for e in split.train if e.trial == name} == {(0, frames - last - 2)}


def test_a_trial_without_room_for_a_gap_trains(several):
    split = make_split(several, "loso", held_out=["subject3"], val_share=0.1, gap=40)  # 50 frames: squats alone
    assert {e.trial for e in split.val if not e.trial.startswith("DJ")} == {"squats1"}
    assert {e.context for e in split.train if e.trial == "walking1"} == {(0, 33)}


def test_another_seed_draws_other_trials(several):
    drawn = {make_split(several, "loso", held_out=["subject3"], val_share=0.1, seed=s).val for s in range(10)}
    assert len(drawn) > 3


def test_settings_and_an_empty_val_subset(several, subject4):
    for share in (0, 1.0, -0.1):
        with pytest.raises(ConfigError, match=r"val_share is .* between 0 and 1, such as 0\.1"):
            make_split(several, "block", val_share=share)
    with pytest.raises(ConfigError, match="no use for seed"):
        make_split(several, "block", seed=1)
    with pytest.raises(DataError, match="leaves the val subset of its 16 trials empty"):
        make_split(subject4, "trial", val_share=0.1, gap=2000)
    split = make_split(several, "block")
    with pytest.raises(DataError, match=r"has no val subset; make one with .* --val-share"):
        split.entries("val")
    assert split.entries("train") == split.train


def test_the_table_has_columns_of_its_own(several):
    split = make_split(several, "loso", held_out=["subject3"], val_share=0.1)
    table = split_table(split, several)
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines() if line}
    assert [int(v) for v in rows["all"]] == [
        n for e in (split.train, split.val, split.test) for n in (len(e), sum(x.num_targets for x in e))
    ]
    assert "val: share 0.1, gap 13, whole trials ['DJ']" in table


# --- the manifest's versions ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("protocol", sorted(set(PROTOCOLS) - {"transfer"}))  # which synth@1 has not
def test_hashes_of_committed_manifests_are_as_before(protocol, tmp_path):
    manifest = BENCHMARKS / f"{protocol}.split.json"
    content, benchmark = json.loads(manifest.read_text()), json.loads((BENCHMARKS / f"{protocol}.json").read_text())
    split = Split.load(manifest)
    assert (split.hash, split.frames_hash) == (content["hash"], benchmark["split"]["frames_hash"])
    split.save(tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text())
    assert (again["version"], again["data_hash"], again["val"]) == (2, content["vid_hash"], [])
    assert Split.load(tmp_path / "again.json").hash == content["hash"]


def test_val_is_part_of_both_hashes(several):
    plain = make_split(several, "loso", held_out=["subject3"])
    split = make_split(several, "loso", held_out=["subject3"], val_share=0.1)
    moved = Split(split.protocol, split.seed, split.data_hash, split.settings, split.train, split.test, split.val[1:])
    assert len({s.hash for s in (plain, split, moved)}) == len({s.frames_hash for s in (plain, split, moved)}) == 3
    check_split(split, several)


def test_a_val_subset_edited_by_hand_is_refused(several, tmp_path):
    path = tmp_path / "split.json"
    make_split(several, "loso", held_out=["subject3"], val_share=0.1).save(path)
    content = json.loads(path.read_text())
    content["val"].pop()
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="edited by hand"):
        Split.load(path)

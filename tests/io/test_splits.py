"""Split manifests and the protocols that fill them."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from split_data import HELD_OUT, SMALL, SUBJECT4, empty_trial

from vidzoo.anatomy import ACTION_FAMILIES, action_family
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.data_file import DataFile, DataFileWriter
from vidzoo.io.split_checks import check_split
from vidzoo.io.split_protocols import make_split, split_table
from vidzoo.io.splits import PROTOCOLS, Split, SplitEntry


def frames_of(subset: tuple[SplitEntry, ...]) -> Counter:
    """Count how often a subset names each (subject, trial, frame, cameras) as a target."""
    return Counter(
        (e.subject, e.trial, frame, e.cameras) for e in subset for a, b in e.targets for frame in range(a, b)
    )  # fmt: skip


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_on_every_file(several, tmp_path, protocol):
    split = make_split(several, protocol, **HELD_OUT.get(protocol, {}))
    train, test = frames_of(split.train), frames_of(split.test)
    assert set(train.values()) == set(test.values()) == {1}
    assert not train.keys() & test.keys()
    for entry in (*split.train, *split.test):
        assert all(entry.context[0] <= a < b <= entry.context[1] for a, b in entry.targets)
        assert protocol == "random_frame" or entry.targets == (entry.context,)
    check_split(split, several)
    split.save(tmp_path / "split.json")
    again = Split.load(tmp_path / "split.json")
    assert again == split
    assert again.hash == split.hash
    assert split.leaks == (protocol == "random_frame")


def test_block_holds_the_last_fifth_and_a_gap(subject4):
    split = make_split(subject4, "block")
    train = {e.trial: e.context for e in split.train}
    test = {e.trial: e.context for e in split.test}
    assert train.keys() == test.keys() == SUBJECT4.keys()
    for name, frames in SUBJECT4.items():
        assert train[name][0] == 0
        assert test[name][1] == frames
        assert test[name][0] - train[name][1] == 13
        assert abs(test[name][1] - test[name][0] - 0.2 * frames) <= 0.5
    wide = make_split(subject4, "block", gap=17, test_share=0.3)
    assert wide.hash != split.hash
    assert all(b.context[0] - a.context[1] == 17 for a, b in zip(wide.train, wide.test))
    assert make_split(subject4, "block").hash == split.hash


def test_block_gives_a_trial_without_room_for_a_gap_to_the_test_side(several):
    split = make_split(several, "block", gap=26)  # 30 frames: 6 test, 24 are left for the gap
    assert {e.trial for e in split.train} == {"squats1"}
    assert {e.trial for e in split.test} == set(SMALL)


def test_trial_holds_out_one_of_each_family_that_has_two(subject4):
    split = make_split(subject4, "trial", seed=3)
    held = Counter(action_family(e.trial) for e in split.test)
    assert held == {"DJ": 1, "DJAsym": 1, "walking": 1, "walkingTS": 1}
    assert {action_family(e.trial) for e in split.train} == set(ACTION_FAMILIES)
    assert len(split.train) + len(split.test) == len(SUBJECT4)
    assert all(e.context == (0, SUBJECT4[e.trial]) for e in (*split.train, *split.test))
    others = {frozenset(e.trial for e in make_split(subject4, "trial", seed=s).test) for s in range(10)}
    assert len(others) > 3
    assert make_split(subject4, "trial", seed=3) == split


@pytest.mark.parametrize("seed", range(5))
def test_trial_spreads_over_subjects_and_leaves_each_something_to_train_on(several, seed):
    split = make_split(several, "trial", seed=seed, test_share=0.5)
    jumps = [e.subject for e in split.test if e.trial.startswith("DJ")]
    assert sorted(jumps) == ["subject2", "subject3", "subject4", "subject5"]  # 4 of 8, one of each subject
    assert Counter(action_family(e.trial) for e in split.test) == {"DJ": 4, "squats": 2, "walking": 2}
    two = [e.subject for e in make_split(several, "trial", seed=seed, test_share=0.25).test if e.trial[:2] == "DJ"]
    assert len(two) == len(set(two)) == 2


def test_trial_draws_one_of_each_subject_in_turn_and_last_trials_last(tmp_path):
    """subject2 has four drop jumps, subject3 two, subject4 one; a larger share adds to what a smaller one tests."""
    with DataFileWriter(tmp_path / "data.h5", {}) as writer:
        for subject, count in (("subject2", 4), ("subject3", 2), ("subject4", 1)):
            for number in range(1, count + 1):
                writer.add(empty_trial(subject, f"DJ{number}", 30, ("Cam0",)))
    data = DataFile(tmp_path / "data.h5")
    drawn_first, first_of_subject2 = set(), set()
    for seed in range(30):
        order: list[tuple[str, str]] = []
        for count in range(1, 7):
            split = make_split(data, "trial", seed=seed, test_share=count / 7)
            (new,) = {(entry.subject, entry.trial) for entry in split.test} - set(order)
            order.append(new)
            assert len(split.test) == count
        subjects = [subject for subject, _ in order]
        assert sorted(subjects[:2]) == ["subject2", "subject3"], "each gives one before any gives two"
        assert subjects[2:] == ["subject2", "subject2", "subject4", "subject3"], "last trials of who has fewest first"
        drawn_first.add(subjects[0])
        first_of_subject2.add(next(trial for subject, trial in order if subject == "subject2"))
    assert drawn_first == {"subject2", "subject3"}
    assert first_of_subject2 == {"DJ1", "DJ2", "DJ3", "DJ4"}


def test_loso_and_loao_hold_out_all_of_it(several):
    loso = make_split(several, "loso", held_out=["subject3", "subject5"])
    assert {e.subject for e in loso.test} == {"subject3", "subject5"}
    assert {e.subject for e in loso.train} == {"subject2", "subject4"}
    assert sum(e.num_targets for e in loso.test) == 2 * sum(SMALL.values())
    loao = make_split(several, "loao", held_out=["DownJump"])  # an alias of DJ
    assert {e.trial for e in loao.test} == {"DJ1", "DJ2"}
    assert {e.trial for e in loao.train} == {"squats1", "walking1"}


def test_cross_camera_divides_cameras(several):
    split = make_split(several, "cross_camera", held_out=["Cam1"])
    assert {e.cameras for e in split.train} == {("Cam0",)}
    assert {e.cameras for e in split.test} == {("Cam1",)}
    assert (len(split.train), len(split.test)) == (16, 15)


def test_transfer_parts_cameras_and_trials(several):
    """subject5's walking1 lacks Cam1: it trains, for Cam0 saw it; held out, it would be in neither subset."""
    cameras = {"train_cameras": ["Cam0"], "test_cameras": ["Cam1"]}
    split = make_split(several, "transfer", held_out=["walking", "subject4/DJ1", "squats1"], **cameras)
    tested = {(e.subject, e.trial) for e in split.test}
    everybody = ("subject2", "subject3", "subject4", "subject5")
    assert tested == {(s, "squats1") for s in everybody} | {(s, "walking1") for s in everybody[:3]} | {
        ("subject4", "DJ1")
    }
    assert {(e.subject, e.trial) for e in split.train} == {(s, t) for s in everybody for t in ("DJ1", "DJ2")} - tested
    assert {e.cameras for e in split.train} == {("Cam0",)}
    assert {e.cameras for e in split.test} == {("Cam1",)}
    assert all(e.targets == (e.context,) == ((0, SMALL[e.trial]),) for e in (*split.train, *split.test))
    assert split.settings == {"held_out": ["squats1", "subject4/DJ1", "walking"], **cameras}
    assert "train_cameras ['Cam0']" in split_table(split, several)
    person = make_split(several, "transfer", held_out=["subject5"], **cameras)
    assert {e.trial for e in person.test if e.subject == "subject5"} == {"DJ1", "DJ2", "squats1"}
    assert {e.subject for e in person.train} == set(everybody[:3])
    assert not [e for e in person.test if e.subject != "subject5"]
    assert person.hash != make_split(several, "transfer", held_out=["subject4"], **cameras).hash


def test_random_frame_covers_every_frame_once(several):
    split = make_split(several, "random_frame", seed=1)
    both = frames_of(split.train) + frames_of(split.test)
    assert set(both.values()) == {1}
    assert len(both) == 4 * sum(SMALL.values())
    assert all(e.context == (0, SMALL[e.trial]) for e in (*split.train, *split.test))
    assert all(e.num_targets == round(0.2 * SMALL[e.trial]) for e in split.test)
    assert make_split(several, "random_frame", seed=2).test != split.test


@pytest.mark.parametrize(
    ("protocol", "settings", "message"),
    [
        ("blocks", {}, "choose one of block"),
        ("block", {"seed": 1}, "no use for seed"),
        ("loso", {"held_out": ["subject3"], "gap": 3}, "no use for gap"),
        ("block", {"held_out": ["subject3"]}, "no use for held_out"),
        ("block", {"test_share": 1.0}, "between 0 and 1"),
        ("block", {"gap": -1}, "0 or more"),
        ("trial", {"seed": -1}, "seed is -1; it must be 0 or more"),
        ("loso", {}, "which subjects to hold out"),
        ("loso", {"held_out": ["subject33"]}, "no subject 'subject33'.*subject2, subject3"),
        ("loao", {"held_out": ["running"]}, "no action 'running'"),
        ("cross_camera", {"held_out": ["Cam7"]}, "no camera 'Cam7'"),
        ("loso", HELD_OUT["loso"] | {"test_cameras": ["Cam1"]}, "no use for test_cameras"),
        ("transfer", {"train_cameras": ["Cam0"], "test_cameras": ["Cam1"]}, "which trials or actions to hold out"),
        ("transfer", {"held_out": ["squats"], "test_cameras": ["Cam1"]}, "which cameras train; .* train_cameras"),
        ("transfer", {"held_out": ["squats"], "train_cameras": ["Cam1"]}, "which cameras test; .* test_cameras"),
        ("transfer", HELD_OUT["transfer"] | {"test_cameras": ["Cam7"]}, "no camera 'Cam7'"),
        ("transfer", HELD_OUT["transfer"] | {"held_out": ["squats9"]}, "no subject, action or trial 'squats9'"),
        ("transfer", HELD_OUT["transfer"] | {"test_cameras": ["Cam0"]}, "'Cam0' is named to train and to test"),
    ],
)
def test_wrong_settings(several, protocol, settings, message):
    with pytest.raises(ConfigError, match=message):
        make_split(several, protocol, **settings)


def test_an_empty_side_is_refused(several, subject4):
    with pytest.raises(DataError, match="train subset of its 16 trials empty"):
        make_split(several, "loso", held_out=["subject2", "subject3", "subject4", "subject5"])
    with pytest.raises(DataError, match="train subset"):
        make_split(several, "cross_camera", held_out=["Cam0", "Cam1"])
    with pytest.raises(DataError, match="train subset"):
        make_split(several, "block", gap=1000)


def test_table_counts_trials_and_frames(subject4):
    table = split_table(make_split(subject4, "trial"), subject4)
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines() if line}
    assert [int(v) for v in (rows["squats"][0], rows["squats"][2])] == [1, 0]
    assert int(rows["walking"][1]) + int(rows["walking"][3]) == 131 + 132 + 139
    assert int(rows["all"][1].replace(",", "")) + int(rows["all"][3].replace(",", "")) == sum(SUBJECT4.values())


def test_check_split(several, subject4):
    split = make_split(several, "block")
    with pytest.raises(DataError, match="another data file"):
        check_split(split, subject4)
    for context, targets in (((0, 31), ((0, 31),)), ((5, 5), ()), ((5, 20), ((3, 10),)), ((0, 20), ((9, 12), (4, 6)))):
        bad = SplitEntry("subject2", "DJ1", context, targets)
        with pytest.raises(DataError, match=r"subject2/DJ1 .* 30 frames"):
            check_split(Split("block", 0, several.content_hash, {}, (bad,), split.test), several)
    stranger = SplitEntry("subject2", "DJ9", (0, 5), ((0, 5),))
    with pytest.raises(DataError, match="no trial subject2/DJ9"):
        check_split(Split("block", 0, several.content_hash, {}, (stranger,), split.test), several)


def test_check_split_finds_a_leak(several):
    for protocol in ("block", "trial", "loso", "loao"):
        for train, test in (((0, 20), (19, 30)), ((10, 30), (0, 11)), ((5, 9), (0, 30)), ((0, 30), (0, 30))):
            subsets = [
                [SplitEntry("subject2", "DJ1", c, (c,)), SplitEntry("subject2", "DJ2", c, (c,))] for c in (train,)
            ]
            subsets.append([SplitEntry("subject3", "DJ1", test, (test,)), SplitEntry("subject2", "DJ2", test, (test,))])
            bad = Split(protocol, 0, several.content_hash, {}, *map(tuple, subsets))
            with pytest.raises(
                DataError, match=r"frame \d+ of subject2/DJ2 .*(tests|trains)|less than|tests and trains"
            ):
                check_split(bad, several)
    entries = [SplitEntry("subject2", "DJ1", (0, 30), ((0, 30),), cameras) for cameras in (("Cam0",), ("Cam1",), ())]
    check_split(Split("cross_camera", 0, several.content_hash, {}, *((e,) for e in entries[:2])), several)
    for test in (entries[0], entries[2]):
        bad = Split("cross_camera", 0, several.content_hash, {}, (entries[0],), (entries[1], test))
        with pytest.raises(DataError, match=r"the camera .Cam0. tests and trains|names no camera"):
            check_split(bad, several)


@pytest.fixture
def manifest(several, tmp_path):
    path = tmp_path / "split.json"
    make_split(several, "block").save(path)
    return path


def test_a_missing_folder_is_named(several, tmp_path):
    with pytest.raises(DataError, match=r"nowhere does not exist"):
        make_split(several, "block").save(tmp_path / "nowhere" / "split.json")
    assert not list(tmp_path.iterdir())


def test_a_manifest_edited_by_hand_is_refused(manifest):
    content = json.loads(manifest.read_text())
    content["test"][0]["context"][0] -= 5
    content["test"][0]["targets"][0][0] -= 5
    manifest.write_text(json.dumps(content))
    with pytest.raises(DataError, match="edited by hand"):
        Split.load(manifest)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("vid-split", "vid-slit"),
        lambda text: text.replace('"version": 2', '"version": 99'),
        lambda text: text.replace('"context"', '"contexts"'),
        lambda text: "[]",
        lambda text: text.replace('"protocol": "block"', '"protocol": "blocks"'),
        lambda text: text.replace('"protocol": "block"', '"protocol": ["block"]'),
        lambda text: text.replace('"seed": 0', '"seed": true'),
        lambda text: text.replace('"seed": 0', '"seed": "0"'),
        lambda text: text.replace('"settings": {', '"settings": [], "other": {'),
        lambda text: text.replace('"gap": 13', '"gap": Infinity'),
        lambda text: text.replace('"gap": 13', '"gap": ' + "[" * 100_000 + "]" * 100_000),
        lambda text: text.replace('"gap": 13', '"gap": ' + "9" * 5000),
        lambda text: re.sub(r'"context": \[\s*0,', '"context": [Infinity,', text),
        lambda text: re.sub(r'"context": \[\s*0,', '"context": [1e999,', text),
        lambda text: re.sub(r'"context": \[\s*0,', '"context": [' + "[" * 100_000 + "]" * 100_000 + ",", text),
        lambda text: text.replace('"DJ1"', "7"),
        lambda text: text.replace('"DJ1"', '["DJ1"]'),
        lambda text: text.replace('"DJ1"', '"\\ud800"'),
        lambda text: text.replace('"cameras": []', '"cameras": [3]'),
        lambda text: "",
    ],
)
def test_what_is_no_manifest_is_refused(manifest, damage):
    text = manifest.read_text()
    manifest.write_text(damage(text))
    assert manifest.read_text() != text
    with pytest.raises(DataError, match=r"is no split manifest \(.*vidzoo split"):
        Split.load(manifest)


def test_empty_side_missing_file_and_bytes(several, tmp_path):
    split = make_split(several, "block")
    for subsets in (((), split.test), (split.train, ())):
        Split("block", 0, split.data_hash, {}, *subsets).save(tmp_path / "empty.json")
        with pytest.raises(DataError, match="subset is empty"):
            Split.load(tmp_path / "empty.json")
    with pytest.raises(DataError, match="no such split"):
        Split.load(tmp_path / "missing.json")
    (tmp_path / "bytes.json").write_bytes(b"\x89HDF\xff\xfe")
    with pytest.raises(DataError, match="is no split manifest"):
        Split.load(tmp_path / "bytes.json")

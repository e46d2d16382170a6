"""A manifest whose hash is right and whose frames are not what its protocol promises is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from split_data import HELD_OUT

from vidzoo.errors import DataError
from vidzoo.io.data_file import DataFile
from vidzoo.io.split_checks import check_split
from vidzoo.io.split_protocols import make_split
from vidzoo.io.splits import PROTOCOLS, Split, SplitEntry


def entry(subject="subject2", trial="DJ1", start=0, stop=30, cameras=(), targets=None) -> SplitEntry:
    return SplitEntry(subject, trial, (start, stop), ((start, stop),) if targets is None else targets, cameras)


def made(data: DataFile, protocol: str, **settings) -> Split:
    return make_split(data, protocol, **HELD_OUT.get(protocol, {}), **settings)


@pytest.mark.parametrize("val_share", [None, 0.1, 0.4])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_make_split_makes_is_accepted(several, tmp_path, protocol, val_share):
    split = made(several, protocol, val_share=val_share)
    split.save(tmp_path / "split.json")
    check_split(Split.load(tmp_path / "split.json"), several)
    assert split.leaks == (protocol == "random_frame")


# Each change breaks one promise of a split that make_split made; the hash is right, for it is computed on construction.
def move(split: Split, source: str, target: str, which: SplitEntry, **changes) -> Split:
    """Let an entry of one subset be in another one too."""
    assert which in getattr(split, source)
    return replace(split, **{target: (*getattr(split, target), replace(which, **changes))})


def of_subject(entries, subject, trial="DJ1") -> SplitEntry:
    return next(e for e in entries if (e.subject, e.trial) == (subject, trial))


VIOLATIONS = {
    "block: tests what trains": (
        "block", {}, lambda s: move(s, "train", "test", s.train[0]),
        r"frame 0 of subject2/DJ1 tests and trains \(the entry subject2/DJ1 \[0, \d+\)\), which protocol 'block'",
    ),
    "block: the gap is shorter than stated": (
        "block", {}, lambda s: replace(s, settings=s.settings | {"gap": 14}),
        r"entry subject2/DJ1 \[0, 11\) trains less than 14 frames before, or after, what tests",
    ),
    "block: test before train": (
        "block", {}, lambda s: replace(s, train=s.test, test=s.train),
        r"entry subject2/DJ1 \[24, 30\) trains less than 13 frames before, or after, what tests",
    ),
    "block: val behind test": (
        "block", {"val_share": 0.3, "gap": 2}, lambda s: replace(s, val=s.test, test=s.val),
        r"less than 2 frames before, or after, what tests",
    ),
    "block: the gap is no number": (
        "block", {}, lambda s: replace(s, settings={"gap": "13"}), "the setting 'gap' is '13', expected a whole number",
    ),
    "trial: a trial of both": (
        "trial", {}, lambda s: move(s, "test", "train", s.test[0]),
        r"the trial 'subject\d/\w+' tests and trains \(the entry subject",
    ),
    "trial: a trial divided": (
        "trial", {}, lambda s: replace(s, train=(*s.train, entry(s.test[0].subject, s.test[0].trial, 0, 9)),
                                       test=(replace(s.test[0], context=(9, 30), targets=((9, 30),)), *s.test[1:])),
        "tests and trains",
    ),
    "trial: an action that only trains": (
        "trial", {}, lambda s: replace(s, test=tuple(e for e in s.test if not e.trial.startswith("walking"))),
        "no trial of the action walking tests",
    ),
    "trial: an action that only tests": (
        "trial", {}, lambda s: replace(s, train=tuple(e for e in s.train if not e.trial.startswith("squats"))),
        "no trial of the action squats trains",
    ),
    "loso: the test person trains": (
        "loso", {}, lambda s: move(s, "test", "train", of_subject(s.test, "subject3")),
        r"the subject 'subject3' tests and trains \(the entry subject3/DJ1 \[0, 30\)\), which protocol 'loso' excludes",
    ),
    "loso: another trial of the test person trains": (
        "loso", {}, lambda s: replace(s, train=(*s.train, s.test[0]), test=s.test[1:]),
        "the subject 'subject3' tests and trains",
    ),
    "loso: the test person validates": (
        "loso", {"val_share": 0.3}, lambda s: replace(s, val=(*s.val, s.test[0]), test=s.test[1:]),
        "the subject 'subject3' tests and validates",
    ),
    "loso: another person than stated": (
        "loso", {}, lambda s: replace(s, settings={"held_out": ["subject4"]}),
        r"subject3 tests, but the settings say that \['subject4'\] is held out",
    ),
    "loao: the test action trains": (
        "loao", {}, lambda s: replace(s, train=(*s.train, s.test[0]), test=s.test[1:]),
        "the action 'walking' tests and trains",
    ),
    "loao: the settings are no list": (
        "loao", {}, lambda s: replace(s, settings={"held_out": 7}), "the settings say that 7 is held out",
    ),
    "cross_camera: the test camera trains": (
        "cross_camera", {}, lambda s: replace(s, train=(replace(s.train[0], cameras=("Cam0", "Cam1")), *s.train[1:])),
        r"the camera 'Cam1' tests and trains \(the entry subject2/DJ1",
    ),
    "cross_camera: an entry without a camera": (
        "cross_camera", {}, lambda s: replace(s, test=(replace(s.test[0], cameras=()), *s.test[1:])),
        r"the entry subject2/DJ1 \[0, 30\) names no camera",
    ),
    "cross_camera: val frames train": (
        "cross_camera", {"val_share": 0.3}, lambda s: move(s, "val", "train", s.val[0]), "trains and validates",
    ),
    "transfer: the test camera trains": (
        "transfer", {}, lambda s: replace(s, train=(replace(s.train[0], cameras=("Cam1",)), *s.train[1:])),
        r"the camera 'Cam1' tests and trains \(the entry subject2/DJ1",
    ),
    "transfer: a tested trial trains": (
        "transfer", {}, lambda s: replace(s, train=(*s.train, replace(s.test[0], cameras=("Cam0",)))),
        r"the trial 'subject2/squats1' tests and trains",
    ),
    "transfer: a held-out trial trains": (
        "transfer", {}, lambda s: replace(s, train=(*s.train, replace(s.test[0], cameras=("Cam0",))), test=s.test[1:]),
        r"the entry subject2/squats1 \[0, 50\) trains, but the settings say that \['squats1'\] are held out",
    ),
    "transfer: another trial tests": (
        "transfer", {}, lambda s: replace(s, test=(replace(s.train[0], cameras=("Cam1",)),), train=s.train[1:]),
        r"the entry subject2/DJ1 \[0, 30\) tests, but the settings",
    ),
    "transfer: another camera than stated": (
        "transfer", {}, lambda s: replace(s, settings=s.settings | {"train_cameras": ["Cam2"]}),
        r"the camera 'Cam0' trains \(the entry subject2/DJ1 \[0, 30\)\), but the settings name Cam2 for that",
    ),
    "transfer: no settings": (
        "transfer", {}, lambda s: replace(s, settings={}), r"setting 'held_out' is 'None', expected a list of names",
    ),
    "transfer: val frames train": (
        "transfer", {"val_share": 0.3}, lambda s: move(s, "val", "train", s.val[0]), "trains and validates",
    ),
    "transfer: an entry without a camera": (
        "transfer", {}, lambda s: replace(s, test=(replace(s.test[0], cameras=()), *s.test[1:])), "names no camera",
    ),
    "random_frame: subsets overlap": (
        "random_frame", {}, lambda s: move(s, "test", "train", s.test[0]),
        r"frame \d+ of subject2/DJ1 (trains|tests) and (trains|tests) \(the entry subject2/DJ1 \[0, 30\)\)",
    ),
    "random_frame: val overlaps": (
        "random_frame", {"val_share": 0.3}, lambda s: move(s, "val", "train", s.val[0]), "frame .* validates",
    ),
    "val frames train": (
        "trial", {"val_share": 0.3, "gap": 2}, lambda s: move(s, "val", "train", s.val[0]), "trains and validates",
    ),
    "val before train": (
        "loso", {"val_share": 0.1, "gap": 2},
        lambda s: replace(s, train=tuple(e for e in s.val), val=tuple(e for e in s.train)),
        "trains less than 2 frames before, or after, what validates",
    ),
    "targets outside the context": (
        "loso", {}, lambda s: replace(s, train=(replace(s.train[0], targets=((0, 31),)), *s.train[1:])),
        r"the entry subject2/DJ1 \[0, 30\) is out of order or outside the trial's 30 frames",
    ),
    "a context outside the trial": (
        "trial", {}, lambda s: replace(s, train=(entry(s.train[0].subject, s.train[0].trial, 0, 99), *s.train[1:])),
        r"\[0, 99\) is out of order or outside the trial's \d+ frames",
    ),
    "a camera that is not there": (
        "loso", {}, lambda s: replace(s, train=(replace(s.train[0], cameras=("Cam7",)), *s.train[1:])),
        r"the entry subject2/DJ1 \[0, 30\) names the camera 'Cam7', which the trial does not have",
    ),
    "a trial that is not there": (
        "loso", {}, lambda s: replace(s, train=(entry("subject2", "DJ9"),)), "no trial subject2/DJ9",
    ),
    "another protocol's frames under this one's name": (
        "random_frame", {}, lambda s: replace(s, protocol="block"), "trains and tests|tests and trains",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_broken_promise_is_named(several, tmp_path, name):
    protocol, settings, change, message = VIOLATIONS[name]
    split = change(made(several, protocol, **settings))
    split.save(tmp_path / "split.json")
    with pytest.raises(DataError, match=message) as caught:
        check_split(Split.load(tmp_path / "split.json"), several)
    sentence = str(caught.value)
    assert sentence.startswith(f"{several.path}: ")
    assert "\n" not in sentence


def test_another_files_split(several, subject4):
    with pytest.raises(DataError, match="made for another data file"):
        check_split(make_split(several, "block"), subject4)

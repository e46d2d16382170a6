"""Putting data files together: what is kept, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from split_data import empty_trial

from vidzoo.errors import DataError
from vidzoo.io.data_file import DataFile, DataFileWriter, Trial
from vidzoo.io.data_file.merge import merge_data_files


def write(path: Path, *trials: Trial) -> Path:
    with DataFileWriter(path, {}) as writer:
        for trial in trials:
            writer.add(trial)
    return path


def test_trials_of_all_files_are_there_and_the_cameras_of_one_trial_come_together(tmp_path: Path) -> None:
    squat = empty_trial("subject4", "squats1", 30, ("CamRender",))
    squat.markers[7, 3] = np.nan
    both = replace(squat, cameras=empty_trial("subject4", "squats1", 30, ("Person0Cam0", "Person0Cam1")).cameras)
    walk = empty_trial("person1", "walking1", 20, ("Person0Cam0",))
    one, two = write(tmp_path / "one.h5", squat), write(tmp_path / "two.h5", both, walk)
    assert merge_data_files([one, two], tmp_path / "all.h5") == {str(one): 1, str(two): 2}
    merged = DataFile(tmp_path / "all.h5")
    merged.verify()
    assert merged.trial_keys() == [("person1", "walking1"), ("subject4", "squats1")]
    trial = merged.trial("subject4", "squats1")
    assert trial.cameras == ("CamRender", "Person0Cam0", "Person0Cam1")
    for name in ("time", "markers", "torques", "validity"):
        np.testing.assert_array_equal(trial.array(name), DataFile(one).trial("subject4", "squats1").array(name))
    assert trial.jpeg("Person0Cam1", 0, 1) == b"x"[0]
    merge_data_files([two, one], tmp_path / "again.h5")
    assert [len(t.cameras) for t in DataFile(tmp_path / "again.h5")] == [1, 3]
    assert merge_data_files([one, two], tmp_path / "some.h5", ["person1"]) == {str(one): 0, str(two): 1}
    assert DataFile(tmp_path / "some.h5").trial_keys() == [("person1", "walking1")]
    assert merge_data_files([one, two], tmp_path / "squats.h5", actions=["squats"]) == {str(one): 1, str(two): 1}
    assert DataFile(tmp_path / "squats.h5").trial_keys() == [("subject4", "squats1")]


def test_what_does_not_go_together_is_refused_in_one_sentence(tmp_path: Path) -> None:
    squat = empty_trial("subject4", "squats1", 30, ("CamRender",))
    other = empty_trial("subject4", "squats1", 30, ("Cam2",))
    moved, heavy = replace(other, torques=other.torques + 1), replace(other, mass_kg=61.0)
    first = write(tmp_path / "first.h5", squat)
    for name, trial, wrong in (
        ("moved", moved, "moved.h5: subject4/squats1 has another 'torques' than the trial of this name in a file"),
        ("heavy", heavy, "another 'mass_kg'"),
        ("twice", squat, "subject4/squats1/CamRender is in a file named before it too; leave one"),
    ):
        with pytest.raises(DataError, match=wrong):
            merge_data_files([first, write(tmp_path / f"{name}.h5", trial)], tmp_path / "all.h5")
    with pytest.raises(DataError, match="no file has a subject person2; they have subject4"):
        merge_data_files([first], tmp_path / "all.h5", ["person2"])
    with pytest.raises(DataError, match="is also an input"):
        merge_data_files([first], first)
    assert not (tmp_path / "all.h5").exists()

"""A folder in OpenCap's layout becomes a data file, and one bad trial does not stop the others."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import pytest
from opencap_builds import spoil_ik, spoil_marker
from rich.console import Console

from vidzoo.data_prep.opencap import BuildOptions, BuildReport, Subject, TrialReport, build_opencap, find_subjects
from vidzoo.data_prep.opencap.build import build_in_own_process
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.data_file import DataFile


def test_one_bad_trial_costs_no_other(root: Path, tmp_path: Path) -> None:
    spoil_marker(root)
    out = tmp_path / "out.h5"
    options = BuildOptions(image_size=32, trials=("squats1", "walking1"), cameras=("Cam1",))
    report = build_opencap(root, out, options, jobs=2, progress=False)
    assert [row.trial for row in report.built] == ["squats1"]
    (row,) = report.left_out
    assert "has no marker 'r_knee'" in row.note
    data = DataFile(out)
    assert data.trial_keys() == [("subject1", "squats1")]
    data.verify()
    assert data.settings["left_out"] == {"subject1/walking1": row.note}
    assert data.settings["jump_support_lowpass_hz"]["DJ"] == 12


def test_nothing_built_leaves_no_file(root: Path, tmp_path: Path) -> None:
    spoil_ik(root)
    with pytest.raises(DataError, match=r"nothing could be built, 1 trials left out; the first is subject1/walking1"):
        build_opencap(root, tmp_path / "out.h5", BuildOptions(trials=("walking1",)), progress=False)
    assert not list(tmp_path.glob("*out.h5*"))


def test_names_that_are_not_there(opencap_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.h5"
    for options, message in (
        ({"subjects": ("subject9",)}, "no subject 'subject9'; it has subject1"),
        ({"trials": ("DJ1",)}, "no subject has a trial 'DJ1'; there is squats1, static1, walking1"),
        ({"trials": ("walking1",), "cameras": ("Cam7",)}, "no video of camera 'Cam7'; there is Cam0, Cam1"),
        ({"trials": ("static1",)}, "no action family belongs to this name"),
    ):
        with pytest.raises(DataError, match=message):
            build_opencap(opencap_root, out, BuildOptions(**options), progress=False)
    with pytest.raises(DataError, match="no such folder"):
        build_opencap(tmp_path / "none", out, progress=False)
    with pytest.raises(DataError, match="holds no subject"):
        find_subjects(tmp_path)
    with pytest.raises(DataError, match="is a folder"):
        build_opencap(opencap_root, tmp_path, progress=False)
    with pytest.raises(ConfigError, match="image size 8"):
        build_opencap(opencap_root, out, BuildOptions(image_size=8), progress=False)
    assert not list(tmp_path.iterdir())


def test_a_left_out_subject_costs_no_other(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "subject1", root / "subject2")
    (root / "subject2/sessionMetadata.yaml").write_text("[" * 5000)
    options = BuildOptions(trials=("walking1",), cameras=("none",))
    report = build_opencap(root, tmp_path / "out.h5", options, progress=False)
    assert [row.subject for row in report.built] == ["subject1"] and "no valid YAML" in report.left_out[0].note


def test_brackets_in_names_and_notes_are_printed_as_they_are() -> None:
    rows = [TrialReport("[red]s[/red]", "a[/b]", "DJ", note="[/x] in 'mass [kg]'", built=built) for built in (0, 1)]
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(BuildReport(tuple(rows)).table())
    text = console.export_text()
    for part in ("[red]s[/red]", "a[/b]", "[/x] in 'mass [kg]'"):
        assert text.count(part) == 2


class _Killer:
    """Kill the process that unpickles it, as a crash in a library would."""

    def __reduce__(self):
        return os._exit, (3,)


def test_a_worker_that_dies_is_a_reason_and_no_crash() -> None:
    subject = Subject("subject1", _Killer(), 60.0, 60.0, 1.7, "f")  # type: ignore[arg-type]
    trial, reason = build_in_own_process(subject, "walking1", BuildOptions())
    assert trial is None and "worker process died" in reason

"""tools/make_split.py as a user calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vidzoo.io.splits import Split

TOOL = Path(__file__).resolve().parents[2] / "tools" / "make_split.py"


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(TOOL), *map(str, arguments)], capture_output=True, text=True)


def test_writes_a_manifest_and_prints_its_table(tiny_data_file, tmp_path):
    out = tmp_path / "split.json"
    done = call(tiny_data_file, "--protocol", "block", "--gap", 5, "--out", out)
    assert done.returncode == 0, done.stderr
    split = Split.load(out)
    assert (split.protocol, split.settings) == ("block", {"test_share": 0.2, "gap": 5})
    assert split.hash in done.stdout
    assert done.stdout.splitlines()[-3].split() == ["all", "6", "162", "6", "48"]
    assert done.stderr == ""


def test_a_val_subset(tiny_data_file, tmp_path):
    out = tmp_path / "split.json"
    done = call(tiny_data_file, "--protocol", "block", "--gap", 5, "--val-share", 0.2, "--out", out)
    assert done.returncode == 0, done.stderr
    split = Split.load(out)
    assert {e.context for e in split.train} == {(0, 17)}
    assert {e.context for e in split.val} == {(22, 27)}
    assert {e.context for e in split.test} == {(32, 40)}
    assert "val: share 0.2, gap 5, whole trials [], last frames ['DJ', 'squats', 'walking']" in done.stdout


def test_warns_of_a_leak(tiny_data_file, tmp_path):
    done = call(tiny_data_file, "--protocol", "random_frame", "--out", tmp_path / "split.json")
    assert done.returncode == 0
    assert "warning: random_frame leaks" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--protocol", "loso", "--held-out", "subject1", "subject2"], "train subset of its 6 trials empty"),
        (["--protocol", "loao"], "which actions to hold out"),
        (["--protocol", "loso", "--held-out", "subject9"], "there is no subject 'subject9'"),
    ],
)
def test_a_mistake_costs_one_sentence_and_no_file(tiny_data_file, tmp_path, arguments, sentence):
    done = call(tiny_data_file, *arguments, "--out", tmp_path / "split.json")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_missing_vid_file(tmp_path):
    done = call(tmp_path / "missing.h5", "--protocol", "block", "--out", tmp_path / "split.json")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path / 'missing.h5'}: no such data file")

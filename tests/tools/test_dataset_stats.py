"""Table 6's form from the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py

TOOL = Path(__file__).resolve().parents[2] / "tools" / "dataset_stats.py"


def run(*arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, TOOL, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_table(tiny_data_file: Path) -> None:
    lines = run(tiny_data_file, "--verify").stdout.splitlines()
    assert lines[0].split() == ["trial", "subject1", "subject2", "total"]
    assert [line.split() for line in lines[2:6]] == [
        ["DJ1", "40", "40", "80"],
        ["squats1", "40", "40", "80"],
        ["walking1", "40", "40", "80"],
        ["total", "120", "120", "240"],
    ]
    assert lines[-1] == "240 frames in 6 trials, 0.0 min"


def test_json(tiny_data_file: Path) -> None:
    of_one = {"DJ1": 40, "squats1": 40, "walking1": 40}
    assert json.loads(run(tiny_data_file, "--json").stdout) == {"subject1": of_one, "subject2": of_one}


def test_wrong_files(tiny_data_file: Path, tmp_path: Path) -> None:
    for path, message in ((tmp_path / "none.h5", "no such data file"), (TOOL, "cannot be read as HDF5")):
        done = run(path)
        assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    changed = Path(shutil.copy(tiny_data_file, tmp_path / "changed.h5"))
    with h5py.File(changed, "r+") as file:
        file["subject1/DJ1/torques"][3, 4] += 1
    done = run(changed)
    assert done.returncode == 2 and "subject1/DJ1 was changed" in done.stderr and "Traceback" not in done.stderr

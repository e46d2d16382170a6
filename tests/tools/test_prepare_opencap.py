"""The builder from the command line: a table, exit status 2 and one sentence on a mistake, no half-written file."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vidzoo.io.data_file import DataFile

TOOL = Path(__file__).resolve().parents[2] / "tools" / "prepare_opencap.py"


def run(*arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, TOOL, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_builds_and_tells_what_was_left_out(opencap_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "vid.h5"
    done = run(opencap_root, "--out", out, "--image-size", "32", "--jobs", "2", "--box", "0,0,96,96")
    assert done.returncode == 0, done.stderr
    assert "2 trials built, 1 left out" in done.stdout
    assert "no action family belongs to this name" in done.stdout and "stated box" in done.stdout
    assert "3/3" in done.stderr
    assert DataFile(out).trial_keys() == [("subject1", "squats1"), ("subject1", "walking1")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("/no/such/folder",), "/no/such/folder: no such folder"),
        (("ROOT", "--subjects", "subject7"), "no subject 'subject7'"),
        (("ROOT", "--trials", "walking1", "--camera", "Cam9"), "no video of camera 'Cam9'"),
    ],
)
def test_mistakes_end_with_one_sentence_and_status_2(
    opencap_root: Path, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = run(*(opencap_root if a == "ROOT" else a for a in arguments), "--out", tmp_path / "vid.h5")
    assert done.returncode == 2
    assert sentence in done.stderr and "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert not list(tmp_path.iterdir())


def test_a_mass_of_zero(opencap_root: Path, tmp_path: Path) -> None:
    root = shutil.copytree(opencap_root, tmp_path / "release")
    (root / "subject1/sessionMetadata.yaml").write_text("mass_kg: 0\nheight_m: 1.7\n")
    done = run(root, "--out", tmp_path / "vid.h5")
    assert done.returncode == 2 and "mass_kg is 0, expected 10 to 400" in done.stderr
    assert not list(tmp_path.glob("*vid.h5*"))


@pytest.mark.parametrize("arguments", [("--box", "0,0,0,5"), ("--jobs", "0")])
def test_arguments_that_make_no_sense(tmp_path: Path, arguments: tuple[str, str]) -> None:
    done = run(tmp_path, "--out", tmp_path / "vid.h5", *arguments)
    assert done.returncode == 2 and arguments[0] in done.stderr

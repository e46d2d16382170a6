"""Nothing half written under the asked name, no temporary file left, and every refusal in one sentence."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from vidzoo.errors import DataError
from vidzoo.evaluation.results import write_results
from vidzoo.io.atomic import atomic_path, check_room
from vidzoo.io.data_file import DataFileWriter
from vidzoo.io.predictions import Predictions, write_predictions
from vidzoo.io.splits import Split
from vidzoo.io.storage import Storage, write_storage
from vidzoo.visualization.torque_curves import save_figure


def test_the_name_appears_when_all_is_there(tmp_path):
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path and not (tmp_path / "a.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(error), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise error
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_rename_that_fails_names_the_file_and_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match=r"/a: cannot be written \(Is a directory\)"), atomic_path(tmp_path / "a"):
        (tmp_path / "a").mkdir()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def _write_vid(path):
    with DataFileWriter(path, {}):
        raise AssertionError("the work has begun")


WRITERS = {
    "data file": _write_vid,
    "split": lambda path: Split("block", 0, "", {}, (), ()).save(path),
    "predictions": lambda path: write_predictions(
        path, Predictions(*(np.array([], str),) * 3, np.array([], int), np.zeros((0, 11), np.float32), "")
    ),
    "results": lambda path: write_results(path, {}),
    "figure": lambda path: save_figure(Figure(), path),
    "storage": lambda path: write_storage(path, Storage("", ("a",), np.arange(2.0), np.zeros((2, 1)))),
}


@pytest.mark.parametrize("what", WRITERS)
def test_every_writer_refuses_a_folder_a_missing_folder_and_an_unwritable_one(tmp_path, what):
    with pytest.raises(DataError, match="is a folder; name the file to write in it"):
        WRITERS[what](tmp_path)
    with pytest.raises(DataError, match="nowhere does not exist"):
        WRITERS[what](tmp_path / "nowhere" / "a")
    with pytest.raises(DataError, match=r"/proc/a: cannot be written \("):
        WRITERS[what]("/proc/a")  # nobody, root included, makes a file here
    assert not list(tmp_path.iterdir()) and not list(tmp_path.parent.glob(".*.tmp"))


def test_room_is_checked_and_nothing_changed(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    check_room(path, 1000)
    with pytest.raises(OSError):
        check_room(path, 1 << 62)
    assert path.read_bytes() == b"abc"


FULL_DISK = """
import sys
sys.path.insert(0, {tests!r})
from conftest import make_trial
from vidzoo.errors import run_tool
from vidzoo.io.data_file import DataFileWriter

def main():
    with DataFileWriter({path!r}, {{}}) as writer:
        for i in range(10):
            writer.add(make_trial("subject1", f"DJ{{i}}"))

run_tool(main)
"""


@pytest.mark.parametrize("kilobytes", [1, 700, 1000])
def test_a_vid_file_that_outgrows_its_disk_ends_in_one_sentence(tmp_path, kilobytes):
    def limit() -> None:  # stands for a full disk: a file may grow no further
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes << 10, kilobytes << 10))

    code = FULL_DISK.format(tests=str(Path(__file__).parents[1]), path=str(tmp_path / "vid.h5"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=limit)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "vid.h5: cannot be written (File too large)" in done.stderr
    assert not list(tmp_path.iterdir())

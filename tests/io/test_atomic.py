"""Nothing half written under the asked name, no temporary file left, and every refusal in one sentence."""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from matplotlib.figure import Figure

from vidzoo.errors import DataError
from vidzoo.evaluation.results import write_results
from vidzoo.io.atomic import atomic_path, check_output, check_room, remove_leftovers
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
from vidzoo.cli.run_tool import run_tool
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


# --- several writers -----------------------------------------------------------------------------------------------
def test_many_threads_write_one_name(tmp_path):
    contents = [bytes([number]) * 100_000 for number in range(8)]

    def write(content: bytes) -> None:
        for _ in range(5):
            with atomic_path(tmp_path / "a") as temporary, temporary.open("wb") as file:
                for start in range(0, len(content), 10_000):
                    file.write(content[start : start + 10_000])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, contents))
    assert (tmp_path / "a").read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_processes_of_equal_number_do_not_mix(tmp_path, monkeypatch):
    """Two containers on one folder: each may be process 7 of its own."""
    monkeypatch.setattr(os, "getpid", lambda: 7)
    with atomic_path(tmp_path / "a") as first, atomic_path(tmp_path / "a") as second:
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a").read_text() == "first"  # the outer block ends last


def test_a_name_can_be_kept_from_being_replaced(tmp_path, monkeypatch):
    def write(text: str) -> None:
        with atomic_path(tmp_path / "a", replace=False) as temporary:
            temporary.write_text(text)

    write("old")
    for _ in range(2):
        with pytest.raises(FileExistsError):
            write("new")
        no_links = OSError(errno.EPERM, "Operation not permitted")
        monkeypatch.setattr(os, "link", mock.Mock(side_effect=no_links))  # a disk without hard links
    (tmp_path / "a").unlink()
    write("new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["new"]


# --- what is there already -----------------------------------------------------------------------------------------
def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "a").write_text("old")
    for name, target in (("link", "disk/a"), ("chain", "link"), ("ahead", "disk/b")):
        (tmp_path / name).symlink_to(target)
        with atomic_path(tmp_path / name) as temporary:
            assert temporary.parent == disk
            temporary.write_text(name)
        assert (tmp_path / name).is_symlink() and (tmp_path / name).read_text() == name
    assert sorted(path.name for path in disk.iterdir()) == ["a", "b"]
    (tmp_path / "lost").symlink_to("nowhere/a")
    (tmp_path / "loop").symlink_to("loop")
    for name, reason in (
        ("lost", "the folder .*nowhere does not exist"),
        ("loop", "Too many levels of symbolic links"),
    ):
        with pytest.raises(DataError, match=reason), atomic_path(tmp_path / name):
            raise AssertionError("the work has begun")


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_permissions_are_those_of_the_older_file_or_of_any_new_one(tmp_path, umask):
    (tmp_path / "old").touch()
    before = os.umask(umask)
    try:
        for mode in (0o600, 0o664, 0o444):
            (tmp_path / "old").chmod(mode)
            with atomic_path(tmp_path / "old") as temporary:
                assert temporary.stat().st_mode & 0o077 == 0  # a private file is not shown while it is written
            assert (tmp_path / "old").stat().st_mode & 0o7777 == mode
        with atomic_path(tmp_path / "new"):
            pass
        (tmp_path / "plain").touch()
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_is_no_file_is_refused_and_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        Path("link").symlink_to("/dev/null")
        for name in map(Path, ("pipe", "socket", "link", "/dev/null")):
            before = name.stat()
            with pytest.raises(DataError, match=rf"{name}: is a device, a pipe or a socket"), atomic_path(name):
                raise AssertionError("the work has begun")
            assert os.path.samestat(before, name.stat())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe", "socket"]


def test_an_output_that_is_an_input_is_refused(tmp_path):
    data = tmp_path / "data.h5"
    data.write_text("labels")
    (tmp_path / "hard").hardlink_to(data)
    (tmp_path / "soft").symlink_to("data.h5")
    (tmp_path / "copy").write_text("labels")
    for output in (data, tmp_path / "hard", tmp_path / "soft", tmp_path / "." / "data.h5"):
        with pytest.raises(DataError, match=r"is also an input, which writing would destroy; name another output"):
            check_output(output, None, tmp_path / "nowhere", data)
    for output in (tmp_path / "copy", tmp_path / "new", tmp_path):
        check_output(output, None, tmp_path / "nowhere", data)


# --- what is left behind -------------------------------------------------------------------------------------------
def test_a_writer_removes_what_was_left_of_its_name_a_day_ago(tmp_path):
    stays = (".b.txt.0123456789abcdef.tmp", ".a.txt.notes.tmp", ".a.txt.x.0123456789abcdef.tmp", "a.txt.0123.tmp")
    goes = (".a.txt.0123456789abcdef.tmp", ".a.txt.4711.tmp")  # the latter as earlier versions named it
    for name in (*stays, *goes):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - 25 * 3600,) * 2)
    (tmp_path / ".a.txt.fedcba9876543210.tmp").touch()  # perhaps still being written
    with atomic_path(tmp_path / "a.txt"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {*stays, ".a.txt.fedcba9876543210.tmp", "a.txt"}


def test_only_leftovers_of_the_named_files_are_removed(tmp_path):
    own = (".epoch_3.pth.4711.tmp", ".epoch_12.pth.0123456789abcdef.tmp", ".last_checkpoint.12.tmp")
    others = (".predictions.npz.3.tmp", "epoch_2.pth", ".pth.tmp")
    for name in (*own, *others):
        (tmp_path / name).touch()
    removed = remove_leftovers(tmp_path, "*.pth", "last_checkpoint")
    assert {path.name for path in removed} == set(own)
    assert {path.name for path in tmp_path.iterdir()} == set(others)


def test_the_content_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    path = tmp_path / "file"
    seen = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (seen.append((path.exists(), os.fstat(fd).st_size)), real(fd)))
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"12345")
    assert seen[0] == (False, 5)
    assert seen[1][0]  # then the folder, with the new name in it


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_at_last_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, number):
    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "fsync", mock.Mock(side_effect=OSError(number, os.strerror(number))))
    with (
        pytest.raises(DataError, match=rf"a: cannot be written \({os.strerror(number)}\)"),
        atomic_path(tmp_path / "a"),
    ):
        pass
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


SIGTERM = """
import os, signal, sys, threading, time
from vidzoo.io.atomic import atomic_path

def write(path):
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        os.write(1, b"half\\n")
        while True:
            time.sleep(0.01)

{prepare}
write("a")
"""
OF_ITS_OWN = """
def leave(number, frame):
    sys.exit(7)

signal.signal(signal.SIGTERM, leave)
"""
IN_A_THREAD_TOO = "threading.Thread(target=write, args=['b'], daemon=True).start()"
WITH_A_CHILD = """
def with_child(path):
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
        ready, forked = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(forked, b".")
            time.sleep(60)
            os._exit(0)
        os.read(ready, 1)
        os.kill(child, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
        assert temporary.exists()
with_child("child")
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
"""


@pytest.mark.parametrize(
    ("prepare", "status", "left"),
    [
        ("", -signal.SIGTERM, {"a"}),
        (OF_ITS_OWN, 7, {"a"}),
        (IN_A_THREAD_TOO, -signal.SIGTERM, {"a"}),
        (WITH_A_CHILD, -signal.SIGTERM, {"a", "child"}),
    ],
    ids=["alone", "handler of its own", "thread", "child"],
)
def test_sigterm_leaves_the_old_file_and_nothing_else(tmp_path, prepare, status, left):
    (tmp_path / "a").write_text("old")
    code = SIGTERM.format(prepare=prepare)
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(2 if prepare == IN_A_THREAD_TOO else 1):
            assert process.stdout.readline() == "half\n"
        process.terminate()
        assert process.wait(60) == status
    assert {path.name for path in tmp_path.iterdir()} == left
    assert (tmp_path / "a").read_text() == "old"

import os

import pytest
from mmengine.fileio import get_file_backend

from vidzoo.engine import AtomicLocalBackend, write_atomically
from vidzoo.engine.atomic_backend import remove_leftovers


def test_mmengine_writes_through_it(tmp_path):
    backend = get_file_backend(tmp_path / "epoch_1.pth")
    assert isinstance(backend, AtomicLocalBackend)
    backend.put(b"\x00weights", tmp_path / "sub" / "epoch_1.pth")
    backend.put_text("Drehmoment τ", tmp_path / "note.txt")
    assert (tmp_path / "sub" / "epoch_1.pth").read_bytes() == b"\x00weights"
    assert (tmp_path / "note.txt").read_text(encoding="utf-8") == "Drehmoment τ"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "epoch_1.pth"
    write_atomically(b"old", path)

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(b"new", path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["epoch_1.pth"]


def test_the_content_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    path = tmp_path / "file"
    seen = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (seen.append((path.exists(), os.fstat(fd).st_size)), real(fd)))
    write_atomically(b"12345", path)
    assert seen[0] == (False, 5)
    assert seen[1][0]  # then the folder, with the new name in it


def test_only_ones_own_leftovers_are_removed(tmp_path):
    own = (".epoch_3.pth.4711.tmp", ".last_checkpoint.12.tmp")
    others = (".predictions.npz.3.tmp", "epoch_2.pth", ".pth.tmp")
    for name in (*own, *others):
        (tmp_path / name).touch()
    removed = remove_leftovers(tmp_path, ("*.pth", "last_checkpoint"))
    assert {path.name for path in removed} == set(own)
    assert {p.name for p in tmp_path.iterdir()} == set(others)

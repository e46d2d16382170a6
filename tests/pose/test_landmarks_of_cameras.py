"""``vidzoo landmarks``: a data file's cameras get landmarks, all or none of them, and once."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from vidzoo.anatomy import LANDMARKS
from vidzoo.cli.main import main
from vidzoo.io.data_file import DataFile, LandmarkStatus
from vidzoo.io.split_checks import check_split
from vidzoo.io.split_protocols import make_split
from vidzoo.pose import data_file as module


@pytest.fixture
def copied(drawn_file, tmp_path) -> Path:
    return Path(shutil.copy(drawn_file, tmp_path / "walk.h5"))


@pytest.fixture
def call(monkeypatch, capsys):
    def run(*words) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vidzoo", "landmarks", *map(str, words)])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return run


def test_landmarks_are_written_into_the_file(copied, call, drawn, tmp_path):
    before = DataFile(copied)
    split = make_split(before, "block", gap=5)
    hashed = before.content_hash
    status, printed, _ = call(copied, "--network", "lite", "--json", tmp_path / "found.json")
    assert status == 0
    assert "24 images, the person in 24 of them" in printed
    data = DataFile(copied)
    data.verify()
    check_split(split, data)
    assert data.content_hash == hashed
    track = data.trial("subject1", "walking2").landmarks("Cam0")
    assert (track.status == LandmarkStatus.FOUND).all()
    assert json.loads(track.settings) == {"rule": "largest", "box": None}
    errors = [track.pixels[:, LANDMARKS.index(name)] - at for name, at in drawn.pixels.items()]
    assert np.linalg.norm(errors, axis=-1).mean() < 6
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["images"], found["found"], found["kinds"], found["network"]) == (
        24,
        24,
        ["synthetic"],
        "blazepose_lite",
    )
    assert [row["trial"] for row in found["cameras"]] == ["walking1", "walking2"]
    assert found["cameras"][0] == {**found["cameras"][1], "trial": "walking1"}
    assert found["images_per_cpu_second"] > 1

    status, _, said = call(copied)
    assert status == 2
    assert "walk.h5: subject1/walking1/Cam0 has landmarks already, and so have 1 other cameras" in said
    assert "--replace" in said


def test_a_run_that_ends_early_leaves_the_file_as_it_was(copied, call, monkeypatch):
    before = copied.read_bytes()

    def broken(*arguments, **options):
        found = original(*arguments, **options)
        yield next(found)
        raise KeyboardInterrupt

    original = module.follow
    monkeypatch.setattr(module, "follow", broken)
    status, _, said = call(copied, "--network", "lite")
    assert (status, said.strip().splitlines()[-1]) == (130, "interrupted")
    assert copied.read_bytes() == before
    assert list(copied.parent.iterdir()) == [copied]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--camera", "Cam7"], "holds no camera Cam7"),
        (["--person", "box"], "person='box' needs a box"),
        (["--box", "0", "0", "0", "9", "--person", "box"], "the last two above 0"),
        (["--device", "abacus"], "device='abacus' cannot be used"),
    ],
)
def test_a_mistake_is_one_sentence(copied, call, words, said):
    status, _, printed = call(copied, *words)
    assert status == 2
    assert said in printed
    assert printed.strip().count("\n") == 0


def test_a_file_without_images_is_one_sentence(call, tmp_path, small_trial):
    from vidzoo.io.data_file import DataFileWriter

    with DataFileWriter(tmp_path / "motion.h5", {}) as writer:
        writer.add(small_trial("subject1", "DJ1", images=False))
    status, _, said = call(tmp_path / "motion.h5")
    assert status == 2
    assert "motion.h5: holds no images; build it with images" in said

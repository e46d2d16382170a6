"""What somebody has who installed the wheel: the command and the recipes, in a folder that holds nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = "markernet_perframe_subject4"


@pytest.fixture(scope="module")
def call(installed: Path, tmp_path_factory: pytest.TempPathFactory):
    """Return a function that runs a command in an empty folder, with the installed package; and that folder."""
    folder = tmp_path_factory.mktemp("empty")
    environment = os.environ | {"PYTHONPATH": str(installed), "CUDA_VISIBLE_DEVICES": ""}

    def run(*words: object, status: int = 0) -> subprocess.CompletedProcess[str]:
        program, *rest = map(str, words)
        path = installed / "bin/vidzoo" if program == "vidzoo" else ROOT / program
        done = subprocess.run(
            [sys.executable, path, *rest], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run, folder


def test_from_made_up_people_to_curves(call):
    run, folder = call
    assert "make-synthetic " in run("vidzoo", "--help").stdout
    assert "examples:\n  vidzoo train " in run("vidzoo", "train", "--help").stdout
    assert "examples:\n  python tools/train.py " in run("tools/train.py", "--help").stdout
    run(
        "vidzoo",
        "make-synthetic",
        "--out",
        "a.h5",
        "--subjects",
        2,
        "--trials-per-family",
        1,
        "--image-size",
        32,
        "--jobs",
        1,
    )
    run("tools/make_split.py", "a.h5", "--protocol", "trial", "--test-share", 0.3, "--out", "a.json")
    files = ("--data", "a.h5", "--split", "a.json")
    done = run("vidzoo", "train", RECIPE, *files, "--work-dir", "w", "--cfg-options", "train_cfg.max_epochs=1")
    assert "Saving checkpoint at 1 epochs" in done.stdout
    run("tools/test.py", RECIPE, "w", *files, "--work-dir", "t", "--out", "results/predictions.npz")
    results = json.loads((folder / "results/results.json").read_text())
    assert results["split"]["protocol"] == "trial" and results["overall"]["mPJE_mean"] > 0
    assert (
        "drawn to curves.pdf" in run("vidzoo", "plot", "results/predictions.npz", *files, "--out", "curves.pdf").stdout
    )
    assert (folder / "curves.pdf").read_bytes().startswith(b"%PDF")
    assert "| results " in run("vidzoo", "compare", "results/results.json").stdout

"""What somebody has who installed the wheel: the command and the recipes, in a folder that holds nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = "markernet_perframe"


@pytest.fixture
def call(installed: Path, tmp_path: Path):
    """Return a function that runs a command line in the test's empty folder, with the installed package."""
    environment = os.environ | {"PYTHONPATH": str(installed), "CUDA_VISIBLE_DEVICES": ""}

    def run(line: str) -> str:
        program, *words = line.split()
        path = installed / "bin/vidzoo" if program == "vidzoo" else ROOT / program
        done = subprocess.run(
            [sys.executable, path, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_from_synthetic_people_to_curves(call, tmp_path):
    assert "make-synthetic " in call("vidzoo --help")
    assert "examples:\n  vidzoo train " in call("vidzoo train --help")
    assert "examples:\n  python tools/train.py " in call("tools/train.py --help")
    call("vidzoo make-synthetic --out a.h5 --subjects 1 --trials-per-action 1 --image-size 32 --jobs 1")
    call("tools/make_split.py a.h5 --protocol block --out a.json")
    files = "--data a.h5 --split a.json"
    log = call(f"vidzoo train {RECIPE} {files} --work-dir w --cfg-options train_cfg.max_epochs=1")
    assert "Saving checkpoint at 1 epochs" in log
    call(f"tools/test.py {RECIPE} w {files} --work-dir t --out results/predictions.npz")
    results = json.loads((tmp_path / "results/results.json").read_text())
    assert results["split"]["protocol"] == "block" and results["overall"]["mPJE_mean"] > 0
    assert "drawn to curves.pdf" in call(f"vidzoo plot results/predictions.npz {files} --out curves.pdf")
    assert (tmp_path / "curves.pdf").read_bytes().startswith(b"%PDF")
    assert "| results " in call("vidzoo compare results/results.json")
    call(f"vidzoo test {RECIPE} pretrained {files} --work-dir t --out published")
    published = json.loads((tmp_path / "published/results.json").read_text())
    assert published["provenance"]["checkpoint"]["name"] == f"{RECIPE}.safetensors"
    assert published["overall"]["mPJE_mean"] > 0

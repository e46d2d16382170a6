"""tools/train.py, test.py and print_config.py as a user calls them."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / "tests/engine"


def run_process(name, *arguments):
    """Run a tool in a process of its own, with the toy task of tests/engine at hand."""
    return subprocess.run(
        [sys.executable, ROOT / "tools" / name, *(str(argument) for argument in arguments)],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{TOY}"},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def run_here(monkeypatch, capsys):
    """Run a tool in this process, which has imported everything already; return its status and what it printed."""
    monkeypatch.syspath_prepend(TOY)

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *(str(argument) for argument in arguments)])
        try:
            runpy.run_path(str(ROOT / "tools" / name), run_name="__main__")
            status = 0
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Write the toy config; return its path."""
    sys.path.insert(0, str(TOY))
    try:
        from toy_task import write_config
    finally:
        sys.path.remove(str(TOY))
    return write_config(tmp_path_factory.mktemp("toy"), epochs=1)


def test_train_resume_test(toy, tmp_path):
    work_dir = tmp_path / "w"
    run = run_process("train.py", toy, "--work-dir", work_dir)
    assert run.returncode == 0, run.stderr
    assert "eta:" in run.stdout + run.stderr
    run = run_process("train.py", toy, "--work-dir", work_dir, "--resume", "--cfg-options", "train_cfg.max_epochs=2")
    assert run.returncode == 0, run.stderr
    assert "resumed epoch: 1" in run.stdout + run.stderr
    assert "epoch 2 goes on with the config's: 2 epochs" in run.stdout + run.stderr
    assert (work_dir / "last_checkpoint").read_text() == str(work_dir / "epoch_2.pth")
    out = tmp_path / "out" / "predictions.npz"
    run = run_process("test.py", toy, work_dir, "--work-dir", work_dir, "--out", out)
    assert run.returncode == 0, run.stderr
    assert f"Load checkpoint from {work_dir / 'epoch_2.pth'}" in run.stdout + run.stderr
    assert "distinct: 13.0" in run.stdout + run.stderr
    assert (out.parent / "toy.json").is_file()


def test_print_config(toy, run_here):
    status, printed, _ = run_here("print_config.py", toy, "--cfg-options", "train_cfg.max_epochs=9", "model.width=16")
    assert status == 0
    config = {}
    exec(printed, config)  # what is printed is a config again
    assert config["train_cfg"]["max_epochs"] == 9
    assert config["model"] == {"type": "ToyEstimator", "width": 16}


def test_mistakes_end_with_one_sentence_and_status_2(toy, tmp_path, run_here):
    work_dir = tmp_path / "w"
    other = tmp_path / "other.pth"
    torch.save({"state_dict": torch.nn.Linear(2, 2).state_dict()}, other)
    misspelt = ("train.py", toy, "--work-dir", work_dir, "--cfg-options", "model.type=ToyEstimater")
    for command, parts in (
        (misspelt, ("'ToyEstimater' is not registered", "ToyEstimator")),
        (("train.py", toy, "--work-dir", work_dir, "--resume", tmp_path / "no.pth"), ("no.pth: no such checkpoint",)),
        (("test.py", toy, other, "--work-dir", work_dir), ("other.pth", "another model", "unknown")),
        (("print_config.py", toy.with_name("tyo.py")), ("no such config", "toy.py")),
    ):
        status, _, stderr = run_here(*command)
        assert status == 2, stderr
        last = stderr.strip().splitlines()[-1]
        assert last.startswith("error: ")
        assert "Traceback" not in stderr
        for part in parts:
            assert part in last
    assert not list(work_dir.glob("*.pth"))
    run = run_process(*misspelt)
    assert (run.returncode, run.stderr.count("error: "), "Traceback" in run.stderr) == (2, 1, False)


@pytest.mark.parametrize("tool", [("train.py",), ("test.py", "any.pth"), ("print_config.py",)])
@pytest.mark.parametrize(
    ("word", "said"), [("train_cfg.max_epochs", "expected KEY=VALUE"), ("=5", "KEY=VALUE"), ("a=[(1]", "Imbalanced")]
)
def test_an_option_that_is_none_is_one_sentence(toy, run_here, tool, word, said):
    name, *further = tool
    status, _, stderr = run_here(name, toy, *further, "--cfg-options", "train_cfg.val_interval=2", word, "5")
    last = stderr.strip().splitlines()[-1]
    assert (status, "Traceback" in stderr) == (2, False)
    assert f"error: --cfg-options {word}: " in last
    assert said in last


@pytest.mark.parametrize("name", ["train.py", "test.py", "print_config.py"])
def test_help_has_an_example(name, run_here):
    status, printed, _ = run_here(name, "--help")
    assert status == 0
    assert f"python tools/{name} configs/" in printed

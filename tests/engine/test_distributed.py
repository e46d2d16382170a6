"""Two processes over Gloo, started by the project's own scripts."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import torch
from toy_task import CLIPS, write_config

from vidzoo.engine import build_runner, cpu_ddp, launch
from vidzoo.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
HOOKS = 'custom_hooks = [dict(type="EpochSeedHook"), dict(type="FitStatisticsHook"), dict(type="SyncBuffersHook"), {}]'
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}:{Path(__file__).parent}", "PYTHON": sys.executable}


def run_script(*command, **environment):
    """Run one of tools/*.sh on the CPU."""
    return subprocess.run(
        ["bash", *(str(word) for word in command)],
        env=ENVIRONMENT | {"CUDA_VISIBLE_DEVICES": ""} | environment,
        capture_output=True,
        text=True,
    )


def assert_shared_out(work_dir, epochs):
    """Check that each clip went to one process an epoch, and that both ended with the same weights and buffers."""
    seen = [(work_dir / f"seen_{rank}.txt").read_text().splitlines() for rank in (0, 1)]
    expected = Counter({f"{epoch} {clip}": 1 for epoch in range(epochs) for clip in range(CLIPS)})
    assert Counter(seen[0] + seen[1]) == expected
    assert min(len(seen[0]), len(seen[1])) >= epochs * (CLIPS // 2 - 1)
    weights = [torch.load(work_dir / f"weights_{rank}.pt") for rank in (0, 1)]
    for name, value in weights[0].items():
        assert torch.equal(value, weights[1][name]), name


def test_every_clip_once_one_model_one_metric(tmp_path):
    config = write_config(tmp_path, epochs=2, extra=HOOKS.format('dict(type="WriteDownHook")'))
    run = run_script(ROOT / "tools/dist_train.sh", config, 2, "--work-dir", tmp_path / "w")
    assert run.returncode == 0, run.stderr
    assert_shared_out(tmp_path / "w", epochs=2)
    assert (tmp_path / "w/backend_0.txt").read_text() == "gloo"
    # The same checkpoint tested by two processes and by one.
    checkpoint = tmp_path / "w/epoch_2.pth"
    run = run_script(
        ROOT / "tools/dist_test.sh", config, checkpoint, 2, "--work-dir", tmp_path / "t", "--out", tmp_path
    )
    assert run.returncode == 0, run.stderr
    by_two = json.loads((tmp_path / "toy.json").read_text())
    run = run_script(
        ROOT / "tools/dist_test.sh", config, tmp_path / "w", 1, "--work-dir", tmp_path / "t", "--out", tmp_path
    )
    assert run.returncode == 0, run.stderr
    by_one = json.loads((tmp_path / "toy.json").read_text())
    assert [index for index, _ in by_two] == [index for index, _ in by_one] == list(range(CLIPS))
    torch.testing.assert_close([p for _, p in by_two], [p for _, p in by_one], rtol=1e-6, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_one_process_on_a_gpu(tmp_path):
    """The wrapper, the collection of results and the checkpoints, over NCCL."""
    config = write_config(tmp_path, epochs=2, extra=HOOKS.format('dict(type="WriteDownHook")'))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    run = run_script(
        ROOT / "tools/dist_train.sh", config, 1, "--amp", "--work-dir", tmp_path / "w", CUDA_VISIBLE_DEVICES=visible
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "w/backend_0.txt").read_text() == "nccl"
    seen = (tmp_path / "w/seen_0.txt").read_text().splitlines()
    assert Counter(seen) == Counter(f"{epoch} {clip}" for epoch in range(2) for clip in range(CLIPS))
    assert all(value.is_cuda for value in torch.load(tmp_path / "w/weights_0.pt").values())
    run = run_script(
        ROOT / "tools/dist_test.sh", config, tmp_path / "w", 1, "--work-dir", tmp_path / "t", "--out", tmp_path,
        CUDA_VISIBLE_DEVICES=visible,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert [index for index, _ in json.loads((tmp_path / "toy.json").read_text())] == list(range(CLIPS))


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_all_processes_without_a_page(tmp_path, name):
    config = write_config(tmp_path, epochs=100_000, extra=HOOKS.format('dict(type="WriteDownHook")'))
    command = ["bash", ROOT / "tools/dist_train.sh", config, "1", "--work-dir", tmp_path / "w"]
    run = subprocess.Popen(
        command, env=ENVIRONMENT | {"CUDA_VISIBLE_DEVICES": ""}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 90
    while not (tmp_path / "w/seen_0.txt").is_file() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    run.send_signal(signal.Signals[name])
    _, stderr = run.communicate(timeout=60)
    assert run.returncode == 128 + signal.Signals[name]
    assert stderr.rstrip().endswith(f"ended by {name}")
    assert "Traceback" not in stderr


@pytest.mark.parametrize("has_environment", [True, False])
def test_which_python_a_script_takes(tmp_path, has_environment):
    """The project's own .venv, else the PATH's python3: a machine need not have a 'python'."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    shutil.copy(ROOT / "tools/dist_train.sh", tmp_path / "tools")
    pythons = [tmp_path / "bin/python3", *([tmp_path / ".venv/bin/python"] if has_environment else [])]
    for path in pythons:
        path.write_text(f'#!/bin/sh\necho {path.relative_to(tmp_path)} "$@"\n')
        path.chmod(0o755)
    for name in ("bash", "dirname", "sh"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    run = subprocess.run(
        [tmp_path / "bin/bash", tmp_path / "tools/dist_train.sh", "config.py", "2"],
        env={"PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
    )
    expected = ".venv/bin/python" if has_environment else "bin/python3"
    assert run.stdout.split()[0] == expected, run.stderr
    assert run.stdout.split()[1:] == [str(tmp_path / "tools/train.py"), "config.py", "--gpus", "2"]


@pytest.mark.parametrize("ranks", [(0, 1), (1,)])
def test_a_mistake_is_told_once(tmp_path, ranks):
    config = write_config(tmp_path, epochs=1, extra=HOOKS.format(f'dict(type="FailOnRankHook", ranks={ranks})'))
    run = run_script(ROOT / "tools/dist_train.sh", config, 2, "--work-dir", tmp_path / "w")
    assert run.returncode == 2
    assert run.stderr.count("error: ") == 1
    assert f"error: clip of rank {ranks[0]} is broken." in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("script", ["dist_train.sh", "dist_test.sh", "slurm_train.sh"])
def test_a_script_without_its_arguments(script):
    run = run_script(ROOT / "tools" / script, "any.py")
    assert (run.returncode, run.stderr.startswith("error: expected")) == (2, True)


@pytest.mark.parametrize("number", ["two", "0", "²"])
def test_wrong_numbers_of_processes(number):
    run = run_script(ROOT / "tools/dist_train.sh", "any.py", number)
    assert run.returncode == 2
    assert run.stderr.endswith(f"error: argument --gpus: '{number}': expected a whole number, 1 or more\n")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"GPUS": "abc"}, "GPUS=abc, expected a whole number"),
        ({"GPUS": "0"}, "GPUS=0, expected a whole number"),
        ({"GPUS": "12"}, "GPUS=12 cannot be shared out over nodes of 8"),
        ({"GPUS": "4", "GPUS_PER_NODE": "a[$(id)]"}, "GPUS_PER_NODE=a[$(id)], expected a whole number"),
        ({"CPUS_PER_TASK": "-1"}, "CPUS_PER_TASK=-1, expected a whole number"),
    ],
)
def test_wrong_numbers_for_slurm(settings, said):
    run = run_script(ROOT / "tools/slurm_train.sh", "gpu", "toy", "any.py", **settings)
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert f"error: {said}" in run.stderr


SRUN = """#!/usr/bin/env bash
# Start the tasks that the real one would: two processes with Slurm's variables.
echo "$@" > "$LOG"
while [[ $1 == --* ]]; do [[ $1 == --ntasks=* ]] && n=${1#--ntasks=}; shift; done
export SLURM_NTASKS=$n SLURM_NODELIST=node SLURM_JOB_ID=$$
for ((i = 0; i < n; i++)); do SLURM_PROCID=$i SLURM_LOCALID=$i "$@" & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid" || status=$?; done
exit "${status:-0}"
"""


def test_slurm(tmp_path):
    tools = {"srun": SRUN, "scontrol": '#!/bin/sh\n[ "$*" = "show hostnames node" ] && echo 127.0.0.1\n'}
    for name, text in tools.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    config = write_config(tmp_path, epochs=1, extra=HOOKS.format('dict(type="WriteDownHook")'))
    run = run_script(
        ROOT / "tools/slurm_train.sh", "gpu", "toy", config, "--work-dir", tmp_path / "w",
        PATH=f"{tmp_path}:{os.environ['PATH']}", GPUS="2", CPUS_PER_TASK="1", LOG=str(tmp_path / "srun.log"),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert_shared_out(tmp_path / "w", epochs=1)
    assert "--partition=gpu --job-name=toy --gres=gpu:2 --ntasks=2" in (tmp_path / "srun.log").read_text()


def test_not_started_by_a_launcher(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    for launcher in ("pytorch", "slurm"):
        with pytest.raises(ConfigError, match=f"--launcher {launcher}.* has not started this process"):
            cpu_ddp.init_processes(launcher)


@pytest.mark.parametrize(
    ("rank", "processes", "said"),
    [
        ("abc", "2", "variable RANK is 'abc', expected a whole number"),
        ("0", "²", "variable WORLD_SIZE is '²', expected a whole number"),
        ("0", "", "variable WORLD_SIZE is '', expected a whole number"),
        ("2", "2", "RANK is 2, expected less than WORLD_SIZE, 2"),
    ],
)
def test_an_environment_that_no_launcher_made(monkeypatch, rank, processes, said):
    for name, value in (("RANK", rank), ("WORLD_SIZE", processes), ("LOCAL_RANK", "0")):
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=said):
        cpu_ddp.init_processes("pytorch")
    if not processes.isdecimal():
        with pytest.raises(ConfigError, match=said):
            build_runner("any.py")


def test_more_processes_than_gpus(monkeypatch):
    for name, value in (("RANK", "2"), ("WORLD_SIZE", "3"), ("LOCAL_RANK", "2")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match="process 3 of this machine has no GPU: there are 2"):
        cpu_ddp.init_processes("pytorch")


def test_cores_are_shared_out(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(12)), raising=False)
    started = []
    monkeypatch.setattr(launch.torchrun, "run", started.append)
    launch.launch(4, ["train", "config.py"])
    assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("3", "7")
    assert (started[0].nproc_per_node, started[0].module, started[0].training_script) == ("4", True, "vidzoo.cli")
    assert started[0].training_script_args == ["train", "config.py", "--launcher", "pytorch"]
    assert started[0].standalone  # a port of its own

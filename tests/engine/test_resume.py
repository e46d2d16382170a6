"""A training that is killed and resumed ends with the very same bits as one that was left alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from toy_task import write_config

HERE = Path(__file__).parent
AVERAGED = 'custom_hooks = [dict(type="EpochSeedHook"), dict(type="FitStatisticsHook"), dict(type="EMAHook")]'


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and looks up open files in /proc")
@pytest.mark.parametrize(("workers", "extra"), [(0, ""), (2, AVERAGED)])
def test_killed_at_every_moment_and_resumed(tmp_path, workers, extra):
    config = write_config(tmp_path, epochs=9, workers=workers, extra=extra)
    run = subprocess.run(
        [sys.executable, HERE / "kill_and_resume.py", config, "--kills", "6", "--work-dir", tmp_path / "runs"],
        env=os.environ | {"PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "the same to the last bit: state_dict" in run.stdout
    assert ("ema_state_dict" in run.stdout) == bool(extra)
    assert run.stdout.count("status -9") == 6

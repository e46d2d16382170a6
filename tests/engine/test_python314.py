"""Python 3.14 has no ``pkgutil.find_loader``; MMEngine's calls of it work through our runner all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from toy_task import write_config

WITHOUT = """
import pkgutil, sys
vars(pkgutil).pop("find_loader", None)
import torch
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from vidzoo.engine import test, train

config, folder = sys.argv[1:]
train(config, work_dir=folder)                 # wraps the model, builds an optimizer with paramwise_cfg
train(config, work_dir=folder, resume=True, cfg_options={"train_cfg.max_epochs": 2})
test(config, folder, work_dir=folder)
assert not hasattr(pkgutil, "find_loader"), "the standard library was changed"
model = torch.nn.Linear(2, 2)
paramwise = dict(optimizer=dict(type="SGD", lr=0.1), paramwise_cfg=dict(bias_lr_mult=2.0))
for call in (lambda: revert_sync_batchnorm(model), lambda: build_optim_wrapper(model, paramwise)):
    try:
        call()
    except AttributeError as error:
        assert "find_loader" in str(error)
    else:
        raise SystemExit("MMEngine no longer calls find_loader: remove vidzoo/engine/python314.py")
"""


def test_training_without_find_loader(tmp_path: Path):
    config = write_config(tmp_path, epochs=1, extra="optim_wrapper = dict(paramwise_cfg=dict(bias_lr_mult=2.0))")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, config, tmp_path / "w"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "w/epoch_2.pth").is_file()

"""From a config to a training or a test: MMEngine's runner, with a user's mistakes answered in one sentence."""

from __future__ import annotations

import difflib
import inspect
import os
import re
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mmengine
import torch
from mmengine.config import Config
from mmengine.dist import is_distributed
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from vidzoo.engine.checkpoint import RESUME_KEYS, check_fit, find_checkpoint, read_checkpoint
from vidzoo.engine.cpu_ddp import init_processes
from vidzoo.errors import CheckpointError, ConfigError, VidZooError
from vidzoo.registry import METRICS

_FURTHER_KEYS = (
    "activation_checkpointing",
    "compile",
    "custom_imports",
    "efficient_conv_bn_eval",
    "find_unused_parameters",
    "model_wrapper_cfg",
    "sync_bn",
)
"""Top-level keys that MMEngine's runner reads beside its constructor's arguments."""


class VIDRunner(Runner):
    """MMEngine's runner: also several processes on a CPU, and no checkpoint that fits only in part."""

    optim_wrapper: Any
    param_schedulers: Any

    def setup_env(self, env_cfg: dict[str, Any]) -> None:
        """Join the other processes, with or without GPUs, then do as MMEngine does."""
        if self.distributed and not is_distributed():
            init_processes(self.launcher, **env_cfg.get("dist_cfg", {}))
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """Wrap for several processes; without a GPU, in the wrapper that needs none."""
        if self.distributed and model_wrapper_cfg is None and not torch.cuda.is_available():
            model_wrapper_cfg = {
                "type": "vidzoo.CPUDistributedDataParallel",
                "broadcast_buffers": False,
                "find_unused_parameters": self.cfg.get("find_unused_parameters", False),
            }
        return super().wrap_model(model_wrapper_cfg, model)

    def load_checkpoint(self, filename: str, map_location: Any = "cpu", **kwargs: Any) -> dict[str, Any]:
        """Load all weights of a checkpoint, or none.

        Raises:
            CheckpointError: it cannot be read, is another model's, or lacks what a resume needs.
        """
        model = self.model.module if is_model_wrapper(self.model) else self.model
        checkpoint = read_checkpoint(filename)
        check_fit(model, checkpoint["state_dict"], filename)
        absent = [key for key in RESUME_KEYS if key not in checkpoint]
        if self._resume and absent:
            raise CheckpointError(
                f"{filename}: has no {', '.join(absent)}, so that no training can go on from it; to start a new one "
                "from its weights, leave --resume out and give --cfg-options load_from=FILE."
            )
        self._check_split(checkpoint.get("meta", {}).get("dataset_meta"), filename)
        del checkpoint
        return super().load_checkpoint(filename, map_location=map_location, **kwargs)

    def _check_split(self, trained_on: dict[str, Any] | None, filename: str) -> None:
        """Note what a checkpoint was trained on, and go on with a training on nothing else."""
        before = (trained_on or {}).get("split_hash")
        self.message_hub.update_info("trained_on", {k: str(v) for k, v in (trained_on or {}).items()})
        if not self._resume:
            return
        now = getattr(self.train_dataloader.dataset, "metainfo", {}).get("split_hash")
        if before != now:
            raise CheckpointError(
                f"{filename}: was trained on the split {str(before)[:12]}, but the config now names another, "
                f"{str(now)[:12]}; put that split back, or begin anew in another --work-dir."
            )

    def build_training(self) -> None:
        """Build, in the order of ``train``, what it would build: a config's mistake shows before any work."""
        loop = self.train_loop
        self.optim_wrapper = self.build_optim_wrapper(self.optim_wrapper)
        if self.param_schedulers is not None and not (self.auto_scale_lr or {}).get("enable"):
            self.param_schedulers = self.build_param_scheduler(self.param_schedulers)
        datasets = {"train_dataloader": loop.dataloader.dataset}
        if self.val_loop is not None:
            datasets["val_dataloader"] = self.val_loop.dataloader.dataset
        self._check_requires(datasets)

    def build_testing(self) -> None:
        """Build what ``test`` would build."""
        self._check_requires({"test_dataloader": self.test_loop.dataloader.dataset})

    def _check_requires(self, datasets: dict[str, Any]) -> None:
        model = self.model.module if is_model_wrapper(self.model) else self.model
        for name, dataset in datasets.items():
            absent = set(getattr(model, "requires", ())) - set(getattr(dataset, "requires", model.requires))
            if absent:
                raise ConfigError(
                    f"{name}.dataset.requires: {type(model).__name__} also needs {', '.join(sorted(absent))}; "
                    f"write requires={sorted(model.requires)}."
                )


@contextmanager
def _config_mistakes(path: str | Path) -> Iterator[None]:
    """Turn MMEngine's refusals of a config into one sentence; an error of a component itself stays as it is."""
    try:
        yield
    except VidZooError:
        raise
    except (AssertionError, AttributeError, ImportError, KeyError, OSError, TypeError, ValueError) as error:
        # A wrong name, a wrong argument, a missing section: raised by the builder, before any component's own code.
        raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
        refusers = (mmengine, torch.optim, torch.utils.data)
        if not any(Path(package.__path__[0]) in raised_in.parents for package in refusers):
            raise
        message = str(error.args[0]) if error.args else type(error).__name__
        raise ConfigError(f"{path}: {' '.join(message.split())}") from error


def load_config(path: str | Path, options: dict[str, Any] | None = None) -> Config:
    """Read a config and override some of its keys.

    Args:
        path: the file.
        options: dotted key -> value, as ``--cfg-options`` gives them.

    Raises:
        ConfigError: there is no such file, it is no valid config, or an option names a key that nothing reads.
    """
    path = Path(path)
    if not path.is_file():
        near = difflib.get_close_matches(path.stem, [p.stem for p in path.parent.glob("*.py")], n=3)
        hint = f"; did you mean {', '.join(str(path.with_name(n + '.py')) for n in near)}?" if near else "."
        raise ConfigError(f"{path}: no such config{hint}")
    try:
        config = Config.fromfile(str(path))
    except Exception as error:  # a config is a program of its author's
        place = ""
        if isinstance(error, SyntaxError) and error.lineno:
            place = f", line {error.lineno}"
        raise ConfigError(f"{path}{place}: {type(error).__name__}: {' '.join(str(error).split())}") from error
    known = {*config, *inspect.signature(Runner).parameters, *_FURTHER_KEYS}
    for key in options or {}:
        top = key.split(".")[0]
        if top not in known:
            near = difflib.get_close_matches(top, known, n=3)
            raise ConfigError(f"--cfg-options {key}: the config has no '{top}'; did you mean {', '.join(near) or '?'}?")
    try:
        config.merge_from_dict(options or {})
    except (AssertionError, IndexError, KeyError, TypeError) as error:
        raise ConfigError(f"--cfg-options: {' '.join(str(error.args[0]).split())}") from error
    return config


def _use_mixed_precision(config: Config) -> None:
    wrapper = config.get("optim_wrapper", {})
    if wrapper.get("type", "OptimWrapper") != "OptimWrapper":
        return  # the config has a choice of its own
    if torch.cuda.is_available():
        wrapper.update(type="AmpOptimWrapper", dtype="float16", loss_scale="dynamic")
    else:
        wrapper.update(type="CPUAmpOptimWrapper")


def build_runner(
    config: str | Path,
    *,
    work_dir: str | Path | None = None,
    resume: bool | str | Path = False,
    amp: bool = False,
    load_from: str | Path | None = None,
    cfg_options: dict[str, Any] | None = None,
    launcher: str = "none",
) -> VIDRunner:
    """Build the runner of a config.

    Args:
        config: the config's path.
        work_dir: where logs and checkpoints go; the config's own, or ``work_dirs/<config's name>``.
        resume: True goes on from the newest checkpoint in ``work_dir``, or begins where there is none yet; a path
            goes on from that checkpoint.
        amp: mixed precision: float16 with loss scaling on a GPU, bfloat16 on a CPU.
        load_from: a checkpoint whose weights to start from.
        cfg_options: dotted key -> value.
        launcher: ``none``, ``pytorch`` (torchrun) or ``slurm``.

    Raises:
        ConfigError: the config cannot be built.
        CheckpointError: there is nothing to resume from where something is promised.
    """
    if launcher == "none" and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError("several processes were started, but --launcher is none; use tools/dist_train.sh.")
    cfg = load_config(config, cfg_options)
    if work_dir is not None:
        cfg.work_dir = str(work_dir)
    cfg.setdefault("work_dir", str(Path("work_dirs") / Path(config).stem))
    cfg.launcher = launcher
    if load_from is not None:
        cfg.load_from = str(load_from)
    if amp:
        _use_mixed_precision(cfg)
    begins = False
    resume = resume or cfg.get("resume", False)
    cfg.resume = bool(resume)
    if resume:
        checkpoint = find_checkpoint(cfg.work_dir) if resume is True else Path(resume)
        begins = cfg.resume = checkpoint is not None
        if checkpoint is not None:
            cfg.load_from = str(checkpoint)
    with _config_mistakes(config):
        if "model" not in cfg:
            raise ConfigError(f"{config}: has no 'model', so there is nothing to run.")
        runner = VIDRunner.from_cfg(cfg)
    if resume and not begins:
        print_log(f"No checkpoint in {cfg.work_dir} yet: beginning.", logger="current")
    return runner


def train(config: str | Path, **options: Any) -> VIDRunner:
    """Train by a config; arguments are those of ``build_runner``.

    Raises:
        ConfigError: the config cannot be built.
        CheckpointError: the checkpoint to go on from cannot be read or is another model's.
    """
    runner = build_runner(config, **options)
    with _config_mistakes(config):
        if runner.train_loop is None:
            raise ConfigError(f"{config}: has no train_dataloader, train_cfg and optim_wrapper to train by.")
        runner.build_training()
    with _processes(runner):
        runner.train()
    return runner


def test(
    config: str | Path, checkpoint: str | Path, *, out: str | Path | None = None, **options: Any
) -> dict[str, float]:
    """Test a checkpoint by a config and return the metrics.

    Args:
        config: the config's path.
        checkpoint: ``.pth`` or ``.safetensors``.
        out: the folder that gets ``predictions.npz`` and ``results.json``, or the path of ``predictions.npz`` in it.
        **options: as ``build_runner``'s.

    Raises:
        ConfigError: the config cannot be built.
        CheckpointError: the checkpoint cannot be read or is another model's.
    """
    if out is not None:
        cfg_options = options.get("cfg_options") or {}
        options["cfg_options"] = cfg_options | _out_options(load_config(config, cfg_options), Path(out))
    runner = build_runner(config, load_from=checkpoint, **options)
    with _config_mistakes(config):
        if runner.test_loop is None:
            raise ConfigError(f"{config}: has no test_dataloader, test_cfg and test_evaluator to test by.")
        runner.build_testing()
    with _processes(runner):
        return runner.test()


def _out_options(config: Config, out: Path) -> dict[str, str]:
    """Name the evaluator's key that takes the output folder."""
    if out.suffix == ".npz":
        if out.name != "predictions.npz":
            raise ConfigError(f"--out {out}: the file is always called predictions.npz; name another folder for it.")
        out = out.parent
    evaluator = config.get("test_evaluator")
    metrics = {"test_evaluator": evaluator}
    if isinstance(evaluator, list):
        metrics = {f"test_evaluator.{i}": metric for i, metric in enumerate(evaluator)}
    keys = [
        f"{key}.out_dir"
        for key, metric in metrics.items()
        if metric and "out_dir" in inspect.signature(METRICS.get(metric["type"])).parameters
    ]
    if not keys:
        raise ConfigError(f"--out {out}: the config has no test_evaluator that writes predictions: TorqueBenchmark.")
    return {key: str(out) for key in keys}


@contextmanager
def _processes(runner: VIDRunner) -> Iterator[None]:
    """Leave the other processes in an orderly way; where one of them failed, let its sentence be the only one."""
    try:
        yield
    except VidZooError as error:
        # PyTorch puts a worker's traceback into the message of what the worker raised.
        sentence = re.search(r"Original Traceback.*\n[\w.]+: (.+)", str(error), re.DOTALL)
        if sentence is None:
            raise
        raise type(error)(sentence[1].strip()) from error
    except RuntimeError as error:
        if not runner.distributed or "peer" not in str(error):
            raise
        time.sleep(10)  # the launcher ends this process meanwhile
        raise
    if is_distributed():
        torch.distributed.destroy_process_group()

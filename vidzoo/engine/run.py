"""Train and test by a config."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_distributed
from mmengine.logging import print_log

from vidzoo.engine.checkpoint import find_checkpoint
from vidzoo.engine.config import config_mistakes, load_config
from vidzoo.engine.cpu_ddp import environment_number
from vidzoo.engine.runner import VIDRunner
from vidzoo.engine.validation import checkpoint_to_test
from vidzoo.errors import ConfigError, DataError, VidZooError
from vidzoo.io.atomic import check_folder, check_output
from vidzoo.registry import METRICS


@contextmanager
def _out_of_memory() -> Iterator[None]:
    """Turn a lack of memory into one sentence."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "DefaultCPUAllocator" not in str(error):
            raise
        raise VidZooError(
            "out of memory: take a smaller batch_size or fewer predictions of the data loader's clips, as in "
            "--cfg-options train_dataloader.batch_size=8 train_dataloader.dataset.predictions=8 (test_dataloader in a "
            "test), or train with --amp."
        ) from error


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
            goes on from that checkpoint. Where the config's schedule is another one than the checkpoint's (more
            epochs, another batch size), it is entered where the finished epochs end.
        amp: mixed precision: float16 with loss scaling on a GPU, bfloat16 on a CPU.
        load_from: a checkpoint whose weights to start from.
        cfg_options: dotted key -> value.
        launcher: ``none``, ``pytorch`` (torchrun) or ``slurm``.

    Raises:
        ConfigError: the config cannot be built.
        CheckpointError: there is nothing to resume from where something is promised.
    """
    if launcher == "none" and environment_number("WORLD_SIZE", 1) > 1:
        raise ConfigError("several processes were started, but --launcher is none; use --gpus N or --launcher pytorch.")
    cfg = load_config(config, cfg_options)
    if work_dir is not None:
        cfg.work_dir = str(work_dir)
    cfg.setdefault("work_dir", str(Path("work_dirs") / Path(config).stem))
    try:
        check_folder(cfg.work_dir)
    except DataError as error:
        raise ConfigError(f"--work-dir {error}") from None
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
    with config_mistakes(config):
        if "model" not in cfg:
            raise ConfigError(f"{config}: has no 'model', so there is nothing to run.")
        runner = VIDRunner.from_cfg(cfg)
    if resume and not begins:
        print_log(f"No checkpoint in {cfg.work_dir} yet: beginning.", logger="current")
    return runner


@_out_of_memory()
def train(config: str | Path, **options: Any) -> VIDRunner:
    """Train by a config; arguments are those of ``build_runner``.

    Raises:
        ConfigError: the config cannot be built.
        CheckpointError: the checkpoint to go on from cannot be read or is another model's.
        VidZooError: out of memory.
    """
    runner = build_runner(config, **options)
    with config_mistakes(config):
        if runner.train_loop is None:
            raise ConfigError(f"{config}: has no train_dataloader, train_cfg and optim_wrapper to train by.")
        runner.build_training()
    with _processes(runner):
        runner.train()
    return runner


@_out_of_memory()
def test(
    config: str | Path, checkpoint: str | Path, *, out: str | Path | None = None, **options: Any
) -> dict[str, float]:
    """Test a checkpoint by a config and return the metrics.

    Args:
        config: the config's path.
        checkpoint: ``.pth`` or ``.safetensors``, or a training's work dir: its best one in validation is tested, or its
            newest where there was no validation.
        out: the folder that gets ``predictions.npz`` and ``results.json``, or the path of ``predictions.npz`` in it.
        **options: as ``build_runner``'s.

    Raises:
        ConfigError: the config cannot be built.
        CheckpointError: the checkpoint cannot be read or is another model's.
        VidZooError: out of memory.
    """
    if Path(checkpoint).is_dir():
        checkpoint = checkpoint_to_test(checkpoint)
    if out is not None:
        for name in ("predictions.npz", "results.json"):
            check_output((Path(out).parent if Path(out).suffix == ".npz" else Path(out)) / name, checkpoint, config)
        cfg_options = options.get("cfg_options") or {}
        options["cfg_options"] = cfg_options | _out_options(load_config(config, cfg_options), Path(out))
    runner = build_runner(config, load_from=checkpoint, **options)
    with config_mistakes(config):
        if runner.test_loop is None:
            raise ConfigError(f"{config}: has no test_dataloader, test_cfg and test_evaluator to test by.")
        runner.build_testing()
    with _processes(runner):
        return runner.test()


def _use_mixed_precision(config: Config) -> None:
    wrapper = config.get("optim_wrapper", {})
    if wrapper.get("type", "OptimWrapper") != "OptimWrapper":
        return  # the config has a choice of its own
    if torch.cuda.is_available():
        wrapper.update(type="AmpOptimWrapper", dtype="float16", loss_scale="dynamic")
    else:
        wrapper.update(type="CPUAmpOptimWrapper")


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
        # Rank 0 keeps the store that the others need until they are done: all wait for each other before they leave.
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()

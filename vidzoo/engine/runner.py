"""From a config to a training or a test: MMEngine's runner, with a user's mistakes answered in one sentence."""

from __future__ import annotations

import difflib
import inspect
import re
import sys
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any

import mmengine
import torch
from mmengine.config import Config
from mmengine.dist import is_distributed, master_only
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmengine.utils import import_modules_from_strings
from torch import nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from vidzoo.engine.checkpoint import RESUME_KEYS, check_fit, find_checkpoint, read_checkpoint
from vidzoo.engine.cpu_ddp import environment_number, init_processes
from vidzoo.engine.python314 import find_loader_provided
from vidzoo.engine.stage1 import load_stage1
from vidzoo.engine.validation import checkpoint_to_test, use_val_subset
from vidzoo.errors import CheckpointError, ConfigError, VidZooError
from vidzoo.io.atomic import atomic_path
from vidzoo.registry import METRICS

_FURTHER_KEYS = (
    "activation_checkpointing",
    "compile",
    "custom_imports",
    "efficient_conv_bn_eval",
    "find_unused_parameters",
    "model_wrapper_cfg",
    "stage1",
    "sync_bn",
)
"""Top-level keys that MMEngine and the runner below read beside MMEngine's runner's arguments."""

_FILES = ("data_file", "split")
"""Top-level keys that :func:`load_config` hands on to data sets and metrics."""

_PROGRESS = {"_global_step", "_last_value", "best", "cooldown_counter", "last_step", "num_bad_epochs"}
"""What of a scheduler's state tells how far it is; the rest is what the config asks of it."""


class VIDRunner(Runner):
    """MMEngine's runner: also several processes on a CPU, and no checkpoint that fits only in part.

    Where the config says ``stage1 = 'CHECKPOINT or work dir'``, a training begins with that pose network's weights in
    the image part; a resumed one has its own already and does not read it.
    """

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
        with find_loader_provided():
            return super().wrap_model(model_wrapper_cfg, model)

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """Build the optimizers as MMEngine does."""
        with find_loader_provided():
            return super().build_optim_wrapper(optim_wrapper)

    def _init_model_weights(self) -> None:
        """Initialise the weights, the image part's by stage 1 where there was one.

        Raises:
            CheckpointError: stage 1's checkpoint cannot be read or does not fit.
        """
        stage1 = self.cfg.get("stage1")
        if stage1 and not self.cfg.get("resume"):
            model = self.model.module if is_model_wrapper(self.model) else self.model
            load_stage1(model, stage1, getattr(self.train_dataloader.dataset, "split", None))
        super()._init_model_weights()

    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Save a checkpoint so that it has its name when it is whole and on the disk; arguments are MMEngine's."""
        Path(out_dir).mkdir(parents=True, exist_ok=True)
        with atomic_path(Path(out_dir) / filename) as temporary:
            super().save_checkpoint(str(temporary.parent), temporary.name, *args, **kwargs)

    def load_checkpoint(self, filename: str, map_location: Any = "cpu") -> dict[str, Any]:  # type: ignore[override]
        """Load all weights of a checkpoint, or none; run no code in it.

        Raises:
            CheckpointError: it cannot be read, is another model's, or lacks what a resume needs.
        """
        model = self.model.module if is_model_wrapper(self.model) else self.model
        checkpoint = read_checkpoint(filename, map_location)
        check_fit(model, checkpoint["state_dict"], filename)
        meta = checkpoint.get("meta")
        meta = meta if isinstance(meta, dict) else {}
        absent = [key for key in RESUME_KEYS if key not in checkpoint]
        absent += [f"meta.{key}" for key in ("epoch", "iter") if "meta" not in absent and key not in meta]
        if self.cfg.get("resume") and absent:
            raise CheckpointError(
                f"{filename}: has no {', '.join(absent)}, so that no training can go on from it; to start a new one "
                "from its weights, leave --resume out and give --cfg-options load_from=FILE."
            )
        trained_on = meta.get("dataset_meta")
        self._check_split(trained_on if isinstance(trained_on, dict) else {}, filename)
        if self._train_loop is None or isinstance(self._train_loop, dict):  # a test: its results are the checkpoint's
            for key in ("epoch", "seed"):
                value = meta.get(key)
                self.message_hub.update_info(key, int(value) if isinstance(value, Integral) else None)
        self.call_hook("after_load_checkpoint", checkpoint=checkpoint)
        consume_prefix_in_state_dict_if_present(checkpoint["state_dict"], "module.")
        model.load_state_dict(checkpoint["state_dict"], strict=False)  # it may lack batch norm's counters
        self.logger.info(f"Load checkpoint from {filename}")
        return checkpoint

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Go on from a checkpoint, on the schedule that the config has now.

        Raises:
            CheckpointError: that schedule is another one and cannot be entered in its middle.
        """
        self.optim_wrapper = self.build_optim_wrapper(self.optim_wrapper)
        if self.param_schedulers is not None:
            self.param_schedulers = self.build_param_scheduler(self.param_schedulers)
        now = [dict(scheduler.state_dict()) for scheduler in self._schedulers()]
        super().resume(filename, *args, **kwargs)
        before = [scheduler.state_dict() for scheduler in self._schedulers()]
        asked, had = ([{k: v for k, v in s.items() if k not in _PROGRESS} for s in states] for states in (now, before))
        if asked != had or (self.epoch and any(state["_global_step"] == 0 for state in before)):
            self._enter_schedule(now, filename)

    def _schedulers(self) -> list[Any]:
        built = self.param_schedulers or []
        return [s for part in built.values() for s in part] if isinstance(built, dict) else built

    def _enter_schedule(self, states: list[dict[str, Any]], filename: str) -> None:
        """Put fresh schedulers where they would be, had all epochs so far been trained on them."""
        schedulers, loop = self._schedulers(), self.train_loop
        if not isinstance(loop, EpochBasedTrainLoop) or any(hasattr(s, "need_val_args") for s in schedulers):
            raise CheckpointError(
                f"{filename}: was trained on another schedule (max_epochs, batch_size, processes, optimizer or "
                f"param_scheduler), and this one cannot be entered in its middle; put the old one back."
            )
        for scheduler, state in zip(schedulers, states):
            scheduler.__dict__ = {"optimizer": scheduler.optimizer, **state, "_global_step": -1, "last_step": -1}
            for group, value in zip(scheduler.optimizer.param_groups, scheduler.base_values):
                group[f"initial_{scheduler.param_name}"] = group[scheduler.param_name] = value
        steps = len(loop.dataloader)
        with warnings.catch_warnings():  # steps without the optimiser's
            warnings.simplefilter("ignore")
            for scheduler in schedulers:
                scheduler.step()
            for step in range(1, loop.epoch * steps + 1):
                for scheduler in schedulers:
                    if not scheduler.by_epoch or step % steps == 0:
                        scheduler.step()
        loop._iter = loop.epoch * steps
        print_log(
            f"{filename} was trained on another schedule; epoch {loop.epoch + 1} goes on with the config's: "
            f"{self.max_epochs} epochs of {steps} steps.",
            logger="current",
        )

    def _check_split(self, trained_on: dict[str, Any], filename: str) -> None:
        """Note what a checkpoint was trained on, and go on with a training on nothing else."""
        before = trained_on.get("split_hash")
        self.message_hub.update_info("trained_on", {k: str(v) for k, v in trained_on.items()})
        if not self.cfg.get("resume"):
            return
        now = getattr(self.train_dataloader.dataset, "metainfo", {}).get("split_hash")
        if before != now:
            raise CheckpointError(
                f"{filename}: was trained on the split {str(before)[:12]}, but the config now names another, "
                f"{str(now)[:12]}; put that split back, or begin again in another --work-dir."
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
        requires = set(getattr(model, "requires", ()))
        for name, dataset in datasets.items():
            absent = requires - set(getattr(dataset, "requires", requires))
            if absent:
                raise ConfigError(
                    f"{name}.dataset.requires: {type(model).__name__} also needs {', '.join(sorted(absent))}; "
                    f"write requires={sorted(requires)}."
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


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the dicts in a part of a config, from the outside to the inside."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _dicts(item)


def _hand_on_files(config: Config, path: Path, asked: Iterable[str]) -> None:
    """Give ``data_file`` and ``split`` to data sets and metrics where theirs is None, or to all if ``asked`` for."""
    for holder in _file_holders(config):
        for name in _FILES:
            if name in holder and (name in asked or (holder[name] is None and name in config)):
                holder[name] = config[name]
        lacking = [name for name in _FILES if name in holder and holder[name] is None]
        if lacking and holder.keys() >= set(_FILES):
            raise ConfigError(
                f"{path}: {holder.get('type')} has no {' and no '.join(lacking)}; write {lacking[0]} = '...' at the "
                f"config's top, or give --cfg-options {lacking[0]}=..."
            )


def _file_holders(config: Config) -> list[dict[str, Any]]:
    parts = []
    for subset in ("train", "val", "test"):
        loader = config.get(f"{subset}_dataloader")
        parts += [loader.get("dataset") if isinstance(loader, dict) else None, config.get(f"{subset}_evaluator")]
    return [found for found in _dicts(parts) if set(_FILES) & found.keys()]


def load_config(path: str | Path, options: dict[str, Any] | None = None) -> Config:
    """Read a config and override some of its keys.

    ``data_file`` and ``split`` at the config's top, or in ``options``, are those of every data set and metric that has
    such a key: the top's where the key is None, those in ``options`` everywhere. Where the split has a ``val`` subset,
    a training validates on it, see :func:`vidzoo.engine.validation.use_val_subset`.

    Packages in the current folder can be imported by the config.

    Args:
        path: the file.
        options: dotted key -> value, as ``--cfg-options`` gives them.

    Raises:
        ConfigError: there is no such file, it is no valid config, it names no data file or split where one is needed,
            or an option names a key that nothing reads.
    """
    path = Path(path)
    if not path.is_file():
        near = difflib.get_close_matches(path.stem, [p.stem for p in path.parent.glob("*.py")], n=3)
        hint = f"; did you mean {', '.join(str(path.with_name(n + '.py')) for n in near)}?" if near else "."
        raise ConfigError(f"{path}: no such config{hint}")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        config = Config.fromfile(str(path))
    except Exception as error:  # a config is a program of its author's
        place = ""
        if isinstance(error, SyntaxError) and error.lineno:
            place = f", line {error.lineno}"
        raise ConfigError(f"{path}{place}: {type(error).__name__}: {' '.join(str(error).split())}") from error
    options = options or {}
    handed_on = {name for holder in _file_holders(config) for name in _FILES if name in holder}
    known = {*inspect.signature(Runner).parameters, *_FURTHER_KEYS, *handed_on}
    for key in options:
        top = key.split(".")[0]
        if top not in known and top in config:
            raise ConfigError(
                f"--cfg-options {key}: '{top}' is a name that the config's own lines use, and they have been read "
                f"already; override the keys that they set."
            )
        if top not in known:
            near = difflib.get_close_matches(top, known, n=3)
            raise ConfigError(f"--cfg-options {key}: the config has no '{top}'; did you mean {', '.join(near) or '?'}?")
    asked = {name: value for name, value in options.items() if name in _FILES}
    try:
        config.merge_from_dict(asked)
        _hand_on_files(config, path, asked)
        config.merge_from_dict({key: value for key, value in options.items() if key not in asked})
        if any(key.startswith("custom_imports") for key in options):
            import_modules_from_strings(**config.custom_imports)
    except (AssertionError, ImportError, IndexError, KeyError, TypeError) as error:
        raise ConfigError(f"--cfg-options: {' '.join(str(error.args[0]).split())}") from error
    use_val_subset(config)
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
    for folder in (Path(cfg.work_dir), *Path(cfg.work_dir).absolute().parents):
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"--work-dir {cfg.work_dir}: {folder} is a file; name a folder.")
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


@_out_of_memory()
def train(config: str | Path, **options: Any) -> VIDRunner:
    """Train by a config; arguments are those of ``build_runner``.

    Raises:
        ConfigError: the config cannot be built.
        CheckpointError: the checkpoint to go on from cannot be read or is another model's.
        VidZooError: out of memory.
    """
    runner = build_runner(config, **options)
    with _config_mistakes(config):
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
        # Rank 0 keeps the store that the others need until they are done: nobody leaves before all have arrived.
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()

"""MMEngine's runner, with one task for model, data, metrics and checkpoints."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import is_distributed, master_only
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from vidzoo.engine.checkpoint import RESUME_KEYS, check_fit, read_checkpoint
from vidzoo.engine.contract import FIELDS, check_checkpoint, check_offer, hand_on, task_of, unwrapped
from vidzoo.engine.cpu_ddp import init_processes
from vidzoo.engine.features import check_features
from vidzoo.engine.python314 import find_loader_provided
from vidzoo.engine.schedule import enter_schedule, has_not_begun, is_another, schedulers_of
from vidzoo.engine.stage1 import load_stage1
from vidzoo.engine.weights import add_left_out
from vidzoo.errors import CheckpointError
from vidzoo.io.atomic import atomic_path

_PARTS = ("train_dataloader", "val_dataloader", "test_dataloader", "val_evaluator", "test_evaluator")
"""Arguments whose data sets and metrics get the model's task."""


_MAX_PROGRESS = {"epoch": 10**6, "iter": 10**9}
"""More finished epochs or steps than these are a mistake, and walking a schedule through them would not end."""


class VIDRunner(Runner):
    """MMEngine's runner: also several processes on a CPU, and no checkpoint that fits only in part.

    The model's ``task`` (:class:`vidzoo.task.TaskSpec`) is handed to every data set and metric whose config does not
    say otherwise, saved in checkpoints and compared with that of every checkpoint that is read.

    Where the config says ``stage1 = 'CHECKPOINT or work dir'``, a training begins with that pose network's weights in
    the image part; a resumed one has its own already and does not read it.

    Args:
        **arguments: MMEngine's, by name.

    Raises:
        ConfigError: a data set or a metric contradicts the model.
    """

    optim_wrapper: Any
    param_schedulers: Any

    def __init__(self, **arguments: Any) -> None:
        self._is_testing = self._is_resuming = False
        self._parts = {name: arguments[name] for name in _PARTS if arguments.get(name) is not None}
        super().__init__(**arguments)

    def build_model(self, model: Any) -> nn.Module:
        """Build the model, and hand its task to the configs of data sets and metrics, which are built later."""
        built = super().build_model(model)
        for name, part in self._parts.items():
            hand_on(built, part, name)
        return built

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

    # --- before a training or a test ---------------------------------------------------------------------------------
    def build_training(self) -> None:
        """Build, in the order of ``train``, what it would build: a config's mistake shows before any work.

        Raises:
            ConfigError: a data set contradicts the model or the training data set.
        """
        loop = self.train_loop
        self.optim_wrapper = self.build_optim_wrapper(self.optim_wrapper)
        if self.param_schedulers is not None and not (self.auto_scale_lr or {}).get("enable"):
            self.param_schedulers = self.build_param_scheduler(self.param_schedulers)
        self._meet("train_dataloader.dataset", loop.dataloader.dataset)
        if self.val_loop is not None:
            self._meet("val_dataloader.dataset", self.val_loop.dataloader.dataset)

    def build_testing(self) -> None:
        """Build what ``test`` would build.

        Raises:
            ConfigError: the data set contradicts the model.
        """
        self._meet("test_dataloader.dataset", self.test_loop.dataloader.dataset)

    def _meet(self, place: str, dataset: Any) -> None:
        """Compare a data set with the model, which learns here how many frames per second the data have."""
        offered, task = getattr(dataset, "task", None), task_of(self.model)
        if offered is None or task is None:
            return
        check_offer(self.model, offered, place)
        check_features(unwrapped(self.model), dataset, place)
        unwrapped(self.model).rate_hz = offered.rate_hz
        self.message_hub.update_info("task", replace(task, rate_hz=offered.rate_hz).to_dict())

    # --- training and testing ----------------------------------------------------------------------------------------
    def train(self) -> nn.Module:
        """Train; the image part begins with the weights of stage 1 where the config names them.

        Raises:
            CheckpointError: stage 1's checkpoint, or the one to go on from, cannot be read or does not fit.
        """
        stage1 = self.cfg.get("stage1")
        if not self.cfg.get("resume"):
            self._check_start(stage1, self.cfg.get("load_from"))
        if stage1 and not self.cfg.get("resume"):
            load_stage1(unwrapped(self.model), stage1, getattr(self.train_dataloader.dataset, "splits", ()))
        return super().train()

    def _check_start(self, *starts: Any) -> None:
        """Check that no checkpoint that a training begins with lies where its own ones will be written."""
        for start in filter(None, starts):
            path = Path(start).expanduser()
            folder = path if path.is_dir() else path.parent
            its_own = path.is_dir() or path.name.startswith(("epoch_", "best_"))
            if its_own and folder.exists() and folder.resolve() == Path(self.work_dir).resolve():
                raise CheckpointError(
                    f"{start}: lies in the work dir {self.work_dir}, where this training's checkpoints would be "
                    f"written over it; name another --work-dir."
                )

    def test(self) -> dict[str, float]:
        """Test and return the metrics.

        Raises:
            CheckpointError: the checkpoint cannot be read or does not fit.
        """
        self._is_testing = True
        return super().test()

    # --- checkpoints -------------------------------------------------------------------------------------------------
    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, meta: Any = None, **kwargs: Any) -> None:
        """Save a checkpoint, with the model's task in its ``meta``; arguments are MMEngine's.

        It has its name when it is whole and on the disk.
        """
        task = task_of(self.model)
        meta = dict(meta or {}) | ({} if task is None else {"task": task.to_dict()})
        Path(out_dir).mkdir(parents=True, exist_ok=True)
        with atomic_path(Path(out_dir) / filename) as temporary:
            super().save_checkpoint(str(temporary.parent), temporary.name, *args, meta=meta, **kwargs)

    def load_checkpoint(self, filename: str, map_location: Any = "cpu") -> dict[str, Any]:  # type: ignore[override]
        """Load all weights of a checkpoint, or none; run no code in it.

        Raises:
            CheckpointError: it cannot be read, is of another model or task, or lacks what a resume needs.
        """
        model = unwrapped(self.model)
        checkpoint = read_checkpoint(filename, map_location)
        add_left_out(model, checkpoint)
        check_fit(model, checkpoint["state_dict"], filename)
        meta = checkpoint.get("meta")
        meta = meta if isinstance(meta, dict) else {}
        if self._is_resuming:
            self._check_resumable(checkpoint, meta, filename)
        # A training that only begins with these weights may be at another rate.
        goes_on = self._is_testing or self._is_resuming
        check_checkpoint(model, checkpoint, filename, [n for n in FIELDS if goes_on or n != "rate_hz"])
        trained_on = meta.get("dataset_meta")
        trained_on = trained_on if isinstance(trained_on, dict) else {}
        self.message_hub.update_info("trained_on", {k: str(v) for k, v in trained_on.items()})
        if self._is_testing:  # its results are the checkpoint's
            for key in ("epoch", "seed"):
                value = meta.get(key)
                self.message_hub.update_info(key, int(value) if isinstance(value, Integral) else None)
        self.call_hook("after_load_checkpoint", checkpoint=checkpoint)
        consume_prefix_in_state_dict_if_present(checkpoint["state_dict"], "module.")
        model.load_state_dict(checkpoint["state_dict"], strict=False)  # it may lack batch norm's counters
        self.logger.info(f"Load checkpoint from {filename}")
        return checkpoint

    def _check_resumable(self, checkpoint: dict[str, Any], meta: dict[str, Any], filename: str) -> None:
        """Check that a checkpoint holds what a training needs to go on, and that it goes on with the same frames."""
        absent = [key for key in RESUME_KEYS if key not in checkpoint]
        absent += [f"meta.{key}" for key in ("epoch", "iter") if "meta" not in absent and key not in meta]
        if absent:
            raise CheckpointError(
                f"{filename}: has no {', '.join(absent)}, so that no training can go on from it; to start a new one "
                "from its weights, leave --resume out and give --cfg-options load_from=FILE."
            )
        for key in ("epoch", "iter"):
            if not (isinstance(meta[key], Integral) and 0 <= meta[key] < _MAX_PROGRESS[key]):
                raise CheckpointError(f"{filename}: its meta.{key} is {meta[key]!r:.100}; take another copy.")
        trained_on = meta.get("dataset_meta")
        before = trained_on.get("split_hash") if isinstance(trained_on, dict) else None
        now = getattr(self.train_dataloader.dataset, "metainfo", {}).get("split_hash")
        if before != now:
            raise CheckpointError(
                f"{filename}: was trained on the split {str(before)[:12]}, but the config now names another, "
                f"{str(now)[:12]}; put that split back, or start again in another --work-dir."
            )

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Go on from a checkpoint, on the schedule that the config has now.

        Raises:
            CheckpointError: that schedule is another one and cannot be entered in its middle.
        """
        self._is_resuming = True
        self.optim_wrapper = self.build_optim_wrapper(self.optim_wrapper)
        if self.param_schedulers is not None:
            self.param_schedulers = self.build_param_scheduler(self.param_schedulers)
        now = [dict(scheduler.state_dict()) for scheduler in schedulers_of(self.param_schedulers)]
        try:
            super().resume(filename, *args, **kwargs)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{filename}: no training can go on from it ({type(error).__name__}: {str(error)[:200]}); it is "
                f"damaged or of another optimizer. Take another copy, or start from its weights: "
                f"--cfg-options load_from=FILE."
            ) from error
        schedulers = schedulers_of(self.param_schedulers)
        before = [scheduler.state_dict() for scheduler in schedulers]
        if is_another(now, before) or (self.epoch and has_not_begun(before)):
            enter_schedule(self.train_loop, schedulers, now, filename)

"""Checkpoints that a crash cannot cost."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from vidzoo.engine.atomic_backend import remove_leftovers, write_atomically
from vidzoo.registry import HOOKS


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """Save, then point ``last_checkpoint`` at what was saved, then remove what is outdated.

    MMEngine removes the old checkpoint first and writes ``last_checkpoint`` in place, so that a kill between leaves
    fewer checkpoints than promised or a pointer to nothing. Arguments are those of MMEngine's CheckpointHook.
    """

    keep_ckpt_ids: deque[int]

    def before_train(self, runner: Runner) -> None:
        """Prepare the folder; remove what a killed training was writing."""
        super().before_train(runner)
        if is_main_process():
            remove_leftovers(str(self.out_dir), ("*.pth",))
            remove_leftovers(runner.work_dir, ("last_checkpoint",))

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        outdated: list[int] = []
        if self.max_keep_ckpts > 0:
            kept = [*(other for other in self.keep_ckpt_ids if other != step), step]
            outdated, kept = kept[: -self.max_keep_ckpts], kept[-self.max_keep_ckpts :]
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts)
            runner.message_hub.update_info("keep_ckpt_ids", kept)
        path = Path(str(self.out_dir)) / self.filename_tmpl.format(step)
        self.last_ckpt = str(path)
        runner.message_hub.update_info("last_ckpt", self.last_ckpt)
        runner.save_checkpoint(
            str(path.parent),
            path.name,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            write_atomically(self.last_ckpt.encode(), Path(runner.work_dir) / "last_checkpoint")
            for other in outdated:
                path.with_name(self.filename_tmpl.format(other)).unlink(missing_ok=True)

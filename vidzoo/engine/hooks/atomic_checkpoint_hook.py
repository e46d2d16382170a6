"""Checkpoints that are not lost where the training is killed while it saves."""

from __future__ import annotations

import hashlib
import io
from collections import deque
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from vidzoo.engine.checkpoint import read_checkpoint
from vidzoo.io.atomic import atomic_path, remove_leftovers
from vidzoo.registry import HOOKS


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """Save, then point ``last_checkpoint`` at what was saved, then remove what is outdated.

    MMEngine removes the old checkpoint first, the best one too, and writes ``last_checkpoint`` in place, so that a kill
    between leaves fewer checkpoints than promised or a pointer to nothing. Arguments are those of MMEngine's
    CheckpointHook.
    """

    keep_ckpt_ids: deque[int]

    def before_train(self, runner: Runner) -> None:
        """Prepare the folder; remove what a killed training was writing or about to remove."""
        super().before_train(runner)
        if not is_main_process():
            return
        folder = Path(str(self.out_dir))
        remove_leftovers(folder, "*.pth")
        remove_leftovers(runner.work_dir, "last_checkpoint")
        resumed = runner.cfg.get("resume") and runner.cfg.get("load_from")
        if resumed and Path(resumed).resolve().parent == folder.resolve():  # what it says of its folder is of this one
            for step in runner.message_hub.get_info("outdated_ckpt_ids", []):
                (folder / self.filename_tmpl.format(step)).unlink(missing_ok=True)
            self._remove_old_best(folder)

    def after_train(self, runner: Runner) -> None:
        """Write the last and the best checkpoint again with ``published_keys`` alone, named after the content's hash.

        Raises:
            CheckpointError: one of them cannot be read.
        """
        if self.published_keys is None or not is_main_process():
            return
        last = self.last_ckpt if self.save_last else None
        for path in [Path(name) for name in (last, *self._best().values()) if name]:
            content = {k: v for k, v in read_checkpoint(path).items() if k in self.published_keys}
            buffer = io.BytesIO()
            torch.save(content, buffer)
            digest = hashlib.sha256(buffer.getvalue()).hexdigest()
            with atomic_path(path.with_name(f"{path.stem}-{digest[:8]}.pth")) as published:
                published.write_bytes(buffer.getvalue())

    def _best(self) -> dict[str, str | None]:
        """Return the path of the best checkpoint, or None, by the name of what it is best in."""
        if not self.save_best:
            return {}
        if len(self.key_indicators) == 1:
            return {self.key_indicators[0]: self.best_ckpt_path}
        return dict(self.best_ckpt_path_dict)

    def _remove_old_best(self, folder: Path) -> None:
        for key, best in self._best().items():
            pattern = f"best_{key}_{self.filename_tmpl.format('*')}".replace("/", "_")
            for path in folder.glob(pattern):
                if best is not None and path.name != Path(best).name:
                    path.unlink(missing_ok=True)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, Any]) -> None:
        before = self._best()
        # MMEngine removes what it is told of here before it writes anything.
        if before and len(self.key_indicators) == 1:
            self.best_ckpt_path = None
        elif before:
            self.best_ckpt_path_dict = dict.fromkeys(before)
        super()._save_best_checkpoint(runner, metrics)
        if before and len(self.key_indicators) == 1:
            self.best_ckpt_path = self.best_ckpt_path or next(iter(before.values()))
        elif before:
            self.best_ckpt_path_dict = {key: self.best_ckpt_path_dict[key] or path for key, path in before.items()}
        if is_main_process():
            after = {path for path in self._best().values() if path}
            for path in {path for path in before.values() if path} - after:
                Path(path).unlink(missing_ok=True)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        outdated: list[int] = []
        if self.max_keep_ckpts > 0:
            kept = [*(other for other in self.keep_ckpt_ids if other != step), step]
            outdated, kept = kept[: -self.max_keep_ckpts], kept[-self.max_keep_ckpts :]
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts)
            runner.message_hub.update_info("keep_ckpt_ids", kept)
            runner.message_hub.update_info("outdated_ckpt_ids", outdated)
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
            with atomic_path(Path(runner.work_dir) / "last_checkpoint") as pointer:
                pointer.write_text(self.last_ckpt)
            for other in outdated:
                path.with_name(self.filename_tmpl.format(other)).unlink(missing_ok=True)

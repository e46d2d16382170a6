"""The validation that an interruption may have cost."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from vidzoo.registry import HOOKS


@HOOKS.register_module()
class ValidateOnResumeHook(Hook):
    """Validate the epoch that a training goes on from, before it goes on.

    An epoch's checkpoint is written before the epoch is validated; what that would have found, the best checkpoint
    among it, is not in it. So a resumed training chooses the same best epoch as one that was left alone.
    """

    priority = "LOWEST"  # behind the checkpoint hook, which looks up the best one so far

    def before_train(self, runner: Runner) -> None:
        """Validate, if the last epoch was to be."""
        loop = runner.train_loop
        if runner.val_loop is None or not isinstance(loop, EpochBasedTrainLoop):
            return
        is_due = loop.epoch % loop.val_interval == 0 or loop.epoch == loop.max_epochs
        if is_due and loop.epoch >= max(loop.val_begin, 1):
            runner.val_loop.run()

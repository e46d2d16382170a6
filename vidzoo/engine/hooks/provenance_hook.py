"""What a result file says of the model: what it sees, how large it is, how fast."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from vidzoo.registry import HOOKS


@HOOKS.register_module()
class ProvenanceHook(Hook):
    """Let a test's results say the model's inputs, its number of parameters and the seconds per 1,000 predictions.

    The time is that of the network on loaded batches, this process' alone; the first batch, which warms things up,
    counts only where there is no other.
    """

    def before_test_epoch(self, runner: Runner) -> None:
        """Look at the model and forget earlier tests."""
        self._seconds, self._predictions = 0.0, 0
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        runner.message_hub.update_info("inputs", list(getattr(model, "requires", ())))
        runner.message_hub.update_info("parameters", sum(p.numel() for p in model.parameters()))
        runner.message_hub.update_info("seconds_per_1000_predictions", None)

    def before_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Start the clock."""
        self._start = time.perf_counter()

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Stop the clock; by now the metric has copied the predictions off the device."""
        seconds = time.perf_counter() - self._start
        predictions = sum(int((s.frame_indices >= 0).sum()) for s in outputs or () if "frame_indices" in s)
        if batch_idx <= 1:
            self._seconds, self._predictions = 0.0, 0
        self._seconds += seconds
        self._predictions += predictions
        if self._predictions:
            speed = 1000 * self._seconds / self._predictions
            runner.message_hub.update_info("seconds_per_1000_predictions", round(speed, 4))

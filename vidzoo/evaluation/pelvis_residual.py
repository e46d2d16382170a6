"""What a model with rigid-body dynamics leaves unexplained, as an MMEngine plug-in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from vidzoo.errors import DataError
from vidzoo.registry import METRICS


@METRICS.register_module()
class PelvisResidual(BaseMetric):
    """Log the mean magnitude of the pelvis residual, force ``residual_N`` and moment ``residual_Nm``.

    Averages ``pred_residual`` over all predicted frames, each counted once. It needs no labels: inverse dynamics that
    leave a large residual disagree with the motion, whatever the torques look like.

    Args:
        collect_device: how processes hand in their clips, see :class:`TorqueBenchmark`.
        prefix: put before every logged name.

    Raises:
        DataError: the model predicts no ``pred_residual``, as :class:`DinoHybrid` does.
    """

    default_prefix = ""

    def __init__(self, collect_device: str = "gpu", prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep each clip's residuals, padding left out."""
        for sample in data_samples:
            if "pred_residual" not in sample:
                raise DataError("PelvisResidual: the model gives no 'pred_residual'; DinoHybrid does.")
            frames = np.asarray(sample["frame_indices"])
            residual = sample["pred_residual"].detach().float().cpu().numpy()[frames >= 0]
            clip = (sample["subject"], sample["trial"], sample.get("camera") or "", frames.tobytes())
            self.results.append((clip, residual))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Average over all processes' clips; a clip that two of them have seen counts once."""
        force, moment = np.concatenate(list(dict(results).values())).mean(axis=0)
        return {"residual_N": float(force), "residual_Nm": float(moment)}

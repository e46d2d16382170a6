from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from vidzoo.errors import DataError
from vidzoo.registry import METRICS
from vidzoo.structures import TorqueSample


def clip(frames: list[int], residual: list[tuple[float, float]] | None) -> TorqueSample:
    sample = TorqueSample(
        metainfo={"subject": "s", "trial": "DJ1", "camera": "", "frame_indices": np.array(frames, dtype=np.int64)}
    )
    if residual is not None:
        sample.pred_residual = torch.tensor(residual)
    return sample


def test_every_frame_counts_once_and_padding_not_at_all():
    evaluator = Evaluator([METRICS.build({"type": "PelvisResidual"})])
    first = clip([0, 1], [(1.0, 10.0), (2.0, 20.0)])
    evaluator.process([first, clip([2, -1], [(6.0, 0.0), (99.0, 99.0)])])
    evaluator.process([first])  # as MMEngine's samplers fill up a round
    assert evaluator.evaluate(3) == {"residual_N": pytest.approx(3.0), "residual_Nm": pytest.approx(10.0)}


def test_a_model_without_a_residual_is_named():
    evaluator = Evaluator([METRICS.build({"type": "PelvisResidual"})])
    with pytest.raises(DataError, match="gives no 'pred_residual'; DinoHybrid does"):
        evaluator.process([clip([0], None)])

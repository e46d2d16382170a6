"""The mean over the labels that can be trusted."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from torch import Tensor


def masked_mean(values: Tensor, valid: Tensor, across_processes: bool) -> Tensor:
    """Return the mean of ``values`` where ``valid``, in float32; 0, with a gradient of 0, where nothing is.

    Args:
        values: of any shape, finite where valid.
        valid: bool, of the same shape.
        across_processes: divide by the processes' mean number of valid entries, so that the mean of their results and
            gradients is that of the whole batch.
    """
    count = valid.sum(dtype=torch.float32)
    if across_processes:
        all_reduce(count, "mean")
    return torch.where(valid, values, 0.0).sum() / torch.where(count > 0, count, 1.0)

"""Mixed precision on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from vidzoo.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Run the forward pass in bfloat16 on the CPU; MMEngine's AmpOptimWrapper refuses to be built there.

    bfloat16 has float32's range, so that no loss scaling is needed.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast inside MMEngine's own context (gradient accumulation)."""
        with super().optim_context(model), torch.autocast("cpu", dtype=torch.bfloat16):
            yield

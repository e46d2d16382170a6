"""From a collated batch to what an estimator takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor

from vidzoo.errors import ConfigError
from vidzoo.registry import MODELS


@MODELS.register_module()
class ClipPreprocessor(BaseDataPreprocessor):
    """Move a batch to the model's device and normalise its ``frames``, uint8 [B, L, 3, H, W] to float32.

    Args:
        mean: per channel R, G, B, in 0 to 255; ImageNet's by default.
        std: as ``mean``.

    Raises:
        ConfigError: ``frames`` is not uint8.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32)[:, None, None], persistent=False)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return ``data`` (``inputs``, ``data_samples``) on the device, images normalised."""
        data = dict(self.cast_data(data))  # type: ignore[call-overload]
        frames = data["inputs"].get("frames")
        if frames is not None:
            if frames.dtype != torch.uint8:
                raise ConfigError(
                    f"ClipPreprocessor: inputs['frames'] is {frames.dtype}, expected torch.uint8 as read; "
                    f"leave normalisation to the data preprocessor."
                )
            data["inputs"] = {**data["inputs"], "frames": (frames - self.mean) / self.std}
        return data

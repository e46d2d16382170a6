"""Conversion between torques or markers in SI units and the standardised values that a network predicts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.errors import CheckpointError, ConfigError
from vidzoo.registry import MODELS
from vidzoo.task import TaskSpec

CONSTANT = 1e-6
"""A standard deviation below it (N·m/kg or m) is no variation: such a target is centred and left unscaled."""


class Standardizer(nn.Module):
    """Subtract a mean and divide by a standard deviation, both kept in the state dict.

    Args:
        shape: of the mean and of the standard deviation; the trailing dimensions of what is standardised.
        key: of these statistics in the dict that an estimator's ``set_statistics`` takes.
    """

    mean: Tensor
    std: Tensor
    is_set: Tensor

    def __init__(self, shape: Sequence[int], key: str) -> None:
        super().__init__()
        self.key = key
        self.register_buffer("mean", torch.zeros(tuple(shape)))
        self.register_buffer("std", torch.ones(tuple(shape)))
        self.register_buffer("is_set", torch.zeros((), dtype=torch.uint8))  # saved, and a type that gloo broadcasts

    @property
    def shape(self) -> torch.Size:
        """Of the mean and of the standard deviation."""
        return self.mean.shape

    def set_statistics(self, mean: ArrayLike, std: ArrayLike) -> None:
        """Take over the statistics of the training split.

        Raises:
            ConfigError: they have another shape, are not finite or negative.
        """
        new = [torch.as_tensor(value, dtype=torch.float32, device=self.mean.device) for value in (mean, std)]
        for name, value in zip(("mean", "std"), new):
            if value.shape != self.mean.shape or not value.isfinite().all():
                raise ConfigError(
                    f"statistics '{self.key}': the {name} has shape {tuple(value.shape)}, expected finite numbers of "
                    f"shape {tuple(self.mean.shape)}; dataset and model must name the same torques and markers."
                )
        if (new[1] < 0).any():
            raise ConfigError(f"statistics '{self.key}': the standard deviation is negative.")
        self.mean.copy_(new[0])
        self.std.copy_(torch.where(new[1] < CONSTANT, 1.0, new[1]))
        self.is_set.fill_(1)

    def standardise(self, values: Tensor) -> Tensor:
        """Return (values - mean) / std."""
        self._check_set()
        return (values - self.mean) / self.std

    def restore(self, values: Tensor) -> Tensor:
        """Return values * std + mean, in float32."""
        self._check_set()
        return values.float() * self.std + self.mean

    def _check_set(self) -> None:
        if not self.is_set:
            raise CheckpointError(
                f"the model has no statistics of '{self.key}'; load a trained checkpoint, or call "
                f"model.set_statistics(train_dataset.target_statistics()) before training."
            )


@MODELS.register_module()
class TorqueCodec(Standardizer):
    """N·m to standardised N·m/kg and back, for Q torques.

    Args:
        torques: their names, in the order of their columns.

    Raises:
        ConfigError: a name is no generalized force or is there twice; statistics that do not fit.
        CheckpointError: encoding or decoding before statistics were set.

    Source: VID paper, equations 7 and 8; standardised because the two losses of equation 7 differ in unit.

    >>> codec = TorqueCodec(torques=["knee_angle_r"])
    >>> codec.set_statistics(mean=[0.5], std=[2.0])  # N·m/kg
    >>> z = codec.encode(torch.tensor([[105.0]]), mass=torch.tensor([70.0]))  # 105 N·m are 1.5 N·m/kg
    >>> z.item(), codec.decode(z, mass=torch.tensor([70.0])).item()
    (0.5, 105.0)
    """

    def __init__(self, torques: Sequence[str] = BENCHMARK_JOINTS) -> None:
        names = TaskSpec(torques=tuple(torques)).torques
        if not names:
            raise ConfigError("TorqueCodec: torques is empty; name at least one.")
        super().__init__((len(names),), "torques_per_kg")
        self.torques = names
        self.num_torques = len(names)

    def encode(self, torques: Tensor, mass: Tensor) -> Tensor:
        """Standardise torques [B, ..., Q] in N·m of people of ``mass`` [B] in kg."""
        return self.standardise(torques / _align(mass, torques))

    def decode(self, z: Tensor, mass: Tensor) -> Tensor:
        """Return torques [B, ..., Q] in N·m, float32; the inverse of :meth:`encode`."""
        return self.restore(z) * _align(mass, z)


def _align(mass: Tensor, torques: Tensor) -> Tensor:
    return mass.reshape(-1, *[1] * (torques.ndim - 1))


@MODELS.register_module()
class MarkerCodec(Standardizer):
    """Markers in m, relative to the pelvis centre, to standardised coordinates and back, for M markers.

    Args:
        num_markers: M.
        marker_frame: their axes: 'camera', or 'ground' for a camera that stands still and is not calibrated.

    Raises:
        ConfigError: other axes.
    """

    def __init__(self, num_markers: int = 51, marker_frame: str = "camera") -> None:
        super().__init__((num_markers, 3), "markers")
        self.num_markers = num_markers
        self.marker_frame = TaskSpec(marker_frame=marker_frame).marker_frame

    def encode(self, markers: Tensor) -> Tensor:
        """Standardise markers [..., M, 3] in m."""
        return self.standardise(markers)

    def decode(self, z: Tensor) -> Tensor:
        """Return markers [..., M, 3] in m, float32; the inverse of :meth:`encode`."""
        return self.restore(z)

"""Soft-argmax over a volume: the differentiable position of each joint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vidzoo.registry import MODELS


class Pose(NamedTuple):
    """What a pose decoder knows of N images with J joints."""

    coordinates: Tensor
    """[N, J, 3] x (along w), y (along h), z (along D) in bins: 0 is the centre of the first bin."""
    marginals: tuple[Tensor, Tensor, Tensor]
    """Probabilities along depth [N, J, D], height [N, J, h] and width [N, J, w]; each sums to 1."""
    probabilities: Tensor | None
    """[N, J, D, h, w], sums to 1 per joint; None unless asked for."""


def soft_argmax_3d(logits: Tensor, keep_volume: bool = False) -> Pose:
    """Return the softmax of each joint's volume, as marginals and expected position.

    The volume is exponentiated once and summed along its axes before anything is divided, in float32 whatever the
    logits are.

    Args:
        logits: [N, J, D, h, w].
        keep_volume: return the normalised volume too, which costs its memory once more.

    Source: VID paper, equations 3 to 6, which count bins from 1; here they count from 0, one less.
    """
    logits = logits.float()
    mass = (logits - logits.detach().amax((2, 3, 4), keepdim=True)).exp_()  # the shift leaves a softmax as it is
    plane = mass.sum(2)
    totals = (mass.sum((3, 4)), plane.sum(3), plane.sum(2))
    total = totals[0].sum(-1, keepdim=True)
    depth, height, width = (axis / total for axis in totals)
    coordinates = torch.stack([_expectation(width), _expectation(height), _expectation(depth)], dim=-1)
    return Pose(coordinates, (depth, height, width), mass / total[..., None, None] if keep_volume else None)


def _expectation(marginal: Tensor) -> Tensor:
    # No matmul: autocast would round its inputs to half precision.
    bins = torch.arange(marginal.shape[-1], device=marginal.device, dtype=marginal.dtype)
    return (marginal * bins).sum(-1)


def normalise_coordinates(coordinates: Tensor, volume: Sequence[int]) -> Tensor:
    """Map bin coordinates [..., 3] (x, y, z) of a volume (D, h, w) to [-1, 1], outer edge to outer edge.

    The centre of bin i of n goes to (2 i + 1) / n - 1, so that a finer volume gives the same numbers.
    """
    # Axis by axis: a tensor of the sizes would have to be copied to the device at each call.
    axes = zip(coordinates.unbind(-1), reversed(volume))
    return torch.stack([(2 * axis + 1) / bins - 1 for axis, bins in axes], dim=-1)


@MODELS.register_module()
class SoftArgmax3D(nn.Module):
    """Turn volume logits [N, J, D, h, w] into a :class:`Pose`; no parameters. See :func:`soft_argmax_3d`."""

    def forward(self, logits: Tensor, keep_volume: bool = False) -> Pose:
        """Return coordinates, marginals and, if asked for, the probability volume."""
        return soft_argmax_3d(logits, keep_volume)

"""The result of every pose decoder, and the features that later parts read from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Pose(NamedTuple):
    """The pose of N images with J joints."""

    coordinates: Tensor
    """[N, J, 3] x (along w), y (along h), z (along D) in bins: 0 is the centre of the first bin."""
    marginals: tuple[Tensor, Tensor, Tensor]
    """Probabilities along depth [N, J, D], height [N, J, h] and width [N, J, w]; each sums to 1."""
    probabilities: Tensor | None
    """[N, J, D, h, w], sums to 1 per joint; None unless asked for."""


def expected_pose(depth: Tensor, height: Tensor, width: Tensor, probabilities: Tensor | None = None) -> Pose:
    """Return the pose of marginals [N, J, bins]: each coordinate is its marginal's mean."""
    coordinates = torch.stack([_expectation(width), _expectation(height), _expectation(depth)], dim=-1)
    return Pose(coordinates, (depth, height, width), probabilities)


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


def bin_coordinates(coordinates: Tensor, volume: Sequence[int]) -> Tensor:
    """Return coordinates [..., 3] in bins of a volume (D, h, w): the inverse of :func:`normalise_coordinates`."""
    axes = zip(coordinates.unbind(-1), reversed(volume))
    return torch.stack([((axis + 1) * bins - 1) / 2 for axis, bins in axes], dim=-1)


def bin_features(probabilities: Tensor, bins: int) -> Tensor:
    """Return the excess of probabilities over a uniform distribution on ``bins`` cells, in units of the latter.

    A probability is about 1 / bins, too small to learn from; this is 0 where uniform and bins - 1 where certain.
    """
    return bins * probabilities - 1


def coordinate_features(pose: Pose) -> Tensor:
    """Return [N, 3 J]: coordinates in [-1, 1]."""
    volume = [marginal.shape[-1] for marginal in pose.marginals]
    return normalise_coordinates(pose.coordinates, volume).flatten(1)


def marginal_features(pose: Pose) -> Tensor:
    """Return [N, J (D + h + w)]: the marginals, which hold the coordinates and their spread."""
    return torch.cat([bin_features(marginal, marginal.shape[-1]) for marginal in pose.marginals], dim=-1).flatten(1)

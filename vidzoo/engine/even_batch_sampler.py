"""Batches in which every process sees its share and nobody sees a clip twice."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from mmengine.dataset import DefaultSampler
from torch.utils.data import Sampler

from vidzoo.errors import ConfigError
from vidzoo.registry import DATA_SAMPLERS


def split_evenly(count: int, batch_size: int, world_size: int, rank: int) -> list[slice]:
    """Cut ``range(count)`` into steps of nearly equal size and return one process's slice of each.

    Over all processes the slices cover every index once; every process has the same number of steps and at least one
    index in each. No batch is larger than ``batch_size`` unless some step would leave a process without anything.

    Raises:
        ConfigError: there are fewer indices than processes.
    """
    if count < world_size:
        raise ConfigError(f"the training subset has {count} clips for {world_size} processes; start at most {count}.")
    steps = min(math.ceil(count / (batch_size * world_size)), count // world_size)
    parts = steps * world_size
    shares = range(rank, parts, world_size)
    return [slice(part * count // parts, (part + 1) * count // parts) for part in shares]


@DATA_SAMPLERS.register_module()
class EvenBatchSampler(Sampler[list[int]]):
    """Deal each clip to one process once an epoch.

    MMEngine's DefaultSampler alone pads the last round with clips that were dealt already, and leaves a last batch
    that may hold one clip, of which batch norm makes nothing. Here batches differ by at most one clip.

    Args:
        sampler: a DefaultSampler, for its data set, seed and shuffling.
        batch_size: clips a process and step.

    Raises:
        ConfigError: ``batch_size`` is no positive whole number, or there are fewer clips than processes.
    """

    def __init__(self, sampler: DefaultSampler, batch_size: int) -> None:
        if type(batch_size) is not int or batch_size < 1:
            raise ConfigError(f"train_dataloader.batch_size={batch_size!r} must be a whole number, 1 or more.")
        self.sampler = sampler
        self.batch_size = batch_size
        self._slices = split_evenly(len(sampler.dataset), batch_size, sampler.world_size, sampler.rank)

    def __len__(self) -> int:
        return len(self._slices)

    def __iter__(self) -> Iterator[list[int]]:
        order = np.arange(len(self.sampler.dataset))
        if self.sampler.shuffle:
            order = np.random.default_rng([self.sampler.seed, self.sampler.epoch]).permutation(order)
        return (order[share].tolist() for share in self._slices)

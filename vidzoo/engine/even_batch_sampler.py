"""Batches in which every process gets its share of the clips and no clip comes twice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

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


def draw_by_weight(sizes: Sequence[int], weights: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Return ``sum(sizes)`` indices in random order, of which each data set has the share of its weight, int [n].

    A data set whose share is smaller than its size gives some of its indices once, drawn without replacement; one whose
    share is larger gives all of them, some once more than the others.

    Args:
        sizes: of the data sets, whose indices follow one another.
        weights: of the data sets, relative to each other.
        rng: draws.
    """
    total = sum(sizes)
    ends = np.round(np.cumsum(weights) / np.sum(weights) * total).astype(int)
    drawn = []
    for first, size, count in zip(np.cumsum([0, *sizes]), sizes, np.diff(ends, prepend=0)):
        rest = rng.permutation(size)[: count % size]
        drawn.append(first + np.concatenate([np.tile(np.arange(size), count // size), rest]))
    return rng.permutation(np.concatenate(drawn))


@DATA_SAMPLERS.register_module()
class EvenBatchSampler(Sampler[list[int]]):
    """Deal each clip to one process once an epoch.

    MMEngine's DefaultSampler alone pads the last round with clips that were dealt already, and leaves a last batch
    that may hold one clip, which batch norm cannot normalise. Here batches differ by at most one clip.

    Args:
        sampler: a DefaultSampler, for its data set, seed and shuffling.
        batch_size: clips a process and step.
        weights: how much each data set of a ``ConcatVIDDataset`` counts, relative to the others; None: by its clips,
            each dealt once. With weights an epoch has as many clips as without, see :func:`draw_by_weight`.

    Raises:
        ConfigError: ``batch_size`` is no positive whole number, there are fewer clips than processes, or ``weights``
            are not one positive number for each data set.
    """

    def __init__(self, sampler: DefaultSampler, batch_size: int, weights: Sequence[float] | None = None) -> None:
        if type(batch_size) is not int or batch_size < 1:
            raise ConfigError(f"train_dataloader.batch_size={batch_size!r} must be a whole number, 1 or more.")
        sizes = [len(part) for part in getattr(sampler.dataset, "datasets", ())]
        if weights is not None and (len(weights) != len(sizes) or not all(0 < weight < math.inf for weight in weights)):
            raise ConfigError(
                f"train_dataloader.batch_sampler.weights={list(weights)} must be {len(sizes)} positive numbers, one "
                f"for each data set of a ConcatVIDDataset."
            )
        self.weights, self._sizes = weights, sizes
        self.sampler = sampler
        self.batch_size = batch_size
        self._slices = split_evenly(len(sampler.dataset), batch_size, sampler.world_size, sampler.rank)

    def __len__(self) -> int:
        return len(self._slices)

    def __iter__(self) -> Iterator[list[int]]:
        order = np.arange(len(self.sampler.dataset))
        rng = np.random.default_rng([self.sampler.seed, self.sampler.epoch])
        if self.weights is not None:
            order = draw_by_weight(self._sizes, self.weights, rng)
        elif self.sampler.shuffle:
            order = rng.permutation(order)
        return (order[share].tolist() for share in self._slices)

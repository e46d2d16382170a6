"""Random numbers that follow from the run's seed and the epoch alone."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from vidzoo.registry import HOOKS


def seed_generators(*entropy: int) -> None:
    """Seed Python's, NumPy's and PyTorch's global generators from some integers."""
    python, numpy, pytorch = np.random.SeedSequence(entropy).generate_state(3)
    random.seed(int(python))
    np.random.seed(int(numpy))  # noqa: NPY002 - the generator that other people's transforms draw from
    torch.manual_seed(int(pytorch))


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Let every epoch's randomness follow from (seed, epoch, rank) alone.

    An epoch after a resume is then the epoch that it would have been without the interruption. The data set takes over
    the run's seed where it has a ``seed``, and is told the epoch where it has ``set_epoch``: a worker process keeps its
    generators through all epochs (``persistent_workers``) or gets the same ones in each, so that only draws from (seed,
    epoch, index) neither depend on the workers nor repeat.
    """

    priority = "VERY_HIGH"

    def before_train(self, runner: Runner) -> None:
        """Give the data set the run's seed, before any worker process copies it."""
        dataset = runner.train_dataloader.dataset
        if hasattr(dataset, "seed"):
            dataset.seed = runner.seed

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed the generators of this process and tell the data set the epoch."""
        seed_generators(runner.seed, runner.epoch, runner.rank, 0)
        dataset = runner.train_dataloader.dataset
        if hasattr(dataset, "set_epoch"):
            dataset.set_epoch(runner.epoch)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Seed again once the epoch's first batch is there: a loader draws a number when it starts its workers.

        Workers that outlive an epoch are started once a run, and a resumed run has another first epoch.
        """
        if batch_idx == 0:
            seed_generators(runner.seed, runner.epoch, runner.rank, 1)

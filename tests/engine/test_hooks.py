import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from vidzoo.engine import EpochSeedHook, FitStatisticsHook
from vidzoo.errors import ConfigError


def _runner(dataset=None, model=None, **values):
    state = {"seed": 0, "epoch": 0, "rank": 0} | values
    return SimpleNamespace(model=model, train_dataloader=SimpleNamespace(dataset=dataset), **state)


def _draw(runner, first_batch=True):
    hook = EpochSeedHook()
    hook.before_train_epoch(runner)
    if first_batch:
        hook.before_train_iter(runner, 0)
    return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002


def test_an_epochs_draws_follow_from_seed_epoch_and_rank_alone():
    first = _draw(_runner(epoch=3))
    torch.rand(17), random.random(), np.random.rand(5)  # noqa: NPY002
    assert _draw(_runner(epoch=3)) == first
    others = [_runner(epoch=4), _runner(epoch=3, seed=1), _runner(epoch=3, rank=1)]
    draws = [first, _draw(_runner(epoch=3), first_batch=False), *(_draw(runner) for runner in others)]
    for column in zip(*draws):
        assert len(set(column)) == len(draws)


def test_later_batches_go_on_drawing():
    hook, runner = EpochSeedHook(), _runner()
    hook.before_train_iter(runner, 0)
    first = torch.rand(4)
    hook.before_train_iter(runner, 1)
    assert not torch.equal(torch.rand(4), first)


def test_the_data_set_is_told_the_epoch():
    told = []
    _draw(_runner(dataset=SimpleNamespace(set_epoch=told.append), epoch=7))
    _draw(_runner(dataset=[1, 2], epoch=8))  # one that need not know
    assert told == [7]


def test_the_data_set_takes_over_the_runs_seed():
    dataset, list_of_clips = SimpleNamespace(seed=0), [1, 2]
    EpochSeedHook().before_train(_runner(dataset=dataset, seed=7))
    EpochSeedHook().before_train(_runner(dataset=list_of_clips, seed=7))  # one that draws nothing
    assert dataset.seed == 7


class _Model(nn.Module):
    def set_statistics(self, statistics):
        self.statistics = statistics


def test_statistics_come_from_the_training_set():
    model, statistics = _Model(), {"markers": (0.0, 1.0)}
    dataset = SimpleNamespace(target_statistics=lambda: statistics)
    FitStatisticsHook().before_train(_runner(dataset=dataset, model=model))
    assert model.statistics is statistics
    FitStatisticsHook().before_train(_runner(dataset=[1], model=nn.Linear(1, 1)))  # a model that standardises nothing
    with pytest.raises(ConfigError, match=r"list has no target_statistics"):
        FitStatisticsHook().before_train(_runner(dataset=[1], model=model))

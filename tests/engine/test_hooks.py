import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from torch import nn

from vidzoo.engine import EpochSeedHook, FitStatisticsHook
from vidzoo.engine.hooks import ProvenanceHook, provenance_hook
from vidzoo.errors import ConfigError
from vidzoo.structures import TorqueSample


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


@pytest.mark.parametrize(("batches", "seconds"), [([(9.0, 4)], 2.25), ([(9.0, 4), (1.0, 4), (2.0, 2)], 0.5)])
def test_speed_is_that_of_the_batches_after_the_first(monkeypatch, batches, seconds):
    """Seconds per 1,000 predictions, in units of 1,000 s here; padded frames are no predictions."""
    times = [time for taken, _ in batches for time in (0.0, 1000 * taken)]
    monkeypatch.setattr(provenance_hook.time, "perf_counter", lambda: times.pop(0) / 1000)
    hub, model = MessageHub("a hub of this test"), nn.Linear(3, 2)
    model.requires = ("markers",)
    runner, hook = SimpleNamespace(model=model, message_hub=hub), ProvenanceHook()
    hook.before_test_epoch(runner)
    for i, (_, predictions) in enumerate(batches):
        frames = np.array([*range(predictions), -1])
        hook.before_test_iter(runner, i)
        hook.after_test_iter(runner, i, outputs=[TorqueSample(metainfo={"frame_indices": frames})])
    assert (hub.get_info("inputs"), hub.get_info("parameters")) == (["markers"], 8)
    assert hub.get_info("seconds_per_1000_predictions") == pytest.approx(1000 * seconds)

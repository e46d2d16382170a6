from itertools import chain

import numpy as np
import pytest
from mmengine.dataset import DefaultSampler

from vidzoo.engine import EvenBatchSampler
from vidzoo.engine.even_batch_sampler import split_evenly
from vidzoo.errors import ConfigError


@pytest.mark.parametrize("world_size", [1, 2, 3, 8])
@pytest.mark.parametrize("batch_size", [1, 2, 4, 32])
def test_everyone_once_same_steps_nobody_idle(world_size, batch_size):
    for count in range(world_size, 70):
        shares = [split_evenly(count, batch_size, world_size, rank) for rank in range(world_size)]
        assert len({len(share) for share in shares}) == 1
        seen = np.concatenate([np.arange(count)[part] for share in shares for part in share])
        assert sorted(seen) == list(range(count))
        sizes = [part.stop - part.start for share in shares for part in share]
        assert min(sizes) >= 1
        assert max(sizes) - min(sizes) <= 1
        # One clip more than asked for only where the rest would not go round: 5 clips, 2 processes, batches of 1.
        assert max(sizes) <= batch_size + (count // world_size < -(-count // (batch_size * world_size)))


def test_fewer_clips_than_processes_is_a_mistake():
    with pytest.raises(ConfigError, match="1 clips for 2 processes"):
        split_evenly(1, 4, 2, 0)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "4", None, True])
def test_a_batch_of_no_size_is_a_mistake(batch_size):
    with pytest.raises(ConfigError, match=r"train_dataloader\.batch_size=.* must be a whole number"):
        EvenBatchSampler(DefaultSampler(list(range(50))), batch_size)


def test_order_follows_from_seed_and_epoch():
    sampler = DefaultSampler(list(range(50)), shuffle=True, seed=3)
    batches = EvenBatchSampler(sampler, 8)
    first = list(batches)
    assert len(first) == len(batches) == 7
    assert first == list(EvenBatchSampler(DefaultSampler(list(range(50)), shuffle=True, seed=3), 8))
    sampler.set_epoch(1)
    second = list(batches)
    assert first != second
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(50))
    assert list(chain(*EvenBatchSampler(DefaultSampler(list(range(50)), shuffle=False), 8))) == list(range(50))

"""Several data files in one training."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from mmengine.dataset import DefaultSampler

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES, MARKERS, PELVIS_MARKERS
from vidzoo.datasets import ConcatVIDDataset, VIDDataset
from vidzoo.engine import EvenBatchSampler
from vidzoo.engine.even_batch_sampler import draw_by_weight
from vidzoo.errors import ConfigError
from vidzoo.io.data_file import DataFile
from vidzoo.io.split_protocols import make_split
from vidzoo.registry import DATASETS

CLIPS = {"requires": ("markers", "mass"), "window": 5, "predictions": 4, "marker_frame": "ground", "grf": True}


@pytest.fixture
def files(tiny_data_file, tiny_split, variant):
    """The tiny file, and two of its trials at three times the torque and half the mass, in another split."""

    def change(trial):
        trial.torques = trial.torques * 3
        trial.mass_kg /= 2
        trial.validity[:9, 10:] = 2

    return [{"data_file": tiny_data_file, "split": tiny_split}, variant(change)]


@pytest.fixture
def both(files) -> ConcatVIDDataset:
    return ConcatVIDDataset([VIDDataset(**paths, **CLIPS) for paths in files])


def test_it_is_built_from_configs(files, both):
    parts = [{"type": "VIDDataset", **{k: str(v) for k, v in paths.items()}, **CLIPS} for paths in files]
    built = DATASETS.build({"type": "ConcatVIDDataset", "datasets": parts})
    assert len(built) == len(both) == sum(len(part) for part in both.datasets)
    assert built.metainfo == both.metainfo


def test_statistics_are_those_of_all_frames_pooled(files, both):
    """Against plain loops over the files' frames: neither a mean of means, nor a mean of deviations."""
    joints = [COORDINATES.index(name) for name in BENCHMARK_JOINTS]
    pelvis = [MARKERS.index(name) for name in PELVIS_MARKERS]
    torques, markers, masses, forces = [], [], [], []
    for part in both.datasets:
        for entry in part.split.train:
            trial = part.data.trial(entry.subject, entry.trial)
            a, b = entry.context
            valid = trial.array("validity")[a + 2 : b - 2, joints] == 0
            per_kg = trial.array("torques")[a + 2 : b - 2, joints].astype(float) / trial.mass_kg
            torques.append(np.where(valid, per_kg, np.nan))
            places = trial.array("markers")[a:b].astype(float)
            markers.append(places - places[:, pelvis].mean(axis=1, keepdims=True))
            masses += [trial.mass_kg] * (b - a)
            forces.append(trial.array("grf")[a:b, :, :3] / trial.mass_kg)
    found = both.target_statistics()
    pooled = np.concatenate(torques)
    np.testing.assert_allclose(found["torques_per_kg"], [np.nanmean(pooled, 0), np.nanstd(pooled, 0)], rtol=1e-5)
    pooled = np.concatenate(markers)
    np.testing.assert_allclose(found["markers"][0], pooled.mean(0), atol=1e-5)
    np.testing.assert_allclose(found["markers"][1], np.maximum(pooled.std(0), 1e-3), atol=1e-5)
    np.testing.assert_allclose(found["input_mass"], [np.mean(masses), np.std(masses)], rtol=1e-6)
    np.testing.assert_allclose(found["grf_per_kg"][0], np.concatenate(forces).mean(0), atol=1e-5)
    each = [part.target_statistics()["torques_per_kg"] for part in both.datasets]
    assert np.abs(np.mean(each, axis=0) - found["torques_per_kg"]).max() > 0.01


def test_statistics_of_one_file_twice_divided_are_those_of_the_file(tiny_data_file, tiny_split):
    one = VIDDataset(data_file=tiny_data_file, split=tiny_split, **CLIPS)
    for name, pair in ConcatVIDDataset([one]).target_statistics().items():
        np.testing.assert_array_equal(pair, one.target_statistics()[name])


def test_seed_and_epoch_reach_every_part(both):
    both.seed = 5
    both.set_epoch(3)
    assert both.seed == 5
    assert len({part.seed for part in both.datasets}) == 2
    assert {int(part._epoch) for part in both.datasets} == {3}
    before = [part.seed for part in both.datasets]
    both.seed = 6
    assert not set(before) & {part.seed for part in both.datasets}
    both.seed = 5
    assert before == [part.seed for part in both.datasets]


def test_metainfo_names_every_split(both):
    info = both.metainfo
    assert info["split_hash"].split("+") == [part.split.hash for part in both.datasets]
    assert info["data_file"].split("+") == [str(part.data.path) for part in both.datasets]
    assert info["data_hash"].split("+") == [part.data.content_hash for part in both.datasets]
    assert info["subset"] == "train"


def test_what_does_not_go_together_is_refused(files, tmp_path):
    one, other = files
    for change, message in (
        ({"window": 7}, r"has window=7 .*window=5 .*; let all"),
        ({"requires": ("markers",)}, "1 input"),
        ({"predictions": 2}, "predictions=2"),
        ({"torques": BENCHMARK_JOINTS[:3]}, "3 torques"),
        ({"subset": "test"}, "test subset; several files are for training"),
    ):
        with pytest.raises(ConfigError, match=message):
            ConcatVIDDataset([VIDDataset(**one, **CLIPS), VIDDataset(**other, **CLIPS | change)])
    make_split(DataFile(one["data_file"]), "loso", held_out=["subject2"]).save(tmp_path / "loso.json")
    again = VIDDataset(data_file=one["data_file"], split=tmp_path / "loso.json", **CLIPS)
    with pytest.raises(ConfigError, match="another split of a data file that is there already"):
        ConcatVIDDataset([VIDDataset(**one, **CLIPS), again])
    for nothing in ([], [[1, 2]]):
        with pytest.raises(ConfigError, match="must be a list of VIDDatasets"):
            ConcatVIDDataset(nothing)


# --- sampling -------------------------------------------------------------------------------------------------------
def sampler(dataset, rank=0, world_size=1, epoch=0, **options) -> EvenBatchSampler:
    found = DefaultSampler(dataset, shuffle=True, seed=7)
    found.rank, found.world_size = rank, world_size
    found.set_epoch(epoch)
    return EvenBatchSampler(found, 4, **options)


def dealt(dataset, **options) -> list[int]:
    return [index for batch in sampler(dataset, **options) for index in batch]


def test_each_clip_once_an_epoch(both):
    assert sorted(dealt(both)) == list(range(len(both)))


@pytest.mark.parametrize("weights", [[1, 1], [3, 1], [0.1, 0.9], [1, 100]])
def test_each_file_has_its_share(both, weights):
    sizes = [len(part) for part in both.datasets]
    assert sizes[0] > sizes[1]
    found = np.array(dealt(both, weights=weights))
    assert len(found) == len(both)
    share = np.mean(found < sizes[0])
    assert abs(share - weights[0] / sum(weights)) <= 0.5 / len(both)
    for indices in (found[found < sizes[0]], found[found >= sizes[0]]):
        counts = Counter(indices.tolist()).values()
        assert max(counts, default=1) - min(counts, default=1) <= 1


def test_the_draw_is_of_seed_and_epoch_alone_and_differs_between_epochs(both):
    assert dealt(both, weights=[1, 1]) == dealt(both, weights=[1, 1])
    assert dealt(both, weights=[1, 1]) != dealt(both, weights=[1, 1], epoch=1)
    together = [dealt(both, weights=[1, 1], rank=rank, world_size=2) for rank in (0, 1)]
    assert Counter(together[0] + together[1]) == Counter(dealt(both, weights=[1, 1]))


@pytest.mark.parametrize("sizes", [(1, 1), (5, 1), (7, 30, 2)])
def test_draw_by_weight_over_many_epochs_is_even(sizes):
    weights = np.arange(1, len(sizes) + 1)
    counts = np.zeros(sum(sizes))
    epochs = 3000
    for seed in range(epochs):
        counts += np.bincount(draw_by_weight(sizes, weights, np.random.default_rng(seed)), minlength=len(counts))
    first = 0
    for size, share in zip(sizes, weights / weights.sum()):
        each = counts[first : first + size]
        assert abs(each.sum() - share * epochs * sum(sizes)) <= epochs  # rounded to whole clips
        if size > 1:
            assert each.std() < 4 * np.sqrt(each.mean())
        first += size


@pytest.mark.parametrize("weights", [[1], [1, 1, 1], [1, 0], [1, -1], [1, float("nan")], [1, float("inf")]])
def test_wrong_weights(both, weights):
    with pytest.raises(ConfigError, match=r"weights=.* must be 2 positive numbers"):
        sampler(both, weights=weights)


def test_weights_need_several_files(both):
    with pytest.raises(ConfigError, match="must be 0 positive numbers, one for each data set of a ConcatVIDDataset"):
        sampler(both.datasets[0], weights=[1, 1])

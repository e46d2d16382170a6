"""Stretches of a mask and neighbours in time."""

from __future__ import annotations

import itertools

import numpy as np

from vidzoo.arrays import nearest_index, neighbours, ranges


def test_ranges_cover_what_is_true_and_touch_nowhere() -> None:
    for mask in itertools.product((False, True), repeat=6):
        found = ranges(np.array(mask))
        assert [i for start, stop in found for i in range(start, stop)] == [i for i, value in enumerate(mask) if value]
        assert all(stop < start for (_, stop), (start, _) in itertools.pairwise(found))
    assert ranges(np.zeros(0, dtype=bool)) == []


def test_nearest_index_by_brute_force() -> None:
    rng = np.random.default_rng(4)
    time, new = np.sort(rng.uniform(0, 1, 40)), rng.uniform(-0.1, 1.1, 200)
    brute = np.abs(time[None] - new[:, None]).argmin(axis=1)
    np.testing.assert_array_equal(nearest_index(time, new), brute)
    assert nearest_index(np.array([0.0, 1.0]), np.array([0.5])).tolist() == [0]
    assert nearest_index(np.array([0.3]), np.array([0.0, 5.0])).tolist() == [0, 0]


def test_neighbours_against_numpy() -> None:
    rng = np.random.default_rng(5)
    time, values = np.sort(rng.uniform(0, 1, 40)), rng.normal(size=40)
    new = np.concatenate([rng.uniform(-0.1, 1.1, 200), time])
    before, weight = neighbours(time, new)
    found = (1 - weight) * values[before] + weight * values[before + 1]
    np.testing.assert_allclose(found, np.interp(new, time, values), atol=1e-12)

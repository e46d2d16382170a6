"""Smoothing, mending, differentiating and resampling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import savgol_filter

from vidzoo.data_prep.signal import (
    clean_trajectory,
    fill_short_gaps,
    interpolate,
    resample,
    smooth,
    velocity,
    without_velocity_outliers,
)

TIME = np.arange(120) / 100
CUBIC = (2 * TIME**3 - TIME**2 + 0.3 * TIME)[:, None]


def test_velocity_is_the_central_difference_of_the_paper() -> None:
    x = np.random.default_rng(0).normal(size=(30, 4, 3))
    found = velocity(x, np.arange(30) * 0.02)
    for i in range(1, 29):
        np.testing.assert_allclose(found[i], (x[i + 1] - x[i - 1]) / 0.04)
    np.testing.assert_allclose(found[0], (x[1] - x[0]) / 0.02)
    np.testing.assert_allclose(found[-1], (x[-1] - x[-2]) / 0.02)


def test_velocity_on_uneven_times_and_beside_a_gap() -> None:
    time = np.array([0.0, 0.1, 0.15, 0.35, 0.4])
    x = 3 * time[:, None]
    np.testing.assert_allclose(velocity(x, time), 3)
    x[2] = np.nan
    assert np.isnan(velocity(x, time)[:, 0]).tolist() == [False, True, False, True, False]


def test_smooth_is_scipys_filter_and_leaves_a_cubic_alone() -> None:
    noisy = CUBIC + np.random.default_rng(1).normal(0, 0.01, CUBIC.shape)
    np.testing.assert_allclose(smooth(noisy), savgol_filter(noisy, 11, 3, axis=0))
    np.testing.assert_allclose(smooth(CUBIC), CUBIC, atol=1e-9)


def test_smooth_keeps_gaps_to_themselves() -> None:
    noisy = CUBIC + np.random.default_rng(1).normal(0, 0.01, CUBIC.shape)
    noisy[40:52] = np.nan
    found = smooth(noisy)
    assert np.array_equal(np.isnan(found), np.isnan(noisy))
    np.testing.assert_allclose(found[:40], savgol_filter(noisy[:40], 11, 3, axis=0))
    np.testing.assert_allclose(found[52:], savgol_filter(noisy[52:], 11, 3, axis=0))


@pytest.mark.parametrize("frames", [1, 4, 5, 8, 10])
def test_smooth_of_a_short_stretch(frames: int) -> None:
    noisy = np.random.default_rng(1).normal(size=(frames, 1))
    window = {1: 0, 4: 0, 5: 5, 8: 7, 10: 9}[frames]
    expected = savgol_filter(noisy, window, 3, axis=0) if window else noisy
    np.testing.assert_allclose(smooth(noisy), expected)


@pytest.mark.parametrize(("length", "bridged"), [(1, True), (5, True), (6, False)])
def test_only_short_gaps_are_bridged(length: int, bridged: bool) -> None:
    broken = CUBIC.copy()
    broken[50 : 50 + length] = np.nan
    found = fill_short_gaps(broken)
    if bridged:
        np.testing.assert_allclose(found, CUBIC, atol=1e-9)  # a cubic spline is exact on a cubic
    else:
        np.testing.assert_array_equal(found, broken)


def test_ends_are_not_extrapolated() -> None:
    broken = CUBIC.copy()
    broken[:2] = broken[-1] = np.nan
    np.testing.assert_array_equal(fill_short_gaps(broken), broken)


@pytest.mark.parametrize("length", [1, 5])
def test_a_spike_is_replaced_by_the_spline(length: int) -> None:
    spiked = np.repeat(CUBIC[:, None], 3, axis=2)
    truth = spiked.copy()
    spiked[60 : 60 + length] += [0.5, 0.0, -0.5]
    removed = without_velocity_outliers(spiked, 100, max_speed=15)
    assert np.flatnonzero(np.isnan(removed[:, 0, 0])).tolist() == list(range(60, 60 + length))
    cleaned, speed = clean_trajectory(spiked, TIME, max_speed=15)
    np.testing.assert_allclose(cleaned, truth, atol=1e-6)
    np.testing.assert_allclose(speed[1:-1, 0, 0], np.gradient(CUBIC[:, 0], 0.01)[1:-1], atol=1e-4)


def test_a_step_that_stays_and_a_long_excursion_are_no_spikes() -> None:
    for stop in (120, 66):
        stepped = CUBIC.copy()
        stepped[60:stop] += 1
        np.testing.assert_array_equal(without_velocity_outliers(stepped[:, None], 100, 15)[:, 0], stepped)


@pytest.mark.parametrize("way", [(0.2, 0.0, 0.0), (0.0, 0.2, 0.0), (0.1, 0.18, 0.0)])
def test_a_second_step_that_does_not_lead_back_ends_no_spike(way: tuple[float, float, float]) -> None:
    """0.2 m in 10 ms are too fast; the second step leads on, to the side, or on and to the side."""
    jumped = np.zeros((120, 1, 3))
    jumped[60:] += [0.2, 0.0, 0.0]
    jumped[63:] += way
    np.testing.assert_array_equal(without_velocity_outliers(jumped, 100, 15), jumped)


def test_velocity_of_one_and_of_two_frames() -> None:
    assert velocity(np.array([5.0]), np.array([0.0])).tolist() == [0.0]
    assert velocity(np.array([5.0, 6.0]), np.array([0.0, 0.5])).tolist() == [2.0, 2.0]


def test_missing_markers_do_not_look_fast() -> None:
    walk = 10 * TIME[:, None, None] * np.ones((1, 1, 3)) / 2
    walk[30:60] = np.nan
    np.testing.assert_array_equal(without_velocity_outliers(walk, 100, 15), walk)


def test_resample_takes_rows_where_times_coincide_and_lines_in_between() -> None:
    values = np.random.default_rng(2).normal(size=(120, 2))
    np.testing.assert_array_equal(resample(TIME, values, TIME[10:20] + 3e-6), values[10:20])
    new = np.array([0.0, 0.005, 0.0125, 1.19])
    for column in range(2):
        np.testing.assert_allclose(resample(TIME, values, new)[:, column], np.interp(new, TIME, values[:, column]))


def test_resample_invents_nothing() -> None:
    values = CUBIC.copy()
    values[5] = np.nan
    found = resample(TIME, values, np.array([0.035, 0.04, 0.045, 0.05, 0.055, 0.06, -0.01, 1.2]))
    assert np.isnan(found[:, 0]).tolist() == [False, False, True, True, True, False, True, True]


def test_interpolation_against_numpy_and_around_gaps() -> None:
    rng = np.random.default_rng(0)
    time, values, at = np.arange(12) / 100, rng.normal(size=(12, 2, 3)), rng.uniform(-0.02, 0.14, 40)
    flat = [np.interp(at, time, column) for column in values.reshape(12, 6).T]
    np.testing.assert_allclose(interpolate(time, values, at), np.reshape(flat, (6, 40)).T.reshape(40, 2, 3))
    values[3, 0, 0] = np.nan
    found = interpolate(time, values, np.array([0.02, 0.025, 0.03, 0.04]))[:, 0, 0]
    np.testing.assert_array_equal(np.isnan(found), [False, True, True, False])
    np.testing.assert_array_equal(interpolate(time[:1], values[:1], at[:2]), values[[0, 0]])

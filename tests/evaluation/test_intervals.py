"""Intervals against SciPy's tests where these apply, against loops, and by how often they cover the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vidzoo.evaluation.coverage import DESIGNS, draw, measure_cell, true_mean
from vidzoo.evaluation.intervals import MIN_UNITS, degrees_of_freedom, mean_interval, paired_difference, why_none


@pytest.fixture
def equal():
    """Errors of two models in 7 units of 20 labels each, one joint."""
    rng = np.random.default_rng(3)
    means = rng.lognormal(-2, 0.5, (2, 7, 1))
    return 20 * means[0], 20 * means[1], np.full((7, 1), 20), means


def test_equal_units_give_students_t(equal):
    errors, _, labels, means = equal
    expected = stats.ttest_1samp(means[0, :, 0], 0.0).confidence_interval(0.95)
    found = mean_interval(errors, labels)
    mean, reach = means[0].mean(), (expected.high - expected.low) / 2
    assert found.degrees_of_freedom == pytest.approx(6)
    assert (found.low, found.high) == pytest.approx((mean * np.exp(-reach / mean), mean * np.exp(reach / mean)))
    assert found.value == pytest.approx(mean)


def test_the_difference_in_equal_units_is_the_paired_t_test(equal):
    errors, best, labels, means = equal
    expected = stats.ttest_rel(means[0, :, 0], means[1, :, 0]).confidence_interval(0.95)
    found = paired_difference(errors, labels, best, labels)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_the_jackknife_is_scoring_again_without_each_unit():
    rng = np.random.default_rng(0)
    labels = rng.integers(1, 300, (8, 3))
    errors = labels * rng.lognormal(-2, 0.5, (8, 3))

    def figure(kept):
        return np.mean([errors[kept, j].sum() / labels[kept, j].sum() for j in range(3)])

    without = np.array([figure([u for u in range(8) if u != left]) for left in range(8)])
    error = np.sqrt(7 / 8 * ((without - figure(list(range(8)))) ** 2).sum())
    found = mean_interval(errors, labels)
    reach = stats.t.ppf(0.975, found.degrees_of_freedom) * error
    assert found.value == pytest.approx(figure(list(range(8))))
    assert np.log(found.high / found.low) == pytest.approx(2 * reach / found.value)


def test_degrees_of_freedom_are_those_of_drawn_variances():
    """A variance of ν degrees of freedom scatters as chi²: 2 mean² / variance = ν."""
    labels = np.array([[20], [30], [60], [90], [250], [40]])
    drawn = 1 + 0.01 * np.random.default_rng(1).standard_normal((100_000, 6, 1))
    total, errors = labels.sum(), drawn * labels
    without = (errors.sum(axis=1, keepdims=True) - errors) / (total - labels)
    variance = ((errors.sum(axis=1, keepdims=True) / total - without) ** 2).sum(axis=(1, 2))
    assert degrees_of_freedom(labels) == pytest.approx(2 * variance.mean() ** 2 / variance.var(), rel=0.03)
    assert degrees_of_freedom(labels) < 2 < degrees_of_freedom(np.full((6, 1), 50))


def test_what_has_no_label_changes_nothing(equal):
    errors, best, labels, _ = equal
    more = [np.pad(array, ((0, 2), (0, 1))) for array in (errors, best, labels)]
    assert mean_interval(more[0], more[2]) == mean_interval(errors, labels)
    assert paired_difference(more[0], more[2], more[1], more[2]) == paired_difference(errors, labels, best, labels)


def test_no_error_at_all_is_certain_of_nothing_else():
    found = mean_interval(np.zeros((6, 2)), np.full((6, 2), 10))
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_more_cameras_of_the_other_model_change_nothing(equal):
    errors, best, labels, _ = equal
    found, expected = (paired_difference(errors, labels, n * best, n * labels) for n in (2, 1))
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_no_interval_below_five_units_or_where_a_joint_has_fewer():
    labels = np.full((6, 2), 10)
    assert why_none(labels, "trial", ["knee", "hip"]) is None
    assert why_none(labels[:1], "trial", ["knee", "hip"]) == "1 trial; an interval needs at least 5"
    assert why_none(labels[:4], "subject", ["knee", "hip"]) == "4 subjects; an interval needs at least 5"
    labels[5:, 1] = 0
    assert why_none(labels, "trial", ["knee", "hip"]) is None, "five are enough"
    labels[2:, 1] = 0
    assert why_none(labels, "trial", ["knee", "hip"]) == "hip has labels in 2 trials; an interval needs at least 5"
    labels[:, 1] = 0
    assert why_none(labels, "trial", ["knee", "hip"]) is None, "a joint that is not scored needs none"
    labels[1:3] = 0
    assert why_none(labels, "trial", ["knee", "hip"]).startswith("4 trials")
    assert MIN_UNITS == 5


@pytest.mark.parametrize("units", [5, 9, 16])
@pytest.mark.parametrize("design", list(DESIGNS))
def test_intervals_cover_the_truth_as_often_as_they_say(design, units):
    """95 %, within what a skewed distribution and 1,000 runs leave; the worst design is the one that says so."""
    found = measure_cell(design, units, runs=1000, seed=7, alternatives=False)
    lowest = 0.89 if design == "long_trials_worse" else 0.92
    assert lowest <= found["interval"] <= 0.99, found
    assert 0.92 <= found["difference"] <= 0.995, found


def test_the_percentile_bootstrap_covers_less():
    found = measure_cell("equal", 5, runs=150, seed=7, alternatives=True)
    assert found["percentile"] < 0.88 < found["interval"]


def test_the_truth_of_a_design_is_the_mean_of_what_it_draws():
    labels, errors, _ = draw("long_trials_worse", 4000, np.random.default_rng(5), 20)
    drawn = (errors.sum(axis=(0, 1)) / labels.sum(axis=(0, 1))).mean()
    assert drawn == pytest.approx(true_mean("long_trials_worse"), rel=0.02)

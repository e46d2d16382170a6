"""The metric's mathematics against plain loops, SciPy and scikit-learn."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from vidzoo.evaluation import functional as F
from vidzoo.evaluation.intervals import mean_interval

N, Q, UNITS = 400, 11, 7


@pytest.fixture(scope="module")
def data() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    true = rng.normal(rng.normal(0, 20, Q), 30, (N, Q))
    unit = rng.integers(0, UNITS, N)
    return {
        "true": true,
        "predicted": 0.8 * true + rng.normal(5, 15, (N, Q)),
        "valid": rng.random((N, Q)) > 0.2,
        "unit": unit,
        "mass": np.linspace(50, 90, UNITS)[unit],
        "height": np.linspace(1.5, 1.9, UNITS)[unit],
    }


def sums_of(data: dict[str, np.ndarray], **changes: np.ndarray) -> np.ndarray:
    d = data | changes
    return F.trial_sums(d["predicted"], d["true"], d["valid"], d["mass"], d["height"], d["unit"], UNITS)


def test_figures_per_joint_equal_scipy_and_scikit_learn(data):
    figures = F.joint_figures(sums_of(data).sum(axis=0))
    for j in range(Q):
        rows = data["valid"][:, j]
        p, t = (data[k][rows, j] / data["mass"][rows] for k in ("predicted", "true"))
        percent = [
            100 * abs(a - b) / (m * 9.80665 * h)
            for a, b, m, h in zip(*(data[k][rows, j] for k in ("predicted", "true")), data["mass"][rows],
                                  data["height"][rows])
        ]  # fmt: skip
        assert figures["mPJE"][j] == pytest.approx(mean_absolute_error(t, p), rel=1e-12)
        assert figures["RMSE"][j] == pytest.approx(root_mean_squared_error(t, p), rel=1e-12)
        assert figures["R2"][j] == pytest.approx(r2_score(t, p), rel=1e-9)
        assert figures["pearson_r"][j] == pytest.approx(pearsonr(t, p).statistic, rel=1e-9)
        assert figures["percent_BWht"][j] == pytest.approx(np.mean(percent), rel=1e-12)


def test_sums_per_unit_equal_a_plain_loop(data):
    sums = sums_of(data)
    absolute, count = np.zeros((UNITS, Q)), np.zeros((UNITS, Q))
    for n in range(N):
        for j in range(Q):
            if data["valid"][n, j]:
                error = abs(data["predicted"][n, j] - data["true"][n, j]) / data["mass"][n]
                absolute[data["unit"][n], j] += error
                count[data["unit"][n], j] += 1
    np.testing.assert_array_equal(sums[..., F.COUNT], count)
    np.testing.assert_allclose(sums[..., F.ABSOLUTE], absolute, rtol=1e-12)


def test_sorted_and_unsorted_units_agree_and_an_empty_unit_is_zero(data):
    order = np.argsort(data["unit"], kind="stable")
    in_order = sums_of({name: value[order] for name, value in data.items()})
    np.testing.assert_array_equal(in_order, sums_of(data))
    missing = sums_of(data, unit=np.where(data["unit"] == 3, 2, data["unit"]))
    assert not missing[3].any()
    none = F.trial_sums(*(np.empty((0, Q)),) * 2, np.empty((0, Q), bool), *(np.empty(0),) * 2, np.empty(0, int), 2)
    assert none.shape == (2, Q, len(F.STATISTICS)) and not none.any()


def test_sum_is_eleven_means_and_actions_weigh_up_to_the_mean(data):
    everything = sums_of(data, valid=np.ones((N, Q), bool))
    joint = F.joint_figures(everything.sum(axis=0))["mPJE"]
    assert F.mpje_sum(joint) == pytest.approx(11 * F.mpje_mean(joint), rel=1e-14)
    per_action = F.mpje_mean(F.joint_figures(everything)["mPJE"])
    frames = np.bincount(data["unit"], minlength=UNITS)
    assert (frames @ per_action) / N == pytest.approx(F.mpje_mean(joint), rel=1e-12)


def test_with_masks_each_joint_weighs_its_actions_by_its_own_labels(data):
    sums = sums_of(data)
    per_action = F.joint_figures(sums)["mPJE"]
    counts = sums[..., F.COUNT]
    weighted = (counts * per_action).sum(axis=0) / counts.sum(axis=0)
    np.testing.assert_allclose(weighted, F.joint_figures(sums.sum(axis=0))["mPJE"], rtol=1e-12)


def test_a_masked_label_has_no_influence_whatever_it_holds(data):
    spoilt = np.where(data["valid"], data["true"], np.nan)
    np.testing.assert_array_equal(sums_of(data, true=spoilt), sums_of(data))


def test_a_joint_without_labels_is_nan_and_never_zero(data):
    valid = data["valid"].copy()
    valid[:, 4] = False
    figures = F.joint_figures(sums_of(data, valid=valid).sum(axis=0))
    for name, values in figures.items():
        assert np.isnan(values[4]) and np.isfinite(np.delete(values, 4)).all(), name
    rest = np.delete(figures["mPJE"], 4)
    assert F.mpje_sum(figures["mPJE"]) == pytest.approx(rest.sum())
    assert F.mpje_mean(figures["mPJE"]) == pytest.approx(rest.mean())
    assert np.isnan(F.mpje_sum(np.full(Q, np.nan))) and np.isnan(F.mpje_mean(np.full(Q, np.nan)))


def test_a_constant_has_no_correlation_and_a_constant_truth_no_r2(data):
    # float32 leaves a constant per kg with rounding noise once it is stored in N·m
    constant = (np.float32(0.37) * data["mass"].astype(np.float32))[:, None] * np.ones(Q, np.float32)
    figures = F.joint_figures(sums_of(data, predicted=constant).sum(axis=0))
    assert np.isnan(figures["pearson_r"]).all() and np.isfinite(figures["R2"]).all()
    figures = F.joint_figures(sums_of(data, true=constant.astype(float)).sum(axis=0))
    assert np.isnan(figures["pearson_r"]).all() and np.isnan(figures["R2"]).all()


def test_mpje_joint_reproduces_a_sum_done_by_hand():
    true = np.array([[10.0, 0.0], [20.0, 5.0], [30.0, np.nan]])
    predicted = np.array([[15.0, 4.0], [20.0, 0.0], [0.0, 7.0]])
    mass = np.array([50.0, 50.0, 100.0])
    np.testing.assert_allclose(F.mpje_joint(predicted, true, mass), [(0.1 + 0 + 0.3) / 3, (0.08 + 0.1) / 2])


def test_the_whole_data_set_is_summed_in_a_blink():
    rng = np.random.default_rng(0)
    n, q = 63_369, 11
    true = rng.normal(size=(n, q))
    unit = np.sort(rng.integers(0, 144, n))
    start = time.process_time()
    sums = F.trial_sums(true + 1, true, np.ones((n, q), bool), np.full(n, 70.0), np.full(n, 1.7), unit, 144)
    mean_interval(sums[..., F.ABSOLUTE], sums[..., F.COUNT])
    assert time.process_time() - start < 1.0

"""The training-mean and action-mean baselines: what they learn, what they predict, and two figures known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from releases import Release

from vidzoo.anatomy import BENCHMARK_JOINTS, action_family
from vidzoo.baselines.means import fit_action_mean, fit_train_mean
from vidzoo.evaluation.functional import mpje_joint, mpje_mean
from vidzoo.io.storage import read_storage

Q = len(BENCHMARK_JOINTS)
ACTIONS = np.array(["walking", "DJ", "STS"])


@pytest.fixture(scope="module")
def labels() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Torques [n, Q] N·m/kg, NaN where they do not count; which count; the actions."""
    rng = np.random.default_rng(0)
    per_kg = rng.normal(0, 1, (300, Q)) + np.arange(300)[:, None] % 3
    valid = rng.random((300, Q)) < 0.8
    return np.where(valid, per_kg, np.nan), valid, ACTIONS[np.arange(300) % 3]


def test_the_means_are_those_of_the_labels_that_count(labels):
    per_kg, valid, action = labels
    np.testing.assert_allclose(fit_train_mean(per_kg, valid).mean, np.nanmean(per_kg, axis=0))
    valid = valid.copy()
    valid[action == "DJ", 2] = False
    baseline = fit_action_mean(per_kg, valid, action)
    assert sorted(baseline.of_action) == ["DJ", "STS", "walking"]
    for name, mean in baseline.of_action.items():
        expected = np.nanmean(np.where(valid, per_kg, np.nan)[action == name][:, [0, 1, *range(3, Q)]], axis=0)
        np.testing.assert_allclose(np.delete(mean, 2), expected)
    assert baseline.of_action["DJ"][2] == fit_train_mean(per_kg, valid).mean[2]


def test_predictions_are_the_means_times_the_mass(labels):
    per_kg, valid, action = labels
    mass = np.array([50.0, 80.0, 60.0])
    tested = np.array(["STS", "running", "DJ"])
    overall, of_action = fit_train_mean(per_kg, valid), fit_action_mean(per_kg, valid, action)
    np.testing.assert_allclose(overall.predict(tested, mass), np.outer(mass, np.nanmean(per_kg, axis=0)))
    expected = [np.nanmean(per_kg[action == name], axis=0) for name in ("STS", "DJ")]
    predicted = of_action.predict(tested, mass)
    np.testing.assert_allclose(predicted[[0, 2]], [50 * expected[0], 60 * expected[1]])
    np.testing.assert_allclose(predicted[1], 80 * np.nanmean(per_kg, axis=0))  # not trained on: the mean of all


def test_a_joint_without_labels_has_no_mean(labels):
    per_kg, valid, action = labels
    valid = valid.copy()
    valid[:, 4] = False
    for baseline in (fit_train_mean(per_kg, valid), fit_action_mean(per_kg, valid, action)):
        assert np.isnan(baseline.predict(action[:5], np.ones(5))).nonzero()[1].tolist() == [4] * 5


def test_errors_of_one_persons_recordings(release: Release):
    """All labels, last 20 % of each trial after a gap of 13 frames; the shared data's are known: 0.235 and 0.221."""
    train, test, mass = [], [], 62.6
    for path in sorted(release.mocap("subject4").glob("ID/*.sto")):
        torques = read_storage(path).select([f"{joint}_moment" for joint in BENCHMARK_JOINTS])
        border = round(0.8 * len(torques))
        train.append((action_family(path.stem), torques[: border - 13] / mass))
        test.append((action_family(path.stem), torques[border:]))
    per_kg, true = (np.concatenate([torques for _, torques in subset]) for subset in (train, test))
    trained, tested = (np.concatenate([np.full(len(t), action) for action, t in subset]) for subset in (train, test))
    everything, masses = np.ones(per_kg.shape, bool), np.full(len(true), mass)
    baselines = fit_train_mean(per_kg, everything), fit_action_mean(per_kg, everything, trained)
    found = [mpje_mean(mpje_joint(baseline.predict(tested, masses), true, masses)) for baseline in baselines]

    def by_hand(same_action: bool) -> float:
        errors = []
        for action, torques in test:
            learnt = np.concatenate([t for a, t in train if a == action or not same_action])
            errors.append(np.abs(torques / mass - learnt.mean(axis=0)))
        return float(np.concatenate(errors).mean())

    assert found == pytest.approx([by_hand(False), by_hand(True)])
    if release.kind == "shared":
        assert found == pytest.approx([0.235, 0.221], abs=0.002)

"""Baselines that predict a mean of the training labels: over all of them, or over those of the same action.

Letters: n frames, Q joints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class MeanTorque:
    """A baseline whose prediction is a mean torque per kg of body mass."""

    mean: np.ndarray
    """[Q] N·m/kg; NaN for a joint without any training label."""
    of_action: Mapping[str, np.ndarray]
    """Action -> [Q] N·m/kg; an action that is not in it gets ``mean``."""

    def predict(self, action: np.ndarray, mass: np.ndarray) -> np.ndarray:
        """Return torques, [n, Q] N·m, for the frames' actions, [n] str, and masses, [n] kg."""
        names, index = np.unique(action, return_inverse=True)
        per_kg = np.array([self.of_action.get(str(name), self.mean) for name in names])[index]
        return per_kg * mass[:, None]


def fit_train_mean(torques_per_kg: np.ndarray, valid: np.ndarray) -> MeanTorque:
    """Fit the training-mean baseline: each joint's mean over the training labels that count.

    Args:
        torques_per_kg: [n, Q] N·m/kg, each training frame once; anything where ``valid`` is False.
        valid: [n, Q] bool: the labels that count.
    """
    return MeanTorque(joint_means(torques_per_kg, valid), {})


def fit_action_mean(torques_per_kg: np.ndarray, valid: np.ndarray, action: np.ndarray) -> MeanTorque:
    """Fit the action-mean baseline: each joint's mean over the training labels of the same action.

    A joint without labels in an action, and an action that was not trained on, get the mean over all actions.

    Args:
        torques_per_kg: [n, Q] N·m/kg, each training frame once; anything where ``valid`` is False.
        valid: [n, Q] bool: the labels that count.
        action: [n] str.
    """
    overall = joint_means(torques_per_kg, valid)
    of_action = {}
    for name in np.unique(action):
        rows = action == name
        own = joint_means(torques_per_kg[rows], valid[rows])
        of_action[str(name)] = np.where(np.isnan(own), overall, own)
    return MeanTorque(overall, of_action)


def joint_means(torques_per_kg: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return each joint's mean over the labels that count, [Q] N·m/kg; NaN for a joint without any."""
    count = valid.sum(axis=0)
    return np.where(valid, torques_per_kg, 0.0).sum(axis=0) / np.where(count > 0, count, np.nan)

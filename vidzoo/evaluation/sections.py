"""From samples to the rows of ``results.json``: one predictor on one choice of labels.

A *row* is a dict of one group of samples: ``mPJE_mean``, ``mPJE_sum``, ``RMSE`` (N·m/kg), ``percent_BWht``,
``pearson_r``, ``R2`` (each the mean of its figures per joint, over the joints where it is defined), ``ci95`` and the
numbers behind them; None where a figure is undefined. In a joint's row the first two are its mPJE_joint; in an action's
or a trial's row ``mPJE_mean`` is its mPJE_action.

``ci95`` is the 95 % interval of ``mPJE_mean`` and of ``mPJE_sum`` over ``n`` units, trials or subjects, with Student's
``degrees_of_freedom``; where there is none, ``reason`` says why.

A *section* is the rows of one predictor: ``overall``, ``joint``, ``action``, ``trial``; and its ``recordings``: for
each recording the number of ``labels`` that count and the sum of ``errors`` |predicted - true| / mass in N·m/kg of each
joint, in the order of ``joint``. They are what intervals and comparisons of two results are made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vidzoo.anatomy import ACTION_FAMILIES, BENCHMARK_JOINTS, LOWER_LIMB_JOINTS
from vidzoo.evaluation import functional as F
from vidzoo.evaluation.intervals import mean_interval, why_none
from vidzoo.evaluation.labels import Labels

_LOWER_LIMB = np.array([name in LOWER_LIMB_JOINTS for name in BENCHMARK_JOINTS])


def number(value: Any) -> float | None:
    """Return a float for JSON; None for what is not finite."""
    return float(value) if np.isfinite(value) else None


def sorted_actions(names: set[str]) -> list[str]:
    """Put actions in the benchmark's order, any other behind them."""
    return sorted(names, key=lambda n: (ACTION_FAMILIES.index(n) if n in ACTION_FAMILIES else 99, n))


@dataclass(frozen=True)
class Sums:
    """What the rows of a section are made of."""

    sums: np.ndarray
    """[R, Q, S] of :func:`functional.trial_sums`, for each of R recordings."""
    frames: np.ndarray
    """[R] samples with at least one label that counts."""
    labels: Labels
    unit: str
    """What intervals are over: ``trial`` or ``subject``."""

    def row(self, recordings: np.ndarray, joints: np.ndarray) -> dict[str, Any]:
        """Make the row of some recordings and joints (two boolean masks)."""
        trials = [self.labels.trials[r] for r in np.flatnonzero(recordings)]
        sums = self.sums[recordings][:, joints]
        total = F.joint_figures(sums.sum(axis=0))
        counts = sums[..., F.COUNT].sum(axis=0)
        names = np.array(BENCHMARK_JOINTS)[joints]
        row: dict[str, Any] = {
            "mPJE_mean": number(F.mpje_mean(total["mPJE"])),
            "mPJE_sum": number(F.mpje_sum(total["mPJE"])),
        }
        if joints.sum() > 1:
            row["lower_limb_mean"] = number(F.mpje_mean(total["mPJE"][_LOWER_LIMB[joints]]))
        for name in ("RMSE", "percent_BWht", "pearson_r", "R2"):
            row[name] = number(F.over_joints(total[name]))
        row["ci95"] = self._interval(sums, [trial.subject for trial in trials], names.tolist())
        return row | {
            "frames": int(self.frames[recordings].sum()),
            "labels": int(counts.sum()),
            "trials": len(trials),
            "subjects": len({trial.subject for trial in trials}),
            "joints": int((counts > 0).sum()),
            "joints_without_labels": [str(name) for name in names[counts == 0]],
        }

    def _interval(self, sums: np.ndarray, subjects: list[str], joints: list[str]) -> dict[str, Any]:
        if self.unit == "subject":
            _, index = np.unique(subjects, return_inverse=True)
            sums = np.stack([sums[index == i].sum(axis=0) for i in range(index.max() + 1)])
        labels = sums[..., F.COUNT]
        found: dict[str, Any] = {
            "mPJE_mean": None,
            "mPJE_sum": None,
            "unit": self.unit,
            "n": int(labels.any(axis=1).sum()),
            "degrees_of_freedom": None,
            "reason": why_none(labels, self.unit, joints),
        }
        if found["reason"] is None:
            estimate = mean_interval(sums[..., F.ABSOLUTE], labels)
            bounds, scored = [estimate.low, estimate.high], int(labels.any(axis=0).sum())
            found |= {"mPJE_mean": bounds, "mPJE_sum": [scored * bound for bound in bounds]}
            found["degrees_of_freedom"] = estimate.degrees_of_freedom
        return found

    def section(self) -> dict[str, Any]:
        """Make every row, overall, joint, action and trial name, and list the recordings."""
        trials = self.labels.trials
        everyone, every_joint = np.ones(len(trials), bool), np.ones(len(BENCHMARK_JOINTS), bool)
        action = np.array([trial.action for trial in trials])
        name = np.array([trial.trial for trial in trials])
        actions = sorted_actions(set(action.tolist()))
        by_action = sorted(set(zip(action.tolist(), name.tolist())), key=lambda an: (actions.index(an[0]), an[1]))
        return {
            "overall": self.row(everyone, every_joint),
            "joint": {
                joint: self.row(everyone, np.arange(len(BENCHMARK_JOINTS)) == j)
                for j, joint in enumerate(BENCHMARK_JOINTS)
            },
            "action": {a: self.row(action == a, every_joint) for a in actions},
            "trial": {n: {"action": a, **self.row(name == n, every_joint)} for a, n in by_action},
            "recordings": [
                {
                    "subject": trial.subject,
                    "trial": trial.trial,
                    "labels": sums[:, F.COUNT].astype(int).tolist(),
                    "errors": sums[:, F.ABSOLUTE].tolist(),
                }
                for trial, sums in zip(trials, self.sums)
            ],
        }

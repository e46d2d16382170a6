"""Intervals of mPJE_mean, and of the difference of two models, over trials or subjects: pure NumPy and SciPy.

mPJE_mean is a mean over joints of ratios: a joint's summed error by its number of labels. The frames of one trial are
alike, so the evidence lies in how much the units, trials or subjects, differ. They are few and of unequal length, and
their errors are skewed. The interval is made for that:

- the standard error s is the jackknife's: the figure is computed again without each unit in turn;
- Student's t has Satterthwaite's degrees of freedom for the units' shares of the labels: U - 1 for equal units, fewer
  where some hold most of the labels;
- for a figure x it is taken on the logarithmic scale, x exp(± t s / x); for a difference as it is, d ± t s.

Sources: Efron and Stein 1981, Annals of Statistics 9, 586 (the jackknife's variance); Bell and McCaffrey 2002, Survey
Methodology 28, 169 (its degrees of freedom for clusters). How often it covers the truth is measured in
:mod:`vidzoo.evaluation.coverage`.

Letters: U units, Q joints. ``errors`` [U, Q] is the sum of |predicted - true| / mass in N·m/kg over the labels that
count, ``labels`` [U, Q] their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

LEVEL = 0.95
MIN_UNITS = 5
"""With fewer, no method covers what it says."""
METHOD = (
    "jackknife over units, Student's t with Satterthwaite's degrees of freedom; figures on the logarithmic scale, "
    "differences as they are"
)
SPEAKS_OF = {
    "trial": "further trials of the people who were tested, not of other people",
    "subject": "other people",
}
"""What an interval over these units is about. It never holds what another seed or training would change."""


def unit_of(protocol: str, subjects: int) -> str:
    """Return what an interval is over: subjects where several people test whom training has not seen, else trials."""
    return "subject" if protocol == "loso" and subjects > 1 else "trial"


def interval_section(unit: str) -> dict[str, Any]:
    """Return what ``results.json`` says of its intervals."""
    return {"level": LEVEL, "method": METHOD, "unit": unit, "fewest_units": MIN_UNITS, "speaks_of": SPEAKS_OF[unit]}


def unit_sums(recordings: Sequence[Mapping[str, Any]], unit: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return names, labels [U, Q] and errors [U, Q] of units from the ``recordings`` of a section of results."""
    names = [r["subject"] if unit == "subject" else f"{r['subject']}/{r['trial']}" for r in recordings]
    units, index = np.unique(names, return_inverse=True)
    labels, errors = (np.array([r[key] for r in recordings], dtype=float) for key in ("labels", "errors"))
    sums = np.zeros((2, len(units), labels.shape[1]))
    np.add.at(sums[0], index, labels)
    np.add.at(sums[1], index, errors)
    return units.tolist(), *sums


@dataclass(frozen=True)
class Estimate:
    """A figure, or a difference of two, with its interval."""

    value: float
    low: float
    high: float
    degrees_of_freedom: float


def too_few(units: int, unit: str) -> str:
    """Say that there are too few units for an interval."""
    return f"{units} {unit}{'' if units == 1 else 's'}; an interval needs at least {MIN_UNITS}"


def why_none(labels: np.ndarray, unit: str, joints: Sequence[str]) -> str | None:
    """Say why no interval can be given for labels [U, Q]; None where it can.

    Args:
        labels: of each unit and joint.
        unit: what a unit is called, in the singular.
        joints: names of the Q joints.
    """
    units = int(labels.any(axis=1).sum())
    if units < MIN_UNITS:
        return too_few(units, unit)
    of_joint = (labels > 0).sum(axis=0)
    few = np.flatnonzero((of_joint > 0) & (of_joint < MIN_UNITS))
    if len(few):
        return f"{joints[few[0]]} has labels in {too_few(of_joint[few[0]], unit)}"
    return None


def _mean_of_ratios(errors: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Return mPJE_mean over the joints that have labels, and what it loses when each unit is left out, [U]."""
    scored = labels.any(axis=0)
    errors, labels = errors[:, scored], labels[:, scored]
    whole = (errors.sum(axis=0) / labels.sum(axis=0)).mean()
    without = ((errors.sum(axis=0) - errors) / (labels.sum(axis=0) - labels)).mean(axis=1)
    return float(whole), whole - without


def _reach(deviations: np.ndarray, freedom: float) -> float:
    """Return t s of what leaving out each unit changes, [U]."""
    units = len(deviations)
    error = np.sqrt((units - 1) / units * (deviations**2).sum())
    return float(special.stdtrit(freedom, (1 + LEVEL) / 2) * error)


def degrees_of_freedom(labels: np.ndarray) -> float:
    """Return Satterthwaite's degrees of freedom of the jackknife's variance for labels [U, Q].

    A unit's share w of the labels is its mean over joints. Where the units' errors vary independently and alike, the
    variance is a quadratic form of the matrix G = D (I - 1 w') (I - w 1') D with D = diag(w / (1 - w)), which has
    (tr G)² / tr G² degrees of freedom: U - 1 for equal shares.
    """
    scored = labels[:, labels.any(axis=0)]
    share = (scored / scored.sum(axis=0)).mean(axis=1)
    scale = share / (1 - share)
    spread = np.eye(len(share)) - share[:, None] - share[None, :] + (share**2).sum()
    g = scale[:, None] * spread * scale[None, :]
    return float(np.trace(g) ** 2 / (g**2).sum())


def mean_interval(errors: np.ndarray, labels: np.ndarray) -> Estimate:
    """Estimate mPJE_mean, N·m/kg, with its 95 % interval; ask :func:`why_none` first.

    Args:
        errors: [U, Q] N·m/kg, summed.
        labels: [U, Q] their number; joints and units without any are left out.
    """
    there = labels.any(axis=1)
    errors, labels = errors[there], labels[there]
    value, deviations = _mean_of_ratios(errors, labels)
    freedom = degrees_of_freedom(labels)
    factor = np.exp(_reach(deviations, freedom) / value) if value > 0 else 1.0
    return Estimate(value, float(value / factor), float(value * factor), freedom)


def paired_difference(
    errors: np.ndarray, labels: np.ndarray, best_errors: np.ndarray, best_labels: np.ndarray
) -> Estimate:
    """Estimate how much larger one model's mPJE_mean is than another's, N·m/kg, with its 95 % interval.

    Both are scored on the same units, and what makes a unit hard for both cancels: where the interval leaves out zero
    the two are told apart, even if the intervals of their figures overlap. Ask :func:`why_none` first.

    Args:
        errors: [U, Q] N·m/kg, summed, of the one.
        labels: [U, Q] their number.
        best_errors: [U, Q] of the other, the same units in the same order.
        best_labels: [U, Q]; several times ``labels`` where the other predicts from several cameras.
    """
    there = labels.any(axis=1) | best_labels.any(axis=1)
    value, deviations = _mean_of_ratios(errors[there], labels[there])
    best_value, best_deviations = _mean_of_ratios(best_errors[there], best_labels[there])
    freedom = degrees_of_freedom(labels[there])
    reach = _reach(deviations - best_deviations, freedom)
    difference = value - best_value
    return Estimate(difference, difference - reach, difference + reach, freedom)

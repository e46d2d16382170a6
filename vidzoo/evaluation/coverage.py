"""How often the intervals hold the true figure: measured on made-up errors whose true mean is known.

The errors of a unit are those of one trial: its mean error and its number of frames are drawn, the errors of its joints
go together, the distribution is skewed to the right, and some joints lack labels. Two models find the same units hard.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.progress import track
from scipy import stats
from tabulate import tabulate

from vidzoo import __version__
from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.evaluation.intervals import LEVEL, METHOD, Estimate, mean_interval, paired_difference
from vidzoo.io.provenance import commit, processor

FORMAT = "vid-coverage"
VERSION = 1
UNITS = (5, 9, 16)

_LEVELS = 0.1 * np.exp(np.linspace(-0.8, 0.8, len(BENCHMARK_JOINTS)))
"""[Q] N·m/kg: the joints' typical errors."""
_BETWEEN, _WITHIN, _LENGTHS = 0.5, 0.3, 0.9
"""Standard deviations of the logarithm: of units' errors, of a joint's beside its unit's, of units' lengths."""
_COMMON, _WORSE = 0.8, 1.3
"""Correlation of two models' units, and how many times the best's error the other one's is."""


@dataclass(frozen=True)
class _Design:
    """How units are drawn."""

    words: str
    unequal: bool
    correlation: float = 0.0
    """Of the logarithms of a unit's length and error."""


DESIGNS = {
    "equal": _Design("trials of equal length", False),
    "unequal": _Design("trials of unequal length", True),
    "short_trials_worse": _Design("unequal, short trials harder", True, -0.5),
    "long_trials_worse": _Design("unequal, long trials harder", True, 0.5),
}


def true_mean(design: str) -> float:
    """Return mPJE_mean of the best model over infinitely many units of a design, N·m/kg."""
    shift = _LENGTHS * DESIGNS[design].correlation * _BETWEEN if DESIGNS[design].unequal else 0.0
    return float(_LEVELS.mean() * np.exp((_BETWEEN**2 + _WITHIN**2) / 2 + shift))


def draw(design: str, units: int, rng: np.random.Generator, runs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw test sets; return labels and the summed errors of the best and of a worse model, each [runs, U, Q]."""
    how, joints = DESIGNS[design], len(_LEVELS)
    length, own, other = rng.standard_normal((3, runs, units))
    hard = how.correlation * length + np.sqrt(1 - how.correlation**2) * own
    also = _COMMON * hard + np.sqrt(1 - _COMMON**2) * other
    frames = np.maximum(1, np.rint(60 * np.exp(_LENGTHS * length))) if how.unequal else np.full((runs, units), 100.0)
    labels = np.repeat(frames[..., None], joints, axis=-1)
    if how.unequal:  # in four units of ten, six joints lack up to 80 % of their labels
        kept = np.where(rng.random((runs, units, 1)) < 0.4, rng.uniform(0.2, 1.0, (runs, units, 1)), 1.0)
        labels[..., :6] = np.maximum(1, np.rint(labels[..., :6] * kept))

    def errors(unit: np.ndarray) -> np.ndarray:
        noise = _WITHIN * rng.standard_normal((runs, units, joints))
        return labels * _LEVELS * np.exp(_BETWEEN * unit[..., None] + noise)

    return labels, errors(hard), _WORSE * errors(also)


def _bootstrap(labels: np.ndarray, errors: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """Return SciPy's percentile and BCa bootstrap intervals over units."""

    def figure(drawn: np.ndarray, axis: int) -> np.ndarray:
        total = labels[drawn].sum(axis=axis - 1 if axis < 0 else axis)
        return (errors[drawn].sum(axis=axis - 1 if axis < 0 else axis) / total).mean(axis=-1)

    data = (np.arange(len(labels)),)
    shared: dict[str, Any] = {"confidence_level": LEVEL, "vectorized": True}
    percentile = stats.bootstrap(data, figure, n_resamples=999, method="percentile", rng=rng, **shared)
    bca = stats.bootstrap(data, figure, n_resamples=0, bootstrap_result=percentile, method="BCa", rng=rng, **shared)
    return {"percentile": percentile.confidence_interval, "bca": bca.confidence_interval}


def measure_cell(design: str, units: int, runs: int, seed: int, alternatives: bool) -> dict[str, float]:
    """Return the share of runs whose interval holds the truth.

    ``interval``: of a model's mPJE_mean; ``difference``: of the paired difference of two models.

    Args:
        design: one of ``DESIGNS``.
        units: U.
        runs: test sets drawn.
        seed: of the draws.
        alternatives: measure ``percentile`` and ``bca``, the bootstrap's intervals, as well.
    """
    rng = np.random.default_rng([seed, units, *design.encode()])
    labels, errors, worse = draw(design, units, rng, runs)
    mean = true_mean(design)
    more = (_WORSE - 1) * mean
    held: dict[str, int] = {}

    def note(name: str, low: float, high: float, truth: float) -> None:
        held[name] = held.get(name, 0) + (low <= truth <= high)

    for n, e, w in zip(labels, errors, worse):
        estimate: Estimate = mean_interval(e, n)
        note("interval", estimate.low, estimate.high, mean)
        estimate = paired_difference(w, n, e, n)
        note("difference", estimate.low, estimate.high, more)
        for name, bounds in (_bootstrap(n, e, rng) if alternatives else {}).items():
            note(name, bounds.low, bounds.high, mean)
    return {name: count / runs for name, count in held.items()}


def measure(runs: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Measure all designs and numbers of units; return the content of a coverage file."""
    cells: Iterable[tuple[str, int]] = [(design, units) for design in DESIGNS for units in UNITS]
    rows = [
        {"design": DESIGNS[design].words, "units": units, **measure_cell(design, units, runs, seed, True)}
        for design, units in track(cells, description="coverage")
    ]
    return {
        "format": FORMAT,
        "version": VERSION,
        "method": METHOD,
        "level": LEVEL,
        "runs": runs,
        "seed": seed,
        "rows": rows,
        "provenance": {
            "vidzoo": __version__,
            "commit": commit(),
            "python": platform.python_version(),
            "device": processor(),
        },
    }


def coverage_table(content: dict[str, Any]) -> str:
    """Format a coverage file as a Markdown table, in % of the runs."""
    headers = ["made-up trials", "number", "interval", "paired difference", "percentile bootstrap", "BCa bootstrap"]
    names = ("interval", "difference", "percentile", "bca")
    rows = [
        [row["design"], str(row["units"]), *(f"{100 * row[name]:.1f}" for name in names)] for row in content["rows"]
    ]
    align = ("left", *("right" for _ in headers[1:]))
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True, colalign=align)

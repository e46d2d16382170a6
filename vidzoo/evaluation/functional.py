"""The mathematics of the three-level metric: pure NumPy, arrays in, arrays out.

With e[n, j] = |predicted - true| / mass in N·m/kg and V_j the samples whose label of joint j counts:

    mPJE_joint[j] = mean of e[n, j] over V_j        (paper, Table 3)
    mPJE_sum      = sum of mPJE_joint over j        (paper, Table 2)
    mPJE_mean     = mPJE_sum / Q                    (paper, equation 8)
    mPJE_action   = mPJE_mean of one action's samples (paper, Table 4)

Per joint, the mean of the actions' mPJE_joint weighted by their numbers of counting labels is the overall mPJE_joint;
so, where every label counts, the frame-weighted mean of mPJE_action is mPJE_mean. A joint without any counting label is
NaN and left out of sum and mean: Q is then the number of joints that have one.

Everything is derived from additive sums per trial, so that any grouping of trials costs no second pass over the frames.
Letters: n samples, U units (trials or subjects), Q joints, S statistics.
"""

from __future__ import annotations

import numpy as np

from vidzoo.anatomy import GRAVITY

STATISTICS: tuple[str, ...] = (
    "count", "absolute", "square", "percent", "predicted", "true", "predicted2", "true2", "product",
)  # fmt: skip
"""What is summed over the counting labels: 1, e, e², 100 |error in N·m| / (m g h), and the first and second moments of
prediction and truth in N·m/kg."""
COUNT, ABSOLUTE, SQUARE, PERCENT, PREDICTED, TRUE, PREDICTED2, TRUE2, PRODUCT = range(len(STATISTICS))

_CONSTANT = 1e-12
"""A sum of squares about the mean below this share of the raw one is float32's rounding of a constant."""


def trial_sums(
    predicted: np.ndarray,
    true: np.ndarray,
    valid: np.ndarray,
    mass: np.ndarray,
    height: np.ndarray,
    unit: np.ndarray,
    num_units: int,
) -> np.ndarray:
    """Sum the metric's statistics over the counting labels of each unit, [U, Q, S].

    Args:
        predicted: [n, Q] N·m.
        true: [n, Q] N·m; anything where ``valid`` is False, NaN included.
        valid: [n, Q] bool, the labels that count.
        mass: [n] kg.
        height: [n] m; NaN where unknown, which makes PERCENT alone NaN.
        unit: [n] int, 0 <= unit < num_units.
        num_units: U.
    """
    order = None if np.all(unit[1:] >= unit[:-1]) else np.argsort(unit, kind="stable")
    if order is not None:
        predicted, true, valid = predicted[order], true[order], valid[order]
        mass, height, unit = mass[order], height[order], unit[order]
    starts = np.flatnonzero(np.r_[True, unit[1:] != unit[:-1]]) if len(unit) else np.empty(0, int)
    sums = np.zeros((num_units, true.shape[1], len(STATISTICS)))
    if not len(starts):
        return sums

    p = np.where(valid, predicted, 0.0) / mass[:, None]
    t = np.where(valid, true, 0.0) / mass[:, None]
    e = np.abs(p - t)
    to_percent = np.where(valid, (100.0 / (GRAVITY * height))[:, None], 0.0)
    for index, statistic in enumerate((valid.astype(float), e, e * e, e * to_percent, p, t, p * p, t * t, p * t)):
        sums[unit[starts], :, index] = np.add.reduceat(statistic, starts, axis=0)
    return sums


def joint_figures(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Turn sums [.., Q, S] into figures per joint [.., Q]; NaN where undefined.

    ``mPJE`` and ``RMSE`` in N·m/kg, ``percent_BWht`` (mean of 100 |error| / (m g h)), ``pearson_r`` and ``R2``
    (1 - squared error / squared deviation of the truth from its mean, both in N·m/kg). Undefined: everything without
    labels, R2 of a constant truth, r where either is constant.
    """
    n = np.where(sums[..., COUNT] > 0, sums[..., COUNT], np.nan)
    p, t = sums[..., PREDICTED], sums[..., TRUE]

    def spread(square: np.ndarray, total: np.ndarray) -> np.ndarray:
        about_mean = square - total**2 / n
        return np.where(about_mean > _CONSTANT * square, about_mean, np.nan)

    spread_p, spread_t = spread(sums[..., PREDICTED2], p), spread(sums[..., TRUE2], t)
    return {
        "mPJE": sums[..., ABSOLUTE] / n,
        "RMSE": np.sqrt(sums[..., SQUARE] / n),
        "percent_BWht": sums[..., PERCENT] / n,
        "pearson_r": np.clip((sums[..., PRODUCT] - p * t / n) / np.sqrt(spread_p * spread_t), -1.0, 1.0),
        "R2": 1.0 - sums[..., SQUARE] / spread_t,
    }


def over_joints(figure: np.ndarray) -> np.ndarray:
    """Average [.., Q] over the joints that have a figure, [..]; NaN where none has."""
    there = np.isfinite(figure)
    return np.where(there, figure, 0.0).sum(-1) / np.where(there.any(-1), there.sum(-1), np.nan)


def mpje_joint(
    predicted: np.ndarray, true: np.ndarray, mass: np.ndarray, valid: np.ndarray | None = None
) -> np.ndarray:
    """Compute mPJE_joint, [Q] N·m/kg, of torques [n, Q] in N·m and masses [n] in kg (paper, Table 3).

    Two frames of one person, two joints; the first joint is off by 7 and 21 N·m, the second by nothing:

    >>> true = np.array([[70.0, 35.0], [0.0, -35.0]])
    >>> predicted = np.array([[77.0, 35.0], [-21.0, -35.0]])
    >>> joint = mpje_joint(predicted, true, mass=np.array([70.0, 70.0]))
    >>> joint.round(3).tolist()  # (7 + 21) / 2 / 70 N·m/kg
    [0.2, 0.0]
    >>> float(mpje_mean(joint).round(3)), float(mpje_sum(joint).round(3))
    (0.1, 0.2)
    """
    valid = np.isfinite(true) if valid is None else valid
    one = np.zeros(len(true), dtype=int)
    sums = trial_sums(predicted, true, valid, mass, np.ones(len(true)), one, 1)
    return joint_figures(sums[0])["mPJE"]


def mpje_mean(joint: np.ndarray) -> np.ndarray:
    """Compute mPJE_mean [..] of mPJE_joint [.., Q] over the joints that have labels (paper, equation 8)."""
    return over_joints(joint)


def mpje_sum(joint: np.ndarray) -> np.ndarray:
    """Compute mPJE_sum [..] of mPJE_joint [.., Q] over the joints that have labels (paper, Table 2)."""
    return over_joints(joint) * np.isfinite(joint).sum(-1)

"""Index arithmetic of series: stretches of a mask, neighbours in time."""

from __future__ import annotations

import numpy as np


def ranges(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return the half-open ranges [start, stop) in which ``mask`` ([F] bool) is True.

    >>> ranges(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    found = np.ma.clump_masked(np.ma.masked_array(mask, mask)) if mask.any() else []
    return [(int(stretch.start), int(stretch.stop)) for stretch in found]


def nearest_index(time: np.ndarray, new_time: np.ndarray) -> np.ndarray:
    """Return for each new time the index of the nearest ``time`` ([F], increasing); the earlier one on a tie."""
    upper = np.clip(np.searchsorted(time, new_time), 1, max(len(time) - 1, 1))
    upper = np.minimum(upper, len(time) - 1)
    lower = np.maximum(upper - 1, 0)
    return np.where(new_time - time[lower] <= time[upper] - new_time, lower, upper)


def neighbours(time: np.ndarray, new_time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each new time the index i of the ``time`` before it, and the weight of time i + 1 in between.

    A value there is (1 - weight) * values[i] + weight * values[i + 1]; beyond the ends the weights are 0 and 1.

    Args:
        time: [F] s, increasing, 2 or more.
        new_time: [G] s.

    Returns:
        Indices [G] and weights [G] in 0-1.
    """
    before = np.clip(np.searchsorted(time, new_time), 1, len(time) - 1) - 1
    return before, np.clip((new_time - time[before]) / (time[before + 1] - time[before]), 0, 1)

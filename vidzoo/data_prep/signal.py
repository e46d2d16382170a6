"""Fill gaps in, smooth, differentiate and resample trajectories; a gap is NaN.

Kinematic trajectories (markers and coordinates) are smoothed, as the VID paper does (its section on the data set:
Savitzky-Golay, window 11, order 3; central differences; cubic splines over gaps of at most 5 frames). Torques and
forces are never smoothed: they stay as in the source.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import savgol_filter

from vidzoo.arrays import nearest_index, neighbours, ranges

WINDOW = 11
ORDER = 3
MAX_GAP = 5
"""The longest gap that a spline may bridge, in frames."""
SAME_TIME = 1e-4
"""Two times that differ by less are the same time, s."""


def without_velocity_outliers(values: np.ndarray, rate_hz: float, max_speed: float) -> np.ndarray:
    """Replace spikes by NaN: at most 5 frames between a step faster than ``max_speed`` and one back.

    A step that does not come back (a coordinate that changes its branch) is no spike and stays.

    Args:
        values: [F, ..., D]; one point of D numbers is judged as a whole by its Euclidean speed.
        rate_hz: frames per second.
        max_speed: in the units of ``values`` per second.

    >>> height = np.array([1.00, 1.01, 1.90, 1.03, 1.04])[:, None]  # m, at 100 Hz
    >>> without_velocity_outliers(height, 100.0, max_speed=15.0)[:, 0].tolist()
    [1.0, 1.01, nan, 1.03, 1.04]
    """
    points = np.array(values, dtype=float)
    flat = points.reshape(len(points), -1, points.shape[-1])
    for point in range(flat.shape[1]):
        track = flat[:, point]
        present = np.flatnonzero(np.isfinite(track).all(axis=1))
        steps = np.diff(track[present], axis=0)
        limit = max_speed * np.diff(present) / rate_hz
        fast = np.flatnonzero(np.linalg.norm(steps, axis=1) > limit)
        for leave, back in pairwise(fast):
            spike = present[leave + 1 : back + 1]
            if spike[-1] - spike[0] < MAX_GAP and steps[leave] @ steps[back] < 0:
                track[spike] = np.nan
    return points


def fill_short_gaps(values: np.ndarray) -> np.ndarray:
    """Bridge gaps of at most 5 frames inside a trajectory by a cubic spline; longer gaps and the ends stay NaN.

    Args:
        values: [F, ...].

    >>> cubes = np.arange(9.0) ** 3
    >>> cubes[[4, 8]] = np.nan
    >>> fill_short_gaps(cubes).round(6).tolist()
    [0.0, 1.0, 8.0, 27.0, 64.0, 125.0, 216.0, 343.0, nan]
    """
    filled = np.array(values, dtype=float)
    columns = filled.reshape(len(filled), -1)
    frames = np.arange(len(filled))
    for column in np.flatnonzero(~np.isfinite(columns).all(axis=0)):
        track = columns[:, column]
        finite = np.isfinite(track)
        if finite.sum() < 4:
            continue
        # Four knots on each side determine the cubic in the gap; farther ones hardly change it.
        known = np.flatnonzero(finite)
        for start, stop in ranges(~finite):
            if start > 0 and stop < len(track) and stop - start <= MAX_GAP:
                near = np.concatenate([known[known < start][-4:], known[known >= stop][:4]])
                track[start:stop] = CubicSpline(near, track[near])(frames[start:stop])
    return filled


def smooth(values: np.ndarray) -> np.ndarray:
    """Apply a Savitzky-Golay filter (window 11, order 3) to every unbroken stretch of a trajectory.

    A stretch shorter than the window gets the longest odd window that fits and still smooths (5 or more).

    Args:
        values: [F, ...]; NaN where missing.

    Polynomials up to the filter's order pass unchanged:

    >>> cubes = np.arange(20.0) ** 3
    >>> np.allclose(smooth(cubes), cubes)
    True
    """
    smoothed = np.array(values, dtype=float)
    columns = smoothed.reshape(len(smoothed), -1)
    finite = np.isfinite(columns)
    whole = finite.all(axis=0)
    if whole.any() and len(columns) >= WINDOW:
        columns[:, whole] = savgol_filter(columns[:, whole], WINDOW, ORDER, axis=0)
        broken = np.flatnonzero(~whole)
    else:
        broken = np.arange(columns.shape[1])
    for column in broken:
        for start, stop in ranges(finite[:, column]):
            window = min(WINDOW, stop - start - (stop - start + 1) % 2)
            if window > ORDER + 1:
                columns[start:stop, column] = savgol_filter(columns[start:stop, column], window, ORDER)
    return smoothed


def velocity(values: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Differentiate by central finite differences, (x[i+1] - x[i-1]) / (t[i+1] - t[i-1]); one-sided at both ends.

    NaN wherever a neighbour is missing.

    Args:
        values: [F, ...].
        time: [F] s.

    >>> velocity(np.array([0.0, 1.0, 4.0, 9.0]), np.array([0.0, 1.0, 2.0, 3.0])).tolist()
    [1.0, 2.0, 4.0, 5.0]
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return np.zeros_like(values)
    following = np.minimum(np.arange(len(time)) + 1, len(time) - 1)
    previous = np.maximum(np.arange(len(time)) - 1, 0)
    span = (time[following] - time[previous]).reshape(-1, *[1] * (values.ndim - 1))
    return (values[following] - values[previous]) / span


def clean_trajectory(values: np.ndarray, time: np.ndarray, max_speed: float) -> tuple[np.ndarray, np.ndarray]:
    """Remove outliers from a kinematic trajectory, fill its short gaps, smooth and differentiate it.

    Args:
        values: [F, ..., D]; points of D numbers, NaN where missing.
        time: [F] s, evenly spaced.
        max_speed: above it a point is an outlier, in units per second.

    Returns:
        The trajectory and its velocity, both of ``values``' shape.
    """
    rate_hz = (len(time) - 1) / (time[-1] - time[0])
    smoothed = smooth(fill_short_gaps(without_velocity_outliers(values, rate_hz, max_speed)))
    return smoothed, velocity(smoothed, time)


def resample(time: np.ndarray, values: np.ndarray, new_time: np.ndarray) -> np.ndarray:
    """Return ``values`` at ``new_time``: unchanged where the times coincide, linearly interpolated in between.

    NaN where one of the two neighbours is missing, or outside the range of ``time``.

    Args:
        time: [F] s, increasing.
        values: [F, ...].
        new_time: [G] s.

    Returns:
        [G, ...].

    >>> time, values = np.array([0.0, 1.0, 2.0]), np.array([10.0, 20.0, 40.0])
    >>> resample(time, values, np.array([1.0, 1.5, 2.5])).tolist()
    [20.0, 30.0, nan]
    """
    values = np.asarray(values, dtype=float)
    nearest = nearest_index(time, new_time)
    result = values[nearest]
    between = np.flatnonzero(np.abs(time[nearest] - new_time) > SAME_TIME)
    if len(between):
        t = new_time[between]
        result[between] = interpolate(time, values, t)
        result[between[(t < time[0]) | (t > time[-1])]] = np.nan
    return result


def interpolate(time: np.ndarray, values: np.ndarray, new_time: np.ndarray) -> np.ndarray:
    """Read ``values`` at ``new_time``, linearly between neighbours; beyond the ends, the first or the last one.

    NaN where a neighbour that has a weight is missing. At 100 Hz an acceleration of 50 m/s² is missed by 0.6 mm.

    Args:
        time: [F] s, increasing.
        values: [F, ...].
        new_time: [G] s.

    Returns:
        [G, ...].
    """
    if len(time) == 1:
        return np.repeat(values, len(new_time), axis=0)
    before, weight = neighbours(time, new_time)
    weight = weight.reshape(-1, *[1] * (values.ndim - 1))
    first, second = values[before], values[before + 1]
    return np.where(weight == 0, first, np.where(weight == 1, second, (1 - weight) * first + weight * second))

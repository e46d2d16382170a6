"""Move landmarks to the middle of the hill that their heat map has there."""

from __future__ import annotations

import numpy as np

REACH = 3
"""Cells on each side that are looked at: 7 x 7."""
CONFIDENT = 0.5
"""A heat map that is lower everywhere near a landmark does not move it."""


def refine(places: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """Return places [N, K, 2] moved to the centre of mass of the 7 x 7 cells round them where these are confident.

    Source: MediaPipe's RefineLandmarksFromHeatmapCalculator, whose cell c is at c / n.

    Args:
        places: [N, K, 2] x, y as shares of the crop's side.
        heatmaps: [N, K, n, n] logits.
    """
    cells = heatmaps.shape[-1]
    column, row = (np.floor(places[..., axis] * cells).astype(int) for axis in (0, 1))
    inside = (column >= 0) & (column < cells) & (row >= 0) & (row < cells)
    steps = np.arange(-REACH, REACH + 1)
    rows, columns = row[..., None] + steps, column[..., None] + steps
    there = [(index >= 0) & (index < cells) for index in (rows, columns)]
    image, landmark = np.ogrid[: places.shape[0], : places.shape[1]]
    window = heatmaps[
        image[..., None, None],
        landmark[..., None, None],
        np.clip(rows, 0, cells - 1)[..., :, None],
        np.clip(columns, 0, cells - 1)[..., None, :],
    ]
    weight = np.where(there[0][..., :, None] & there[1][..., None, :], 1 / (1 + np.exp(-np.clip(window, -50, 50))), 0)
    total = weight.sum(axis=(-2, -1))
    sure = inside & (weight.max(axis=(-2, -1)) >= CONFIDENT)
    total = np.where(sure, total, 1)
    x = (weight.sum(axis=-2) * columns).sum(axis=-1) / total / cells
    y = (weight.sum(axis=-1) * rows).sum(axis=-1) / total / cells
    return np.where(sure[..., None], np.stack([x, y], axis=-1), places)

"""Slot: pose [N, J, 3] in [-1, 1] to standardised markers [N, M, 3]."""

from vidzoo.models.marker_regressors.mlp import MLPMarkerRegressor

__all__ = ["MLPMarkerRegressor"]

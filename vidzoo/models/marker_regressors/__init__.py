"""Slot: pose [N, J, 3] in [-1, 1], or the whole Pose where ``takes_pose``, to standardised markers [N, M, 3]."""

from vidzoo.models.marker_regressors.linear import LinearMarkerRegressor
from vidzoo.models.marker_regressors.marginal import MarginalMarkerRegressor
from vidzoo.models.marker_regressors.mlp import MLPMarkerRegressor

__all__ = ["LinearMarkerRegressor", "MLPMarkerRegressor", "MarginalMarkerRegressor"]

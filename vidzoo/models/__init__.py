"""Networks and their parts; importing this package registers all of them."""

from vidzoo.models import (
    backbones,
    data_preprocessors,
    estimators,
    heatmap_heads,
    losses,
    marker_regressors,
    pose_decoders,
    temporal_heads,
    torque_codec,
)

__all__ = [
    "backbones",
    "data_preprocessors",
    "estimators",
    "heatmap_heads",
    "losses",
    "marker_regressors",
    "pose_decoders",
    "temporal_heads",
    "torque_codec",
]

"""Networks and their parts; importing this package registers all of them."""

from vidzoo.models import (
    backbones,
    codecs,
    data_preprocessors,
    estimators,
    heatmap_heads,
    losses,
    marker_regressors,
    pose_decoders,
    temporal_heads,
)

__all__ = [
    "backbones",
    "codecs",
    "data_preprocessors",
    "estimators",
    "heatmap_heads",
    "losses",
    "marker_regressors",
    "pose_decoders",
    "temporal_heads",
]

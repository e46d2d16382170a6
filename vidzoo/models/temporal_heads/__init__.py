"""Slot: tokens [B, L, F] of a clip to standardised torques [B, K, Q] at the centres of its K = L - T + 1 windows."""

from vidzoo.models.temporal_heads.frame import FrameTorqueHead
from vidzoo.models.temporal_heads.lstm import LSTMTorqueHead
from vidzoo.models.temporal_heads.perceptron import PerceptronTorqueHead
from vidzoo.models.temporal_heads.tcn import TCNTorqueHead
from vidzoo.models.temporal_heads.transformer import TransformerTorqueHead
from vidzoo.models.temporal_heads.windows import unfold_windows

__all__ = [
    "FrameTorqueHead",
    "LSTMTorqueHead",
    "PerceptronTorqueHead",
    "TCNTorqueHead",
    "TransformerTorqueHead",
    "unfold_windows",
]

"""A recurrent torque head: an LSTM in one or both directions."""

from __future__ import annotations

from torch import Tensor, nn

from vidzoo.models.temporal_heads.windows import check_window, unfold_windows
from vidzoo.registry import MODELS


@MODELS.register_module()
class LSTMTorqueHead(nn.Module):
    """Map tokens [B, L, F] to standardised torques [B, K, Q] of the centre frames of all windows of a clip.

    Each frame is projected once; the windows share the result. The state at the centre has seen the frames up to it
    and, where ``bidirectional``, those after it.

    Args:
        in_features: F.
        num_torques: Q.
        window: T, odd.
        hidden: width of a projected token and of each direction's state.
        layers: stacked LSTM layers.
        bidirectional: read each window in both directions.
        dropout: in training, between layers.

    Raises:
        ConfigError: ``window`` is even, or a clip is shorter than a window.
    """

    def __init__(
        self,
        in_features: int,
        num_torques: int = 11,
        window: int = 13,
        hidden: int = 128,
        layers: int = 2,
        bidirectional: bool = True,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        check_window(window, "LSTMTorqueHead")
        self.in_features = in_features
        self.num_torques = num_torques
        self.window = window
        self.project = nn.Linear(in_features, hidden)
        self.lstm = nn.LSTM(
            hidden,
            hidden,
            layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.output = nn.Linear(hidden * (2 if bidirectional else 1), num_torques)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return torques [B, K, Q] for tokens [B, L, F]."""
        states, _ = self.lstm(unfold_windows(self.project(tokens), self.window))
        return self.output(states[:, self.window // 2]).unflatten(0, (len(tokens), -1))

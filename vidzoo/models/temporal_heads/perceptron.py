"""A torque head that reads all frames of a window at once."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from vidzoo.models.temporal_heads.layers import perceptron
from vidzoo.models.temporal_heads.windows import check_window, unfold_windows
from vidzoo.registry import MODELS


@MODELS.register_module()
class PerceptronTorqueHead(nn.Module):
    """Map tokens [B, L, F] to standardised torques [B, K, Q], each from the T tokens of its window side by side.

    Args:
        in_features: F.
        num_torques: Q.
        window: T, odd.
        hidden: widths of the hidden layers; none makes it linear.
        dropout: in training, behind each hidden layer.

    Raises:
        ConfigError: ``window`` is even, or a clip is shorter than a window.
    """

    def __init__(
        self,
        in_features: int,
        num_torques: int = 11,
        window: int = 13,
        hidden: Sequence[int] = (256, 256, 256),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        check_window(window, "PerceptronTorqueHead")
        self.in_features = in_features
        self.num_torques = num_torques
        self.window = window
        self.mlp = perceptron(window * in_features, hidden, num_torques, dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return torques [B, K, Q] for tokens [B, L, F]."""
        windows = unfold_windows(tokens, self.window).flatten(1)
        return self.mlp(windows).unflatten(0, (len(tokens), -1))

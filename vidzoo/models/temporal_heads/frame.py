"""A torque head that reads each frame by itself."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from vidzoo.models.temporal_heads.layers import perceptron
from vidzoo.models.temporal_heads.windows import check_clip, check_window
from vidzoo.registry import MODELS


@MODELS.register_module()
class FrameTorqueHead(nn.Module):
    """Map tokens [B, L, F] to standardised torques [B, K, Q], each from its own frame's token alone.

    Args:
        in_features: F.
        num_torques: Q.
        window: T, odd: 1, or that of a rival that the same centre frames shall be compared with.
        hidden: widths of the hidden layers; none makes it linear.
        dropout: in training, behind each hidden layer.

    Raises:
        ConfigError: ``window`` is even, or a clip is shorter than a window.
    """

    def __init__(
        self,
        in_features: int,
        num_torques: int = 11,
        window: int = 1,
        hidden: Sequence[int] = (256, 256, 256),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        check_window(window, "FrameTorqueHead")
        self.in_features = in_features
        self.num_torques = num_torques
        self.window = window
        self.mlp = perceptron(in_features, hidden, num_torques, dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return torques [B, K, Q] for tokens [B, L, F]."""
        check_clip(tokens, self.window)
        half = self.window // 2
        return self.mlp(tokens[:, half : tokens.shape[1] - half])

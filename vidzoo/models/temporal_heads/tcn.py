"""A convolutional torque head."""

from __future__ import annotations

from torch import Tensor, nn

from vidzoo.models.temporal_heads.windows import check_clip, check_window
from vidzoo.registry import MODELS


def dilations_of(window: int) -> list[int]:
    """Return dilations of three-tap convolutions that together see exactly ``window`` frames, without a gap.

    1, 2, 4, ... as long as they fit into half the window; then what is left of it.
    """
    left = window // 2
    dilations: list[int] = []
    while left:
        dilations.append(min(2 ** len(dilations), left))
        left -= dilations[-1]
    return dilations


class ResidualBlock(nn.Module):
    """Map states [B, L, H] to [B, L - 2 d, H]: what frames t - d, t and t + d say, added to frame t.

    Convolutions do not pad: a state is of real frames only.
    """

    def __init__(self, hidden: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(hidden)
        self.conv = nn.Conv1d(hidden, hidden, 3, dilation=dilation)
        self.mix = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.Dropout(dropout))

    def forward(self, states: Tensor) -> Tensor:
        seen = self.conv(self.norm(states).transpose(1, 2)).transpose(1, 2)
        return states[:, self.dilation : states.shape[1] - self.dilation] + self.mix(seen)


@MODELS.register_module()
class TCNTorqueHead(nn.Module):
    """Map tokens [B, L, F] to standardised torques [B, K, Q] of the centre frames of all windows of a clip.

    Dilated convolutions without padding, of which each block's state is shared by all windows that hold its frames:
    the cost of a clip is that of its frames, not that of its windows.

    Args:
        in_features: F.
        num_torques: Q.
        window: T, odd; the dilations follow from it, see :func:`dilations_of`.
        hidden: width of a projected token and of every block.
        dropout: in training, in every block.

    Raises:
        ConfigError: ``window`` is even, or a clip is shorter than a window.

    Source: the residual dilated convolutions of Bai et al. 2018, An empirical evaluation of generic convolutional and
    recurrent networks for sequence modeling; without padding and about a centre frame as Pavllo et al. 2019, 3D human
    pose estimation in video with temporal convolutions.
    """

    def __init__(
        self, in_features: int, num_torques: int = 11, window: int = 13, hidden: int = 128, dropout: float = 0.1
    ) -> None:
        super().__init__()
        check_window(window, "TCNTorqueHead")
        self.in_features = in_features
        self.num_torques = num_torques
        self.window = window
        self.project = nn.Linear(in_features, hidden)
        self.blocks = nn.Sequential(*(ResidualBlock(hidden, dilation, dropout) for dilation in dilations_of(window)))
        self.norm = nn.LayerNorm(hidden)
        self.output = nn.Linear(hidden, num_torques)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return torques [B, K, Q] for tokens [B, L, F]."""
        check_clip(tokens, self.window)
        return self.output(self.norm(self.blocks(self.project(tokens))))

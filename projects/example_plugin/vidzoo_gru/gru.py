"""A gated recurrent torque head."""

from torch import Tensor, nn

from vidzoo.models.temporal_heads.windows import check_window, unfold_windows
from vidzoo.registry import MODELS


@MODELS.register_module()
class GRUTorqueHead(nn.Module):
    """Map tokens [B, L, F] to standardised torques [B, K, Q] of the centre frames of all windows of a clip.

    The centre is seen from both sides: one GRU reads up to it, another from the end back to it.

    Args:
        in_features: F.
        num_torques: Q.
        window: T, odd.
        hidden: width of a projected token and of each direction's state.

    Raises:
        ConfigError: ``window`` is even, or a clip is shorter than a window.

    Source: Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, section 2.3.
    """

    def __init__(self, in_features: int, num_torques: int = 11, window: int = 13, hidden: int = 128) -> None:
        super().__init__()
        check_window(window, "GRUTorqueHead")
        self.window = window
        self.project = nn.Linear(in_features, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.output = nn.Linear(2 * hidden, num_torques)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return torques [B, K, Q] for tokens [B, L, F]."""
        states, _ = self.gru(unfold_windows(self.project(tokens), self.window))
        return self.output(states[:, self.window // 2]).unflatten(0, (len(tokens), -1))

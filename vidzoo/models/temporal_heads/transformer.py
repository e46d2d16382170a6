"""TorqueInferNet: a Transformer encoder over a window, read out at its centre."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vidzoo.errors import ConfigError
from vidzoo.models.temporal_heads.windows import check_window, unfold_windows
from vidzoo.registry import MODELS


@MODELS.register_module()
class TransformerTorqueHead(nn.Module):
    """Map tokens [B, L, F] to standardised torques [B, K, Q] of the centre frames of all windows of a clip.

    Each frame is projected once; the windows share the result.

    Args:
        in_features: F.
        num_torques: Q.
        window: T, odd.
        dim: width of a token after its projection.
        heads: attention heads; divides ``dim``.
        depth: encoder layers. They normalise before attention, which trains at 1e-3 without a warm-up.
        feedforward: width of each layer's feed-forward part.
        dropout: in training, everywhere in the encoder.

    Raises:
        ConfigError: an argument is out of its range, or a clip is shorter than a window.

    Source: VID paper, section 4, TorqueInferNet: 8 heads, dim 128, the middle frame's state. It leaves depth,
    feed-forward width, dropout, norm and position code open.
    """

    def __init__(
        self,
        in_features: int,
        num_torques: int = 11,
        window: int = 13,
        dim: int = 128,
        heads: int = 8,
        depth: int = 3,
        feedforward: int = 512,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        check_window(window, "TransformerTorqueHead")
        if dim % heads:
            raise ConfigError(f"TransformerTorqueHead: dim={dim} is no multiple of heads={heads}.")
        self.in_features = in_features
        self.num_torques = num_torques
        self.window = window
        self.project = nn.Linear(in_features, dim)
        self.position = nn.Parameter(torch.empty(window, dim))
        nn.init.trunc_normal_(self.position, std=0.02)
        layer = nn.TransformerEncoderLayer(dim, heads, feedforward, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth, norm=nn.LayerNorm(dim), enable_nested_tensor=False)
        for parameter in self.encoder.parameters():  # the encoder's layers are copies, equal at the start
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)
        self.output = nn.Linear(dim, num_torques)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return torques [B, K, Q] for tokens [B, L, F]."""
        windows = unfold_windows(self.project(tokens), self.window) + self.position
        centre = self.encoder(windows)[:, self.window // 2]
        return self.output(centre).unflatten(0, (len(tokens), -1))

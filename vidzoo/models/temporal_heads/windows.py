"""Cut clips into windows."""

from __future__ import annotations

from torch import Tensor

from vidzoo.errors import ConfigError


def check_window(window: int, owner: str) -> None:
    """Check that a window of ``window`` frames has a centre.

    Raises:
        ConfigError: it has none.
    """
    if window < 1 or window % 2 == 0:
        raise ConfigError(f"{owner}: window={window} must be odd and positive, so that it has a centre frame.")


def check_clip(tokens: Tensor, window: int) -> None:
    """Check that a clip [B, L, F] holds a window.

    Raises:
        ConfigError: it is shorter.
    """
    if tokens.shape[1] < window:
        raise ConfigError(
            f"a clip of {tokens.shape[1]} frames is shorter than window={window}; "
            f"make the dataset's clips at least as long, or the temporal head's window shorter."
        )


def unfold_windows(tokens: Tensor, window: int) -> Tensor:
    """Cut clips [B, L, F] into all their windows of T = ``window`` frames, [B * K, T, F] with K = L - T + 1.

    Raises:
        ConfigError: the clip is shorter than a window.

    >>> import torch
    >>> clip = torch.arange(4.0).reshape(1, 4, 1)
    >>> unfold_windows(clip, window=3).squeeze(-1).tolist()
    [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    """
    check_clip(tokens, window)
    return tokens.unfold(1, window, 1).flatten(0, 1).transpose(1, 2)

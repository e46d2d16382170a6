"""The map of the backbone that a heatmap head reads."""

from __future__ import annotations

from torch import Tensor

from vidzoo.errors import ConfigError


def last_map(maps: tuple[Tensor, ...], in_channels: int, owner: str) -> Tensor:
    """Return the backbone's last map.

    Raises:
        ConfigError: it has other than ``in_channels`` channels, which shape-only runs of a deconvolution do not notice.
    """
    if maps[-1].shape[1] != in_channels:
        raise ConfigError(
            f"{owner}: in_channels={in_channels}, but the backbone's last map has {maps[-1].shape[1]} "
            f"channels; set in_channels to that."
        )
    return maps[-1]

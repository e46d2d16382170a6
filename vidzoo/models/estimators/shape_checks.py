"""Whether parts fit each other, found at construction, by shapes alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from vidzoo.errors import ConfigError
from vidzoo.models.codecs.torque_codec import TorqueCodec
from vidzoo.models.estimators.base import build_part
from vidzoo.models.heatmap_heads import AxisLogits
from vidzoo.models.pose_decoders import Pose


def build_temporal_head(part: Any, in_features: int, codec: TorqueCodec, source: str) -> tuple[nn.Module, int, int]:
    """Return a temporal head, its window T and which frame of the window it predicts.

    Args:
        part: config or module; a config's type takes ``in_features`` and ``num_torques``, and the config or the head
            says its ``window``. A head predicts the centre, or the last frame if it has ``causal = True``.
        in_features: features a frame.
        codec: of the torques that the head gives.
        source: where the features come from and a verb, for the message.

    Raises:
        ConfigError: the head takes other tokens, has no window, or gives other torques.
    """
    window = None
    if isinstance(part, Mapping):
        window = part.get("window")
        part = {"in_features": in_features, "num_torques": codec.num_torques, **part}
    head = build_part(part, "temporal_head")
    window = getattr(head, "window", window)
    if getattr(head, "in_features", in_features) != in_features:
        raise ConfigError(
            f"temporal_head: in_features={head.in_features}, but {source} {in_features} features a frame; "
            f"leave in_features out of its config."
        )
    if not isinstance(window, int) or window < 1:
        raise ConfigError(
            f"temporal_head: {type(head).__name__} has window={window!r}, expected the number of frames that a "
            f"prediction sees; give its config a window, or the head that attribute."
        )
    torques = probe("temporal_head", head, torch.empty(2, window, in_features, device="meta"))
    expected = (2, 1, *codec.mean.shape)
    if not isinstance(torques, Tensor) or torques.shape != expected:
        raise ConfigError(
            f"temporal_head: gives {describe(torques)} for one window of two clips, but torque_codec has "
            f"{list(expected)}; leave num_torques out of its config, or name as many torques in torque_codec."
        )
    return head, window, window - 1 if getattr(head, "causal", False) else window // 2


def probe_pose(
    backbone: nn.Module, heatmap_head: nn.Module, pose_decoder: nn.Module, image_size: int, *further: bool
) -> Pose:
    """Send the shapes of two images through the parts that find a pose; ``further`` goes to the pose decoder.

    Raises:
        ConfigError: a part does not fit the one before it.
    """
    maps = probe("backbone", backbone, torch.empty(2, 3, image_size, image_size, device="meta"))
    if not isinstance(maps, tuple | list):
        raise ConfigError(f"backbone: gives {describe(maps)}, expected a tuple of maps [N, C, h, w].")
    logits = probe("heatmap_head", heatmap_head, maps)
    if not isinstance(logits, AxisLogits) and not (isinstance(logits, Tensor) and logits.ndim == 5):
        raise ConfigError(
            f"heatmap_head: gives {describe(logits)}, expected volume logits [N, J, D, h, w] or AxisLogits."
        )
    pose = probe("pose_decoder", pose_decoder, logits, *further)
    if not isinstance(pose, Pose):
        raise ConfigError(f"pose_decoder: gives {describe(pose)}, expected a vidzoo.models.pose_decoders.Pose.")
    return pose


def probe(slot: str, part: nn.Module, *args: Any) -> Any:
    """Run ``part`` on tensors that have shapes and no content: nothing is computed and no state changes."""
    state = {name: value.to("meta") for name, value in (*part.named_parameters(), *part.named_buffers())}
    try:
        return functional_call(part, state, args)
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError) as error:
        further = f" (and {', '.join(map(repr, args[1:]))})" if args[1:] else ""
        raise ConfigError(
            f"{slot}: {type(part).__name__} does not fit the part before it, which gives {describe(args[0])}"
            f"{further}: {' '.join(str(error).splitlines()[:1]) or type(error).__name__}."
        ) from error


def describe(value: Any) -> str:
    """Return a tensor's shape, a list of them, or a type's name."""
    if isinstance(value, Tensor):
        return str(list(value.shape))
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return ", ".join(map(describe, value)) or "nothing"
    name = type(value).__name__
    return f"a{'n' if name[0] in 'AEIOU' else ''} {name}"

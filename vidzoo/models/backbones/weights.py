"""Pretrained weights of a backbone: torchvision's by name, or a file of tensors."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import cast

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import WeightsEnum, get_model_weights

from vidzoo.errors import CheckpointError, ConfigError

WEIGHT_FILES = (".pth", ".pt", ".safetensors")


def torchvision_state_dict(network: str, weights: str) -> dict[str, Tensor]:
    """Return the state dict of torchvision's ``network``: from a file, or its weights of that name, downloaded once.

    Raises:
        ConfigError: no such name or file, or the download failed.
        CheckpointError: the file holds no state dict.
    """
    if weights.endswith(WEIGHT_FILES):
        return read_state_dict(Path(weights))
    choices = cast("type[WeightsEnum]", get_model_weights(network))
    if weights not in choices.__members__:
        raise ConfigError(
            f"backbone: weights='{weights}' is no set of torchvision's {network}; "
            f"choose {', '.join(choices.__members__)}, or the path of a {', '.join(WEIGHT_FILES)} file."
        )
    try:
        return dict(choices[weights].get_state_dict(progress=True, check_hash=True))
    except (OSError, RuntimeError) as error:  # no network; a hash that does not fit
        raise ConfigError(
            f"backbone: could not download {choices[weights].url} ({error}); fetch it elsewhere and set "
            f"backbone.weights to the file's path, or to None for random weights."
        ) from None


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name; nothing in it is executed.

    Raises:
        ConfigError: no such file.
        CheckpointError: it holds something else.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; set backbone.weights to a state dict's path, or to None.")
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(
            f"{path}: cannot be read as a plain state dict ({str(error).splitlines()[0][:200]}); "
            f"save it again with torch.save(model.state_dict(), path)."
        ) from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(
            f"{path}: is no state dict (a dict of name to tensor); save it with torch.save(model.state_dict(), path)."
        )
    return state


def load_part(part: nn.Module, state: Mapping[str, Tensor], whole: Collection[str], what: str, source: str) -> None:
    """Fill ``part`` of a network from the state dict of the whole one.

    Args:
        part: the modules that are built, under the network's own names.
        state: as read.
        whole: the names that a state dict of the network may hold; of these, what is not built is passed over.
        what: the network, for the message.
        source: where ``state`` is from, for the message.

    Raises:
        CheckpointError: names or shapes are another network's.
    """
    built = part.state_dict().keys()
    try:
        part.load_state_dict({name: value for name, value in state.items() if name in built or name not in whole})
    except RuntimeError as error:
        reason = str(error).split("\n\t")[1].strip()
        raise CheckpointError(
            f"{source}: holds no weights of {what} ({reason[:200]}); "
            f"give the file of that network, or name the network that fits the file."
        ) from None

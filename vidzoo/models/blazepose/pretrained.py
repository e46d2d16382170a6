"""BlazePose's weights, which are part of this package (``weights/``, with their licence)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor

from vidzoo.errors import CheckpointError
from vidzoo.models.blazepose.detector import PoseDetector
from vidzoo.models.blazepose.landmark_network import LandmarkNetwork

FOLDER = Path(__file__).parent / "weights"
SHA256 = {
    "detector": "cfd87f35e5abae86c003056f6910e17344e8485f4da809e35f52f99a5e763462",
    "full": "94def28b2e43ff36decbc4a5a854655ad0ef0d0b2658649e1230c021e79db9e5",
    "lite": "edf7cfa528f440cafece80cb4d47dad8e2ab476c80cd16f382890c48d085cbef",
}
"""Of the weight files, as ``vidzoo convert-blazepose`` writes them."""
_VALUES, _PLACES = "#values", "#places"
"""Ends of the names of a thinned tensor's two parts."""

Network = TypeVar("Network", PoseDetector, LandmarkNetwork)


def load_detector() -> PoseDetector:
    """Return the detector with BlazePose's weights, in evaluation, float32.

    Raises:
        CheckpointError: the weight file is missing or damaged.
    """
    return fill(PoseDetector(), "detector")


def load_landmark_network(variant: str = "full", segmentation: bool = True) -> LandmarkNetwork:
    """Return the landmark network with BlazePose's weights, in evaluation, float32.

    Args:
        variant: 'full' or 'lite'.
        segmentation: compute the mask too; without it the network is faster by a third.

    Raises:
        ConfigError: no such variant.
        CheckpointError: the weight file is missing or damaged.
    """
    return fill(LandmarkNetwork(variant, segmentation), variant)


def fill(network: Network, name: str) -> Network:
    """Return ``network`` with the weights of 'detector', 'full' or 'lite', in evaluation, its maps channels last.

    Raises:
        CheckpointError: the weight file is missing or damaged.
    """
    path = FOLDER / f"{name}.safetensors"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); install vidzoo again.") from None
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise CheckpointError(f"{path}: is not the file that vidzoo ships (its SHA-256 differs); install vidzoo again.")
    stored, built = load(content), network.state_dict()
    network.load_state_dict({key: read_tensor(stored, key, like).float() for key, like in built.items()})
    return network.eval().to(memory_format=torch.channels_last)


def thin(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict in which each tensor that is mostly zeros is replaced by its other values and their places.

    The detector's convolutions are three quarters zeros. The values are in the tensor's order; the places are one bit
    for each of its elements, eight to a byte, the highest bit first.
    """
    thinned = {}
    for name, tensor in state.items():
        other = tensor != 0
        if 2 * int(other.sum()) > tensor.numel():
            thinned[name] = tensor.contiguous()
        else:
            thinned[name + _VALUES] = tensor[other]
            thinned[name + _PLACES] = torch.from_numpy(np.packbits(other.numpy()))
    return thinned


def read_tensor(thinned: Mapping[str, Tensor], name: str, like: Tensor) -> Tensor:
    """Return a tensor of what :func:`thin` made, in the shape of ``like``."""
    if name in thinned:
        return thinned[name]
    places = np.unpackbits(thinned[name + _PLACES].numpy(), count=like.numel()).astype(bool)
    tensor = thinned[name + _VALUES].new_zeros(like.shape)
    tensor[torch.from_numpy(places).reshape(like.shape)] = thinned[name + _VALUES]
    return tensor

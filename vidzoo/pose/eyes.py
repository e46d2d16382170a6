"""Landmarks of pictures that are drawn and not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch

from vidzoo.io.data_file import LandmarkTrack
from vidzoo.pose.follow import landmarks_of_video
from vidzoo.pose.networks import PoseNetworks


def make_eyes(network: str, fps: float = 60.0) -> Callable[[Iterable[np.ndarray]], LandmarkTrack]:
    """Return what finds the landmarks of the one person in a video's pictures, uint8 [H, W, 3] BGR as OpenCV draws.

    It is made in the process that uses it, one of several: torch has one thread from here on.

    Args:
        network: 'full' or 'lite'.
        fps: pictures a second.
    """
    torch.set_num_threads(1)
    networks = PoseNetworks(network)

    def see(pictures: Iterable[np.ndarray]) -> LandmarkTrack:
        frames = ((number / fps, picture[..., ::-1]) for number, picture in enumerate(pictures))
        return landmarks_of_video(((time, np.ascontiguousarray(rgb)) for time, rgb in frames), networks)[1]

    return see

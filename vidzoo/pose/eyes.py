"""The landmarks of one person in the pictures of several cameras, while these are being made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from multiprocessing import parent_process

import numpy as np
import torch

from vidzoo.io.data_file import LandmarkTrack
from vidzoo.pose.detect import Choice
from vidzoo.pose.follow import follow
from vidzoo.pose.networks import PoseNetworks
from vidzoo.pose.repair import repair

AT_ONCE = 4
"""Cameras that are followed side by side; more are slower on a CPU."""


class Eyes:
    """Eyes that see pictures as they are drawn (:func:`vidzoo.synthetic.draw.draw_data_file`).

    In a worker process they use one thread, because its workers are the parallelism.

    Args:
        network: BlazePose's 'full' or 'lite'.

    Raises:
        ConfigError: there is no such network.
    """

    def __init__(self, network: str = "full") -> None:
        if parent_process() is not None:
            torch.set_num_threads(1)
        self._networks = PoseNetworks(network)

    def __call__(self, films: Sequence[Iterator[np.ndarray]], time: np.ndarray) -> list[LandmarkTrack]:
        """Return the landmarks in the pictures, uint8 RGB [H, W, 3], of several cameras at the same times [V] s."""
        tracks = follow(self._networks, films, Choice(), at_once=AT_ONCE)
        return [repair(track, time) for track in tracks]

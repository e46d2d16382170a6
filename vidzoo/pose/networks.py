"""BlazePose's two networks, from pictures as arrays to arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from vidzoo.errors import ConfigError
from vidzoo.models.blazepose import anchors, load_detector, load_landmark_network
from vidzoo.models.blazepose.pretrained import SHA256
from vidzoo.pose.detect import people
from vidzoo.pose.refine import refine
from vidzoo.pose.regions import cut, region_round, to_picture, turn, whole_picture

DETECTOR_SIZE = 224
CROP_SIZE = 256
VARIANTS = ("full", "lite")
NUM_LANDMARKS = 33
_CENTRE, _RIM = 33, 34
"""Two more points of the network: the middle of the hips and a point of the circle round the body."""


class Seen(NamedTuple):
    """What the landmark network sees in N regions."""

    pixels: np.ndarray
    """[N, 33, 2] px of the picture."""
    visibility: np.ndarray
    """[N, 33] 0-1."""
    world: np.ndarray
    """[N, 33, 3] m from the middle of the hips; x to the right in the picture, y down, z away from the camera."""
    presence: np.ndarray
    """[N] 0-1: whether the region holds a person."""
    regions: np.ndarray
    """[N, 4] where the person is by these landmarks."""


class PoseNetworks:
    """BlazePose's detector and one of its landmark networks.

    Args:
        variant: 'full' or 'lite'.
        device: of torch.

    Raises:
        ConfigError: there is no such variant.
    """

    def __init__(self, variant: str = "full", device: str = "cpu") -> None:
        if variant not in VARIANTS:
            raise ConfigError(f"network='{variant}' must be {' or '.join(VARIANTS)}.")
        self.name, self.weights_hash = f"blazepose_{variant}", SHA256[variant]
        self._device = torch.device(device)
        self._detector = load_detector().to(self._device)
        self._landmarks = load_landmark_network(variant, segmentation=False).to(self._device)
        self._anchors = anchors().numpy()

    def detect(self, images: list[np.ndarray]) -> list[np.ndarray]:
        """Return the regions [P, 4] of the people in each picture (uint8 RGB [H, W, 3]), the most likely first."""
        squares = np.stack([whole_picture(image.shape) for image in images])
        crops = self._crops(images, squares, DETECTOR_SIZE)
        with torch.inference_mode():
            boxes, logits = self._detector(crops / 127.5 - 1)
        return people(boxes.cpu().numpy(), logits.cpu().numpy(), self._anchors, squares, DETECTOR_SIZE)

    def look(self, images: list[np.ndarray], regions: np.ndarray) -> Seen:
        """Return the landmarks in one region [N, 4] of each of N pictures (uint8 RGB [H, W, 3])."""
        with torch.inference_mode():
            out = self._landmarks(self._crops(images, regions, CROP_SIZE) / 255)
        values, heatmaps, world = (part.cpu().numpy() for part in (out.landmarks, out.heatmaps, out.world))
        places = refine(values[..., :2] / CROP_SIZE, heatmaps)
        pixels = to_picture(places * CROP_SIZE, regions, CROP_SIZE)
        body = slice(NUM_LANDMARKS)
        world = world[:, body].astype(np.float64)
        return Seen(
            pixels=pixels[:, body],
            visibility=1 / (1 + np.exp(-values[:, body, 3])),
            world=np.concatenate([turn(world[..., :2], regions), world[..., 2:]], axis=-1),
            presence=out.presence.cpu().numpy(),
            regions=region_round(pixels[:, _CENTRE], pixels[:, _RIM]),
        )

    def _crops(self, images: list[np.ndarray], regions: np.ndarray, size: int) -> torch.Tensor:
        """Return the regions as float32 [N, 3, size, size], 0-255, channels last in memory."""
        crops = np.stack([cut(image, region, size) for image, region in zip(images, regions)])
        return torch.from_numpy(crops).to(self._device).permute(0, 3, 1, 2).float()

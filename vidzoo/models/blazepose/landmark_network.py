"""BlazePose's landmark network: 33 landmarks of a person in a crop."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from vidzoo.errors import ConfigError
from vidzoo.models.blazepose.blocks import BlazeBlock, Pyramid, Trunk, conv, convolutions, double

IMAGE_SIZE = 256
NUM_POINTS = 39
"""33 landmarks of the body, two points that give the crop of the next frame, four that are not used."""
WIDTHS = {"full": (16, 24, 32, 64, 88, 144), "lite": (8, 16, 24, 40, 56, 96)}
PYRAMID = {"full": 48, "lite": 32}
"""Channels of the map from which the heat maps are read."""
REGRESSION = {"full": (288, 4, 5), "lite": (192, 2, 3)}
"""Channels of the branch that regresses landmarks; its blocks at 4 x 4 and at 2 x 2 cells after the halving one."""
MASK_CHANNELS = 8


class LandmarkOutput(NamedTuple):
    """What the network says of N crops."""

    landmarks: Tensor
    """[N, 39, 5]: x, y, z (away from the camera) in px of the crop, then logits of visibility and presence."""
    presence: Tensor
    """[N] in [0, 1]: is there a person?"""
    heatmaps: Tensor
    """[N, 39, 64, 64] logits."""
    mask: Tensor | None
    """[N, 1, 256, 256] logits of the pixels that show the person; None where the network is built without it."""
    world: Tensor
    """[N, 39, 3] in m, in the crop's axes (x right, y down, z away), 0 at the middle of the hips."""


class Segmentation(nn.Module):
    """Tell the person's pixels: the pyramid's map [N, C, 64, 64] and the trunk's first to logits [N, 1, 256, 256]."""

    def __init__(self, in_channels: int, first_channels: int) -> None:
        super().__init__()
        blocks = [BlazeBlock(MASK_CHANNELS, MASK_CHANNELS) for _ in range(4)]
        self.reduce = BlazeBlock(in_channels, MASK_CHANNELS)
        self.lateral = BlazeBlock(first_channels, MASK_CHANNELS)
        self.half_size = nn.Sequential(*blocks[:2])
        self.full_size = nn.Sequential(*blocks[2:])
        self.out = conv(MASK_CHANNELS, 1, 3)

    def forward(self, pyramid: Tensor, first: Tensor) -> Tensor:
        """Return the logits."""
        x = self.half_size(double(self.reduce(pyramid)) + self.lateral(first))
        return self.out(self.full_size(double(x)))


class LandmarkNetwork(nn.Module):
    """Find a person's landmarks: crops [N, 3, 256, 256] in [0, 1] to a :class:`LandmarkOutput`.

    Args:
        variant: 'full' or 'lite'.
        segmentation: compute the mask too, a third of the network's time.

    Raises:
        ConfigError: no such variant.

    Source: Bazarevsky et al. 2020, BlazePose, arXiv 2006.10204; 3D landmarks: Grishchenko et al. 2022, BlazePose GHUM
    Holistic, arXiv 2206.11678; the graphs ``pose_landmark_{full,lite}.tflite`` of MediaPipe.
    """

    def __init__(self, variant: str = "full", segmentation: bool = True) -> None:
        super().__init__()
        if variant not in WIDTHS:
            raise ConfigError(f"LandmarkNetwork: variant='{variant}' does not exist; choose {' or '.join(WIDTHS)}.")
        self.trunk = Trunk(WIDTHS[variant])
        first, *middle, top = self.trunk.channels
        self.pyramid = Pyramid(middle, top, PYRAMID[variant])
        self.segmentation = Segmentation(PYRAMID[variant], first) if segmentation else None
        self.heatmaps = conv(PYRAMID[variant], NUM_POINTS)
        channels, quarter, eighth = REGRESSION[variant]
        self.regression = nn.Sequential(BlazeBlock(top, channels))
        for blocks in (quarter, eighth):
            self.regression.append(BlazeBlock(channels, channels, stride=2))
            self.regression.extend(BlazeBlock(channels, channels) for _ in range(blocks))
        self.landmarks = nn.Conv2d(channels, NUM_POINTS * 5, 2)
        self.world = nn.Conv2d(channels, NUM_POINTS * 3, 2)
        self.presence = nn.Conv2d(channels, 1, 2)

    def forward(self, images: Tensor) -> LandmarkOutput:
        """Return everything that the network says of the crops."""
        first, *middle, top = self.trunk(images)
        pyramid = self.pyramid(middle, top)
        regressed = self.regression(top)
        return LandmarkOutput(
            landmarks=self.landmarks(regressed).reshape(-1, NUM_POINTS, 5),
            presence=self.presence(regressed).flatten().sigmoid(),
            heatmaps=self.heatmaps(pyramid),
            mask=None if self.segmentation is None else self.segmentation(pyramid, first),
            world=self.world(regressed).reshape(-1, NUM_POINTS, 3),
        )

    def convolutions(self) -> list[nn.Conv2d]:
        """Return the convolutions in the order of the graph file, which has the mask.

        Raises:
            ConfigError: the network is built without segmentation.
        """
        if self.segmentation is None:
            raise ConfigError("LandmarkNetwork: the graph file has the mask; build the network with segmentation=True.")
        laterals = self.pyramid.laterals
        taps = {0: self.segmentation.lateral, **{stage: laterals[stage - 1] for stage in (1, 2, 3)}}
        mask = self.segmentation
        return [
            *self.trunk.convolutions(taps),
            *convolutions(self.pyramid.top),
            *(
                layer
                for part in (mask.reduce, mask.half_size, mask.full_size, mask.out)
                for layer in convolutions(part)
            ),
            self.heatmaps,
            *convolutions(self.regression),
            self.landmarks,
            self.world,
            self.presence,
        ]

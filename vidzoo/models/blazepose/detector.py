"""BlazePose's detector: where in a picture is a person?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vidzoo.models.blazepose.blocks import (
    BlazeBlock,
    Trunk,
    conv,
    convolutions,
    depth_to_space,
    depthwise,
    double,
    relu6,
)

WIDTHS = (16, 24, 40, 80, 112, 192)
IMAGE_SIZE = 224
LEVELS = ((28, 2), (14, 2), (7, 6))
"""Cells along each side of a level's map, and the anchors of each cell."""
VALUES = 12
"""Of an anchor: centre x, y, width, height of the face's box, and four points x, y."""


class Level(nn.Module):
    """Read boxes [N, A, 12] and logits [N, A] from a map [N, C, 2 s, 2 s], which it halves."""

    def __init__(self, channels: int, anchors: int) -> None:
        super().__init__()
        self.logit = nn.Sequential(depthwise(channels, stride=2), conv(channels, anchors))
        self.box = nn.Sequential(depthwise(channels, stride=2), conv(channels, anchors * VALUES))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return boxes and logits of A = anchors s^2 places, row by row."""
        boxes = self.box(x).permute(0, 2, 3, 1).unflatten(3, (-1, VALUES)).flatten(1, 3)
        return boxes, self.logit(x).permute(0, 2, 3, 1).flatten(1)


class PoseDetector(nn.Module):
    """Find people: images [N, 3, 224, 224] in [-1, 1] to boxes [N, 2254, 12] and logits [N, 2254].

    Boxes are in pixels of the image relative to the centre of their anchor (:func:`anchors`). Values 4 to 7 are two
    points: the middle of the hips, and a point on the circle round the whole body, straight above the hips in the
    body's own direction. A picture of another shape is padded to a square with zeros before it is scaled.

    Source: Bazarevsky et al. 2020, BlazePose, arXiv 2006.10204; the graph ``pose_detection.tflite`` of MediaPipe.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(WIDTHS)
        middle, wide, top = self.trunk.channels[2:]
        self.laterals = nn.ModuleDict({"8": self._lateral(middle, 96), "16": self._lateral(wide, 192)})
        self.reduce = nn.ModuleDict({"16": conv(top, 192), "8": conv(192, 96)})
        self.blocks = nn.ModuleDict({"16": self._blocks(192), "8": self._blocks(96)})
        self.levels = nn.ModuleList(
            Level(channels // 4, anchors) for channels, (_, anchors) in zip((96, 192, top), LEVELS)
        )

    @staticmethod
    def _lateral(channels: int, out: int) -> BlazeBlock:
        return BlazeBlock(channels, out, clip_depthwise=False)

    @staticmethod
    def _blocks(channels: int) -> nn.Sequential:
        return nn.Sequential(*(BlazeBlock(channels, channels, clip_depthwise=False) for _ in range(2)))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return boxes [N, 2254, 12] in px relative to their anchors, and logits [N, 2254]."""
        _, _, middle, wide, top = self.trunk(images)
        x16 = self.blocks["16"](relu6(self.reduce["16"](double(top))) + self.laterals["16"](wide))
        x8 = self.blocks["8"](relu6(self.reduce["8"](double(x16))) + self.laterals["8"](middle))
        found = [level(depth_to_space(x)) for level, x in zip(self.levels, (x8, x16, top))]
        boxes, logits = zip(*found)
        return torch.cat(boxes, 1), torch.cat(logits, 1)

    def convolutions(self) -> list[nn.Conv2d]:
        """Return the convolutions in the order of the graph file."""
        order = self.trunk.convolutions({2: self.laterals["8"], 3: self.laterals["16"]})
        for stride in ("16", "8"):
            order += convolutions(self.reduce[stride]) + convolutions(self.blocks[stride])
        return order + convolutions(self.levels)


def anchors() -> Tensor:
    """Return the centres [2254, 2] (x, y) of the detector's anchors in px of its image, in the order of its outputs."""
    centres = []
    for cells, per_cell in LEVELS:
        places = (torch.arange(cells) + 0.5) * (IMAGE_SIZE / cells)
        y, x = torch.meshgrid(places, places, indexing="ij")
        centres.append(torch.stack([x, y], -1).reshape(-1, 1, 2).expand(-1, per_cell, -1).reshape(-1, 2))
    return torch.cat(centres)

"""Find the people in a picture and choose one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torchvision.ops import batched_nms

from vidzoo.errors import ConfigError
from vidzoo.pose.regions import overlap, region_round, to_picture, upright_box

MIN_SCORE = 0.5
"""A box that is less likely holds no person."""
MAX_OVERLAP = 0.3
"""Of two faces whose boxes overlap by more, the less likely one is the same person's (MediaPipe)."""
SAME_PERSON = 0.3
"""A person whose box overlaps by more with where the followed person was last is that person."""


@dataclass(frozen=True)
class Choice:
    """Which of several people to follow."""

    rule: str = "largest"
    """'largest', 'central' (nearest to the picture's middle) or 'box' (overlaps most with ``box``)."""
    box: tuple[float, float, float, float] | None = None
    """x, y, width, height in px of the picture: where the person is when first seen."""

    def __post_init__(self) -> None:
        if self.rule not in ("largest", "central", "box"):
            raise ConfigError(f"person='{self.rule}' must be largest, central or box.")
        if (self.rule == "box") != (self.box is not None):
            raise ConfigError("person='box' needs a box (x, y, width, height in pixels), and only it takes one.")
        if self.box is not None and not (len(self.box) == 4 and self.box[2] > 0 and self.box[3] > 0):
            raise ConfigError(f"box={self.box} must be x, y, width, height in pixels, the last two above 0.")

    def pick(self, regions: np.ndarray, shape: tuple[int, ...], last: np.ndarray | None) -> np.ndarray | None:
        """Return the region [4] of the person to follow; None where there is none.

        Args:
            regions: [P, 4] of the people found.
            shape: [H, W, ...] of the picture.
            last: [4], where the followed person was last; None where it was not seen yet.
        """
        if not len(regions):
            return None
        boxes = upright_box(regions)
        if last is not None:
            same = overlap(upright_box(last), boxes)
            if same.max() > SAME_PERSON:
                return regions[same.argmax()]
        if self.box is not None:
            share = overlap(np.array(self.box, dtype=float), boxes)
            return regions[share.argmax()] if share.max() > 0 else None
        if self.rule == "largest":
            return regions[regions[:, 2].argmax()]
        middle = (np.array([shape[1], shape[0]]) - 1) / 2
        return regions[np.linalg.norm(regions[:, :2] - middle, axis=-1).argmin()]


def people(
    boxes: np.ndarray, logits: np.ndarray, anchors: np.ndarray, squares: np.ndarray, size: int
) -> list[np.ndarray]:
    """Return the regions [P, 4] of the people in each of N pictures, the most likely first.

    Args:
        boxes: [N, A, 12] of the detector, px of its image from the anchors: centre and sides of the face's box, then
            the middle of the hips and a point of the circle round the body.
        logits: [N, A].
        anchors: [A, 2] px.
        squares: [N, 4], the region of the picture that the detector saw.
        size: side of the detector's image, px.
    """
    picture, anchor = np.nonzero(logits > np.log(MIN_SCORE / (1 - MIN_SCORE)))
    found = boxes[picture, anchor]
    centre, half = found[:, :2] + anchors[anchor], found[:, 2:4] / 2
    corners = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
    kept = batched_nms(
        torch.from_numpy(corners),
        torch.from_numpy(logits[picture, anchor].astype(np.float32)),
        torch.from_numpy(picture),
        MAX_OVERLAP,
    ).numpy()
    points = found[kept, 4:8].reshape(-1, 2, 2) + anchors[anchor[kept], None]
    places = to_picture(points, squares[picture[kept]], size)
    regions = region_round(places[:, 0], places[:, 1])
    return [regions[picture[kept] == number] for number in range(len(logits))]

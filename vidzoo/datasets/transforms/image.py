"""What changes a clip's images, and the places of landmarks in them, the same way in each of them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from vidzoo.errors import ConfigError
from vidzoo.registry import TRANSFORMS

_LUMA = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601's weights of red, green and blue."""


@TRANSFORMS.register_module()
class CropJitter(BaseTransform):
    """Zoom and shift the crop, as a person detector's box would jitter.

    Args:
        scale: the person grows or shrinks by a factor of up to 1 + this, evenly in its logarithm.
        shift: it moves by up to this share of the image's side, each way.
    """

    def __init__(self, *, scale: float = 0.1, shift: float = 0.05) -> None:
        if not (scale >= 0 and 0 <= shift < 1):
            raise ConfigError(f"CropJitter: scale {scale} must be 0 or more and shift {shift} lie between 0 and 1.")
        self.scale, self.shift = scale, shift

    def transform(self, sample: dict[str, Any]) -> dict[str, Any]:
        rng = sample["rng"]
        scale = (1 + self.scale) ** rng.uniform(-1, 1)
        shift = rng.uniform(-self.shift, self.shift, 2)
        if "landmarks" in sample:  # as shares of the picture's sides
            moved = scale * (sample["landmarks"] - 0.5) + 0.5 + shift
            sample["landmarks"] = moved.astype(np.float32)
        if "images" in sample:
            height, width = sample["images"].shape[1:3]
            centre = np.array([(width - 1) / 2, (height - 1) / 2])
            offset = centre + shift * (width, height) - scale * centre
            matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
            sample["images"] = np.stack(
                [
                    cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
                    for image in sample["images"]
                ]
            )
            if "joint_pixels" in sample:  # a single image's labels are places in it
                sample["joint_pixels"] = scale * sample["joint_pixels"] + offset
                sample["intrinsics"] = np.vstack([matrix, [0, 0, 1]]) @ sample["intrinsics"]
        return sample


@TRANSFORMS.register_module()
class ColourJitter(BaseTransform):
    """Change brightness, contrast, saturation and hue by one linear map of the colours.

    Args:
        brightness: factor drawn from 1 ± this.
        contrast: factor about the clip's mean grey, drawn from 1 ± this.
        saturation: factor about each pixel's grey, drawn from 1 ± this.
        hue: turn about the grey axis, drawn from ± this share of a full circle.
    """

    def __init__(
        self, *, brightness: float = 0.2, contrast: float = 0.2, saturation: float = 0.2, hue: float = 0.0
    ) -> None:
        if not all(0 <= value <= 1 for value in (brightness, contrast, saturation)) or not 0 <= hue <= 0.5:
            raise ConfigError("ColourJitter: brightness, contrast and saturation must lie in 0-1, hue in 0-0.5.")
        self.ranges = (brightness, contrast, saturation)
        self.hue = hue

    def transform(self, sample: dict[str, Any]) -> dict[str, Any]:
        rng = sample["rng"]
        brightness, contrast, saturation = (rng.uniform(1 - r, 1 + r) for r in self.ranges)
        turn = 2 * np.pi * rng.uniform(-self.hue, self.hue)
        if "images" in sample:
            images = sample["images"]
            matrix = colour_matrix(brightness, contrast, saturation, turn, grey=float(_LUMA @ cv2.mean(images[0])[:3]))
            flat = images.reshape(-1, images.shape[2], 3)
            sample["images"] = cv2.transform(flat, matrix).reshape(images.shape)
        return sample


def colour_matrix(brightness: float, contrast: float, saturation: float, turn: float, grey: float) -> np.ndarray:
    """Return the map [3, 4] of (R, G, B, 1): hue turned by ``turn`` rad, then saturation, contrast, brightness.

    ``grey`` is the level that contrast leaves where it is (before brightness).
    """
    axis = np.ones(3) / np.sqrt(3)
    hue = cv2.Rodrigues(turn * axis)[0]
    saturate = saturation * np.eye(3) + (1 - saturation) * np.tile(_LUMA, (3, 1))
    linear = brightness * contrast * saturate @ hue
    return np.hstack([linear, np.full((3, 1), brightness * (1 - contrast) * grey)])


@TRANSFORMS.register_module()
class RandomOcclusion(BaseTransform):
    """Hide one rectangle of the picture behind noise or the picture's mean colour, the same in the whole clip.

    Args:
        prob: how often.
        max_share: the rectangle's largest share of the image's area; its sides' ratio lies between 1:3 and 3:1.
    """

    def __init__(self, *, prob: float = 0.5, max_share: float = 0.2) -> None:
        if not (0 <= prob <= 1 and 0 < max_share <= 1):
            raise ConfigError(f"RandomOcclusion: prob {prob} and max_share {max_share} must lie between 0 and 1.")
        self.prob, self.max_share = prob, max_share

    def transform(self, sample: dict[str, Any]) -> dict[str, Any]:
        rng = sample["rng"]
        if rng.random() >= self.prob or "images" not in sample:
            return sample
        images = sample["images"].copy()
        height, width = images.shape[1:3]
        share, ratio = rng.uniform(0.02, 1) * self.max_share, np.exp(rng.uniform(-np.log(3), np.log(3)))
        h = int(np.clip(np.sqrt(share * ratio) * height, 1, height))
        w = int(np.clip(share * width * height / h, 1, width))
        y, x = rng.integers(height - h + 1), rng.integers(width - w + 1)
        if rng.random() < 0.5:
            fill = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
        else:
            fill = np.array(cv2.mean(images[0])[:3]).astype(np.uint8)
        images[:, y : y + h, x : x + w] = fill
        sample["images"] = images
        return sample

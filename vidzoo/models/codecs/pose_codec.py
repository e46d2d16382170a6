"""Conversion between joint positions in an image and a heatmap's normalised coordinates, in both directions.

A picture of S x S pixels and depths of ± ``depth_range`` m about the root fill the volume from outer edge to outer edge
of [-1, 1]: pixel u goes to (2 u + 1) / S - 1, so that a volume of any resolution gives the same numbers
(``normalise_coordinates`` of the pose decoders).
"""

from __future__ import annotations

import torch
from torch import Tensor


def encode_pose(pose: Tensor, valid: Tensor, image_size: int, depth_range: float) -> tuple[Tensor, Tensor]:
    """Return normalised coordinates [..., J, 3] and which of them can be learnt, bool of that shape.

    Args:
        pose: [..., J, 3]: x, y in pixels, depth in m relative to the root.
        valid: bool [..., J, 3].
        image_size: S, pixels.
        depth_range: m.

    A joint outside the picture has no cell there, so that none of its axes is learnt; nor is a depth beyond the range.
    """
    place = (2 * pose[..., :2] + 1) / image_size - 1
    depth = pose[..., 2:] / depth_range
    in_picture = (place.abs() <= 1).all(-1, keepdim=True)
    in_range = torch.cat([in_picture.expand_as(place), in_picture & (depth.abs() <= 1)], dim=-1)
    return torch.cat([place, depth], dim=-1), valid & in_range


def decode_pose(
    coordinates: Tensor, intrinsics: Tensor, root_depth: Tensor, image_size: int, depth_range: float, root: int
) -> Tensor:
    """Return joints [..., J, 3] m in the camera's axes, relative to joint ``root``.

    Args:
        coordinates: [..., J, 3], normalised.
        intrinsics: [..., 3, 3] of the picture.
        root_depth: [...] m, of the root before the camera: a single picture does not tell it.
        image_size: S, pixels.
        depth_range: m.
        root: index of the root among the joints.
    """
    pixels = ((coordinates[..., :2].float() + 1) * image_size - 1) / 2
    depth = coordinates[..., 2:].float() * depth_range + root_depth[..., None, None]
    pixels = torch.cat([pixels, torch.ones_like(depth)], dim=-1)
    # No matmul: autocast would round pixels to half precision.
    rays = (_inverse(intrinsics)[..., None, :, :] * pixels[..., None, :]).sum(-1)
    joints = rays * depth
    return joints - joints[..., root : root + 1, :]


def _inverse(intrinsics: Tensor) -> Tensor:
    """Invert matrices [..., 3, 3]; NaN where one is not known."""
    known = intrinsics.isfinite().all(-1).all(-1)[..., None, None]
    eye = torch.eye(3, device=intrinsics.device)
    inverse = torch.linalg.inv(torch.where(known, intrinsics.float(), eye))
    return torch.where(known, inverse, torch.nan)

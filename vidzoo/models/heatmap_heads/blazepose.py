"""BlazePose's heat maps and depths, as those of a pose of 21 joints."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vidzoo.anatomy import LANDMARKS, POSE_JOINTS
from vidzoo.errors import ConfigError
from vidzoo.models.blazepose import load_landmark_network
from vidzoo.models.heatmap_heads.simcc_head import AxisLogits
from vidzoo.registry import MODELS

_OF_A_SIDE = {
    "Shoulder": ("shoulder",),
    "Elbow": ("elbow",),
    "Wrist": ("wrist",),
    "Hand": ("pinky", "index"),
    "Hip": ("hip",),
    "Knee": ("knee",),
    "Ankle": ("ankle",),
    "Toe": ("toe",),
}
LANDMARKS_OF: dict[str, tuple[str, ...]] = {
    "Head_top": ("eye_l", "eye_r"),  # there is none above the eyes
    "Head": ("ear_l", "ear_r"),
    "Thorax": ("shoulder_l", "shoulder_r"),
    "Spine": ("shoulder_l", "shoulder_r", "hip_l", "hip_r"),
    "Pelvis": ("hip_l", "hip_r"),
    **{f"R_{joint}": tuple(f"{name}_r" for name in names) for joint, names in _OF_A_SIDE.items()},
    **{f"L_{joint}": tuple(f"{name}_l" for name in names) for joint, names in _OF_A_SIDE.items()},
}
"""Pose joint -> the landmarks whose mean stands for it."""
SHARPNESS = 2.0
"""Factor of BlazePose's map logits, which are of one cell against the background: without it the 4,096 cells of the
background weigh as much as the place itself. With it the mean is 1.6 px (of 256) from the map's highest cell."""
MIN_PROBABILITY = 1e-9
"""Of a bin, so that its logarithm is finite."""
MAP_CELLS = 64
DEPTH_RANGE = 2.0
"""The bins of depth reach so many sides of the image: one before the hips and one behind them."""


def landmark_shares() -> Tensor:
    """Return [J, 33]: the share of each landmark in each pose joint; rows sum to 1."""
    shares = torch.zeros(len(POSE_JOINTS), len(LANDMARKS))
    for joint, names in LANDMARKS_OF.items():
        for name in names:
            shares[POSE_JOINTS.index(joint), LANDMARKS.index(name)] = 1 / len(names)
    return shares


@MODELS.register_module()
class BlazePoseHead(nn.Module):
    """Turn the maps of :class:`BlazePoseBackbone` into :class:`AxisLogits` of the J = 21 pose joints.

    Along height and width a joint has the mean of its landmarks' distributions (``LANDMARKS_OF``): of each landmark's
    heat map [64, 64] the softmax of ``SHARPNESS`` times its logits, summed along the other axis. So a joint's expected
    place is the mean of its landmarks'. Along depth it has a normal distribution about the mean of its landmarks'
    regressed z; its width is a parameter.

    Args:
        variant: 'full' or 'lite', as the backbone's.
        frozen: the weights stay as they are, and no gradient is computed.
        depth_bins: D, over two sides of the image with the hips in the middle.

    Raises:
        ConfigError: an unknown variant, or other maps than those that the backbone has by default of 256 x 256 pixels.
        CheckpointError: the weight file is damaged.

    Source: Bazarevsky et al. 2020, BlazePose, arXiv 2006.10204 (maps and regression).
    """

    shares: Tensor

    def __init__(self, variant: str = "full", frozen: bool = False, depth_bins: int = 64) -> None:
        super().__init__()
        whole = load_landmark_network(variant, segmentation=False)
        self.frozen = frozen
        self.depth_bins = depth_bins
        self.pyramid = whole.pyramid
        self.heatmaps = _part_of(whole.heatmaps, slice(len(LANDMARKS)))
        self.depth = _part_of(whole.landmarks, slice(2, 5 * len(LANDMARKS), 5))  # z of x, y, z, visibility, presence
        self.image_size = 4 * MAP_CELLS
        self.log_spread = nn.Parameter(torch.tensor(math.log(1.5)))  # of the depth, in bins
        self.register_buffer("shares", landmark_shares(), persistent=False)
        self.requires_grad_(not frozen)

    def forward(self, maps: tuple[Tensor, ...]) -> AxisLogits:
        """Return the logits of each axis for the backbone's five maps."""
        shapes = [tuple(one.shape[2:]) for one in maps]
        if shapes != [(MAP_CELLS // step,) * 2 for step in (1, 2, 4, 8, 32)]:
            raise ConfigError(
                f"BlazePoseHead: the backbone's maps have {', '.join(f'{h} x {w}' for h, w in shapes)} cells, expected "
                f"those of BlazePoseBackbone with its own out_indices at image_size={self.image_size}."
            )
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            *middle, top, regressed = maps
            logits = SHARPNESS * self.heatmaps(self.pyramid(middle, top)).float()
            probabilities = logits.flatten(2).softmax(-1).unflatten(2, logits.shape[2:])
            height, width = (self._mix(probabilities.sum(dim)) for dim in (3, 2))
            z = self._mix(self.depth(regressed).float().flatten(2)) / self.image_size  # in sides of the image
            bins = torch.arange(self.depth_bins, device=z.device, dtype=z.dtype)
            centre = (z / DEPTH_RANGE + 0.5) * self.depth_bins - 0.5
            depth = -0.5 * ((bins - centre) / self.log_spread.exp()) ** 2
            return AxisLogits(depth, *(axis.clamp(min=MIN_PROBABILITY).log() for axis in (height, width)))

    def _mix(self, values: Tensor) -> Tensor:
        """Return the joints' means [N, J, n] of the landmarks' values [N, 33, n]."""
        return torch.einsum("jl,nlb->njb", self.shares, values)


def _part_of(layer: nn.Conv2d, rows: slice) -> nn.Conv2d:
    """Return a convolution that has some of another one's output channels."""
    state = {name: value[rows] for name, value in layer.state_dict().items()}
    part = nn.Conv2d(layer.in_channels, len(state["bias"]), layer.kernel_size)  # type: ignore[arg-type]
    part.load_state_dict(state)
    return part

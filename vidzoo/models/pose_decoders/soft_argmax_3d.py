"""Soft-argmax over a volume: the differentiable position of each joint."""

from __future__ import annotations

from torch import Tensor, nn

from vidzoo.models.pose_decoders.pose import Pose, expected_pose
from vidzoo.registry import MODELS


def soft_argmax_3d(logits: Tensor, keep_volume: bool = False) -> Pose:
    """Return the softmax of each joint's volume, as marginals and expected position.

    The volume is exponentiated once and summed along its axes before anything is divided, in float32 whatever the
    logits are.

    Args:
        logits: [N, J, D, h, w].
        keep_volume: return the normalised volume too, which costs its memory once more.

    Source: VID paper, equations 3 to 6, which count bins from 1; here they count from 0, one less.
    """
    logits = logits.float()
    mass = (logits - logits.detach().amax((2, 3, 4), keepdim=True)).exp_()  # the shift leaves a softmax as it is
    plane = mass.sum(2)
    totals = (mass.sum((3, 4)), plane.sum(3), plane.sum(2))
    total = totals[0].sum(-1, keepdim=True)
    depth, height, width = (axis / total for axis in totals)
    return expected_pose(depth, height, width, mass / total[..., None, None] if keep_volume else None)


@MODELS.register_module()
class SoftArgmax3D(nn.Module):
    """Turn volume logits [N, J, D, h, w] into a :class:`Pose`; no parameters. See :func:`soft_argmax_3d`."""

    def forward(self, logits: Tensor, keep_volume: bool = False) -> Pose:
        """Return coordinates, marginals and, if asked for, the probability volume."""
        return soft_argmax_3d(logits, keep_volume)

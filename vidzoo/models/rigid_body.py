"""Rigid-body mechanics of torques, ground reactions and headings: pure functions on tensors.

Ground axes are x forward, y up, z to the right; C counts the coordinates of ``anatomy.COORDINATES``, whose first six
are the pelvis: three rotations (tilt about z, list about x, rotation about y, in this order), then three translations.
A wrench is a moment in N·m about a body's origin, then a force in N, six numbers in this order.
"""

from __future__ import annotations

import torch
from torch import Tensor

PELVIS = slice(0, 6)
"""The pelvis among the coordinates."""


def wrench_torques(foot_jacobians: Tensor, wrenches: Tensor) -> Tensor:
    """Return the generalized forces [..., C] of foot wrenches [..., 2, 6]: the sum over feet of J^T W.

    ``inertial_torques`` less this is the inverse-dynamics result, for ``foot_jacobians`` [..., 2, 6, C].
    """
    return torch.einsum("...fkc,...fk->...c", foot_jacobians, wrenches)


def face_forward(coordinates: Tensor, velocities: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Express each frame's motion as that of a person who stands at the ground's origin and faces its x axis.

    Args:
        coordinates: [..., C] rad and m.
        velocities: [..., C] their rates.

    Returns:
        The coordinates [..., C], where pelvis_rotation, pelvis_tx and pelvis_tz are 0; the velocities [..., C], where
        those of the pelvis are its angular velocity about the person's z, x and y (level axes that turn with the
        person) and its velocity along the person's x, y and z; and the heading [...] in rad, the angle about y by which
        the person was turned. The rest is as given. No place and no heading in the room can be told from the first two.
    """
    tilt, lean, turn = coordinates[..., :3].unbind(-1)
    sin_a, sin_b, sin_c = tilt.sin(), lean.sin(), turn.sin()
    cos_a, cos_b, cos_c = tilt.cos(), lean.cos(), turn.cos()
    # Entries of the pelvis' rotation Rz(a) Rx(b) Ry(c), to be read as Ry(heading) Rz(new a) Rx(new b).
    r00, r20 = cos_a * cos_c - sin_a * sin_b * sin_c, -cos_b * sin_c
    r10, r11 = sin_a * cos_c + cos_a * sin_b * sin_c, cos_a * cos_b
    r12 = sin_a * sin_c - cos_a * sin_b * cos_c
    heading = torch.atan2(-r20, r00)
    zero = torch.zeros_like(tilt)
    pelvis = torch.stack(
        [torch.atan2(r10, torch.hypot(r00, r20)), torch.atan2(-r12, r11), zero, zero, coordinates[..., 4], zero], dim=-1
    )
    d_tilt, d_lean, d_turn = velocities[..., :3].unbind(-1)
    spin = torch.stack(
        [cos_a * d_lean - sin_a * cos_b * d_turn, sin_a * d_lean + cos_a * cos_b * d_turn, d_tilt + sin_b * d_turn],
        dim=-1,
    )
    rates = torch.cat([turn_back(spin, heading)[..., [2, 0, 1]], turn_back(velocities[..., 3:6], heading)], dim=-1)
    return (
        torch.cat([pelvis, coordinates[..., 6:]], dim=-1),
        torch.cat([rates, velocities[..., 6:]], dim=-1),
        heading,
    )


def turn_back(vectors: Tensor, heading: Tensor) -> Tensor:
    """Turn ground vectors [..., 3] by minus ``heading`` [...] rad about y: into the axes of a person so turned."""
    # Sums of products and no matrix product, which mixed precision would round.
    x, y, z = vectors.unbind(-1)
    sin, cos = heading.sin(), heading.cos()
    return torch.stack([cos * x - sin * z, y, sin * x + cos * z], dim=-1)


def pelvis_jacobian(foot_jacobians: Tensor) -> Tensor:
    """Return the Jacobian [..., 6, 6] of the pelvis' own origin for the pelvis coordinates.

    Moved by these alone the body turns as one, so that the rotation rows are any foot's.
    """
    rotation = foot_jacobians[..., 0, :3, PELVIS]
    identity = torch.eye(6, dtype=rotation.dtype, device=rotation.device)[3:]
    return torch.cat([rotation, identity.expand_as(rotation)], dim=-2)


def share_load(load: Tensor, jacobians: Tensor, guess: Tensor, spread: Tensor) -> Tensor:
    """Return the wrenches nearest to a guess that carry a load between them.

    Of all W with sum over s of J_s^T W_s = load, the one with the least sum of ((W - guess) / spread)^2: the mean of
    independent Gaussian wrenches, given their sum. A support of small spread keeps its guess, one of large spread takes
    what is left over.

    Args:
        load: [..., 6], the pelvis rows of what the motion asks for.
        jacobians: [..., S, 6, 6] of the S supports' origins for the pelvis coordinates.
        guess: [..., S, 6].
        spread: [..., S, 6], positive.

    Returns:
        [..., S, 6]. Differentiable in every argument. The system is symmetric, positive definite and 6 x 6, and is
        solved in double precision: its condition grows with the square of the ratio of the spreads.
    """
    dtype = guess.dtype
    load, jacobians, guess, spread = (x.double() for x in (load, jacobians, guess, spread))
    gap = load - torch.einsum("...skc,...sk->...c", jacobians, guess)
    weighted = spread.square()[..., None] * jacobians
    compliance = torch.einsum("...skc,...skd->...cd", jacobians, weighted)
    multiplier = torch.cholesky_solve(gap[..., None], torch.linalg.cholesky(compliance))[..., 0]
    return (guess + torch.einsum("...skc,...c->...sk", weighted, multiplier)).to(dtype)

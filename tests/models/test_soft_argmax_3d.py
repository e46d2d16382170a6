from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax

from vidzoo.models.pose_decoders import normalise_coordinates, soft_argmax_3d


def brute_force(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Equations 3 to 6 on the full grid in float64, bins counted from 0: probabilities and coordinates."""
    n, j, depth, height, width = logits.shape
    p = softmax(logits.astype(np.float64).reshape(n, j, -1), axis=-1).reshape(logits.shape)
    z, y, x = np.meshgrid(np.arange(depth), np.arange(height), np.arange(width), indexing="ij")
    return p, np.stack([(p * grid).sum((2, 3, 4)) for grid in (x, y, z)], axis=-1)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_equals_the_full_grid(channels_last, shift):
    logits = 3 * torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0)) + shift
    if channels_last:
        logits = logits.flatten(1, 2).contiguous(memory_format=torch.channels_last).unflatten(1, (3, 4))
    pose = soft_argmax_3d(logits, keep_volume=True)
    p, coordinates = brute_force(logits.numpy())
    np.testing.assert_allclose(pose.coordinates, coordinates, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(pose.probabilities, p, rtol=1e-4, atol=1e-8)
    for marginal, axes in zip(pose.marginals, ((3, 4), (2, 4), (2, 3))):
        np.testing.assert_allclose(marginal, p.sum(axes), rtol=1e-5, atol=1e-7)
    assert soft_argmax_3d(logits).probabilities is None


def test_a_single_peak_is_found_in_each_axis():
    logits = torch.zeros(1, 1, 4, 5, 6)
    logits[0, 0, 3, 1, 2] = 100.0
    torch.testing.assert_close(soft_argmax_3d(logits).coordinates[0, 0], torch.tensor([2.0, 1.0, 3.0]))


def test_gradient_is_the_covariance():
    """The derivative of E[x] by the logit of a voxel is p (x - E[x])."""
    logits = torch.randn(1, 2, 3, 4, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
    pose = soft_argmax_3d(logits, keep_volume=True)
    pose.coordinates[..., 0].sum().backward()
    p = pose.probabilities.detach()
    expected = p * (torch.arange(5.0) - pose.coordinates[..., 0].detach()[..., None, None, None])
    torch.testing.assert_close(logits.grad, expected)


def test_gradient_of_every_output_against_autograd_of_a_plain_softmax():
    logits = torch.randn(2, 2, 3, 4, 5, generator=torch.Generator().manual_seed(2))
    weights = [torch.randn(2, 2, n, generator=torch.Generator().manual_seed(n)) for n in (3, 4, 5)]

    def value(marginals):
        return sum((m.square() * w).sum() for m, w in zip(marginals, weights))

    ours, plain = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    value(soft_argmax_3d(ours).marginals).backward()
    p = plain.flatten(2).softmax(-1).unflatten(2, (3, 4, 5))
    value([p.sum((3, 4)), p.sum((2, 4)), p.sum((2, 3))]).backward()
    torch.testing.assert_close(ours.grad, plain.grad)


def test_half_precision_logits_are_summed_in_float32():
    logits = torch.randn(1, 1, 16, 16, 16, generator=torch.Generator().manual_seed(3)).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pose = soft_argmax_3d(logits)
    assert pose.coordinates.dtype == torch.float32
    np.testing.assert_allclose(pose.coordinates, brute_force(logits.float().numpy())[1], rtol=1e-5)


def test_normalised_coordinates_reach_the_outer_edges():
    volume = (8, 4, 16)
    corners = torch.tensor([[-0.5, -0.5, -0.5], [15.5, 3.5, 7.5], [7.5, 1.5, 3.5]])
    expected = torch.tensor([-1.0, 1.0, 0.0])[:, None].expand(3, 3)
    torch.testing.assert_close(normalise_coordinates(corners, volume), expected)

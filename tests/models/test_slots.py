"""Heads, decoders and regressors beside the paper's: against formulas, brute force and each other."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vidzoo.errors import ConfigError
from vidzoo.models.heatmap_heads import AxisLogits, DeconvHead, SeparableHead, SimCCHead
from vidzoo.models.marker_regressors import LinearMarkerRegressor, MarginalMarkerRegressor
from vidzoo.models.pose_decoders import PerAxisSoftArgmax, SoftArgmax3D, soft_argmax_3d


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def gmacs(module: nn.Module, *shape: int) -> float:
    with FlopCounterMode(display=False) as counter:
        module((torch.empty(*shape, device="meta"),))
    return counter.get_total_flops() / 2e9


def test_the_separable_head_is_lighter_than_the_deconvolutions():
    """Behind ResNet-101 at the paper's sizes."""
    with torch.device("meta"):
        heavy, light = DeconvHead(2048), SeparableHead(2048)
        assert light((torch.empty(1, 2048, 8, 8),)).shape == heavy((torch.empty(1, 2048, 8, 8),)).shape
    narrow, layer, norm = 2048 * 256, 9 * 256 + 256 * 256, 2 * 256
    assert count(light) == narrow + 3 * layer + 7 * norm + count(heavy.final)
    macs = narrow * 64 + layer * (16**2 + 32**2 + 64**2)
    final = 256 * 21 * 64 * 64**2
    assert gmacs(light, 1, 2048, 8, 8) == pytest.approx((macs + final) / 1e9)
    assert round(count(light) / 1e6, 1) == 1.1 and round(macs / 1e9, 1) == 0.4
    assert count(heavy) > 9 * count(light)
    assert gmacs(heavy, 1, 2048, 8, 8) - final / 1e9 > 4 * macs / 1e9


@pytest.mark.parametrize("cells", [(2, 3), (3, 0)])
def test_the_separable_head_keeps_places(cells):
    """Light in one cell of the map moves the logits there, and none that are more than three cells away."""
    torch.manual_seed(0)
    head = SeparableHead(4, num_joints=2, depth_bins=3, channels=16, num_layers=2, final_std=0.1).eval()
    dark = torch.zeros(1, 4, 8, 8)
    bright = dark.clone()
    bright[0, :, 2 * cells[0], 2 * cells[1]] = 5.0
    with torch.no_grad():
        change = (head((bright,)) - head((dark,))).abs().sum((1, 2))[0]
    assert change.shape == (32, 32)
    moved = nn.functional.max_pool2d(change[None], 4)[0] > 0
    rows, columns = moved.nonzero().unbind(1)
    assert moved[2 * cells[0], 2 * cells[1]]
    assert (rows - 2 * cells[0]).abs().max() <= 3 and (columns - 2 * cells[1]).abs().max() <= 3


def test_simcc_is_a_linear_reading_of_each_joints_map():
    torch.manual_seed(0)
    head = SimCCHead(in_channels=5, map_size=4, num_joints=3, bins=(6, 7, 8))
    maps = torch.randn(2, 5, 4, 4)
    logits = head((maps[:, :2], maps))
    assert count(head) == (5 + 1) * 3 + (16 + 1) * (6 + 7 + 8)
    joints = torch.einsum("jc,nchw->njhw", head.joint_maps.weight[:, :, 0, 0], maps)
    joints += head.joint_maps.bias[:, None, None]
    begin = 0
    for axis, bins in zip(logits, (6, 7, 8)):
        weight, bias = head.axes.weight[begin : begin + bins], head.axes.bias[begin : begin + bins]
        expected = torch.einsum("bhw,njhw->njb", weight.unflatten(1, (4, 4)), joints) + bias
        torch.testing.assert_close(axis, expected)
        begin += bins


def test_simcc_costs_a_fraction_of_a_volume():
    with torch.device("meta"):
        volume, axes = DeconvHead(2048), SimCCHead(2048, map_size=8)
    assert count(axes) < 0.01 * count(volume)
    assert gmacs(axes, 1, 2048, 8, 8) < 0.01 * gmacs(volume, 1, 2048, 8, 8)


def test_per_axis_equals_soft_argmax_of_the_separable_volume():
    generator = torch.Generator().manual_seed(0)
    logits = AxisLogits(*(2 * torch.randn(2, 3, bins, generator=generator) for bins in (4, 5, 6)))
    volume = logits.depth[..., :, None, None] + logits.height[..., None, :, None] + logits.width[..., None, None, :]
    ours, expected = PerAxisSoftArgmax()(logits), soft_argmax_3d(volume)
    torch.testing.assert_close(ours.coordinates, expected.coordinates)
    for mine, theirs in zip(ours.marginals, expected.marginals):
        torch.testing.assert_close(mine, theirs)
    assert ours.probabilities is None


def test_per_axis_knows_which_axis_is_which():
    logits = AxisLogits(*(torch.full((1, 1, bins), -50.0) for bins in (4, 5, 6)))
    for axis, peak in zip(logits, (3, 1, 2)):
        axis[0, 0, peak] = 50.0
    torch.testing.assert_close(PerAxisSoftArgmax()(logits).coordinates[0, 0], torch.tensor([2.0, 1.0, 3.0]))


def test_half_precision_logits_are_read_in_float32():
    logits = AxisLogits(*(torch.randn(1, 2, 16).bfloat16() for _ in range(3)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert PerAxisSoftArgmax()(logits).coordinates.dtype == torch.float32


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="takes logits per axis"):
        PerAxisSoftArgmax()(torch.zeros(2, 3, 4, 5, 6))
    with pytest.raises(ConfigError, match="forms no volume, which spf_mode 'pooled8' and 'full' read"):
        PerAxisSoftArgmax()(AxisLogits(*torch.zeros(3, 2, 3, 4)), keep_volume=True)
    with pytest.raises(ConfigError, match=r"bins=\(64, 64\) must be three"):
        SimCCHead(4, map_size=4, bins=(64, 64))
    with pytest.raises(ConfigError, match="map_size=4, but the backbone's last map has 3 x 3 cells"):
        SimCCHead(4, map_size=4)((torch.zeros(1, 4, 3, 3),))
    for head in (SimCCHead(4, map_size=4), SeparableHead(4)):
        with pytest.raises(ConfigError, match=f"{type(head).__name__}: in_channels=4, .* 5 channels"):
            head((torch.zeros(1, 5, 4, 4),))
    with pytest.raises(ConfigError, match=r"bins=\(4, 4, 4\), but .* have \(4, 5, 6\)"):
        MarginalMarkerRegressor(bins=(4, 4, 4))(SoftArgmax3D()(torch.zeros(1, 21, 4, 5, 6)))


def test_the_linear_regressor_is_one_matrix():
    regressor = LinearMarkerRegressor(num_joints=3, num_markers=5)
    assert count(regressor) == (9 + 1) * 15
    a, b = torch.randn(2, 1, 3, 3)
    torch.testing.assert_close(regressor(a + b), regressor(a) + regressor(b) - regressor(torch.zeros(1, 3, 3)))


def test_the_marginal_regressor_sees_how_sure_a_pose_is():
    """Two poses of equal coordinates, one with a single peak and one with two beside it."""
    torch.manual_seed(0)
    regressor = MarginalMarkerRegressor(bins=(4, 5, 7), num_joints=1, num_markers=2, hidden=8)
    assert count(regressor) == (16 + 1) * 8 + (8 + 1) * 8 + (8 + 1) * 6
    width = torch.full((2, 7), -50.0)
    width[0, 3] = width[1, 1] = width[1, 5] = 0.0
    pose = PerAxisSoftArgmax()(AxisLogits(torch.zeros(2, 1, 4), torch.zeros(2, 1, 5), width[:, None]))
    torch.testing.assert_close(pose.coordinates[0], pose.coordinates[1])
    sure, unsure = regressor(pose)
    assert sure.shape == (2, 3)
    assert not torch.allclose(sure, unsure, atol=1e-3)

"""BlazePose as backbone and heatmap head: the places and depths that its own network gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from blazepose_samples import images

from vidzoo.anatomy import LANDMARKS, POSE_JOINTS
from vidzoo.errors import ConfigError
from vidzoo.models.backbones import BlazePoseBackbone
from vidzoo.models.blazepose import load_landmark_network
from vidzoo.models.heatmap_heads import BlazePoseHead
from vidzoo.models.heatmap_heads.blazepose import LANDMARKS_OF
from vidzoo.models.pose_decoders import PerAxisSoftArgmax


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return torch.from_numpy(np.moveaxis(images("lite"), -1, 1).astype(np.float32))


@pytest.fixture(scope="module")
def own(pictures):
    """What BlazePose's own network says of the drawn figure and of its mirror image."""
    with torch.no_grad():
        return load_landmark_network("lite", segmentation=False)(pictures)


def test_the_pose_is_that_of_the_landmarks(pictures, own):
    """Places the means of the squared odds of each landmark's map, depths the regressed ones; joints the means of both.

    In the clear picture a place is near the map's highest cell too.
    """
    with torch.no_grad():
        maps = BlazePoseBackbone("lite", frozen=True)(pictures)
        pose = PerAxisSoftArgmax()(BlazePoseHead("lite", frozen=True)(maps))
    assert [marginal.shape for marginal in pose.marginals] == [(2, 21, 64)] * 3
    odds = np.exp(own.heatmaps[:, :33].double().numpy()) ** 2
    y, x = np.mgrid[:64, :64]
    places = np.stack([(odds * axis).sum((2, 3)) / odds.sum((2, 3)) for axis in (x, y)], -1)
    highest = own.heatmaps[0, :33].flatten(1).argmax(-1).numpy()
    for joint, names in LANDMARKS_OF.items():
        which = [LANDMARKS.index(name) for name in names]
        depth = own.landmarks[:, which, 2].numpy().mean(1) / 256
        at = pose.coordinates[:, POSE_JOINTS.index(joint)].numpy()
        np.testing.assert_allclose(at[:, :2], places[:, which].mean(1), atol=1e-3, err_msg=joint)
        np.testing.assert_allclose((at[:, 2] - 31.5) / 32, depth, atol=5e-3, err_msg=joint)
        cells = np.stack([highest[which] % 64, highest[which] // 64], -1).mean(0)
        np.testing.assert_allclose(at[0, :2], cells, atol=2, err_msg=joint)


def test_every_pose_joint_has_landmarks_of_its_own_side():
    assert set(LANDMARKS_OF) == set(POSE_JOINTS)
    for joint, names in LANDMARKS_OF.items():
        sides = {name[-2:] for name in names if name.endswith(("_l", "_r"))}
        wanted = {"R_": {"_r"}, "L_": {"_l"}}.get(joint[:2], {"_l", "_r"})
        assert sides == wanted, joint


def test_frozen_parts_keep_no_gradient_and_others_reach_the_first_layer(pictures):
    for frozen in (True, False):
        backbone, head = BlazePoseBackbone("lite", frozen=frozen), BlazePoseHead("lite", frozen=frozen)
        logits = head(backbone(pictures[:1]))
        assert logits.width.requires_grad is not frozen
        assert all(weight.requires_grad is not frozen for part in (backbone, head) for weight in part.parameters())
        if not frozen:
            (logits.width.std() + logits.depth.std()).backward()
            assert backbone.trunk.stem.weight.grad.abs().sum() > 0
            assert head.log_spread.grad != 0


def test_maps_of_another_size_are_refused():
    backbone, head = BlazePoseBackbone("lite"), BlazePoseHead("lite")
    assert [one.shape[1] for one in BlazePoseBackbone("lite", out_indices=(4,))(torch.zeros(1, 3, 64, 64))] == [576]
    with pytest.raises(ConfigError, match=r"maps have 32 x 32, 16 x 16, .* expected .* at image_size=256"):
        head(backbone(torch.zeros(1, 3, 128, 128)))
    with pytest.raises(ConfigError, match="out_indices=\\(6,\\) must be some of 0 to 5"):
        BlazePoseBackbone("lite", out_indices=(6,))

"""The pose network of stage 1: coordinates, loss, and weights that VID-Network takes over."""

import numpy as np
import pytest
import torch

from vidzoo.anatomy import POSE_JOINTS
from vidzoo.errors import ConfigError
from vidzoo.models.codecs.pose_codec import decode_pose, encode_pose
from vidzoo.models.losses import WeightedL1Loss, WeightedMSELoss
from vidzoo.registry import MODELS
from vidzoo.structures import PoseSample

J, SIZE = len(POSE_JOINTS), 32
ROOT = POSE_JOINTS.index("Pelvis")
INTRINSICS = torch.tensor([[40.0, 1.5, 17], [0, 42, 14], [0, 0, 1]])
PARTS = {
    "image_size": SIZE,
    "data_preprocessor": {"type": "ClipPreprocessor"},
    "backbone": {"type": "ResNet", "depth": 18, "out_indices": (0,)},
    "heatmap_head": {"type": "DeconvHead", "in_channels": 64, "depth_bins": 8, "num_layers": 0, "final_std": 0.03},
    "pose_decoder": {"type": "SoftArgmax3D"},
}
CONFIG = {"type": "PoseNetwork", **PARTS, "pose_loss": {"type": "WeightedMSELoss", "weight": 1.0}}


def build(**options):
    torch.manual_seed(0)
    return MODELS.build(CONFIG | options)


def make_batch(count=4, seed=0):
    """Make images of random content with people before a known camera; the second one's depths are unknown."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randint(0, 256, (count, 1, 3, SIZE, SIZE), generator=generator, dtype=torch.uint8)
    samples = []
    for index in range(count):
        joints = (torch.rand(J, 3, generator=generator) - 0.5) * torch.tensor([1.2, 1.2, 0.8])
        joints = joints + torch.tensor([0.0, 0.0, 4.0])
        rays = joints @ INTRINSICS.T
        sample = PoseSample(metainfo={"kind": "tests", "image": index})
        relative = joints - joints[ROOT]
        sample.gt_pose = torch.cat([rays[:, :2] / rays[:, 2:], relative[:, 2:]], dim=1)[None]
        sample.gt_pose_valid = torch.ones(1, J, 3, dtype=torch.bool)
        if index == 1:
            sample.gt_pose_valid[..., 2] = False
        sample.gt_joints, sample.gt_joint_valid = relative[None], sample.gt_pose_valid.all(-1)
        sample.intrinsics, sample.root_depth = INTRINSICS[None], joints[ROOT, 2][None]
        samples.append(sample)
    return {"inputs": {"frames": frames}, "data_samples": samples}


def test_pixels_and_metres_go_to_the_volumes_edges():
    corners = torch.tensor([[-0.5, -0.5, -2.0], [SIZE - 0.5, SIZE - 0.5, 2.0], [15.5, 0.0, 1.0]])
    found, valid = encode_pose(corners, torch.ones(3, 3, dtype=torch.bool), SIZE, 2.0)
    torch.testing.assert_close(found, torch.tensor([[-1.0, -1, -1], [1, 1, 1], [0, 1 / SIZE - 1, 0.5]]))
    assert valid.all()


def test_what_is_outside_the_volume_is_not_learnt():
    pose = torch.tensor([[-0.6, 4.0, 0.0], [3.0, 31.6, 0.0], [3.0, 4.0, 1.01], [3.0, 4.0, 0.5], [3.0, 4.0, 0.0]])
    labelled = torch.tensor([[True, True, True]] * 4 + [[True, True, False]])
    _, valid = encode_pose(pose, labelled, SIZE, 1.0)
    expected = [[False] * 3, [False] * 3, [True, True, False], [True] * 3, [True, True, False]]
    assert valid.tolist() == expected


def test_decoding_finds_the_joints_that_the_camera_projected():
    for sample in make_batch()["data_samples"]:
        coordinates, _ = encode_pose(sample.gt_pose, sample.gt_pose_valid, SIZE, 1.5)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            joints = decode_pose(coordinates, sample.intrinsics, sample.root_depth, SIZE, 1.5, ROOT)
        torch.testing.assert_close(joints, sample.gt_joints, atol=2e-5, rtol=0)
    unknown = decode_pose(coordinates, sample.intrinsics * torch.nan, sample.root_depth, SIZE, 1.5, ROOT)
    assert unknown.isnan().all()


def test_the_loss_is_the_mean_over_labelled_coordinates():
    model, batch = build().eval(), make_batch()
    data = model.data_preprocessor(batch)
    with torch.no_grad():
        pose = model(data["inputs"]).pose.numpy()
        loss = model(**data, mode="loss")["loss_pose"]
    terms = []
    for own, sample in zip(pose, batch["data_samples"]):
        for j in range(J):
            x, y, z = sample.gt_pose[0, j].tolist()
            target = [(2 * x + 1) / SIZE - 1, (2 * y + 1) / SIZE - 1, z]
            if max(map(abs, target[:2])) <= 1:
                kept = 3 if sample.gt_pose_valid[0, j, 2] else 2
                terms += [(own[0, j, axis] - target[axis]) ** 2 for axis in range(kept)]
    np.testing.assert_allclose(loss, np.mean(terms), rtol=1e-5)
    for sample in batch["data_samples"]:
        sample.gt_pose = torch.where(sample.gt_pose_valid, sample.gt_pose, torch.nan)
    with torch.no_grad():
        torch.testing.assert_close(model(**data, mode="loss")["loss_pose"], loss)


def test_l1_loss_against_a_plain_mean():
    rng = np.random.default_rng(0)
    prediction, target, valid = rng.normal(size=(3, 4, 3)), rng.normal(size=(3, 4, 3)), rng.random((3, 4, 1)) > 0.4
    found = WeightedL1Loss(weight=0.3)(*map(torch.from_numpy, (prediction, target, valid)))
    expected = 0.3 * np.abs(prediction - target)[np.broadcast_to(valid, target.shape)].mean()
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    nothing = torch.ones(2, requires_grad=True)
    loss = WeightedL1Loss()(nothing, torch.zeros(2), torch.zeros(2, dtype=torch.bool))
    loss.backward()
    assert loss == 0 and not nothing.grad.any()


def test_predictions_are_metres_relative_to_the_pelvis():
    model, batch = build().eval(), make_batch()
    with torch.no_grad():
        samples = model.test_step(batch)
        pose = model(model.data_preprocessor(batch)["inputs"]).pose
    for sample, own in zip(samples, pose):
        x, y, z = own[0].double().numpy().T
        depth = z + float(sample.root_depth)
        pixels = np.stack([((x + 1) * SIZE - 1) / 2, ((y + 1) * SIZE - 1) / 2, np.ones(J)])
        rays = np.linalg.inv(INTRINSICS.double().numpy()) @ pixels * depth
        np.testing.assert_allclose(sample.pred_joints[0], (rays - rays[:, [ROOT]]).T, atol=1e-5)
        assert not sample.pred_joints[0, ROOT].any()


@pytest.mark.parametrize("loss", [WeightedMSELoss(1.0), WeightedL1Loss()])
def test_it_learns_four_images_by_heart(loss):
    model = build(pose_loss=loss).train()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    data = model.data_preprocessor(make_batch())
    losses = []
    for _ in range(30):
        total = model(**data, mode="loss")["loss_pose"]
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append(total.item())
    assert losses[-1] < 0.3 * losses[0]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_its_weights_are_vid_networks():
    data = MODELS.build(
        {
            "type": "VIDNetwork", **PARTS, "marker_regressor": None, "torque_codec": {"type": "TorqueCodec"},
            "temporal_head": {"type": "LSTMTorqueHead", "window": 5}, "torque_loss": {"type": "WeightedMSELoss"},
        }
    )  # fmt: skip
    shapes = {name: tuple(value.shape) for name, value in data.state_dict().items()}
    ours = {name: tuple(value.shape) for name, value in build().state_dict().items()}
    assert ours == {n: s for n, s in shapes.items() if n.startswith(("backbone.", "heatmap_head.", "pose_decoder."))}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"heatmap_head": PARTS["heatmap_head"] | {"num_joints": 17}}, "finds 17 joints, but a pose has 21"),
        ({"heatmap_head": PARTS["heatmap_head"] | {"in_channels": 65}}, "set in_channels to that"),
        ({"depth_range": 0.0}, r"depth_range=0\.0 m must be more than 0"),
        ({"pose_loss": None}, "pose_loss=None must be a config"),
    ],
)
def test_parts_that_do_not_fit_are_one_sentence(options, said):
    with pytest.raises(ConfigError, match=said):
        build(**options)


def test_a_wrong_call_is_one_sentence():
    model, batch = build(), make_batch(1)
    with pytest.raises(ConfigError, match="mode='train' must be"):
        model(batch["inputs"], mode="train")
    frames = batch["inputs"]["frames"].float()
    with pytest.raises(ConfigError, match="needs data_samples"):
        model({"frames": frames}, mode="loss")
    with pytest.raises(ConfigError, match=r"frames are \[3, 32, 31\], expected \[3, 32, 32\]"):
        model({"frames": frames[..., :31]})

# ruff: noqa: C408 -- configs say dict(type=...)
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from vidzoo.errors import CheckpointError, ConfigError
from vidzoo.models.backbones import ResNet
from vidzoo.models.estimators import VIDNetwork
from vidzoo.models.estimators.vid_network import SPF_MODES
from vidzoo.models.pose_decoders import soft_argmax_3d
from vidzoo.registry import MODELS
from vidzoo.structures import TorqueSample

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "_base_" / "models"
TINY: dict[str, Any] = dict(
    image_size=64,
    data_preprocessor=dict(type="ClipPreprocessor"),
    backbone=dict(type="ResNet", depth=18),
    heatmap_head=dict(type="DeconvHead", in_channels=512, depth_bins=8, channels=8),
    pose_decoder=dict(type="SoftArgmax3D"),
    marker_regressor=dict(type="MLPMarkerRegressor"),
    temporal_head=dict(type="TransformerTorqueHead", window=3, dim=16, heads=2, depth=1, feedforward=16),
    torque_codec=dict(type="TorqueCodec"),
    marker_codec=dict(type="MarkerCodec"),
    torque_loss=dict(type="WeightedMSELoss"),
    marker_loss=dict(type="WeightedMSELoss"),
)


@MODELS.register_module()
class BareHead(torch.nn.Module):
    """A plug-in that tells nothing of itself."""

    def __init__(self, in_features, num_torques=11, window=3) -> None:
        super().__init__()
        self.project = torch.nn.Linear(in_features, num_torques)
        self.half = window // 2

    def forward(self, tokens):
        return self.project(tokens)[:, self.half : tokens.shape[1] - self.half]


@MODELS.register_module()
class BareDecoder(torch.nn.Module):
    """A plug-in that knows nothing of ``keep_volume``."""

    def forward(self, logits):
        return soft_argmax_3d(logits)


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def tiny(**changes) -> VIDNetwork:
    torch.manual_seed(0)
    model = VIDNetwork(**(TINY | changes))
    # The head starts almost flat; sharper heatmaps let every test see differences between images.
    torch.nn.init.normal_(model.heatmap_head.final.weight, std=0.5)
    for norm in model.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(norm.running_mean, -0.1, 0.1)
    return model


def set_statistics(model: VIDNetwork) -> None:
    rng = np.random.default_rng(0)
    model.set_statistics(
        {
            "torques_per_kg": (rng.normal(size=11), rng.uniform(0.2, 1, 11)),
            "markers": (rng.normal(size=(51, 3)), rng.uniform(0.1, 1, (51, 3))),
        }
    )


def frames(batch: int = 2, length: int = 5) -> torch.Tensor:
    return torch.randn(batch, length, 3, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def paper() -> VIDNetwork:
    return MODELS.build(Config.fromfile(CONFIGS / "vidnet_r101.py").model)


def test_parameters_are_the_papers(paper):
    assert count(paper.backbone) == 42_500_160
    assert count(paper.heatmap_head.deconv) == 10_487_296
    assert count(paper.heatmap_head.final) == 345_408
    assert count(paper.pose_decoder) == 0
    assert count(paper.marker_regressor) == 44_441
    # 21 joints with three marginals of 64 bins, and 51 markers, projected to 128
    assert count(paper.temporal_head.project) == (21 * 3 * 64 + 51 * 3) * 128 + 128


def test_multiplications_per_frame_are_the_papers(paper):
    image = torch.empty(1, 3, 256, 256, device="meta")

    def gmacs(module, argument):
        state = {name: v.to("meta") for name, v in (*module.named_parameters(), *module.named_buffers())}
        with FlopCounterMode(display=False) as counter:
            result = functional_call(module, state, (argument,))
        return result, counter.get_total_flops() / 2e9

    maps, backbone = gmacs(paper.backbone, image)
    features, deconv = gmacs(paper.heatmap_head.deconv, maps[-1])
    volume, final = gmacs(paper.heatmap_head.final, features)
    assert (maps[-1].shape, features.shape) == ((1, 2048, 8, 8), (1, 256, 64, 64))
    assert volume.shape == (1, 21 * 64, 64, 64)
    assert (round(backbone, 2), round(deconv, 2), round(final, 2)) == (10.19, 1.88, 1.41)


def test_the_papers_recipe(paper):
    assert paper.temporal_head.window == 13
    assert paper.heatmap_head.num_joints == 21
    assert paper.torque_loss.weight == paper.marker_loss.weight == 0.5
    assert paper.temporal_head.encoder.layers[0].self_attn.num_heads == 8


def test_the_small_config_fits():
    model = MODELS.build(Config.fromfile(CONFIGS / "vidnet_r18.py").model)
    assert model.temporal_head.in_features == 21 * (16 + 8 + 8) + 51 * 3
    assert model.backbone.weights is None, "the small one needs no network"


@pytest.mark.parametrize(
    ("mode", "width"),
    [("marginals", 21 * (8 + 16 + 16)), ("coords", 63), ("pooled8", 21 * 512), ("full", 21 * 8 * 256)],
)
@pytest.mark.parametrize("markers", [True, False])
def test_spf_modes_have_their_width(mode, width, markers):
    changes = {} if markers else dict(marker_regressor=None, marker_codec=None, marker_loss=None)
    model = tiny(spf_mode=mode, **changes).eval()
    assert model.temporal_head.in_features == width + (153 if markers else 0)
    with torch.no_grad():
        output = model({"frames": frames(1, 3)})
    assert output.torques.shape == (1, 1, 11)
    assert (output.markers is not None) == markers
    assert output.pose.shape == (1, 3, 21, 3)


def test_spf_modes_hold_probabilities():
    logits = torch.randn(2, 3, 8, 16, 32, generator=torch.Generator().manual_seed(0))
    p = logits.flatten(2).softmax(-1).unflatten(2, (8, 16, 32))
    pose = soft_argmax_3d(logits, keep_volume=True)

    def scaled(cells):
        n = cells.shape[-1]
        return ((cells - 1 / n) / (1 / n)).flatten(1)

    torch.testing.assert_close(SPF_MODES["full"](pose), scaled(p.flatten(2)))
    pooled = torch.nn.functional.avg_pool3d(p, (1, 2, 4)) * 8
    torch.testing.assert_close(SPF_MODES["pooled8"](pose), scaled(pooled.flatten(2)))
    marginals = [m.shape[-1] * m - 1 for m in (p.sum((3, 4)), p.sum((2, 4)), p.sum((2, 3)))]
    torch.testing.assert_close(SPF_MODES["marginals"](pose), torch.cat(marginals, -1).flatten(1))
    x = (p.sum((2, 3)) * torch.linspace(-1 + 1 / 32, 1 - 1 / 32, 32)).sum(-1)
    torch.testing.assert_close(SPF_MODES["coords"](pose).unflatten(1, (3, 3))[..., 0], x)


def test_a_clip_equals_its_single_windows():
    model = tiny().eval()
    clip = frames()
    with torch.no_grad():
        whole = model({"frames": clip})
        parts = [model({"frames": clip[:, k : k + 3]}) for k in range(3)]
    assert whole.torques.std() > 1e-3
    torch.testing.assert_close(whole.torques, torch.cat([p.torques for p in parts], 1), rtol=1e-4, atol=1e-5)
    for k, part in enumerate(parts):
        torch.testing.assert_close(whole.markers[:, k : k + 3], part.markers, rtol=1e-4, atol=1e-5)


def test_repeated_images_are_computed_once_and_change_nothing():
    model = tiny().eval()
    # The first frame of a clip is always new, whatever the flag says of the frame before it in the trial.
    is_new = torch.tensor([[True, False, True, False, False], [False, True, True, False, True]])
    source = torch.tensor([[0, 0, 2, 2, 2], [0, 1, 2, 2, 4]])
    clip = torch.stack([clip[index] for clip, index in zip(frames(), source)])
    images = []
    hook = model.backbone.register_forward_pre_hook(lambda _, args: images.append(len(args[0])))
    with torch.no_grad():
        once = model({"frames": clip, "frame_is_new": is_new})
        full = model({"frames": clip})
        garbage = torch.where((is_new | (torch.arange(5) == 0))[..., None, None, None], clip, 1e3)
        unseen = model({"frames": garbage, "frame_is_new": is_new})
    hook.remove()
    assert images == [6, 10, 6]
    for a, b, c in zip(once, full, unseen):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
        assert torch.equal(a, c)


def test_repeated_images_get_the_whole_gradient():
    is_new = torch.tensor([[True, False, True, True, False]])
    clip = frames(1)[:, [0, 0, 2, 3, 3]]
    gradients = []
    for inputs in ({"frames": clip, "frame_is_new": is_new}, {"frames": clip}):
        model = tiny().eval()
        output = model(inputs)
        (output.torques.square().sum() + output.markers.square().sum()).backward()
        gradients.append(model.backbone.conv1.weight.grad)
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4 * gradients[1].abs().max().item())


def test_losses_are_equation_7_on_standardised_targets():
    model = tiny()
    set_statistics(model)
    model.eval()
    generator = torch.Generator().manual_seed(5)
    samples = []
    for mass in (50.0, 80.0):
        sample = TorqueSample(metainfo=dict(mass=mass))
        sample.gt_torques = 40 * torch.randn(3, 11, generator=generator)
        sample.valid = torch.rand(3, 11, generator=generator) > 0.3
        sample.gt_markers = torch.randn(5, 51, 3, generator=generator)
        sample.gt_marker_valid = torch.rand(5, 51, generator=generator) > 0.3
        samples.append(sample)
    inputs = {"frames": frames()}
    with torch.no_grad():
        output = model(inputs)
        losses = model(inputs, samples, mode="loss")
    errors: dict[str, list[np.ndarray]] = {"loss_torque": [], "loss_markers": []}
    for i, sample in enumerate(samples):
        codec = model.torque_codec
        target = (sample.gt_torques / sample.mass - codec.mean) / codec.std
        errors["loss_torque"].append(((output.torques[i] - target) ** 2)[sample.valid].numpy())
        target = (sample.gt_markers - model.marker_codec.mean) / model.marker_codec.std
        errors["loss_markers"].append(((output.markers[i] - target) ** 2)[sample.gt_marker_valid].numpy().ravel())
    assert losses.keys() == errors.keys()
    for name, values in errors.items():
        np.testing.assert_allclose(losses[name], 0.5 * np.concatenate(values).mean(), rtol=1e-4)


def test_predict_adds_markers_in_metres_and_the_pose_in_bins():
    model = tiny().eval()
    set_statistics(model)
    samples = [TorqueSample(metainfo=dict(mass=60.0)) for _ in range(2)]
    with torch.no_grad():
        output = model({"frames": frames()})
        model({"frames": frames()}, samples, mode="predict")
    expected = output.markers * model.marker_codec.std + model.marker_codec.mean
    for i, sample in enumerate(samples):
        torch.testing.assert_close(sample.pred_markers, expected[i])
        torch.testing.assert_close(sample.pred_pose, output.pose[i])


def test_parts_may_be_modules():
    backbone = ResNet(18)
    model = tiny(backbone=backbone)
    assert model.backbone is backbone
    assert model.backbone.conv1.weight.is_contiguous(memory_format=torch.channels_last)


def test_every_parameter_learns_where_the_backbone_ends_early():
    model = MODELS.build(Config.fromfile(CONFIGS / "vidnet_r18.py").model)
    output = model({"frames": torch.randn(2, 13, 3, 64, 64)})
    (output.torques.sum() + output.markers.square().sum()).backward()
    idle = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert not idle, "processes that train together would wait for these for ever"


def test_init_weights_reaches_the_backbone(tmp_path):
    source = ResNet(18)
    torch.save(source.state_dict(), tmp_path / "weights.pth")
    model = tiny(backbone=dict(type="ResNet", depth=18, weights=str(tmp_path / "weights.pth")))
    model.init_weights()
    assert torch.equal(model.backbone.layer4[1].conv2.weight, source.layer4[1].conv2.weight)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(spf_mode="logits"), "spf_mode='logits' must be one of marginals, coords, pooled8, full"),
        (dict(heatmap_head=dict(type="DeconvHead", in_channels=2048)), "in_channels=2048, but .* 512"),
        (dict(backbone=dict(type="ResNet", dept=18)), "backbone=.*unexpected keyword argument 'dept'"),
        (dict(backbone=dict(type="ResNett", depth=18)), "did you mean ResNet"),
        (dict(backbone=18), "backbone=18 must be a config"),
        (dict(marker_regressor=dict(type="MLPMarkerRegressor", num_joints=17)), "marker_regressor: .* does not fit"),
        (dict(marker_regressor=dict(type="MLPMarkerRegressor", num_markers=9)), "marker_codec has"),
        (dict(marker_codec=None), "needs a marker_codec"),
        (
            dict(temporal_head=dict(type="LSTMTorqueHead", in_features=7, window=3)),
            "temporal_head: in_features=7, but spf_mode='marginals' and the markers give 993",
        ),
        (dict(temporal_head=dict(type="LSTMTorqueHead", num_torques=3, window=3)), "leave num_torques out"),
        (dict(temporal_head=dict(type="BareHead")), "temporal_head: BareHead has window=None, expected the number"),
        (dict(temporal_head=torch.nn.Identity()), "temporal_head: Identity has window=None"),
        (dict(temporal_head=dict(type="BareHead", window=1, num_torques=3)), r"gives \[2, 1, 3\] .* \[2, 1, 11\]"),
        (dict(pose_decoder=dict(type="BareDecoder"), spf_mode="full"), "pose_decoder: BareDecoder .* positional"),
        (dict(pose_decoder=torch.nn.Identity()), r"pose_decoder: gives \[2, 21, 8, 16, 16\], expected a .*Pose"),
        (dict(heatmap_head=torch.nn.Identity()), r"heatmap_head: gives \[2, .*\], expected volume logits"),
        (dict(backbone=torch.nn.Identity()), r"backbone: gives \[2, 3, 64, 64\], expected a tuple of maps"),
        (dict(backbone=dict(type="BareHead", in_features=3)), "backbone: BareHead does not fit"),
        (
            dict(spf_mode="full", image_size=128, heatmap_head=TINY["heatmap_head"] | dict(depth_bins=65)),
            "at most 65,504 cells, but 65 x 32 x 32 are 66,560",
        ),
        (
            dict(spf_mode="pooled8", heatmap_head=TINY["heatmap_head"] | dict(depth_bins=12)),
            "'pooled8' needs a volume that 8 divides, but it is 12 x 16 x 16",
        ),
    ],
)
def test_parts_that_do_not_fit_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        tiny(**changes)


def test_a_plug_in_needs_to_know_no_more_than_its_slot():
    model = tiny(temporal_head=dict(type="BareHead", window=3), pose_decoder=dict(type="BareDecoder")).eval()
    with torch.no_grad():
        assert model({"frames": frames()}).torques.shape == (2, 3, 11)
    with pytest.raises(ConfigError, match=r"temporal_head: .*9999"):
        tiny(temporal_head=dict(type="BareHead", window=3, in_features=9999))


def test_mistakes_of_a_batch_are_named():
    model = tiny().eval()
    sample = TorqueSample(metainfo=dict(subject="s1", trial="DJ1"))
    with pytest.raises(ConfigError, match="needs inputs frames, but the batch holds markers"):
        model({"markers": torch.zeros(1)})
    with pytest.raises(ConfigError, match=r"expected \[3, 64, 64\]"):
        model({"frames": torch.zeros(1, 3, 3, 32, 32)})
    with pytest.raises(ConfigError, match="window=3"):
        model({"frames": frames(1, 2)})
    with pytest.raises(ConfigError, match="mode='train'"):
        model({"frames": frames(1, 3)}, mode="train")
    with pytest.raises(ConfigError, match="needs data_samples"):
        model({"frames": frames(1, 3)}, mode="predict")
    with pytest.raises(ConfigError, match=r"\(s1, DJ1\) has mass=None"):
        model({"frames": frames(1, 3)}, [sample], mode="predict")
    with pytest.raises(ConfigError, match=r"\(s1, DJ1\) holds no gt_torques"):
        model({"frames": frames(1, 3)}, [sample], mode="loss")
    sample.set_metainfo(dict(mass=60.0))
    with pytest.raises(CheckpointError, match="no statistics of 'torques_per_kg'"):
        model({"frames": frames(1, 3)}, [sample], mode="predict")
    sample.gt_torques, sample.valid = torch.zeros(3, 11), torch.ones(3, 11, dtype=torch.bool)
    with pytest.raises(ConfigError, match=r"predicts torques \[1, 1, 11\].*labels \[1, 3, 11\]"):
        model({"frames": frames(1, 3)}, [sample], mode="loss")


def test_statistics_must_cover_what_the_network_predicts():
    statistics = {"torques_per_kg": (np.zeros(11), np.ones(11)), "other": (np.zeros(1), np.ones(1))}
    with pytest.raises(ConfigError, match="needs statistics of 'markers', but the training set gives those of other"):
        tiny().set_statistics(statistics)
    model = tiny(marker_regressor=None)
    model.set_statistics(statistics)
    assert model.torque_codec.is_set


@pytest.mark.parametrize("final_std", [0.001, 0.1])
def test_the_heads_last_layer_starts_as_told(final_std):
    """PoseNet's 0.001 for every layer; the last one as the recipe says."""
    torch.manual_seed(0)
    head = MODELS.build(dict(type="vidzoo.DeconvHead", in_channels=64, depth_bins=16, channels=32, final_std=final_std))
    assert head.final.weight.std().item() == pytest.approx(final_std, rel=0.05)
    assert head.deconv[0].weight.std().item() == pytest.approx(0.001, rel=0.05)

"""The adapters against the libraries that they adapt."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.vision_transformer import interpolate_embeddings

from vidzoo.errors import CheckpointError, ConfigError
from vidzoo.models.backbones import TimmBackbone, TorchvisionBackbone


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(autouse=True)
def _begin_faster(monkeypatch):
    monkeypatch.setattr(nn.init, "trunc_normal_", lambda tensor, std=1.0, **_: nn.init.normal_(tensor, std=std))


def save(network: nn.Module, path: Path) -> str:
    torch.save(network.state_dict(), path)
    return str(path)


@pytest.mark.parametrize(
    ("name", "behind"),
    [
        ("convnext_tiny", ("classifier",)),
        ("swin_t", ("norm", "head")),
        ("efficientnet_b0", ("classifier",)),
    ],
)
def test_parameters_are_torchvisions_without_what_is_behind_the_map(name, behind):
    with torch.device("meta"):
        whole = getattr(torchvision.models, name)(weights=None)
        ours = TorchvisionBackbone(name)
    published = {"convnext_tiny": 28_589_128, "swin_t": 28_288_354, "efficientnet_b0": 5_288_548}
    assert count(whole) == published[name]
    assert count(ours) == count(whole) - sum(count(getattr(whole, part)) for part in behind)


def test_parameters_of_a_vision_transformer_are_torchvisions_without_its_head():
    with torch.device("meta"):
        ours = TorchvisionBackbone("vit_b_16", strides=(16,), image_size=224)
    assert count(ours) == 86_567_656 - (768 * 1000 + 1000)


@pytest.mark.parametrize("name", ["convnext_tiny", "swin_t", "efficientnet_b0"])
def test_a_file_gives_torchvisions_features(name, tmp_path):
    torch.manual_seed(0)
    whole = getattr(torchvision.models, name)(weights=None).eval()
    ours = TorchvisionBackbone(name, strides=(8, 32), weights=save(whole, tmp_path / "whole.pth")).eval()
    ours.init_weights()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        maps = ours(images)
        features = maps[1]
        if name == "swin_t":
            logits = whole.head(whole.norm(features.permute(0, 2, 3, 1)).mean((1, 2)))
        else:
            logits = whole.classifier(features.mean((2, 3), keepdim=name == "convnext_tiny"))
        torch.testing.assert_close(logits, whole(images), rtol=1e-4, atol=1e-5)
    assert [tuple(m.shape[2:]) for m in maps] == [(8, 8), (2, 2)]


def test_a_vision_transformers_map_and_its_interpolated_position_code(tmp_path, monkeypatch):
    """Patch p of the image is cell p of the map; weights for 96 x 96 images serve 64 x 64 ones."""

    def thin(name, weights, image_size):
        return torchvision.models.VisionTransformer(image_size, 32, 2, 2, hidden_dim=16, mlp_dim=16)

    monkeypatch.setattr(torchvision.models, "get_model", thin)
    torch.manual_seed(0)
    whole = thin("vit_b_32", None, 96).eval()
    path = save(whole, tmp_path / "vit.pth")
    ours = TorchvisionBackbone("vit_b_32", strides=(32,), weights=path, image_size=96).eval()
    ours.init_weights()
    images = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        tokens = whole.encoder(torch.cat([whole.class_token, whole._process_input(images)], 1))[0, 1:]
        (features,) = ours(images)
    torch.testing.assert_close(features[0], tokens.reshape(3, 3, 16).permute(2, 0, 1))
    small = TorchvisionBackbone("vit_b_32", strides=(32,), weights=path, image_size=64)
    small.init_weights()
    expected = interpolate_embeddings(64, 32, whole.state_dict())["encoder.pos_embedding"]
    assert torch.equal(small.encoder.pos_embedding, expected)
    assert expected.shape == (1, 5, 16)
    with pytest.raises(ConfigError, match="image_size=64, but the images are 96 x 96"):
        small(images)


def test_layers_behind_the_last_map_are_not_built():
    with torch.device("meta"):
        ours = TorchvisionBackbone("convnext_tiny", strides=(4, 8))
        whole = torchvision.models.convnext_tiny(weights=None)
        maps = ours(torch.empty(2, 3, 64, 64))
    assert count(ours) == count(whole.features[:4])
    assert [tuple(m.shape) for m in maps] == [(2, 96, 16, 16), (2, 192, 8, 8)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "convnext_tiy"}, "no network 'convnext_tiy'; try convnext_tiny"),
        ({"name": "maxvit_t"}, "maxvit_t is no list of features"),
        ({"name": "vit_b_16"}, "image_size=None with vit_b_16"),
        ({"name": "swin_t", "image_size": 64}, "image_size=64 with swin_t"),
        ({"name": "swin_t", "strides": (2,)}, r"strides=\(2,\) must be of swin_t's 4, 8, 16, 32"),
        ({"name": "swin_t", "strides": (32, 8)}, "in rising order"),
        ({"name": "swin_t", "strides": ()}, "at least one"),
        ({"name": "vit_b_16", "image_size": 64}, r"strides=\(32,\) must be of vit_b_16's 16"),
    ],
)
def test_what_torchvision_cannot_build_is_named(arguments, message):
    with torch.device("meta"), pytest.raises(ConfigError, match=message):
        TorchvisionBackbone(**arguments)


def test_wrong_weights_of_torchvision_are_named(tmp_path):
    ours = TorchvisionBackbone("mobilenet_v3_small", strides=(8,), weights="imagenet")
    with pytest.raises(ConfigError, match="no set of torchvision's mobilenet_v3_small; choose IMAGENET1K_V1"):
        ours.init_weights()
    ours.weights = save(torchvision.models.mobilenet_v2(weights=None), tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="holds no weights of torchvision's mobilenet_v3_small"):
        ours.init_weights()


class TestTimm:
    """timm's names, counts and features; skipped where timm is not installed."""

    @pytest.fixture(scope="class")
    def timm(self):
        return pytest.importorskip("timm")

    def test_parameters_are_timms_without_the_classifier(self, timm):
        assert count(TimmBackbone("resnet18")) == count(timm.create_model("resnet18", num_classes=0)) == 11_176_512
        bare = timm.create_model("convnext_atto", num_classes=0)
        assert count(TimmBackbone("convnext_atto")) == count(bare) - count(bare.head)

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("resnet18", {}),
            ("swin_tiny_patch4_window7_224", {"img_size": 64, "embed_dim": 24, "depths": (1, 1, 1, 1)}),
            ("vit_tiny_patch16_224", {"img_size": 64, "depth": 2}),
        ],
    )
    def test_a_file_gives_timms_features(self, timm, name, options, tmp_path):
        torch.manual_seed(0)
        whole = timm.create_model(name, **options).eval()
        ours = TimmBackbone(name, weights=save(whole, tmp_path / "whole.pth"), options=options).eval()
        ours.init_weights()
        images = torch.randn(1, 3, 64, 64)
        with torch.no_grad():
            (features,) = ours(images)
            expected = whole.forward_intermediates(images, intermediates_only=True, norm=False)[-1]
        torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-5)

    def test_a_position_code_of_another_size_is_interpolated(self, timm, tmp_path):
        path = save(timm.create_model("vit_tiny_patch16_224", img_size=96, depth=1), tmp_path / "vit.pth")
        ours = TimmBackbone("vit_tiny_patch16_224", weights=path, options={"img_size": 64, "depth": 1})
        ours.init_weights()
        assert ours(torch.zeros(1, 3, 64, 64))[0].shape == (1, 192, 4, 4)

    def test_a_network_that_others_contain_is_not_taken_for_them(self, timm, tmp_path):
        """The shallow one's names are all in the deep one, in the same shapes."""
        shallow = {"depths": (1, 1, 1, 1)}
        larger = save(timm.create_model("convnext_atto"), tmp_path / "larger.pth")
        with pytest.raises(CheckpointError, match=r"no weights of timm's convnext_atto \(has besides stages"):
            TimmBackbone("convnext_atto", weights=larger, options=shallow).init_weights()
        smaller = save(timm.create_model("convnext_atto", **shallow), tmp_path / "smaller.pth")
        with pytest.raises(CheckpointError, match=r"no weights of timm's convnext_atto \(lacks stages"):
            TimmBackbone("convnext_atto", weights=smaller).init_weights()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"name": "convnext_att"}, "no network 'convnext_att' .* try convnext_atto"),
            ({"name": "resnet18.a1_in1k"}, "a tag belongs into weights"),
            ({"name": "resnet18", "options": {"img_size": 64}}, "cannot build resnet18 .*img_size"),
            ({"name": "resnet18", "out_indices": (7,)}, r"cannot build resnet18 with out_indices=\(7,\)"),
        ],
    )
    def test_what_timm_cannot_build_is_named(self, timm, arguments, message):
        with pytest.raises(ConfigError, match=message):
            TimmBackbone(**arguments)

    def test_an_unknown_tag_lists_the_known(self, timm):
        with pytest.raises(ConfigError, match=r"weights='imagenet' is no tag of resnet18; choose .*a1_in1k"):
            TimmBackbone("resnet18", weights="imagenet").init_weights()

    def test_no_network_says_how_to_go_on(self, timm, monkeypatch):
        def fail(*_, **__):
            raise OSError("no route to host")

        monkeypatch.setattr(timm.models._builder, "load_state_dict_from_hf", fail)
        with pytest.raises(ConfigError, match=r"could not download resnet18.a1_in1k \(no route to host\)"):
            TimmBackbone("resnet18", weights="a1_in1k").init_weights()


def test_without_timm_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError, match=r"pip install 'vidzoo\[timm\]'"):
        TimmBackbone("resnet18")

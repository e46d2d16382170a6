from __future__ import annotations

import urllib.request

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from vidzoo.errors import CheckpointError, ConfigError
from vidzoo.models.backbones import ResNet


@pytest.fixture(scope="module")
def reference() -> torchvision.models.ResNet:
    torch.manual_seed(0)
    net = torchvision.models.resnet18(weights=None).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return net


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_gives_torchvisions_features(reference, suffix, tmp_path):
    path = tmp_path / f"resnet18{suffix}"
    (torch.save if suffix == ".pth" else save_file)(reference.state_dict(), path)
    backbone = ResNet(18, weights=str(path))
    backbone.init_weights()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        (features,) = backbone.eval()(images)
        logits = reference.fc(features.mean((2, 3)))
        torch.testing.assert_close(logits, reference(images))
    assert features.shape == (2, 512, 2, 2)


def test_weights_wait_for_init_weights(tmp_path):
    backbone = ResNet(18, weights=str(tmp_path / "missing.pth"))
    with pytest.raises(ConfigError, match=r"missing.pth: no such file"):
        backbone.init_weights()


def test_stages_and_strides():
    maps = ResNet(50, out_indices=(0, 1, 2, 3)).eval()(torch.zeros(1, 3, 64, 64))
    assert [tuple(m.shape[1:]) for m in maps] == [(256, 16, 16), (512, 8, 8), (1024, 4, 4), (2048, 2, 2)]


def test_stages_after_the_last_are_not_built(reference, tmp_path):
    torch.save(reference.state_dict(), tmp_path / "resnet18.pth")
    backbone = ResNet(18, weights=str(tmp_path / "resnet18.pth"), out_indices=(0, 1)).eval()
    backbone.init_weights()
    assert {name.split(".")[0] for name, _ in backbone.named_parameters()} == {"conv1", "bn1", "layer1", "layer2"}
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        first = reference.layer1(reference.maxpool(reference.relu(reference.bn1(reference.conv1(images)))))
        torch.testing.assert_close(backbone(images), (first, reference.layer2(first)))


def test_norm_eval_keeps_statistics_and_trains_scales():
    backbone = ResNet(18, norm_eval=True).train()
    images = torch.randn(2, 3, 32, 32)
    (first,) = backbone(images)
    first.sum().backward()
    assert backbone.bn1.weight.grad is not None
    assert backbone.bn1.num_batches_tracked == 0 and not backbone.layer4[1].bn2.training and backbone.training
    torch.testing.assert_close(first, backbone.eval()(images)[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 19}, "depth=19"),
        ({"depth": 18, "out_indices": (4,)}, "out_indices"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        ResNet(**arguments)


def test_an_unknown_weight_name_lists_the_known():
    with pytest.raises(ConfigError, match="IMAGENET1K_V1"):
        ResNet(18, weights="imagenet").init_weights()


def test_no_network_says_how_to_go_on(monkeypatch, tmp_path):
    def fail(*_, **__):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", fail)
    with pytest.raises(ConfigError, match=r"no route to host.*backbone.weights to the file's path"):
        ResNet(18, weights="IMAGENET1K_V1").init_weights()


def test_files_that_are_no_weights_are_refused(tmp_path, reference):
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match=r"broken\.pth: cannot be read"):
        ResNet(18, weights=str(broken)).init_weights()
    (tmp_path / "broken.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match=r"broken\.safetensors: cannot be read"):
        ResNet(18, weights=str(tmp_path / "broken.safetensors")).init_weights()
    code = tmp_path / "code.pth"
    torch.save(reference, code)  # a pickled object, not a state dict
    with pytest.raises(CheckpointError, match=r"code\.pth: cannot be read"):
        ResNet(18, weights=str(code)).init_weights()
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match=r"list\.pth: is no state dict"):
        ResNet(18, weights=str(tmp_path / "list.pth")).init_weights()
    other = tmp_path / "resnet34.pth"
    torch.save(torchvision.models.resnet34(weights=None).state_dict(), other)
    with pytest.raises(CheckpointError, match="no weights of torchvision's resnet18"):
        ResNet(18, weights=str(other)).init_weights()
    half = tmp_path / "half.pth"
    torch.save({k: v for k, v in reference.state_dict().items() if not k.startswith("layer4")}, half)
    with pytest.raises(CheckpointError, match="Missing key"):
        ResNet(18, weights=str(half)).init_weights()

# ruff: noqa: C408 -- configs say dict(type=...)
"""What is wrong with a component is found by the suite, by the method that is there for it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vidzoo.models.losses import WeightedMSELoss
from vidzoo.models.temporal_heads import unfold_windows
from vidzoo.registry import MODELS
from vidzoo.testing import SMALL_VID_NETWORK, WINDOW, ComponentSuite, suite_for


class Head(nn.Module):
    """A sound linear head."""

    def __init__(self, in_features: int, num_torques: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.output = nn.Linear(in_features, num_torques)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.output(unfold_windows(tokens, self.window).mean(1)).unflatten(0, (len(tokens), -1))


class WideHead(Head):
    """Gives one torque too many."""

    def __init__(self, in_features: int, num_torques: int, window: int) -> None:
        super().__init__(in_features, num_torques + 1, window)


class DetachedHead(Head):
    """Learns nothing."""

    def forward(self, tokens: Tensor) -> Tensor:
        return super().forward(tokens).detach()


class ForgetfulHead(Head):
    """Depends on a tensor that is not saved."""

    def __init__(self, in_features: int, num_torques: int, window: int) -> None:
        super().__init__(in_features, num_torques, window)
        self.offset = torch.randn(num_torques)

    def forward(self, tokens: Tensor) -> Tensor:
        return super().forward(tokens) + self.offset.to(tokens.device)


class RootHead(Head):
    """Takes the root of negative numbers."""

    def forward(self, tokens: Tensor) -> Tensor:
        return super().forward(tokens).sqrt()


class LeakyHead(Head):
    """Sees the whole clip, other windows too."""

    def forward(self, tokens: Tensor) -> Tensor:
        return super().forward(tokens - tokens.mean(1, keepdim=True))


class CountingHead(Head):
    """Remembers how often it was asked."""

    calls = 0

    def forward(self, tokens: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(tokens)


class DroppingHead(Head):
    """Drops out in evaluation too."""

    def forward(self, tokens: Tensor) -> Tensor:
        return nn.functional.dropout(super().forward(tokens), training=True)


class HalfLoss(WeightedMSELoss):
    """Loses the sum in 16 bits."""

    def forward(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        return super().forward(prediction, target, valid).to(prediction.dtype)


METHODS = [name for name in vars(ComponentSuite) if name.startswith("test_")]


def config_of(**parts: Any) -> dict[str, Any]:
    """Return the one config on which pytest would run the suite's methods."""
    (mark,) = suite_for(**parts).pytestmark
    assert mark.args[0] == "config"
    (config,) = mark.args[1]
    return config


def findings(**parts: Any) -> dict[str, str]:
    """Return what the suite says of a small VID-Network with these parts: method -> message of those that fail."""
    found = {}
    for method in METHODS:
        try:
            getattr(suite_for(**parts)(), method)(config_of(**parts))
        except Exception as error:
            found[method] = str(error)
    return found


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch):
    """Register what is defined here, for one test."""
    MODELS.import_from_location()
    components = (c for c in globals().values() if isinstance(c, type) and c.__module__ == __name__)
    monkeypatch.setattr(MODELS, "_module_dict", MODELS.module_dict | {c.__name__: c for c in components})


def test_a_sound_component_passes():
    assert findings(temporal_head=dict(type="Head")) == {}
    head = dict(type="Head", window=WINDOW)
    assert config_of(temporal_head=dict(type="Head")) == SMALL_VID_NETWORK | {"temporal_head": head}


def test_a_wrong_width_fails_everywhere():
    found = findings(temporal_head=dict(type="WideHead"))
    assert list(found) == METHODS
    assert all("gives [2, 1, 12]" in message and "torque_codec has [2, 1, 11]" in message for message in found.values())


@pytest.mark.parametrize(
    ("head", "method", "message"),
    [
        ("DetachedHead", "reaches_every_parameter", "the loss does not reach temporal_head.output.weight"),
        ("ForgetfulHead", "state_dict_round_trip", "something they depend on is neither parameter nor buffer"),
        ("RootHead", "reaches_every_parameter", "no finite loss: loss_torque = nan"),
        ("LeakyHead", "its_own_window_alone", "window 0 of clip 0 by itself gives other torques"),
        ("CountingHead", "changes_nothing", "tensor mode in evaluation changes CountingHead.calls"),
        ("DroppingHead", "is_repeatable", "the same inputs give different torques"),
    ],
)
def test_a_wrong_head_is_caught(head: str, method: str, message: str):
    found = findings(temporal_head=dict(type=head))
    assert [text for name, text in found.items() if method in name and message in text], found


def test_a_loss_in_half_precision_is_caught():
    found = findings(torque_loss=dict(type="HalfLoss"), marker_regressor=None)
    assert found == {METHODS[1]: "under autocast the loss is torch.bfloat16, expected torch.float32"}

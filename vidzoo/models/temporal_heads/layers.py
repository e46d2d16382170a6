"""Layers that several torque heads are made of."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


def perceptron(in_features: int, hidden: Sequence[int], out_features: int, dropout: float) -> nn.Sequential:
    """Return linear layers with a ReLU and dropout behind each hidden one.

    Args:
        in_features: numbers that go in.
        hidden: widths of the hidden layers; none makes it linear.
        out_features: numbers that come out.
        dropout: in training, behind each hidden layer.
    """
    layers: list[nn.Module] = []
    for before, after in zip((in_features, *hidden), hidden):
        layers += [nn.Linear(before, after), nn.ReLU(inplace=True), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear((in_features, *hidden)[-1], out_features))

"""Absolute error and cross-entropy over valid labels (the squared error has its own file)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, mean_absolute_error

from vidzoo.models.losses import WeightedBCELoss, WeightedL1Loss


def test_l1_is_the_weighted_mean_over_valid_entries():
    prediction, target = torch.randn(4, 3, 11), torch.randn(4, 3, 11)
    valid = torch.rand(4, 3, 11) > 0.4
    expected = 0.3 * mean_absolute_error(target[valid], prediction[valid])
    np.testing.assert_allclose(WeightedL1Loss(0.3)(prediction, target, valid), expected, rtol=1e-5)


def test_cross_entropy_is_that_of_the_logits_probabilities():
    logits, target = torch.randn(6, 4), (torch.rand(6, 4) > 0.5).float()
    valid = torch.tensor([True, True, False, True, False, True])[:, None]
    kept = valid.expand(6, 4)
    probability = 1 / (1 + np.exp(-logits[kept].double().numpy()))
    expected = 0.7 * log_loss(target[kept], probability, labels=[0, 1])
    np.testing.assert_allclose(WeightedBCELoss(0.7)(logits, target, valid), expected, rtol=1e-5)


@pytest.mark.parametrize("loss", [WeightedL1Loss(), WeightedBCELoss()])
def test_nan_in_an_invalid_entry_reaches_neither_loss_nor_gradient(loss):
    prediction = torch.randn(2, 3, requires_grad=True)
    target = torch.tensor([[1.0, float("nan"), 1.0], [0.0, 1.0, float("inf")]])
    value = loss(prediction, target, target.isfinite())
    value.backward()
    assert value.isfinite() and value > 0
    assert torch.equal(prediction.grad == 0, ~target.isfinite())


@pytest.mark.parametrize("loss", [WeightedL1Loss(), WeightedBCELoss()])
def test_nothing_valid_is_zero_with_a_gradient(loss):
    prediction = torch.randn(2, 3, requires_grad=True)
    value = loss(prediction, torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.bool))
    value.backward()
    assert value.item() == 0
    assert torch.equal(prediction.grad, torch.zeros(2, 3))

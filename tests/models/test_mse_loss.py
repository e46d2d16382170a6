from __future__ import annotations

import numpy as np
import torch
from sklearn.metrics import mean_squared_error

from vidzoo.models.losses import WeightedMSELoss


def test_is_the_weighted_mean_over_valid_entries():
    prediction, target = torch.randn(4, 3, 11), torch.randn(4, 3, 11)
    valid = torch.rand(4, 3, 11) > 0.4
    expected = 0.3 * mean_squared_error(target[valid], prediction[valid])
    np.testing.assert_allclose(WeightedMSELoss(0.3)(prediction, target, valid), expected, rtol=1e-5)


def test_validity_broadcasts_over_coordinates():
    prediction, target = torch.randn(2, 5, 3), torch.randn(2, 5, 3)
    valid = torch.tensor([[True, False, True, True, False]] * 2)
    expected = 0.5 * mean_squared_error(target[valid].flatten(), prediction[valid].flatten())
    np.testing.assert_allclose(WeightedMSELoss()(prediction, target, valid[..., None]), expected, rtol=1e-5)


def test_nan_in_an_invalid_entry_reaches_neither_loss_nor_gradient():
    prediction = torch.randn(2, 3, requires_grad=True)
    target = torch.tensor([[1.0, float("nan"), 2.0], [0.0, 1.0, float("inf")]])
    loss = WeightedMSELoss()(prediction, target, target.isfinite())
    loss.backward()
    assert loss.isfinite()
    assert prediction.grad.isfinite().all()
    assert torch.equal(prediction.grad == 0, ~target.isfinite())


def test_nothing_valid_is_zero_with_a_gradient():
    prediction = torch.randn(2, 3, requires_grad=True)
    loss = WeightedMSELoss()(prediction, torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(prediction.grad, torch.zeros(2, 3))

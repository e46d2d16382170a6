from __future__ import annotations

import subprocess
import sys

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


TWO_PROCESSES = """
import sys
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from vidzoo.models.losses import WeightedMSELoss

rank, folder = int(sys.argv[1]), sys.argv[2]
distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
x, target, valid = torch.load(f"{folder}/batch.pt")
model = torch.nn.Linear(3, 2, bias=False)
torch.nn.init.ones_(model.weight)
model = DistributedDataParallel(model)
share = slice(0, 3) if rank == 0 else slice(3, 8)
loss = WeightedMSELoss()(model(x[share]), target[share], valid[share])
loss.backward()
lone = WeightedMSELoss().eval()(x[share, :2], target[share], valid[share]) if rank == 0 else None  # waits for nobody
torch.save((loss.detach(), model.module.weight.grad), f"{folder}/{rank}.pt")
"""


def test_two_processes_are_one_batch(tmp_path):
    """Of 16 labels the first process holds 1 good one, the second 7."""
    generator = torch.Generator().manual_seed(0)
    x, target = torch.randn(8, 3, generator=generator), torch.randn(8, 2, generator=generator)
    valid = torch.zeros(8, 2, dtype=torch.bool)
    valid[0, 1] = True
    valid[4:, :] = True
    valid[7, 0] = False
    torch.save((x, target, valid), tmp_path / "batch.pt")
    command = [sys.executable, "-c", TWO_PROCESSES]
    runs = [subprocess.Popen([*command, str(rank), tmp_path]) for rank in (0, 1)]
    assert [run.wait(timeout=120) for run in runs] == [0, 0]
    losses, gradients = zip(*(torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)))
    weight = torch.ones(2, 3, requires_grad=True)
    whole = WeightedMSELoss()(x @ weight.T, target, valid)
    whole.backward()
    torch.testing.assert_close(sum(losses) / 2, whole.detach())
    for gradient in gradients:
        torch.testing.assert_close(gradient, weight.grad)

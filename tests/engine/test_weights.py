"""The file of published weights: what goes in comes out, in half precision where that is asked for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from vidzoo.engine import read_checkpoint
from vidzoo.engine.weights import (
    MAX_PICTURES,
    TOLERANCE,
    GoldenSample,
    add_left_out,
    check_golden,
    golden_sample,
    write_weights,
)
from vidzoo.errors import CheckpointError
from vidzoo.testing import SMALL_VID_NETWORK, build, example_batch


@pytest.fixture(scope="module")
def model() -> Any:
    """A small VID-Network in evaluation mode."""
    return build(SMALL_VID_NETWORK).eval()


@pytest.fixture(scope="module")
def golden(model: Any) -> GoldenSample:
    batch = example_batch(model)
    inputs = {name: value[0] for name, value in batch["inputs"].items()}
    return golden_sample(model, inputs, batch["data_samples"][0].mass)


def test_a_golden_sample_is_what_the_model_predicts(model: Any, golden: GoldenSample):
    """By the estimator's own way to predictions, on two pictures."""
    batch = example_batch(model)
    data = {"inputs": golden.inputs, "data_samples": batch["data_samples"][:1]}
    (sample,) = model.val_step(data)
    torch.testing.assert_close(golden.torques[0], sample.pred_torques, rtol=1e-5, atol=1e-4)
    frames, new = golden.inputs["frames"][0], golden.inputs["frame_is_new"][0]
    assert len(np.unique(frames.numpy(), axis=0)) == MAX_PICTURES == int(new.sum())
    assert torch.equal(new[1:], (frames[1:] != frames[:-1]).flatten(1).any(1)), "a frame that is new shows another one"
    given = batch["inputs"]["frames"][0]
    assert torch.equal(frames[0], given[0]) and torch.equal(frames[-1], given[-1])


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_weights_and_golden_sample_come_back(model: Any, golden: GoldenSample, tmp_path: Path, precision: Any):
    path = tmp_path / "a.safetensors"
    write_weights(path, model, golden, {"name": "a", "epoch": 3}, precision)
    content = read_checkpoint(path)
    parameters = dict(model.named_parameters())
    assert content["state_dict"].keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        read = content["state_dict"][name]
        assert read.dtype == (getattr(torch, precision) if name in parameters else value.dtype), name
        torch.testing.assert_close(read.to(value.dtype), value, rtol=1e-3 if precision == "float16" else 0, atol=1e-7)
    assert content["meta"]["precision"] == precision and content["meta"]["epoch"] == 3
    again = content["golden"]
    assert again.inputs.keys() == golden.inputs.keys()
    assert all(torch.equal(again.inputs[name], value) for name, value in golden.inputs.items())
    assert torch.equal(again.mass, golden.mass) and torch.equal(again.torques, golden.torques)
    with safe_open(path, "pt") as file:
        assert file.get_tensor("golden.pictures").shape[1] == MAX_PICTURES


def test_a_golden_sample_tells_by_a_thousandth(model: Any, golden: GoldenSample):
    """Of a newton metre for each kilogram; what it says is the torque that is farthest off."""
    off = golden.torques.clone()
    off[0, 1, 4] += 0.9 * TOLERANCE * golden.mass[0]
    check_golden(model, golden._replace(torques=off), "a.safetensors")
    off[0, 1, 4] += 0.2 * TOLERANCE * golden.mass[0]
    with pytest.raises(
        CheckpointError, match=r"^a\.safetensors: its golden sample .*: knee_angle_l is .* N·m, expected"
    ):
        check_golden(model, golden._replace(torques=off), "a.safetensors")
    with pytest.raises(CheckpointError, match=r"golden sample has torques \[1, 2, 3\], this model gives \[1, 2, 11\]"):
        check_golden(model, golden._replace(torques=off[..., :3]), "a.safetensors")


def test_what_the_model_brings_along_is_left_out(model: Any, golden: GoldenSample, tmp_path: Path):
    left_out = [name for name in model.state_dict() if name.startswith("backbone.")]
    path = tmp_path / "a.safetensors"
    write_weights(path, model, golden, {}, "float32", left_out)
    content = read_checkpoint(path)
    assert content["state_dict"].keys() == model.state_dict().keys() - set(left_out)
    add_left_out(model, content)
    assert all(torch.equal(value, content["state_dict"][name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (json.dumps({"format": "vidzoo-weights", "version": 2}), "format ('vidzoo-weights', 2), expected ('vidzoo-w"),
        (json.dumps({"format": "vidzoo-weights", "version": 1}), "its golden sample lacks 'mass'; take another copy."),
        ("[]", "format None, expected"),
        ("{", "is damaged or cut short (JSONDecodeError); take another copy."),
    ],
)
def test_a_header_that_cannot_be_read_is_one_sentence(tmp_path: Path, header: str, said: str):
    path = tmp_path / "a.safetensors"
    save_file({"weight": torch.zeros(2)}, path, {"vidzoo": header})
    with pytest.raises(CheckpointError, match=re.escape(f"a.safetensors: {said}")):
        read_checkpoint(path)


def test_a_file_of_others_is_only_its_weights(tmp_path: Path):
    save_file({"weight": torch.ones(2)}, tmp_path / "a.safetensors", {"format": "pt"})
    assert read_checkpoint(tmp_path / "a.safetensors").keys() == {"state_dict"}
